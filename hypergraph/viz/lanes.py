"""Git-like lanes: one row for each item, and beside it the lines that lead to it and past it.

Every item that something later depends on owns one lane, which runs down in one column until the last item that needs it. Lanes
never change their column, so a picture stays as it is while a run goes on.

    ●      load
    ├─●    clean
    ● │    embed
    ●─╯    search

An item directly below another one is read as its successor. Therefore a fresh column is not opened below an item that has just
ended there, unless a line from one of that item's ancestors shows that the two stand side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hypergraph.viz.order import reduce_parents
from hypergraph.viz.scene import EdgeKind

__all__ = ["ASCII_LINES", "LINES", "MOST_LANES", "Lane", "LaneRow", "Lines", "Stroke", "lay_lanes"]

MOST_LANES = 8
"""Lanes drawn one by one; those beyond share one column that says how many they are."""

Role = Literal["blank", "lane", "link", "node", "loop", "bundle"]


@dataclass(frozen=True, slots=True)
class Lines:
    """The characters that lanes are made of."""

    data: str = "│"
    control: str = "┆"
    ordering: str = "┊"
    bundle: str = "╎"
    link: str = "─"
    goes_on_left: str = "├"
    goes_on_right: str = "┤"
    goes_on_both: str = "┼"
    ends_left: str = "╰"
    ends_right: str = "╯"
    ends_both: str = "┴"
    loop: str = "↺"


LINES = Lines()
ASCII_LINES = Lines(
    data="|", control=":", ordering=":", bundle=":", link="-", goes_on_left="|", goes_on_right="|", goes_on_both="+",
    ends_left="`", ends_right="'", ends_both="'", loop="@",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stroke:
    """One character of a row, or the "+5" of a bundle.

    Attributes:
        text: what to print; empty at the place of the item's own glyph.
        role: what it is.
        owner: position of the item whose lane this is, or None.
        kind: what flows in the lane.
    """

    text: str
    role: Role = "blank"
    owner: int | None = None
    kind: EdgeKind = "data"


_BLANK = Stroke(" ")


@dataclass(frozen=True, slots=True)
class LaneRow:
    """The lines beside one item.

    Attributes:
        strokes: the characters from left to right; one of them has the role "node".
        below: the characters of a row between this item and the next, where lanes only pass; empty unless asked for.
        loop: the same with a loop mark as near to the item's column as there is room.
        parents: positions of the items whose lines lead here.
    """

    strokes: tuple[Stroke, ...]
    below: tuple[Stroke, ...]
    loop: tuple[Stroke, ...]
    parents: tuple[int, ...]


@dataclass(slots=True)
class Lane:
    """A line that is being drawn: whose it is, in which column, and the items that it still leads to."""

    owner: int
    column: int
    targets: dict[int, EdgeKind]

    @property
    def kind(self) -> EdgeKind:
        """The strongest thing that still flows here."""
        kinds = set(self.targets.values())
        return "data" if "data" in kinds else "control" if "control" in kinds else "ordering"


def lay_lanes(parents: Sequence[dict[int, EdgeKind]], wide: Collection[int] = (), lines: Lines = LINES) -> list[LaneRow]:
    """Lay out the lanes of a level.

    Args:
        parents: for each item, in topological order, the positions of its parents and what flows from them.
        wide: the items that have rows of their own below them, so that `below` and `loop` are needed.
        lines: the characters to draw with.
    """
    kept, ancestors = reduce_parents([list(own) for own in parents])
    targets: list[dict[int, EdgeKind]] = [{} for _ in parents]
    for item, own in enumerate(kept):
        for parent in own:
            targets[parent][item] = parents[item][parent]
    lanes: dict[int, Lane] = {}  # column -> lane
    column_of: dict[int, int] = {}
    rows = []
    ended_at = -1  # the column where the item above ended, if it did
    for item, own in enumerate(kept):
        arriving = [lanes[column_of[parent]] for parent in own]
        ending = [lane for lane in arriving if len(lane.targets) == 1]
        if ending:
            column = min(lane.column for lane in ending)
        else:
            beside = ended_at >= 0 and any(ancestors[item - 1] >> parent & 1 for parent in own)
            column = _free_column(lanes, arriving, -1 if beside else ended_at)
        strokes = _strokes(lanes, item, column, arriving, lines)
        for lane in arriving:
            del lane.targets[item]
            if not lane.targets:
                del lanes[lane.column]
        if targets[item]:
            lanes[column] = Lane(item, column, dict(targets[item]))
            column_of[item] = column
        ended_at = -1 if targets[item] else column
        below = _strokes(lanes, item, None, [], lines) if item in wide else ()
        rows.append(LaneRow(strokes, below, _with_loop(below, item, column, lines) if item in wide else (), tuple(own)))
    return rows


def _free_column(lanes: dict[int, Lane], arriving: Sequence[Lane], avoid: int) -> int:
    first = min((lane.column for lane in arriving), default=-1) + 1
    for column in range(first, MOST_LANES):
        if column not in lanes and column != avoid:
            return column
    return max([MOST_LANES - 1, *lanes]) + 1


def _crowd(lanes: dict[int, Lane]) -> int:
    """Count the lanes that share the last column."""
    return len(lanes) - sum(1 for column in range(MOST_LANES) if column in lanes)


def _strokes(lanes: dict[int, Lane], item: int, column: int | None, arriving: Sequence[Lane], lines: Lines) -> tuple[Stroke, ...]:
    """Draw one row: lanes that pass, those that arrive at `column`, and the links between."""
    cut = MOST_LANES
    here = None if column is None else min(column, cut)
    places = {min(lane.column, cut): lane for lane in arriving}
    left = right = -1
    if here is not None:
        left, right = min([here, *places]), max([here, *places])
    last = max(min(max(lanes, default=-1), cut), right)
    crowd = _crowd(lanes) - sum(1 for lane in arriving if lane.column >= cut and len(lane.targets) == 1)
    row: list[Stroke] = []
    for place in range(last + 1):
        lane = lanes.get(place) if place < cut else None
        if place == here:
            row.append(Stroke("", "node", item))
        elif place == cut:
            row.append(_bundle_mark(places.get(cut), crowd, lines))
        elif place in places:
            row.append(_join(places[place], place, here, (left, right), lines))
        elif lane is not None:
            row.append(Stroke(getattr(lines, lane.kind), "lane", lane.owner, lane.kind))
        elif left < place < right:
            row.append(_link(places, place, here, lines))
        else:
            row.append(_BLANK)
        if place < last:
            row.append(_link(places, place + 0.5, here, lines) if left <= place < right else _BLANK)
    if crowd:
        row.append(Stroke(f"+{crowd}", "bundle"))
    return tuple(row)


def _join(lane: Lane, place: int, here: int | None, span: tuple[int, int], lines: Lines) -> Stroke:
    ends = len(lane.targets) == 1
    if span[0] < place < span[1]:
        text = lines.ends_both if ends else lines.goes_on_both
    elif here is not None and place < here:
        text = lines.ends_left if ends else lines.goes_on_left
    else:
        text = lines.ends_right if ends else lines.goes_on_right
    return Stroke(text, "lane", lane.owner, lane.kind)


def _link(places: dict[int, Lane], at: float, here: int | None, lines: Lines) -> Stroke:
    """A piece of the horizontal line; it belongs to the nearest lane further out."""
    if here is not None and at < here:
        lane = max(((place, lane) for place, lane in places.items() if place < at), key=lambda pair: pair[0])[1]
    else:
        lane = min(((place, lane) for place, lane in places.items() if place > at), key=lambda pair: pair[0])[1]
    return Stroke(lines.link, "link", lane.owner, lane.kind)


def _bundle_mark(arriving: Lane | None, crowd: int, lines: Lines) -> Stroke:
    if arriving is None:
        return Stroke(lines.bundle, "bundle")
    return Stroke(lines.goes_on_right if crowd else lines.ends_right, "bundle", arriving.owner)


def _with_loop(below: tuple[Stroke, ...], item: int, column: int, lines: Lines) -> tuple[Stroke, ...]:
    """Put the loop mark at the item's column, or in the first free column right of it."""
    row = list(below)
    place = 2 * min(column, MOST_LANES)
    while place < len(row) and row[place].role != "blank":
        place += 2 if row[place].role != "bundle" else 1
    row.extend(_BLANK for _ in range(place - len(row)))
    mark = Stroke(lines.loop, "loop", item)
    if place < len(row):
        row[place] = replace(mark)
    else:
        row.append(mark)
    return tuple(row)
