"""A graph as boxes, layered from left to right: for graphs that are small enough to be read so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from studio.theme import state_glyph, state_role
from studio.widgets.line import Line, clip, wrap

if TYPE_CHECKING:
    from hypergraph.viz.scene import Scene, SceneNode
    from studio.model.run_view import NodeView

__all__ = ["Boxes", "box_lines", "draw_boxes"]

_MOST_NODES: Final = 25
_LONGEST: Final = 22
_GUTTER: Final = 5
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_STROKES: Final = " ╵╷│╴╯╮┤╶╰╭├─┴┬┼"
_ASCII: Final = " |||-''+-`,+-+++"


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where something of the layout stands: its column, its row, and the node, None for a bend of a long edge."""

    column: int
    row: int
    node: SceneNode | None


@dataclass(frozen=True, slots=True)
class Boxes:
    """A drawing.

    Attributes:
        lines: what it looks like.
        places: path -> column, row and width of the node's box.
        whole: every node is in it.
    """

    lines: list[Line]
    places: Mapping[str, tuple[int, int, int]]
    whole: bool


def draw_boxes(
    scene: Scene,
    nodes: Mapping[str, NodeView],
    here: str | None,
    width: int,
    *,
    hops: int = 1,
    whole: bool = True,
    ascii_only: bool = False,
) -> Boxes:
    """Draw a graph as boxes; where it does not fit, the cursor's node with what is near it.

    Args:
        scene: the graph; nested ones stay folded.
        nodes: how each node stands.
        here: the node under the cursor.
        width: cells.
        hops: how many edges away from the cursor's node one sees, where not all is shown.
        whole: show all of it where it fits.
        ascii_only: draw with ASCII.
    """
    why = "The whole graph does not fit as boxes." if whole else ""
    if whole and len(scene.nodes) <= _MOST_NODES:
        drawn = _drawn(scene, {node.name for node in scene.nodes}, nodes, here, width, ascii_only=ascii_only)
        if drawn is not None:
            return Boxes(*drawn, whole=True)
    focus = (here or "").partition("/")[0] or (scene.nodes[0].name if scene.nodes else "")
    found = None
    # Fewer hops rather than nothing.
    for reach in range(hops, -1, -1):
        near = _near(scene, focus, reach)
        found = _drawn(scene, near, nodes, here, width, ascii_only=ascii_only) if len(near) <= _MOST_NODES else None
        if found is not None:
            break
    away = f"{reach} edge{'' if reach == 1 else 's'} around" + ("" if reach == hops else f", {hops} do not fit")
    said = f"{why} Here is {focus} with what is {away}; + and - show more and less, v goes back to the rail.".strip()
    head = [*(Line(" ").add(text, "muted") for text in wrap(said, max(10, width - 2))), Line()]
    if found is None:
        return Boxes([*head, Line(" Not even that fits.", "warning")], {}, whole=False)
    lines, places = found
    return Boxes([*head, *lines], {path: (x, y + len(head), size) for path, (x, y, size) in places.items()}, whole=False)


