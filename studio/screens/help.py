"""Help: every key of what has the focus, and of everything around it, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from studio.screens.sheet import Sheet, Summary
from studio.widgets.line import Line, rule, wrap

__all__ = ["HelpScreen"]

_GROUPS: Final = {
    "act": "Acts (capitals change something, and always ask first)",
    "look": "Looking and moving",
    "sheet": "In a sheet",
    "form": "In a form",
    "yank": "Copying",
    "go": "Going places",
}
_STATES: Final = (
    ("·", "waiting"),
    ("►", "running"),
    ("✓", "completed"),
    ("=", "cached"),
    ("✗", "failed"),
    ("‖", "paused"),
    ("■", "stopped"),
    ("-", "skipped"),
    ("?", "unknown"),
)
_WORDS: Final = {
    "completed": "done",
    "cached": "cached, or kept from the run it came from",
    "skipped": "not taken",
    "paused": "waits for an answer",
}


class HelpScreen(Sheet[None]):
    """The keys of a screen.

    Args:
        about: the screen that help was asked for.
    """

    DEFAULT_CSS = """
    HelpScreen > #sheet { width: 100; height: 92%; }
    HelpScreen Summary { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "leave", "close", id="sheet.close-help", tooltip="Close the help"),
    ]

    TITLE: ClassVar[str | None] = "Keys"

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        # Now: once this screen is in front, the bindings below no longer answer.
        groups: dict[str, dict[str, tuple[list[str], str]]] = {}
        for active in about.active_bindings.values():
            binding = active.binding
            if not binding.id or not active.enabled:
                continue
            group = groups.setdefault(binding.id.partition(".")[0], {})
            keys, _ = group.setdefault(binding.id, ([], binding.tooltip or binding.description))
            key = about.app.get_key_display(binding)
            if key not in keys:
                keys.append(key)
        self._groups = groups

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the list."""
        yield Summary(id="summary")

    def on_mount(self) -> None:
        """Fill the list."""
        summary = self.query_one(Summary)
        summary.show(self._lines)
        summary.focus()

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for name, title in _GROUPS.items():
            group = self._groups.get(name)
            if not group:
                continue
            lines.append(rule(title, width))
            for keys, text in group.values():
                for index, part in enumerate(wrap(text, max(10, width - 20))):
                    lines.append(Line("  ").add(" ".join(keys) if not index else "", "key", width=16).add(" ").add(part))
            lines.append(Line())
        lines.append(rule("Shapes", width))
        for glyph, state in _STATES:
            lines.append(Line("  ").add(glyph, state, width=4).add(_WORDS.get(state, state)))
        return lines
