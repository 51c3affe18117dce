"""Jump letters: one key to anything on the screen that can have the focus."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

__all__ = ["JumpScreen"]

_LETTERS: Final = "asdfghjklqwertyuiopzxcvbnm"


class JumpScreen(ModalScreen[None]):
    """Letters over what can have the focus.

    Args:
        below: the screen to jump in.
    """

    DEFAULT_CSS = """
    JumpScreen { background: $background 30%; }
    JumpScreen > Static { position: absolute; width: 3; height: 1; background: $warning; color: $background; text-style: bold; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", id="sheet.leave-jump")]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        targets = [widget for widget in below.focus_chain if widget.region.area]
        self._targets: dict[str, Widget] = dict(zip(_LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """Put the letters where the targets are."""
        for letter, widget in self._targets.items():
            label = Static(f" {letter} ", markup=False)
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def action_leave(self) -> None:
        """Leave without jumping."""
        self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """Jump."""
        event.stop()
        target = self._targets.get(event.character or "")
        self.dismiss(None)
        if target is not None:
            target.focus()
