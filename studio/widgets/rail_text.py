"""A run's rail in a preview: lanes, names, states and durations, without a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypergraph.viz.rail import ASCII, UNICODE, rail_rows
from studio.model.states import UNFINISHED
from studio.theme import state_glyph, state_role
from studio.widgets.figures import took
from studio.widgets.graph_text import lanes
from studio.widgets.line import Line

if TYPE_CHECKING:
    from studio.model.run_view import RunView

__all__ = ["rail_lines"]

_WORDS: Final = {"completed": "done", "skipped": "not taken"}
_MOST: Final = 60


def rail_lines(view: RunView, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Draw the rail of a run; where the graph is not known, the steps in their order."""
    if view.scene is None:
        return [_node_line(Line(" "), path, view, 24, width, ascii_only=ascii_only) for path in list(view.nodes)[:_MOST]]
    rows = [row for row in rail_rows(view.scene, opened=(), glyphs=ASCII if ascii_only else UNICODE) if row.kind != "loop"]
    left = max((len(row.lanes) for row in rows), default=0) + 2
    names = min(max((len(row.label) for row in rows), default=4), max(12, width // 3))
    lines = []
    for row in rows[:_MOST]:
        node = view.nodes.get(row.path)
        line = lanes(row, Line(" "), role=state_role(node.state if node is not None else "waiting")).to(left)
        lines.append(_node_line(line, row.path, view, names, width, ascii_only=ascii_only, label=row.label))
    return lines


def _node_line(line: Line, path: str, view: RunView, names: int, width: int, *, ascii_only: bool, label: str | None = None) -> Line:
    node = view.nodes.get(path)
    state = node.state if node is not None else "waiting"
    line.add(label or path, "text" if node is not None else "muted", width=names).add("  ")
    word = "not reached" if state == "waiting" and view.state in UNFINISHED else _WORDS.get(state, state)
    line.add(f"{state_glyph(state, ascii_only=ascii_only)} {word}", state_role(state), width=13)
    if node is not None and node.started is not None and node.ended is not None:
        least = "" if not node.at_least else ">" if ascii_only else "≥"
        line.add(least + took(node.ended - node.started), "muted", width=7, right=True)
    if node is not None and node.error:
        line.add("  ").add(node.error, "error")
    return line.cut(width)
