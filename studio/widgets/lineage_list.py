"""Lineage: one row a run, with lanes, state, and the cause that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.theme import state_glyph, state_role
from studio.widgets.figures import took
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.lineage_view import LineageRow

__all__ = ["LineageList"]

_WORDS = {"completed": "done"}


class LineageList(LineView):
    """The runs that came from one another; the newest at the bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open run", id="look.open-run", tooltip="Open this run"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._rows: tuple[LineageRow, ...] = ()

    def show(self, rows: Sequence[LineageRow], here: str) -> None:
        """Show a family of runs, with the cursor on one of them."""
        fresh = tuple(rows)
        if fresh == self._rows:
            return
        same = [row.id for row in fresh] == [row.id for row in self._rows]
        self._rows = fresh
        self.rows_changed()
        if same:
            return
        self.move_to(next((at for at, row in enumerate(fresh) if row.id == here), 0), quiet=True)

    @property
    def run_here(self) -> str | None:
        """The run under the cursor."""
        return self._rows[self.cursor].id if self.cursor < len(self._rows) else None

    def row_count(self) -> int:
        """One for each run."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw one run."""
        row = self._rows[index]
        lanes = max(len(one.lanes) for one in self._rows) + 1
        names = min(max(len(one.id) for one in self._rows), max(12, width // 3))
        line = Line(" ").add(row.lanes, "lane", width=lanes)
        line.add(row.id, "strong" if row.selected else "text", width=names).add("  ")
        glyph = state_glyph(row.state, ascii_only=getattr(self.app, "ascii_only", False))
        line.add(f"{glyph} {_WORDS.get(row.state, row.state)}", state_role(row.state), width=13).add(" ")
        line.add(row.kind, "muted").add("  " if row.kind else "").add(row.cause, "accent")
        end = (
            Line(row.note if width >= 90 else "", "muted")
            .add("  " if row.note and width >= 90 else "")
            .add(took(row.seconds), "faint")
            .add(" ")
        )
        return line.right(end, width)
