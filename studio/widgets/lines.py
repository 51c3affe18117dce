"""A pane of ready-made lines: what has no cursor and is only read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from studio.widgets.line import Line
from studio.widgets.line_view import LineView

__all__ = ["LinesPane"]


class LinesPane(LineView):
    """Lines that a function makes for a width; they are made again when the width changes."""

    has_cursor: ClassVar[bool] = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id, classes=classes)
        self._make: Callable[[int], list[Line]] = lambda _width: []
        self._lines: list[Line] = []
        self._made_for = -1

    def show(self, make: Callable[[int], list[Line]], *, keep_place: bool = True) -> None:
        """Show what a function makes.

        Args:
            make: takes a width, gives the lines.
            keep_place: stay where the reader has scrolled to.
        """
        self._make = make
        self._made_for = -1
        self._ensure()
        if not keep_place:
            self.scroll_to(y=0, animate=False)
        self.rows_changed()

    def _ensure(self) -> None:
        width = self.row_width
        if width and width != self._made_for:
            self._made_for = width
            self._lines = self._make(width)

    def row_count(self) -> int:
        """Give the number of lines."""
        self._ensure()
        return len(self._lines)

    def row(self, index: int, width: int) -> Line:
        """Give a ready-made line."""
        del width
        return self._lines[index]

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """Nothing to choose here."""

    @property
    def plain(self) -> str:
        """All text, for tests and for copying."""
        self._ensure()
        return "\n".join(line.plain for line in self._lines)
