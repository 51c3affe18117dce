"""Help: every key of what has the focus and of everything around it, then those of the other panes, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, TypeAlias

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from studio.screens.base import PlaceScreen
from studio.screens.sheet import Sheet, Summary
from studio.widgets.bars import consumes
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
_PANES: Final = {
    "tree": "the runs",
    "boxes": "the boxes",
    "grid": "the items",
    "kinds": "the failures",
    "item": "the item",
    "rail": "the rail",
    "time": "the rail",
    "inspector": "the inspector",
    "node": "the inspector",
    "values": "the values",
    "logs": "the logs",
    "lineage": "the lineage",
    "turns": "the turns",
    "runs": "the list of runs",
    "preview": "the preview",
    "graphs": "the list of graphs",
    "about": "the graph",
    "pauses": "the questions",
    "question": "the question",
    "diff": "the differences",
    "strip": "the lineage",
    "Choice": "a list of choices",
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


_OUTSIDE: Final = "Outside the field (esc leaves it)"
_Group: TypeAlias = dict[str, tuple[list[str], str]]


def _name(pane: Widget) -> str:
    return _PANES.get(pane.id or "") or _PANES.get(type(pane).__name__, "the other pane")


def _allowed(pane: Widget, binding: Binding) -> bool:
    name, _, given = binding.action.partition("(")
    return bool(pane.check_action(name, (given,) if given else ()))


def _row(keys: str, text: str, width: int) -> list[Line]:
    """Write keys and their meaning; where there is little room, the meaning goes on below."""
    column = 16 if width >= 56 else 4
    parts = wrap(text, max(10, width - column - 4))
    lines = [Line("  ").add("", "key", width=column).add(" ").add(part) for part in parts]
    if len(keys) > column:
        return [Line("  ").add(keys, "key"), *lines]
    return [Line("  ").add(keys, "key", width=column).add(" ").add(parts[0] if parts else ""), *lines[1:]]


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
        self._groups: dict[str, _Group] = {}
        self._away: dict[str, _Group] = {}
        self._typing = False
        focused = about.focused
        for active in about.active_bindings.values():
            binding = active.binding
            if not binding.id or not active.enabled:
                continue
            if focused is not None and active.node is not focused and consumes(focused, binding):
                self._typing = True
                self._take(about, self._away.setdefault(_OUTSIDE, {}), binding)
            else:
                self._take(about, self._groups.setdefault(binding.id.partition(".")[0], {}), binding)
        here = {name for group in (*self._groups.values(), *self._away.values()) for name in group}
        for pane in about.panes() if isinstance(about, PlaceScreen) else ():
            if pane.has_focus or pane.has_focus_within:
                continue
            for binding in self._bindings_of(pane):
                if binding.id and binding.id not in here and (binding.tooltip or binding.description) and _allowed(pane, binding):
                    self._take(about, self._away.setdefault(f"In {_name(pane)} (tab)", {}), binding)

    def _take(self, about: Screen[Any], group: _Group, binding: Binding) -> None:
        keys, _ = group.setdefault(binding.id or "", ([], binding.tooltip or binding.description))
        key = about.app.get_key_display(binding)
        if key not in keys:
            keys.append(key)

    def _bindings_of(self, pane: Widget) -> list[Binding]:
        bindings = pane._bindings  # noqa: SLF001  # textual has no other way to see bindings of what has no focus
        keymap = pane.app._keymap  # noqa: SLF001
        if keymap:
            bindings = bindings.copy()
            bindings.apply_keymap(keymap)
        return [binding for found in bindings.key_to_bindings.values() for binding in found]

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
        if self._typing:
            words = "Letters are typed into the field; esc leaves it. F1 and F2 work everywhere."
            lines += [*(Line(part, "muted") for part in wrap(words, max(10, width - 1))), Line()]
        titled = [(title, self._groups.get(name)) for name, title in _GROUPS.items()]
        for title, group in [*titled, *self._away.items()]:
            if not group:
                continue
            lines.append(rule(title if len(title) < width - 4 else title.partition(" (")[0], width))
            for keys, text in group.values():
                lines += _row(" ".join(keys), text, width)
            lines.append(Line())
        lines.append(rule("Shapes", width))
        for glyph, state in _STATES:
            lines.append(Line("  ").add(glyph, state, width=4).add(_WORDS.get(state, state)))
        return lines
