"""The rail: a graph as one row for each node, in topological order, with git-like lanes at the left.

The rows are data, so that a screen can draw them with colours, states and times beside; `to_text` is their plain text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypergraph.viz.lanes import ASCII_LINES, LINES, Lines, Role, Stroke, lay_lanes
from hypergraph.viz.order import arrange
from hypergraph.viz.scene import EdgeKind, Scene, SceneInput, SceneNode, SceneTarget
from hypergraph.viz.text import fit, one_line, width

__all__ = ["ASCII", "UNICODE", "Cell", "Glyphs", "RailRow", "rail_rows", "to_text"]

RowKind = Literal["function", "gate", "interrupt", "graph", "input", "loop"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a rail: one for each kind of node, and those of the lanes."""

    function: str = "●"
    gate: str = "◆"
    interrupt: str = "◇"
    graph: str = "●"
    input: str = "○"
    folded: str = "▸"
    opened: str = "▾"
    arrow: str = "→"
    corner: str = "└"
    cut: str = "…"
    lines: Lines = field(default=LINES)


UNICODE = Glyphs()
ASCII = Glyphs("*", "#", "?", "*", "o", "+", "-", "->", "`", "...", ASCII_LINES)


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of the lanes beside a row.

    Attributes:
        text: what to print; one column wide, but for the "+5" of a bundle.
        role: "node" where the row's own glyph stands, "loop" for the loop mark, else a piece of a lane.
        owner: path of the node whose lane this is, or None.
        kind: what flows in the lane.
    """

    text: str
    role: Role = "blank"
    owner: str | None = None
    kind: EdgeKind = "data"


@dataclass(frozen=True, slots=True)
class RailRow:
    """One row of a rail.

    Attributes:
        cells: the lanes, the node's own glyph among them.
        kind: what the row shows.
        path: the node's path; of an input its name; of a loop row the node that leads back.
        label: the node's name, with its fold mark and size where it is a nested graph.
        detail: what else the graph says of it: a gate's targets, a function's outputs, what a mapped graph goes over.
        indent: how many opened graphs it is in.
        parents: paths of the nodes whose lanes lead here.
        targets: of a gate the ways it may choose; of a loop row the nodes that it leads back to.
        fold: of a nested graph "open" or "folded", else "".
        node: the node as the scene has it; None of an input.
    """

    cells: tuple[Cell, ...]
    kind: RowKind
    path: str
    label: str
    detail: str = ""
    indent: int = 0
    parents: tuple[str, ...] = ()
    targets: tuple[SceneTarget, ...] = ()
    fold: Literal["", "open", "folded"] = ""
    node: SceneNode | None = None

    @property
    def lanes(self) -> str:
        """The cells as one text."""
        return "".join(cell.text for cell in self.cells)


def rail_rows(
    scene: Scene, *, opened: Collection[str] | None = None, inputs: bool | Collection[str] = False, glyphs: Glyphs = UNICODE
) -> list[RailRow]:
    """Lay out the rail of a scene.

    Args:
        scene: what to draw.
        opened: paths of the nested graphs to show the inside of; None opens whatever the scene has the inside of.
        inputs: True shows the graph's inputs as rows, a collection only those by these names.
        glyphs: `UNICODE`, `ASCII`, or your own.
    """
    shown = [given for given in scene.inputs if inputs is True or (not isinstance(inputs, bool) and given.name in inputs)]
    return _level(scene, shown, _Look(opened, glyphs))


def to_text(
    scene: Scene,
    *,
    width: int = 80,
    opened: Collection[str] | None = None,
    inputs: bool | Collection[str] = False,
    glyphs: Glyphs = UNICODE,
) -> str:
    """Write the rail as plain text, no line longer than `width` columns."""
    rows = rail_rows(scene, opened=opened, inputs=inputs, glyphs=glyphs)
    return "\n".join(_lines_of(rows, width, glyphs))


def _lines_of(rows: Sequence[RailRow], columns: int, glyphs: Glyphs) -> list[str]:
    left = max((width(row.lanes) for row in rows), default=0) + 2
    names = [one_line("  " * row.indent + row.label) for row in rows]
    # One very long name does not push everything else out of the picture.
    middle = min(max((width(name) for name in names), default=0), max(columns // 2 - left, 12))
    lines = []
    for row, name in zip(rows, names, strict=True):
        lanes = row.lanes + " " * (left - width(row.lanes))
        line = lanes + name
        if row.detail:
            line += " " * max(middle - width(name), 0) + "  " + one_line(row.detail)
        lines.append(fit(line, columns, glyphs.cut).rstrip())
    return lines


@dataclass(frozen=True, slots=True)
class _Look:
    """How the rows of one level look: what was asked for, and the level's place inside others."""

    opened: Collection[str] | None
    glyphs: Glyphs
    before: tuple[Cell, ...] = ()
    indent: int = 0

    def row(self, cells: tuple[Cell, ...], kind: RowKind, path: str, label: str, **more: Any) -> RailRow:
        return RailRow(self.before + cells, kind, path, label, indent=self.indent, **more)


