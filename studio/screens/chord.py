"""The second key of a chord: a line with the choices, gone after one key, esc, or two seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from studio.widgets.input_form import Label
from studio.widgets.line import Line

__all__ = ["ChordBar"]

_PATIENCE: Final = 2.0


class ChordBar(ModalScreen[str]):
    """Choices by one key each.

    Args:
        verb: what the first key meant.
        keys: second key -> its meaning.
    """

    DEFAULT_CSS = """
    ChordBar { background: transparent; align: left bottom; }
    ChordBar > Label { background: $boost; dock: bottom; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", id="sheet.leave-chord")]

    def __init__(self, verb: str, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._verb = verb
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Show the choices."""
        line = Line(f" {self._verb}  ", "strong")
        for key, meaning in self._keys.items():
            line.add(key, "key").add(f" {meaning}   ", "muted")
        yield Label(line)

    def on_mount(self) -> None:
        """Wait, but not for ever."""
        self.set_timer(_PATIENCE, self.action_leave)

    def action_leave(self) -> None:
        """Leave; nothing is chosen."""
        if self.is_current:
            self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """Any key ends it; one of ours chooses."""
        if event.key == "escape":
            return
        event.stop()
        self.dismiss(event.character if event.character in self._keys else None)