def box_lines(scene: Scene, nodes: Mapping[str, NodeView], here: str | None, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Give the lines of the drawing alone."""
    return draw_boxes(scene, nodes, here, width, ascii_only=ascii_only).lines


def _near(scene: Scene, focus: str, hops: int) -> set[str]:
    near = {focus}
    for _ in range(hops):
        near |= {edge.target for edge in scene.edges if edge.source in near} | {edge.source for edge in scene.edges if edge.target in near}
    return near


def _layout(scene: Scene, shown: set[str]) -> tuple[dict[object, _Spot], list[tuple[object, object]]]:
    from fast_sugiyama import from_edges

    named = {node.name: node for node in scene.nodes if node.name in shown}
    # The layout turns back edges round; which way an edge goes is drawn by its columns.
    pairs = sorted(
        {(edge.source, edge.target) for edge in scene.edges if edge.source in named and edge.target in named and edge.source != edge.target}
    )
    spots: dict[object, _Spot] = {}
    links: list[tuple[object, object]] = []
    base = 0
    for number, (places, _wide, _high, found) in enumerate(from_edges(pairs) if pairs else ()):
        layers = sorted({y for _, (_, y) in places}, reverse=True)
        lowest = 0
        for column, layer in enumerate(layers):
            row = base
            ordered = sorted(((x, key) for key, (x, y) in places if y == layer), key=lambda pair: (pair[0], str(pair[1])))
            for _x, key in ordered:
                name: object = key if isinstance(key, str) else (number, key)
                spots[name] = _Spot(column, row, named.get(key) if isinstance(key, str) else None)
                row += 1
            lowest = max(lowest, row)
        for source, target in found or ():
            links.append((_key(number, source), _key(number, target)))
        base = lowest
    for name, node in named.items():
        if name not in spots:
            spots[name] = _Spot(0, base, node)
            base += 1
    return spots, links


def _key(number: int, end: object) -> object:
    """Name a node by its name, a bend of the layout by its number in its own part of the graph."""
    return end if isinstance(end, str) else (number, end)


class _Canvas:
    def __init__(self, strokes: str) -> None:
        self._strokes = strokes
        self._bits: dict[tuple[int, int], int] = {}
        self._texts: dict[int, list[tuple[int, str, str]]] = {}

    def across(self, y: int, start: int, end: int) -> None:
        for x in range(start, end + 1):
            self._bits[x, y] = self._bits.get((x, y), 0) | _LEFT | _RIGHT

    def bend(self, x: int, y: int, side: int) -> None:
        """Turn: the line comes from, or goes to, one side."""
        self._bits[x, y] = self._bits.get((x, y), 0) | side

    def down(self, x: int, start: int, end: int) -> None:
        start, end = min(start, end), max(start, end)
        for y in range(start, end + 1):
            bits = (_UP if y > start else 0) | (_DOWN if y < end else 0)
            self._bits[x, y] = self._bits.get((x, y), 0) | bits

    def write(self, x: int, y: int, text: str, role: str) -> None:
        self._texts.setdefault(y, []).append((x, text, role))
        for cell in range(x, x + cell_len(text)):
            self._bits.pop((cell, y), None)

    def lines(self) -> list[Line]:
        last = max([y for _, y in self._bits] + list(self._texts), default=-1)
        rows: list[list[tuple[int, str, str]]] = [list(self._texts.get(y, ())) for y in range(last + 1)]
        for (x, y), bits in self._bits.items():
            rows[y].append((x, self._strokes[bits], "lane"))
        lines = []
        for row in rows:
            line = Line()
            for x, text, role in sorted(row):
                line.to(x).add(text, role)
            lines.append(line)
        return lines


def _drawn(
    scene: Scene, shown: set[str], nodes: Mapping[str, NodeView], here: str | None, width: int, *, ascii_only: bool
) -> tuple[list[Line], dict[str, tuple[int, int, int]]] | None:
    spots, links = _layout(scene, shown)
    if not spots:
        return [Line(" no nodes", "muted")], {}
    wide: dict[int, int] = {}
    for spot in spots.values():
        size = min(cell_len(spot.node.name), _LONGEST) + 4 if spot.node is not None else 1
        wide[spot.column] = max(wide.get(spot.column, 1), size)
    left: dict[int, int] = {}
    at = 1
    for column in range(max(wide) + 1):
        left[column] = at
        at += wide.get(column, 1) + _GUTTER
    if at - _GUTTER > width:
        return None
    canvas = _Canvas(_ASCII if ascii_only else _STROKES)
    for number, (source, target) in enumerate(sorted(links, key=str)):
        _link(canvas, spots[source], spots[target], left, wide, number)
    for spot in spots.values():
        if spot.node is None:
            canvas.across(spot.row * 3 + 1, left[spot.column], left[spot.column] + wide[spot.column])
    for spot in spots.values():
        if spot.node is not None:
            _box(canvas, spot, spot.node, nodes.get(spot.node.path), left[spot.column], here, ascii_only=ascii_only)
    places = {
        spot.node.path: (left[spot.column], spot.row * 3, min(cell_len(spot.node.name), _LONGEST) + 4)
        for spot in spots.values()
        if spot.node is not None
    }
    return canvas.lines(), places


def _link(canvas: _Canvas, source: _Spot, target: _Spot, left: dict[int, int], wide: dict[int, int], number: int) -> None:
    if source.column > target.column:
        source, target = target, source
    start = left[source.column] + (wide[source.column] if source.node is None else min(cell_len(source.node.name), _LONGEST) + 4)
    end = left[target.column] - 1
    # Neighbouring edges bend in different columns of the gutter, so that they can be told apart.
    bend = end - 1 - number % (_GUTTER - 2)
    y, z = source.row * 3 + 1, target.row * 3 + 1
    canvas.across(y, start, bend - 1)
    canvas.bend(bend, y, _LEFT)
    canvas.down(bend, y, z)
    canvas.bend(bend, z, _RIGHT)
    canvas.across(z, bend + 1, end)


def _box(canvas: _Canvas, spot: _Spot, node: SceneNode, view: NodeView | None, x: int, here: str | None, *, ascii_only: bool) -> None:
    state = view.state if view is not None else "waiting"
    role = state_role(state)
    name = clip(node.name, _LONGEST)
    size = cell_len(name) + 2
    corner = ("+", "-", "|") if ascii_only else ("╭╮╰╯", "─", "│")
    a, b, c, d = list("++++" if ascii_only else corner[0])
    y = spot.row * 3
    border = "title" if here == node.path else "rule"
    canvas.write(x, y, a + corner[1] * size + b, border)
    canvas.write(x, y + 2, c + corner[1] * size + d, border)
    canvas.write(x, y + 1, corner[2], border)
    canvas.write(x + 1, y + 1, state_glyph(state, ascii_only=ascii_only) + " ", role)
    canvas.write(x + 3, y + 1, name, "strong" if here == node.path else "text")
    canvas.write(x + size + 1, y + 1, corner[2], border)
