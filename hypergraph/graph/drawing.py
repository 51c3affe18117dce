"""From a graph to a `Scene`, and from there to what `visualize`, `to_mermaid`, `to_text` and a notebook show.

Hidden nodes are left out here, once for all renderers: what reaches a hidden node reaches what comes after it.
"""

from __future__ import annotations

import html
import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hypergraph._text import fix
from hypergraph._typing import format_type
from hypergraph.nodes import END, GateNode, GraphNode, HyperNode
from hypergraph.viz.scene import EdgeKind, NodeKind, Scene, SceneEdge, SceneInput, SceneNode, SceneOutput, ScenePort, SceneTarget

if TYPE_CHECKING:
    from graphviz import Digraph

    from hypergraph.graph.scope import Scope

__all__ = ["Drawable", "draw_graph", "mermaid_of", "notebook_html", "scene_of", "text_of"]


class _Inputs(Protocol):
    @property
    def all(self) -> tuple[str, ...]: ...
    @property
    def required(self) -> tuple[str, ...]: ...
    @property
    def bound(self) -> Mapping[str, Any]: ...


class Drawable(Protocol):
    """What a drawing needs of a graph."""

    @property
    def name(self) -> str | None:
        """The graph's name."""

    @property
    def scope(self) -> Scope:
        """Its active part."""

    @property
    def inputs(self) -> _Inputs:
        """What it asks for."""


def scene_of(graph: Drawable, *, depth: int | None = 0) -> Scene:
    """Make the scene of a graph's active part.

    Args:
        graph: the graph.
        depth: how many levels of nested graphs are opened; None opens all.

    Raises:
        ValueError: `depth` is negative or no number.
    """
    if depth is not None and (type(depth) is not int or depth < 0):
        raise ValueError(f"Invalid depth {depth!r}." + fix("Use 0 (nothing opened), 1, 2, ...; a depth beyond the deepest level opens all"))
    return _scene(graph, depth, "")


def _scene(graph: Drawable, depth: int | None, prefix: str) -> Scene:
    scope = graph.scope
    edges = _visible_edges(scope)
    return Scene(
        name=graph.name,
        nodes=tuple(_node(node, scope, depth, prefix) for node in scope.nodes if not node.hide),
        edges=edges,
        inputs=_inputs(graph, scope),
        outputs=_outputs(scope),
        shared=tuple(sorted(scope.shared)),
    )


def _node(node: HyperNode, scope: Scope, depth: int | None, prefix: str) -> SceneNode:
    path = prefix + node.name
    inner: Scene | None = None
    size = 0
    mapped: tuple[str, ...] = ()
    mode = "zip"
    if isinstance(node, GraphNode):
        size = len(node.graph.scope.nodes)
        mapped = tuple(node.mapped_inputs)
        mode = node.map_mode if mapped else "zip"
        if depth is None or depth > 0:
            inner = _scene(node.graph, None if depth is None else depth - 1, path + "/")
    return SceneNode(
        name=node.name,
        path=path,
        kind=_kind(node),
        inputs=tuple(ScenePort(name, _type(node.get_input_type(name)), _inner_input(node, name)) for name in node.inputs),
        outputs=tuple(ScenePort(name, _type(node.get_output_type(name)), _inner_output(node, name)) for name in node.data_outputs),
        emits=tuple(node.outputs[len(node.data_outputs) :]),
        targets=_targets(node),
        multi_target=bool(getattr(node, "multi_target", False)),
        mapped_over=mapped,
        map_mode=mode,
        cache=node.cache,
        entry=node.name in scope.entrypoints,
        size=size,
        inner=inner,
    )


def _kind(node: HyperNode) -> NodeKind:
    if isinstance(node, GraphNode):
        return "graph"
    return "gate" if node.is_gate else "interrupt" if node.is_interrupt else "function"


def _type(annotation: Any) -> str | None:
    return None if annotation is None else format_type(annotation)


def _inner_input(node: HyperNode, name: str) -> str | None:
    return node.inner_address(name) if isinstance(node, GraphNode) else None


def _inner_output(node: HyperNode, name: str) -> str | None:
    return node.inner_output(name) if isinstance(node, GraphNode) else None


def _targets(node: HyperNode) -> tuple[SceneTarget, ...]:
    if not isinstance(node, GateNode):
        return ()
    said: Mapping[Any, str] = node.descriptions
    branches = {True: getattr(node, "when_true", None), False: getattr(node, "when_false", None)}
    labels = {branches.get(key, key) if isinstance(key, bool) else key: text for key, text in said.items()}
    return tuple(SceneTarget("END" if target is END else str(target), labels.get(target, ""), target is END) for target in node.targets)


class _Bridges:
    """What lies behind hidden nodes: the visible ones that are reached through nothing but hidden ones."""

    def __init__(self, scope: Scope) -> None:
        self.hidden = {node.name for node in scope.nodes if node.hide}
        self.after: dict[str, list[tuple[str, EdgeKind, tuple[str, ...]]]] = {}
        self.before: dict[str, list[str]] = {}
        for edge in scope.edges:
            self.after.setdefault(edge.source, []).append((edge.target, edge.kind, edge.names))
            self.before.setdefault(edge.target, []).append(edge.source)

    def beyond(self, name: str, kind: EdgeKind) -> list[tuple[str, EdgeKind, tuple[str, ...]]]:
        """From a hidden node on: the visible nodes, what links to them, and the names that arrive."""
        found = []
        waiting = [(name, kind)]
        seen = {name}
        while waiting:
            here, so_far = waiting.pop(0)
            for target, link, names in self.after.get(here, ()):
                whole = _joined(so_far, link)
                if target not in self.hidden:
                    found.append((target, whole, names))
                elif target not in seen:
                    seen.add(target)
                    waiting.append((target, whole))
        return found

    def sources(self, name: str) -> list[str]:
        """The visible nodes that lead to a hidden one."""
        found: dict[str, None] = {}
        waiting, seen = [name], {name}
        while waiting:
            for source in self.before.get(waiting.pop(0), ()):
                if source not in self.hidden:
                    found[source] = None
                elif source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return list(found)

    def visible(self, names: Iterable[str], *, forward: bool) -> tuple[str, ...]:
        """Replace hidden names by what they lead to, or come from."""
        found: dict[str, None] = {}
        for name in names:
            if name not in self.hidden:
                found[name] = None
            else:
                found.update(dict.fromkeys([target for target, _, _ in self.beyond(name, "data")] if forward else self.sources(name)))
        return tuple(found)


