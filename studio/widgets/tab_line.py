"""The tabs of a run, in one line."""

from __future__ import annotations

from textual import events
from textual.message import Message

from studio.widgets.bars import Bar
from studio.widgets.line import Line

__all__ = ["TabLine"]


class TabLine(Bar):
    """Names of tabs, the present one marked, and a note at the right."""

    DEFAULT_CSS = """
    TabLine { background: $background; border-bottom: solid $rule; height: 2; }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._tabs: tuple[tuple[str, str], ...] = ()
        self._present = ""
        self._note = Line()
        self._spans: list[tuple[int, int, str]] = []

    def show(self, tabs: tuple[tuple[str, str], ...], present: str, note: Line) -> None:
        """Show tabs (name and title), the present one, and a note."""
        if (tabs, present, note.spans) == (self._tabs, self._present, self._note.spans):
            return
        self._tabs, self._present, self._note = tabs, present, note
        self.refresh()

    def line(self, width: int) -> Line:
        """Draw the tabs."""
        line = Line(" ")
        self._spans = []
        for name, title in self._tabs:
            start = line.cells
            line.add(f"[{title}]" if name == self._present else f" {title} ", "strong" if name == self._present else "muted")
            self._spans.append((start, line.cells, name))
            line.add(" ")
        return line.right(Line().extend(self._note).add(" "), width)

    def on_click(self, event: events.Click) -> None:
        """Go to the tab."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))
