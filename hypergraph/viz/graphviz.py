"""A scene as a Graphviz drawing, and the program that renders it."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graphviz

from hypergraph._text import fix, listing
from hypergraph.exceptions import DrawingError
from hypergraph.viz.flat import Flat, FlatEdge, flatten
from hypergraph.viz.scene import Scene, SceneInput, SceneNode, ScenePort
from hypergraph.viz.text import one_line

__all__ = ["FORMATS", "THEMES", "Drawing", "Theme", "draw", "find_dot", "write"]

FORMATS = ("svg", "png", "pdf", "dot")


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a drawing: "fill border" for each kind of node, and single ones for the rest."""

    background: str
    text: str
    muted: str
    edge: str
    cluster: str
    kinds: Mapping[str, tuple[str, str]]


_LIGHT_KINDS = {
    "function": ("#eef4ff", "#5b7fb8"),
    "gate": ("#fff4d6", "#b98a1d"),
    "interrupt": ("#ffe8ee", "#bf4a6b"),
    "graph": ("#efeafd", "#7a5fc0"),
    "input": ("#f4f5f7", "#8a93a3"),
    "value": ("#e9f7ef", "#4f9a6f"),
    "end": ("#e6e8ec", "#5d6675"),
}
THEMES = {
    "light": Theme("#ffffff", "#1c2430", "#5d6675", "#5d6675", "#b9c0cc", _LIGHT_KINDS),
    "dark": Theme(
        "#14181f",
        "#e8ecf2",
        "#a3acba",
        "#a3acba",
        "#4a5362",
        {
            "function": ("#1f2c42", "#7fa3dd"),
            "gate": ("#3d3216", "#dfb654"),
            "interrupt": ("#42202c", "#e67f9e"),
            "graph": ("#2c2447", "#ab92ee"),
            "input": ("#242a34", "#8a93a3"),
            "value": ("#1b3527", "#74c497"),
            "end": ("#2b313c", "#a3acba"),
        },
    ),
    # Shapes carry their own light ground, and lines have a tone that reads on white and on black.
    "auto": Theme("transparent", "#1c2430", "#5d6675", "#7d8796", "#7d8796", _LIGHT_KINDS),
}
_SHAPES = {
    "function": "box",
    "gate": "diamond",
    "interrupt": "octagon",
    "graph": "box3d",
    "input": "note",
    "value": "ellipse",
    "end": "doublecircle",
}
_STYLES = {"function": "filled,rounded"}
_LINES = {"data": "solid", "control": "dashed", "ordering": "dotted"}


def find_dot() -> str | None:
    """Give the program that lays drawings out: `dot` from PATH, else the one that the environment brings, else None."""
    return shutil.which("dot") or _bundled_dot()


def _bundled_dot() -> str | None:
    return shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")) or shutil.which("graphviz-pure")


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # the library ships no types
    """A `graphviz.Digraph` that also renders, and shows itself in a notebook, where only the environment's program is there."""

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:  # noqa: A002  # as graphviz has it
        """Give the rendered picture, as bytes or with `encoding` as text.

        Raises:
            DrawingError: no program can render it.
        """
        if shutil.which("dot"):
            return super().pipe(format, *args, encoding=encoding, **kwargs)
        picture = _run_dot(self.source, format or self.format)
        return picture if encoding is None else picture.decode(encoding)

    def render(self, filename: Any = None, *args: Any, **kwargs: Any) -> str:
        """Save the source, render it to a file beside it, and give that file's name.

        Raises:
            DrawingError: no program can render it.
        """
        if shutil.which("dot"):
            return str(super().render(filename, *args, **kwargs))
        format_ = kwargs.get("format") or self.format
        source = self.save(filename, directory=kwargs.get("directory"))
        target = kwargs.get("outfile") or f"{source}.{format_}"
        Path(target).write_bytes(_run_dot(self.source, format_))
        if kwargs.get("cleanup"):
            Path(source).unlink()
        return str(target)


