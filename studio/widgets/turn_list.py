"""The turns of a loop as a table: a row a turn, a column a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from studio.widgets.figures import took
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.run_view import TurnTable

__all__ = ["TurnList"]


class TurnList(LineView):
    """One row a turn."""

    header_rows: ClassVar[int] = 1

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._table: TurnTable | None = None

    def show(self, table: TurnTable | None) -> None:
        """Show the turns."""
        if table is not self._table:
            self._table = table
            self.rows_changed()

    def row_count(self) -> int:
        """One for each turn."""
        return 0 if self._table is None else len(self._table.rows)

    def _cells(self, width: int) -> int:
        assert self._table is not None
        return max(12, (width - 16) // max(1, len(self._table.columns)) - 2)

    def header(self, number: int, width: int) -> Line:
        """Name the columns."""
        del number
        line = Line(" turn  ", "faint")
        for name in self._table.columns if self._table is not None else ():
            line.add(name, "title", width=self._cells(width)).add("  ")
        return line.right(Line("time ", "faint"), width)

    def row(self, index: int, width: int) -> Line:
        """Draw one turn."""
        assert self._table is not None
        cells, seconds = self._table.rows[index]
        line = Line(" ").add(str(index + 1), "strong", width=4, right=True).add("  ")
        for text in cells:
            line.add(text, "accent" if text.startswith("→") else "text", width=self._cells(width)).add("  ")
        return line.right(Line(" ").add(took(seconds), "muted").add(" "), width)

    def plain_row(self, index: int) -> Line:
        """Say one turn in words."""
        assert self._table is not None
        cells, seconds = self._table.rows[index]
        said = ", ".join(f"{name} {text}" for name, text in zip(self._table.columns, cells, strict=False) if text)
        return Line(f"turn {index + 1}: {said}, {took(seconds)}")