def _joined(first: EdgeKind, second: EdgeKind) -> EdgeKind:
    """What a path is whose parts are these: a value or a decision only arrives where nothing weaker is on the way."""
    if first == second:
        return first
    return "ordering" if "ordering" in (first, second) else "control"


def _visible_edges(scope: Scope) -> tuple[SceneEdge, ...]:
    bridges = _Bridges(scope)
    merged: dict[tuple[str, str, EdgeKind], dict[str, None]] = {}
    for edge in scope.edges:
        if edge.source in bridges.hidden:
            continue
        arrives = bridges.beyond(edge.target, edge.kind) if edge.target in bridges.hidden else [(edge.target, edge.kind, edge.names)]
        for target, kind, names in arrives:
            merged.setdefault((edge.source, target, kind), {}).update(dict.fromkeys(names))
    return tuple(SceneEdge(source, target, kind, tuple(names)) for (source, target, kind), names in merged.items())


def _inputs(graph: Drawable, scope: Scope) -> tuple[SceneInput, ...]:
    bridges = _Bridges(scope)
    spec = graph.inputs
    required, bound = set(spec.required), spec.bound
    readers: dict[str, list[HyperNode]] = {}
    for node in scope.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    found = []
    for name in dict.fromkeys((*spec.all, *bound)):
        reading = readers.get(name, [])
        # A cycle's first value is read by the entry node alone, though others read the name too.
        asking = [node for node in reading if (node.name, name) not in scope.producers or node.name in scope.entrypoints]
        consumers = bridges.visible([node.name for node in asking or reading], forward=True)
        types = (node.get_input_type(name) for node in asking or reading)
        type_ = next((_type(annotation) for annotation in types if annotation is not None), None)
        if consumers:
            found.append(SceneInput(name, type_, consumers, name in required, name in bound))
    return tuple(found)


def _outputs(scope: Scope) -> tuple[SceneOutput, ...]:
    bridges = _Bridges(scope)
    makers: dict[str, list[str]] = {}
    for node in scope.nodes:
        for name in node.data_outputs:
            makers.setdefault(name, []).append(node.name)
    return tuple(SceneOutput(name, bridges.visible(makers.get(name, ()), forward=False)) for name in scope.outputs)


def draw_graph(
    graph: Drawable,
    *,
    depth: int = 0,
    theme: str = "auto",
    show_types: bool = False,
    separate_outputs: bool = False,
    show_inputs: bool = True,
    show_bounded_inputs: bool = False,
    filepath: str | os.PathLike[str] | None = None,
) -> Digraph | None:
    """Draw a graph with Graphviz.

    Args:
        graph: the graph.
        depth: how many levels of nested graphs are opened.
        theme: "light", "dark", or "auto", which reads on both.
        show_types: write types beside names.
        separate_outputs: draw values as shapes of their own.
        show_inputs: draw what the graph asks for.
        show_bounded_inputs: draw inputs that are bound too.
        filepath: where to write the drawing; its ending chooses the format.

    Returns:
        the drawing, or None when it was written to a file.

    Raises:
        ValueError: an option or the file's ending is unknown.
        OSError: the file cannot be written.
        DrawingError: the file has to be rendered and no program can.
    """
    from hypergraph.viz.graphviz import draw, write

    drawing = draw(
        scene_of(graph, depth=depth),
        theme=theme,
        show_types=show_types,
        separate_outputs=separate_outputs,
        show_inputs=show_inputs,
        show_bounded_inputs=show_bounded_inputs,
    )
    if filepath is None:
        return drawing
    write(drawing, filepath)
    return None


def mermaid_of(graph: Drawable, *, depth: int = 0, **options: Any) -> str:
    """Write a graph as a Mermaid flowchart; the options are those of `hypergraph.viz.mermaid.to_mermaid`."""
    from hypergraph.viz.mermaid import to_mermaid

    return to_mermaid(scene_of(graph, depth=depth), **options)


def text_of(
    graph: Drawable, *, width: int = 80, depth: int = 0, show_inputs: bool | Collection[str] = False, ascii_only: bool = False
) -> str:
    """Write a graph as lines of text, no line longer than `width` columns."""
    from hypergraph.viz.rail import ASCII, UNICODE, to_text

    return to_text(scene_of(graph, depth=depth), width=width, inputs=show_inputs, glyphs=ASCII if ascii_only else UNICODE)


def notebook_html(graph: Drawable) -> str:
    """Show a graph in a notebook: drawn where a program for it is there, else as text."""
    from hypergraph.exceptions import DrawingError

    try:
        drawing: Any = draw_graph(graph)
        picture: str = drawing.pipe(format="svg", encoding="utf-8")
    except (DrawingError, OSError):
        return f"<pre>{html.escape(text_of(graph, show_inputs=True))}</pre>"
    return picture[picture.index("<svg") :]