def _run_dot(source: str, format_: str) -> bytes:
    program = find_dot()
    if program is None:
        raise DrawingError(
            "Rendering needs Graphviz, and no 'dot' was found on PATH."
            + fix(
                "Install the system package: apt install graphviz, brew install graphviz, or winget install graphviz",
                "or the Python one: pip install graphviz-pure (it cannot write .pdf)",
                "A .dot file, to_mermaid() and to_text() need neither",
            )
        )
    done = subprocess.run([program, "-Kdot", f"-T{format_}"], input=source.encode(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip()
        raise DrawingError(
            f"{Path(program).name} could not render the drawing as {format_!r}: {said or f'exit code {done.returncode}'}"
            + fix("Install the system's Graphviz, or choose another ending: .svg, .png or .dot")
        )
    return done.stdout


def write(drawing: Drawing, filepath: str | os.PathLike[str]) -> None:
    """Write a drawing to a file whose ending says how.

    Raises:
        ValueError: the ending is not one of `FORMATS`.
        OSError: the file cannot be written.
        DrawingError: no program can render it.
    """
    path = Path(filepath)
    format_ = path.suffix.lower().removeprefix(".")
    if format_ not in FORMATS:
        raise ValueError(
            f"Unknown ending {path.suffix!r} in {str(filepath)!r}: the ending chooses the format."
            + fix(f"Use one of {listing(['.' + known for known in FORMATS])}")
        )
    # Opened first: a path that cannot be written is said before anything is laid out.
    existed = path.exists()
    with path.open("ab"):
        pass
    try:
        picture = drawing.source.encode() if format_ == "dot" else _run_dot(drawing.source, format_)
    except DrawingError:
        if not existed:
            path.unlink()
        raise
    path.write_bytes(picture)


def draw(
    scene: Scene,
    *,
    theme: str = "auto",
    show_types: bool = False,
    separate_outputs: bool = False,
    show_inputs: bool = True,
    show_bounded_inputs: bool = False,
) -> Drawing:
    """Draw a scene; the same scene gives the same text.

    Raises:
        ValueError: the theme is unknown.
    """
    if theme not in THEMES:
        raise ValueError(f"Invalid theme {theme!r}." + fix(f"Use one of {listing(list(THEMES))}"))
    flat = flatten(scene, inputs=show_inputs, bound_inputs=show_bounded_inputs, separate_outputs=separate_outputs)
    return _Painter(flat, THEMES[theme], show_types, separate_outputs).paint(scene)


class _Painter:
    def __init__(self, flat: Flat, theme: Theme, show_types: bool, separate_outputs: bool) -> None:
        self.flat = flat
        self.theme = theme
        self.show_types = show_types
        self.separate = separate_outputs
        self.outputs = {item.id: tuple(port.name for port in item.node.outputs) for item in flat.nodes}

    def paint(self, scene: Scene) -> Drawing:
        theme = self.theme
        face = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "12"}
        drawing = Drawing(
            graph_attr={**face, "bgcolor": theme.background, "compound": "true", "rankdir": "TB", "ranksep": "0.4", "nodesep": "0.3"},
            node_attr={**face, "fontcolor": theme.text, "style": "filled", "margin": "0.16,0.08", "height": "0.35"},
            edge_attr={**face, "fontsize": "10", "color": theme.edge, "fontcolor": theme.edge, "arrowsize": "0.7"},
        )
        head = [f"<b>{_safe(scene.name)}</b>"] if scene.name else []
        if scene.shared:
            head.append(f"shared: {_safe(', '.join(scene.shared))}")
        if head:
            drawing.attr(label=f"<{'<br/>'.join(head)}>", labelloc="t", fontcolor=theme.edge)
        for group in self.flat.inputs:
            drawing.node(group.id, self._lines([self._asked(given) for given in group.inputs]), **self._look("input"))
        self._inside(drawing, None)
        for group in self.flat.inputs:
            for reader in group.readers:
                drawing.edge(group.id, reader)
        for edge in self.flat.edges:
            self._edge(drawing, edge)
        return drawing

    def _inside(self, drawing: Any, cluster: str | None) -> None:
        for item in self.flat.nodes:
            if item.cluster == cluster:
                extra = {"peripheries": "2"} if item.node.mapped_over else {}
                drawing.node(item.id, self._node_label(item.node), tooltip=_tip(item.node.path), **self._look(item.node.kind), **extra)
        for value in self.flat.values:
            if value.cluster == cluster:
                drawing.node(value.id, self._lines([self._typed(value.port)]), **self._look("value"))
        for mark in self.flat.marks:
            if mark.cluster == cluster:
                drawing.node(mark.id, "END", **{**self._look("end"), "fontsize": "9", "margin": "0.02"})
        for inner in self.flat.clusters:
            if inner.parent == cluster:
                with drawing.subgraph(name=f"cluster_{inner.id}") as box:
                    border = self.theme.kinds["graph"][1]
                    style = "rounded,bold" if inner.node.mapped_over else "rounded"
                    box.attr(
                        label=self._cluster_label(inner.node), color=border, fontcolor=border, style=style, tooltip=_tip(inner.node.path)
                    )
                    self._inside(box, inner.id)

    def _edge(self, drawing: Drawing, edge: FlatEdge) -> None:
        look = {"style": _LINES[edge.kind]}
        said = edge.label or ", ".join(edge.names)
        # A node that gives one value says so itself.
        if said and (edge.kind != "data" or self.outputs.get(edge.tail) != edge.names):
            look["label"] = f"<{_safe(said)}>"
        if edge.tail_cluster is not None:
            look["ltail"] = f"cluster_{edge.tail_cluster}"
        if edge.head_cluster is not None:
            look["lhead"] = f"cluster_{edge.head_cluster}"
        if edge.back:
            look["constraint"] = "false"
        drawing.edge(edge.tail, edge.head, **look)

    def _look(self, kind: str) -> dict[str, str]:
        fill, border = self.theme.kinds[kind]
        return {"shape": _SHAPES[kind], "style": _STYLES.get(kind, "filled"), "fillcolor": fill, "color": border}

    def _node_label(self, node: SceneNode) -> str:
        lines = [f"<b>{_safe(node.name)}</b>"]
        if node.kind == "graph":
            lines.extend(self._small(text) for text in _about_graph(node))
        if node.kind == "gate":
            lines.append(self._small("any of" if node.multi_target else "one of"))
        elif node.outputs and not self.separate:
            lines.append(self._small(", ".join(self._text(port.name, port.type) for port in node.outputs), arrow=True))
        return f"<{'<br/>'.join(lines)}>"

    def _cluster_label(self, node: SceneNode) -> str:
        about = [_safe(text) for text in _about_graph(node)[1:]]
        return f"<{'<br/>'.join([f'<b>{_safe(node.name)}</b>', *about])}>"

    def _asked(self, given: SceneInput) -> str:
        note = " (bound)" if given.bound else "" if given.required else " (optional)"
        return _safe(self._text(given.name, given.type)) + note

    def _typed(self, port: ScenePort) -> str:
        return _safe(self._text(port.name, port.type))

    def _text(self, name: str, type_: str | None) -> str:
        return f"{name}: {type_}" if self.show_types and type_ is not None else name

    def _small(self, text: str, *, arrow: bool = False) -> str:
        return f'<font point-size="10" color="{self.theme.muted}">{"→ " if arrow else ""}{_safe(text)}</font>'

    def _lines(self, lines: list[str]) -> str:
        return f"<{'<br/>'.join(lines)}>"


def _about_graph(node: SceneNode) -> list[str]:
    said = ["1 node" if node.size == 1 else f"{node.size} nodes"]
    if node.mapped_over:
        mode = f" ({node.map_mode})" if len(node.mapped_over) > 1 else ""
        said.append(f"for each {', '.join(node.mapped_over)}{mode}")
    return said


def _safe(text: str) -> str:
    """Escape for an HTML-like label, where a backslash would begin one of Graphviz's own escapes."""
    escaped = html.escape(one_line(text)).replace("\\", "&#92;")
    # Some releases stumble over a "]" at the beginning of a text or after an entity.
    return re.sub(r"(?:^|(?<=;))\]+", lambda run: "&#93;" * len(run[0]), escaped) or " "


def _tip(text: str) -> str:
    # Not a plain str: the library marks it, so that "<...>" is no markup.
    tip: str = graphviz.escape(one_line(text))
    return tip
