"""A sheet: what would happen, and the key that makes it happen.

It opens with the focus on its summary, where enter performs the named act. Sheets of acts that spoil something start on Cancel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from studio.messages import Copy
from studio.widgets.bars import KeyBar
from studio.widgets.line import Line, wrap
from studio.widgets.lines import LinesPane

if TYPE_CHECKING:
    from studio.model.about import About

__all__ = ["ConfirmSheet", "Sheet", "Summary", "about_lines"]

T = TypeVar("T")


def about_lines(about: About | None, width: int) -> list[Line]:
    """Say how the code stands, and what does the same."""
    if about is None:
        return []
    facts = [("code", about.code, "text" if about.same_code else "warning"), ("python", about.python, "accent")]
    room = max(10, width - 9)
    found = [
        (name if not index else "", part, role) for name, text, role in facts if text for index, part in enumerate(wrap(text, room)[:3])
    ]
    return [Line(), *(Line().add(name, "muted", width=9).add(part, role) for name, part, role in found)]


class Summary(LinesPane):
    """The text of a sheet; as high as it needs."""

    DEFAULT_CSS = """
    Summary { height: auto; max-height: 1fr; background: $surface; padding: 0 1; }
    """

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are lines."""
        del container, viewport
        return max(1, len(self._make(width)))


class Sheet(ModalScreen[T], Generic[T]):
    """A question over the screen it is about."""

    DEFAULT_CSS = """
    Sheet { align: center middle; background: $background 55%; }
    Sheet > #sheet {
        width: 90; max-width: 96%; height: auto; max-height: 92%;
        background: $surface; border: round $primary; border-title-color: $primary; border-title-style: bold;
        border-subtitle-color: $text-muted; padding: 1 1;
    }
    Sheet.-low > #sheet { padding: 0 1; max-height: 96%; }
    Sheet.-low ChangeList { max-height: 5; }
    Sheet.-danger > #sheet { border: round $error; border-title-color: $error; }
    Sheet > KeyBar { dock: bottom; }
    Sheet Input { background: $boost; border: none; height: 1; padding: 0 1; margin: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", id="sheet.leave", tooltip="Leave; nothing happens"),
    ]

    TITLE: ClassVar[str | None] = ""

    def compose(self) -> ComposeResult:
        """Set the frame."""
        with Vertical(id="sheet") as frame:
            frame.border_title = Line(self.title_text()).plain
            yield from self.compose_sheet()
        yield KeyBar()

    def title_text(self) -> str:
        """Give the sheet's title."""
        return self.TITLE or ""

    def compose_sheet(self) -> Iterable[Widget]:
        """Give what is inside the frame."""
        return ()

    def action_leave(self) -> None:
        """Leave; nothing happens."""
        self.dismiss(None)


class ConfirmSheet(Sheet[bool]):
    """An act with what it does, named in full.

    Args:
        title: the act and its object ("Stop rag-7").
        lines: makes the summary for a width.
        act: the word for enter ("Stop").
        typed: what has to be typed before anything happens; None for nothing.
        danger: drawn in the colour of danger.
        about: gives how the code stands, and the same as Python; None where there is nothing of the kind to tell.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "act", "do it", id="sheet.act", tooltip="Do what the sheet says"),
        Binding("y", "copy", "copy python", id="yank.python", tooltip="Copy the Python of this act"),
    ]

    def __init__(
        self,
        title: str,
        lines: Callable[[int], list[Line]],
        *,
        act: str,
        typed: str | None = None,
        danger: bool = False,
        about: Callable[[], Awaitable[About]] | None = None,
    ) -> None:
        super().__init__(classes="-danger" if danger else None)
        self._title = title
        self._lines = lines
        self._act = act
        self._typed = typed
        self._about = about
        self._known: About | None = None
        self._make = lines

    def title_text(self) -> str:
        """Give the act and its object."""
        return self._title

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the summary, and the field where the act has to be typed."""
        yield Summary(id="summary")
        if self._typed is not None:
            yield Input(placeholder=f"type {self._typed} to go on", id="typed", compact=True)

    def on_mount(self) -> None:
        """Show the summary."""
        summary = self.query_one(Summary)

        def lines(width: int) -> list[Line]:
            end = Line("enter", "key").add(f" {self._act}   ", "text").add("esc", "key").add(" leave", "text")
            if self._typed is not None:
                end = (
                    Line("type ", "muted")
                    .add(self._typed, "strong")
                    .add(" and press ", "muted")
                    .add("enter", "key")
                    .add(f" to {self._act.lower()}   ")
                )
                end.add("esc", "key").add(" leave", "text")
            if self._known is not None and self._typed is None:
                end.add("   y", "key").add(" copy python")
            return [*self._lines(width), *about_lines(self._known, width), Line(), end]

        self._make = lines
        summary.show(lines)
        (self.query_one("#typed") if self._typed is not None else summary).focus()
        if self._about is not None:
            self.run_worker(self._look(self._about()))

    async def _look(self, about: Awaitable[About]) -> None:
        self._known = await about
        for summary in self.query(Summary):
            summary.show(self._make)
            summary.refresh(layout=True)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to copy where no Python is told."""
        del parameters
        return action != "copy" or self._known is not None

    def action_copy(self) -> None:
        """Copy the Python."""
        if self._known is not None:
            self.post_message(Copy(self._known.script, "The Python"))

    def on_line_view_opened(self) -> None:
        """Enter on the summary performs the act."""
        self.action_act()

    def on_input_submitted(self) -> None:
        """Enter in the field performs the act when the word is right."""
        self.action_act()

    def action_act(self) -> None:
        """Perform the act."""
        if self._typed is not None and self.query_one("#typed", Input).value.strip() != self._typed:
            self.app.bell()
            return
        self.dismiss(True)
