"""Choosing one of a few, with nothing chosen at first.

A radio set would take enter as its first button; an answer must never come from a key pressed too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from studio.theme import Palette
from studio.widgets.line import Line

__all__ = ["Choice"]


class Choice(Widget, can_focus=True):
    """A row of choices; `t` and `f` choose where they are True and False, else digits and arrows do.

    Args:
        choices: what can be chosen, as text.
        chosen: index of what is chosen at first, None for nothing.
    """

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; background: $surface; padding: 0 1; }
    Choice:focus { background: $boost; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,down,j", "step(1)", "Next choice", show=False, id="form.next-choice"),
        Binding("left,h,up,k", "step(-1)", "Previous choice", show=False, id="form.previous-choice"),
        Binding("space", "step(1)", "choose", id="form.choose", tooltip="Choose the next one"),
        Binding("t", "pick('True')", "true", id="form.true", tooltip="Choose True"),
        Binding("f", "pick('False')", "false", id="form.false", tooltip="Choose False"),
        *(
            Binding(str(number), f"pick_number({number})", show=False, id=f"form.choice-{number}", tooltip=f"Choose number {number}")
            for number in range(1, 10)
        ),
    ]

    chosen: reactive[int | None] = reactive(None)

    class Changed(Message):
        """Another choice was made."""

        def __init__(self, choice: Choice) -> None:
            self.choice = choice
            super().__init__()

        @property
        def control(self) -> Choice:
            """The widget."""
            return self.choice

    def __init__(self, choices: Sequence[str], *, chosen: int | None = None, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.set_reactive(Choice.chosen, chosen)
        self._spans: list[tuple[int, int]] = []

    @property
    def value(self) -> str | None:
        """What is chosen, as text."""
        return None if self.chosen is None else self.choices[self.chosen]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer `t` and `f` only where there is something True and False."""
        return not (action == "pick" and str(parameters[0]) not in self.choices)

    def action_step(self, step: int) -> None:
        """Choose the next or previous one."""
        last = len(self.choices) - 1
        start = (0 if step > 0 else last) if self.chosen is None else (self.chosen + step) % len(self.choices)
        self.chosen = start

    def action_pick(self, text: str) -> None:
        """Choose by text."""
        if text in self.choices:
            self.chosen = self.choices.index(text)

    def action_pick_number(self, number: int) -> None:
        """Choose by position."""
        if number <= len(self.choices):
            self.chosen = number - 1

    def watch_chosen(self) -> None:
        """Tell the form."""
        if self.is_mounted:
            self.post_message(self.Changed(self))

    def render_line(self, y: int) -> Strip:
        """Draw the choices side by side."""
        palette: Palette = getattr(self.app, "palette", None) or Palette(self.app.theme_variables)
        line = Line()
        self._spans = []
        for index, text in enumerate(self.choices):
            start = line.cells
            here = index == self.chosen
            line.add("(●) " if here else "( ) ", "title" if here else "muted").add(text, "strong" if here else "text").add("   ")
            self._spans.append((start, line.cells))
        return (line if y == 0 else Line()).strip(palette, self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Choose what is clicked."""
        offset = event.get_content_offset(self)
        for index, (start, end) in enumerate(self._spans):
            if offset is not None and start <= offset.x < end:
                self.chosen = index
