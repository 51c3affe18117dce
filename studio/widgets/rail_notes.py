"""What a row of the rail says in words: what an input was given, how the nodes of a folded graph stand, and the axis of time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hypergraph.viz.rail import RailRow
from studio.model.states import ENDED
from studio.theme import state_glyph, state_role
from studio.widgets.figures import took
from studio.widgets.line import Line

if TYPE_CHECKING:
    from studio.model.run_view import NodeView, RunView

__all__ = ["given_note", "inside_note", "label_of", "time_axis", "whole"]

_NAMED: Final = 4


def whole(node: NodeView | None) -> bool:
    """Tell whether a node did what it had to."""
    return node is not None and node.state in {"completed", "cached", "kept"}


def given_note(view: RunView | None, row: RailRow, width: int) -> Line:
    """Say what a run was given for an input."""
    given = next((value for value in view.inputs if value.name == row.path), None) if view is not None else None
    if given is None:
        return Line(row.detail, "faint").cut(width)
    return Line(given.kind, "type").add(f" {given.preview}" if given.preview else "", "text").cut(width)


def inside_note(view: RunView | None, row: RailRow, node: NodeView, width: int, *, ascii_only: bool) -> Line:
    """Say how the nodes of a folded graph stand: few by name, many by number."""
    inner = row.node.inner if row.node is not None else None
    if view is None or inner is None or not inner.nodes or (row.node is not None and row.node.mapped_over):
        items = node.outputs[0] if node.outputs else None
        return Line(f"{items.kind} {items.preview}" if items is not None else row.detail, "muted").cut(width)
    states = [(one.name, found.state if (found := view.nodes.get(one.path)) is not None else "waiting") for one in inner.nodes]
    line = Line()
    if len(states) <= _NAMED:
        for name, state in states:
            line.add(" " if line.cells else "").add(name, "muted").add(" ").add(
                state_glyph(state, ascii_only=ascii_only), state_role(state)
            )
        if line.cells <= width:
            return line
    line = Line()
    for state, number in Counter(state for _, state in states).items():
        line.add(" " if line.cells else "").add(f"{state_glyph(state, ascii_only=ascii_only)}{number}", state_role(state))
    return line.cut(width)


def label_of(view: RunView | None, row: RailRow, node: NodeView | None) -> str:
    """Give a row's name; while a folded graph is at work, how many of its nodes have ended stands in place of how many it has."""
    inner = row.node.inner if row.node is not None else None
    # Of a mapped graph its items say how far it is.
    mapped = row.node is not None and bool(row.node.mapped_over)
    if row.fold != "folded" or node is None or whole(node) or inner is None or view is None or mapped:
        return row.label
    found = [view.nodes.get(one.path) for one in inner.nodes]
    ended = sum(1 for one in found if one is not None and (one.state in ENDED or one.state == "skipped"))
    return row.label.replace(f"({len(inner.nodes)})", f"{ended}/{len(inner.nodes)}")


def time_axis(span: float, width: int) -> Line:
    """Draw the seconds over the bars."""
    line = Line("0s", "faint")
    for share in (0.5, 1.0):
        text = took(span * share)
        place = round(width * share) - (len(text) if share == 1.0 else len(text) // 2)
        if place > line.cells:
            line.to(place).add(text, "faint")
    return line.to(width)
