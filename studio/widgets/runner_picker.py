"""Choosing a runner: those that cannot run this graph stay, grey, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message

from studio.widgets.line import Line
from studio.widgets.line_view import LineView

__all__ = ["RunnerPicker"]

_WHAT: Final = {
    "AsyncRunner": "nodes run at the same time where they can",
    "SyncRunner": "one node after the other",
    "DaftRunner": "columns at a time, for large batches",
}
_NARROW: Final = 50


class RunnerPicker(LineView):
    """One row a runner."""

    DEFAULT_CSS = """
    RunnerPicker { height: auto; max-height: 4; background: $background; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "open", "choose", id="form.runner", tooltip="Run on this runner"),
    ]

    class Picked(Message):
        """Another runner was chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._fits: tuple[tuple[str, str | None], ...] = ()
        self.runner = ""

    def show(self, fits: Mapping[str, str | None], chosen: str) -> None:
        """Show runners with what speaks against each."""
        self._fits = tuple(fits.items())
        self.runner = chosen
        self.move_to(next((at for at, (name, _) in enumerate(self._fits) if name == chosen), 0), quiet=True)
        self.rows_changed()

    def row_count(self) -> int:
        """One for each runner."""
        return len(self._fits)

    def row(self, index: int, width: int) -> Line:
        """Draw a runner."""
        name, reason = self._fits[index]
        here = name == self.runner
        line = Line(" ").add("(●) " if here else "( ) " if reason is None else " -  ", "title" if here else "muted")
        line.add(name, "strong" if here else "text" if reason is None else "faint", width=13)
        if width < _NARROW:
            return line.add("" if reason is None else "does not fit", "faint")
        return line.add(_WHAT.get(name, "") if reason is None else reason, "muted" if reason is None else "faint").cut(width)

    def action_open(self) -> None:
        """Choose the runner under the cursor when it fits."""
        if not self._fits:
            return
        name, reason = self._fits[self.cursor]
        if reason is not None:
            self.app.bell()
            return
        self.runner = name
        self.rows_changed()
        self.post_message(self.Picked())

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """A click chooses at once."""
        del column, again
        self.move_to(index)
        self.action_open()
