"""A scene as a Mermaid flowchart."""

from __future__ import annotations

from hypergraph.viz.flat import Flat, FlatEdge, flatten
from hypergraph.viz.scene import Scene, SceneInput, SceneNode
from hypergraph.viz.text import one_line

__all__ = ["to_mermaid"]

_SHAPES = {"function": ("[", "]"), "gate": ("{", "}"), "interrupt": ("{{", "}}"), "graph": ("[[", "]]")}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ,:→")
# Mermaid has one broken line; the pattern of ordering edges is set by a style.
_ORDERING_STYLE = "stroke-dasharray:2 4"
_CLASSES = {
    "function": "fill:#eef4ff,stroke:#5b7fb8,color:#1c2430",
    "gate": "fill:#fff4d6,stroke:#b98a1d,color:#1c2430",
    "interrupt": "fill:#ffe8ee,stroke:#bf4a6b,color:#1c2430",
    "graph": "fill:#efeafd,stroke:#7a5fc0,color:#1c2430",
    "input": "fill:#f4f5f7,stroke:#8a93a3,color:#1c2430",
    "value": "fill:#e9f7ef,stroke:#4f9a6f,color:#1c2430",
    "end": "fill:#e6e8ec,stroke:#5d6675,color:#1c2430",
}


def to_mermaid(
    scene: Scene,
    *,
    show_types: bool = False,
    separate_outputs: bool = False,
    show_inputs: bool = True,
    show_bounded_inputs: bool = False,
    direction: str = "TD",
) -> str:
    """Write a scene as a Mermaid flowchart; the same scene gives the same text."""
    flat = flatten(scene, inputs=show_inputs, bound_inputs=show_bounded_inputs, separate_outputs=separate_outputs)
    return _Writer(flat, show_types, separate_outputs).write(scene, direction)


class _Writer:
    def __init__(self, flat: Flat, show_types: bool, separate_outputs: bool) -> None:
        self.flat = flat
        self.show_types = show_types
        self.separate = separate_outputs
        self.used: dict[str, list[str]] = {}  # class -> ids

    def write(self, scene: Scene, direction: str) -> str:
        lines = [f"flowchart {direction}"]
        if scene.name:
            lines.append(f"    %% {_comment(scene.name)}")
        if scene.shared:
            lines.append(f"    %% shared: {_comment(', '.join(scene.shared))}")
        for group in self.flat.inputs:
            label = "<br/>".join(self._asked(given) for given in group.inputs)
            lines.append(f'    {self._id(group.id, "input")}(["{label}"])')
        lines.extend(self._inside(None, "    "))
        lines.extend(f"    {group.id} --> {reader}" for group in self.flat.inputs for reader in group.readers)
        drawn = sum(len(group.readers) for group in self.flat.inputs)
        ordering = []
        for number, edge in enumerate(self.flat.edges, start=drawn):
            lines.append(f"    {self._edge(edge)}")
            if edge.kind == "ordering":
                ordering.append(str(number))
        if ordering:
            lines.append(f"    linkStyle {','.join(ordering)} {_ORDERING_STYLE}")
        for kind, ids in self.used.items():
            lines.append(f"    classDef {kind}Kind {_CLASSES[kind]}")
            lines.append(f"    class {','.join(ids)} {kind}Kind")
        return "\n".join(lines)

    def _id(self, own: str, kind: str) -> str:
        self.used.setdefault(kind, []).append(own)
        return own

    def _inside(self, cluster: str | None, indent: str) -> list[str]:
        lines = []
        for item in self.flat.nodes:
            if item.cluster == cluster:
                opening, closing = _SHAPES[item.node.kind]
                lines.append(f'{indent}{self._id(item.id, item.node.kind)}{opening}"{self._label(item.node)}"{closing}')
        lines.extend(
            f'{indent}{self._id(value.id, "value")}("{_safe(self._text(value.port.name, value.port.type))}")'
            for value in self.flat.values
            if value.cluster == cluster
        )
        lines.extend(f'{indent}{self._id(mark.id, "end")}((("END")))' for mark in self.flat.marks if mark.cluster == cluster)
        for inner in self.flat.clusters:
            if inner.parent == cluster:
                label = "<br/>".join([_safe(inner.node.name), *_mapping(inner.node)])
                lines += [f'{indent}subgraph {inner.id}["{label}"]', *self._inside(inner.id, indent + "    "), f"{indent}end"]
        return lines

    def _label(self, node: SceneNode) -> str:
        lines = [_safe(node.name)]
        if node.kind == "graph":
            lines += [_safe("1 node" if node.size == 1 else f"{node.size} nodes"), *_mapping(node)]
        if node.outputs and not self.separate:
            lines.append("→ " + _safe(", ".join(self._text(port.name, port.type) for port in node.outputs)))
        return "<br/>".join(lines)

    def _edge(self, edge: FlatEdge) -> str:
        # A cluster can be the end of an arrow itself.
        tail, head = edge.tail_cluster or edge.tail, edge.head_cluster or edge.head
        said = edge.label or ", ".join(edge.names)
        arrow = "-->" if edge.kind == "data" else "-.->"
        return f'{tail} {arrow}|"{_safe(said)}"| {head}' if said else f"{tail} {arrow} {head}"

    def _asked(self, given: SceneInput) -> str:
        note = " #40;bound#41;" if given.bound else "" if given.required else " #40;optional#41;"
        return _safe(self._text(given.name, given.type)) + note

    def _text(self, name: str, type_: str | None) -> str:
        return f"{name}: {type_}" if self.show_types and type_ is not None else name


def _mapping(node: SceneNode) -> list[str]:
    if not node.mapped_over:
        return []
    mode = f" #40;{node.map_mode}#41;" if len(node.mapped_over) > 1 else ""
    return [f"for each {_safe(', '.join(node.mapped_over))}{mode}"]


def _safe(text: str) -> str:
    """Write every character that could mean something to Mermaid, to Markdown or to HTML as its code; letters stay."""
    return "".join(char if char in _PLAIN or (char.isalpha() and ord(char) > 127) else f"#{ord(char)};" for char in one_line(text)) or " "


def _comment(text: str) -> str:
    # A comment may not look like one of Mermaid's directives, "%%{...}%%".
    return one_line(text).replace("{", "(").replace("}", ")")
