"""Kinds of failure in a batch: how many, where, what, and what their inputs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from studio.widgets.figures import count
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.batch_view import FailureGroup

__all__ = ["FailureList"]


_WITH_SHARED: Final = 60


class FailureList(LineView):
    """One row a kind, the most frequent first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "first item", id="look.open-kind", tooltip="Go to the first item that failed so"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._groups: tuple[FailureGroup, ...] = ()

    def show(self, groups: Sequence[FailureGroup]) -> None:
        """Show the kinds."""
        if tuple(groups) != self._groups:
            self._groups = tuple(groups)
            self.rows_changed()

    @property
    def here(self) -> FailureGroup | None:
        """The kind under the cursor."""
        return self._groups[self.cursor] if self.cursor < len(self._groups) else None

    def row_count(self) -> int:
        """One for each kind."""
        return len(self._groups)

    def row(self, index: int, width: int) -> Line:
        """Draw one kind."""
        group = self._groups[index]
        ascii_only = getattr(self.app, "ascii_only", False)
        line = Line(" ").add("x " if ascii_only else "✗ ", "failed").add(count(group.count), "strong", width=7, right=True).add("  ")
        line.add(group.node, "title", width=max(8, min(18, width // 6))).add("  ").add(
            group.error_type, "error", width=max(10, min(20, width // 6))
        ).add("  ")
        line.add(group.message)
        if width < _WITH_SHARED:
            # The row ends with what they share where there is room for both.
            return line.cut(width)
        return line.right(Line("  ").add(group.shared or "—", "accent").add(" "), width)

    def plain_row(self, index: int) -> Line:
        """Say one kind in words."""
        group = self._groups[index]
        shared = f", all with {group.shared}" if group.shared else ""
        return Line(f"{count(group.count)} failed in {group.node}: {group.error_type}: {group.message}{shared}")
