"""An editor for what does not fit in one line."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from studio.screens.sheet import Sheet

__all__ = ["EditorSheet", "edit_text"]


def edit_text(app: App[Any], title: str, text: str, kept: Callable[[str], object]) -> None:
    """Edit a text: in the user's own editor where this is a terminal and one is named, else in a sheet.

    Args:
        app: steps aside while the editor has the terminal.
        title: whose text it is.
        text: the text.
        kept: takes the new text; not called when nothing was changed.
    """
    command = next((found for name in ("VISUAL", "EDITOR") if (found := os.environ.get(name, "").strip())), "")
    if command and not app.is_web:
        try:
            with app.suspend():
                after = _edited(shlex.split(command), title, text)
        except SuspendNotSupported:
            pass
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            app.notify(f"{command}: {error}. The studio's own editor takes its place.", severity="warning", markup=False)
        else:
            if after != text:
                kept(after)
            return

    def given(after: str | None) -> None:
        if after is not None and after != text:
            kept(after)

    app.push_screen(EditorSheet(title, text), given)


def _edited(command: list[str], title: str, text: str) -> str:
    """Let an editor have a file that only this user can read; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hypergraph-") as folder:
        name = "".join(letter if letter.isalnum() else "-" for letter in title)[:60]
        path = Path(folder) / f"{name or 'text'}.txt"
        path.write_text(text, encoding="utf-8", newline="")
        subprocess.run([*command, str(path)], check=True)
        after = path.read_bytes().decode("utf-8")
    # Editors end a file with a line break of their own.
    return after[:-1] if after.endswith("\n") and not text.endswith("\n") else after


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