def _level(scene: Scene, shown: Sequence[SceneInput], look: _Look) -> list[RailRow]:
    glyphs = look.glyphs
    flows = _flows(scene, shown)
    keys = [f"in:{given.name}" for given in shown] + [node.name for node in scene.nodes]
    arrangement = arrange(_inputs_at_their_readers(keys, flows), flows, scene.entries)
    position = {key: index for index, key in enumerate(arrangement.order)}
    parents: list[dict[int, EdgeKind]] = [{} for _ in keys]
    for (source, target), kind in flows.items():
        if (source, target) not in arrangement.back:
            parents[position[target]][position[source]] = kind
    by_key: dict[str, SceneNode | SceneInput] = {f"in:{given.name}": given for given in shown}
    by_key.update((node.name, node) for node in scene.nodes)
    items = [by_key[key] for key in arrangement.order]
    paths = [item.path if isinstance(item, SceneNode) else item.name for item in items]
    loops: dict[str, list[str]] = {}
    for source, target in sorted(arrangement.back, key=lambda pair: position[pair[1]]):
        # A node that reads its own output is no loop by itself: what repeats it is a gate, or a longer way round.
        if source != target:
            loops.setdefault(source, []).append(target)
    wide = {index for index, item in enumerate(items) if isinstance(item, SceneNode) and (item.opened or item.name in loops)}
    rows: list[RailRow] = []
    for item, lanes in zip(items, lay_lanes(parents, wide, glyphs.lines), strict=True):
        led = tuple(paths[parent] for parent in lanes.parents)
        if isinstance(item, SceneInput):
            cells = _cells(lanes.strokes, paths, glyphs.input)
            rows.append(look.row(cells, "input", item.name, item.name, detail=_input_detail(item), parents=led))
            continue
        row = _node_row(item, _cells(lanes.strokes, paths, getattr(glyphs, item.kind)), led, look)
        rows.append(row)
        if row.fold == "open":
            assert item.inner is not None
            beside = (*look.before, *_cells(lanes.below, paths, ""), _BLANK)
            rows.extend(_level(item.inner, (), replace(look, before=beside, indent=look.indent + 1)))
        if item.name in loops:
            label = f"{glyphs.corner} loops to {' | '.join(loops[item.name])}"
            back = tuple(SceneTarget(name) for name in loops[item.name])
            rows.append(look.row(_cells(lanes.loop, paths, ""), "loop", item.path, label, targets=back, node=item))
    return rows


def _flows(scene: Scene, shown: Sequence[SceneInput]) -> dict[tuple[str, str], EdgeKind]:
    """Give each pair of keys the strongest thing that flows between them."""
    rank = {"data": 0, "control": 1, "ordering": 2}
    flows: dict[tuple[str, str], EdgeKind] = {}
    for edge in scene.edges:
        pair = (edge.source, edge.target)
        if pair not in flows or rank[edge.kind] < rank[flows[pair]]:
            flows[pair] = edge.kind
    for given in shown:
        flows.update(((f"in:{given.name}", reader), "data") for reader in given.consumers)
    return flows


def _inputs_at_their_readers(keys: Sequence[str], flows: dict[tuple[str, str], EdgeKind]) -> list[str]:
    """Put each input right before the first node that reads it: its lane then is as short as can be."""
    index = {key: place for place, key in enumerate(keys)}
    first: dict[str, int] = {}
    for source, target in flows:
        if source.startswith("in:"):
            first[source] = min(first.get(source, len(keys)), index[target])
    return sorted(keys, key=lambda key: (first.get(key, index[key]), key not in first))


_BLANK = Cell(" ")


def _cells(strokes: Sequence[Stroke], paths: Sequence[str], glyph: str) -> tuple[Cell, ...]:
    return tuple(
        _BLANK
        if stroke.role == "blank"
        else Cell(
            glyph if stroke.role == "node" else stroke.text,
            stroke.role,
            None if stroke.owner is None else paths[stroke.owner],
            stroke.kind,
        )
        for stroke in strokes
    )


def _node_row(node: SceneNode, cells: tuple[Cell, ...], parents: tuple[str, ...], look: _Look) -> RailRow:
    label, fold = node.name, ""
    if node.kind == "graph":
        fold = "open" if node.opened and (look.opened is None or node.path in look.opened) else "folded"
        label = f"{look.glyphs.opened if fold == 'open' else look.glyphs.folded} {node.name} ({node.size})"
    detail = _detail(node, look.glyphs)
    return look.row(cells, node.kind, node.path, label, detail=detail, parents=parents, targets=node.targets, fold=fold, node=node)


def _detail(node: SceneNode, glyphs: Glyphs) -> str:
    if node.kind == "gate":
        return f"{glyphs.arrow} " + " | ".join(target.name for target in node.targets)
    said = []
    if node.mapped_over:
        mode = f" ({node.map_mode})" if len(node.mapped_over) > 1 else ""
        said.append(f"for each {', '.join(node.mapped_over)}{mode}")
    if node.outputs:
        said.append(", ".join(port.name if port.type is None else f"{port.name}: {port.type}" for port in node.outputs))
    return "; ".join(said)


def _input_detail(given: SceneInput) -> str:
    kind = "bound" if given.bound else "in" if given.required else "in, optional"
    return kind if given.type is None else f"{kind}: {given.type}"
