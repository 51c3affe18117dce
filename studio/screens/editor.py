"""An editor for what does not fit in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from studio.screens.sheet import Sheet

__all__ = ["EditorSheet"]


class EditorSheet(Sheet[str]):
    """A text in full.

    Args:
        title: whose text it is.
        text: the text.
    """

    DEFAULT_CSS = """
    EditorSheet > #sheet { width: 110; height: 80%; padding: 0; }
    EditorSheet TextArea { height: 1fr; border: none; background: $surface; }
    EditorSheet TextArea:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4,ctrl+s", "keep", "keep", key_display="F4", id="form.keep", tooltip="Take this text over", priority=True),
        Binding("escape", "leave", "leave", id="sheet.leave", tooltip="Leave; nothing changes", priority=True),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._heading = title
        self._start = text

    def title_text(self) -> str:
        """Say whose text it is."""
        return self._heading

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the editor."""
        yield TextArea(self._start, tab_behavior="indent", show_line_numbers=False)

    def on_mount(self) -> None:
        """Start at the end."""
        area = self.query_one(TextArea)
        area.focus()
        area.move_cursor(area.document.end)

    def action_keep(self) -> None:
        """Take the text over."""
        self.dismiss(self.query_one(TextArea).text)
