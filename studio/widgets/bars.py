"""The three lines around every screen: where one is, where one can go, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.style import Style
from textual import events
from textual.binding import ActiveBinding, Binding
from textual.keys import key_to_character
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from studio.theme import Palette
from studio.widgets.line import Line

__all__ = ["PLACES", "KeyBar", "Place", "PlaceBar", "StatusLine", "consumes"]


def consumes(focused: Widget, binding: Binding) -> bool:
    """Tell whether a field that is being typed in takes the binding's key for itself."""
    return focused.check_consume_key(binding.key, _CHARACTERS.get(binding.key) or key_to_character(binding.key))


@dataclass(frozen=True, slots=True)
class Place:
    """One of the six places.

    Attributes:
        key: the digit that leads there.
        mode: its name in the app.
        title: its name on the screen.
    """

    key: str
    mode: str
    title: str


PLACES: Final = (
    Place("1", "graphs", "Graphs"),
    Place("2", "launch", "Launch"),
    Place("3", "run", "Run"),
    Place("4", "runs", "Runs"),
    Place("5", "inbox", "Inbox"),
    Place("6", "compare", "Compare"),
)
_MOST_KEYS: Final = 8
_KEPT: Final = ("palette", "help")
_CHARACTERS: Final = {"at": "@", "exclamation_mark": "!", "colon": ":", "question_mark": "?", "slash": "/", "grave_accent": "`"}


class Bar(Widget):
    """One line that is drawn by `line` and may be clicked in cells."""

    DEFAULT_CSS = """
    Bar { height: 1; width: 1fr; }
    """

    def line(self, width: int) -> Line:
        """Draw the line."""
        raise NotImplementedError(f"{type(self).__name__} has to draw its line")

    def render_line(self, y: int) -> Strip:
        """Draw the only line."""
        if y:
            return Strip.blank(self.size.width, self.rich_style)
        palette: Palette | None = getattr(self.app, "palette", None)
        if palette is None:
            palette = Palette(self.app.theme_variables)
        return self.line(self.size.width).strip(palette, self.size.width, Style.null() + self.rich_style)


class StatusLine(Bar):
    """What is on the screen, and how it stands: never hidden at any size."""

    DEFAULT_CSS = """
    StatusLine { background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._left = Line()
        self._right = Line()

    def show(self, left: Line, right: Line) -> None:
        """Show a left and a right part; when there is no room the left one is cut."""
        if left.spans == self._left.spans and right.spans == self._right.spans:
            return
        self._left, self._right = left, right
        self.refresh()

    @property
    def plain(self) -> str:
        """The text, for tests."""
        return f"{self._left.plain}  {self._right.plain}"

    def line(self, width: int) -> Line:
        """Draw both parts."""
        whole = Line(" hg ", "title on cursor-row").add(" ").extend(self._left)
        trouble = getattr(self.app, "trouble", 0)
        right = Line(f"!{trouble}  ", "warning") if trouble else Line()
        right = right.extend(self._right)
        if right.cells >= width:
            # What is most needed stands first; a word that is half there says nothing.
            return right.cut_words(width)
        return whole.right(right.add(" "), width)


class PlaceBar(Bar):
    """The six places with their digits; the present one stands out."""

    DEFAULT_CSS = """
    PlaceBar { background: $surface; }
    """

    class Chosen(Message):
        """A place was clicked."""

        def __init__(self, mode: str) -> None:
            self.mode = mode
            super().__init__()

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode
        self._waiting = 0
        self._note = Line()
        self._spans: list[tuple[int, int, str]] = []

    def show(self, *, waiting: int, note: Line | None = None) -> None:
        """Show how many pauses wait, and a note at the right (live, past, a moment)."""
        note = note or Line()
        if waiting == self._waiting and note.spans == self._note.spans:
            return
        self._waiting, self._note = waiting, note
        self.refresh()

    def count(self, waiting: int) -> None:
        """Show how many pauses wait, the note as it was."""
        self.show(waiting=waiting, note=self._note)

    def line(self, width: int) -> Line:
        """Draw the places, without their titles where there is no room."""
        line = Line(" ")
        self._spans = []
        roomy = width >= 68
        for place in PLACES:
            here = place.mode == self._mode
            start = line.cells
            title = place.title if roomy or here else ""
            if place.mode == "inbox" and self._waiting:
                title = f"{title}:{self._waiting}" if title else f":{self._waiting}"
            if here:
                line.add(f" {place.key} {title} ", "strong on cursor-row")
            else:
                line.add(f" {place.key}", "key")
                line.add(f" {title} " if title else " ", "paused" if place.mode == "inbox" and self._waiting else "muted")
            self._spans.append((start, line.cells, place.mode))
            line.add(" " if width >= 100 else "")
        return line.right(Line().extend(self._note).add(" "), width)

    def on_click(self, event: events.Click) -> None:
        """Go where the click points."""
        for start, end, mode in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(mode))


class KeyBar(Bar):
    """At most eight keys of what has the focus; the rest is in the help."""

    DEFAULT_CSS = """
    KeyBar { background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._spans: list[tuple[int, int, ActiveBinding]] = []
        self.notice: Callable[[], Line | None] = lambda: None

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.refresh())

    def shown(self) -> list[ActiveBinding]:
        """Give the bindings on display: those of the focus first, at most eight; last the palette, which has every act, and help."""
        seen: dict[str, ActiveBinding] = {}
        focused = self.screen.focused
        for active in self.screen.active_bindings.values():
            binding = active.binding
            typed = focused is not None and active.node is not focused and consumes(focused, binding)
            if binding.show and active.enabled and not typed:
                seen.setdefault(binding.action, active)
        chosen = list(seen.values())
        kept = sorted((one for one in chosen if one.binding.action.endswith(_KEPT)), key=lambda one: one.binding.action.endswith("help"))
        return [one for one in chosen if one not in kept][: _MOST_KEYS - len(kept)] + kept

    def line(self, width: int) -> Line:
        """Draw the keys that fit."""
        line = Line(" ")
        self._spans = []
        shown = self.shown()
        room = width - sum(
            len(self.app.get_key_display(one.binding)) + len(one.binding.description) + 3
            for one in shown
            if one.binding.action.endswith(_KEPT)
        )
        for active in shown:
            key = self.app.get_key_display(active.binding)
            label = active.binding.description
            if line.cells + len(key) + len(label) + 3 > room and not active.binding.action.endswith(_KEPT):
                continue
            start = line.cells
            line.add(key, "key").add(f" {label}", "muted")
            self._spans.append((start, line.cells, active))
            line.add("  ")
        return line.cut(width)

    async def on_click(self, event: events.Click) -> None:
        """A click does what the key does."""
        for start, end, active in self._spans:
            if start <= event.x < end:
                await self.app.run_action(active.binding.action, active.node)
