"""All values of a run at a moment: its inputs, then what each node gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.run_view import RunView, ValueView

__all__ = ["ValueList"]


@dataclass(frozen=True, slots=True)
class _Row:
    path: str | None
    value: ValueView


class ValueList(LineView):
    """One row a value."""

    header_rows: ClassVar[int] = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open value", id="look.open-value", tooltip="Open the value as a tree"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._rows: list[_Row] = []

    def show(self, view: RunView) -> None:
        """Show a run's values."""
        rows = [_Row(None, value) for value in view.inputs]
        rows += [_Row(path, value) for path, node in view.nodes.items() for value in node.outputs]
        if rows != self._rows:
            self._rows = rows
            self.rows_changed()

    @property
    def here(self) -> tuple[str | None, str] | None:
        """Node (None for an input) and name of the value under the cursor."""
        if self.cursor >= len(self._rows):
            return None
        row = self._rows[self.cursor]
        return row.path, row.value.name

    def row_count(self) -> int:
        """One for each value."""
        return len(self._rows)

    def header(self, number: int, width: int) -> Line:
        """Name the columns."""
        del number
        return (
            Line(" ")
            .add("value", "faint", width=self._names(width))
            .add("  ")
            .add("type", "faint", width=18)
            .add("  ")
            .add("head", "faint")
        )

    def _names(self, width: int) -> int:
        return min(max((len(self._label_of(row)) for row in self._rows), default=8), max(14, width // 3))

    @staticmethod
    def _label_of(row: _Row) -> str:
        return f"input {row.value.name}" if row.path is None else f"{row.path}.{row.value.name}"

    def row(self, index: int, width: int) -> Line:
        """Draw one value."""
        row = self._rows[index]
        line = Line(" ").add(self._label_of(row), "input" if row.path is None else "text", width=self._names(width)).add("  ")
        line.add(row.value.kind, "type", width=18).add("  ").add(row.value.preview)
        if row.value.origin and row.path is None:
            return line.right(Line(" ").add(row.value.origin, "muted").add(" "), width)
        return line.cut(width)
