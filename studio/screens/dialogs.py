"""Small choices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from studio.screens.sheet import Sheet
from studio.widgets.bars import PLACES
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

__all__ = ["PlacesSheet"]

_WHAT = {
    "graphs": "what can be launched",
    "launch": "inputs, runner, and off it goes",
    "run": "one run, live or past",
    "runs": "the history",
    "inbox": "questions that wait for an answer",
    "compare": "two runs side by side",
}


class _Places(LineView):
    def row_count(self) -> int:
        return len(PLACES)

    def row(self, index: int, width: int) -> Line:
        place = PLACES[index]
        return Line(" ").add(place.key, "key").add(f"  {place.title}", "strong", width=12).add(_WHAT[place.mode], "muted").cut(width)


class PlacesSheet(Sheet[str]):
    """The six places.

    Args:
        here: the present one.
    """

    DEFAULT_CSS = """
    PlacesSheet > #sheet { width: 60; }
    PlacesSheet _Places { height: auto; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(place.key, f"choose('{place.mode}')", place.title, show=False, id=f"go.choose-{place.mode}") for place in PLACES),
    ]

    TITLE: ClassVar[str | None] = "Places"

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the list."""
        yield _Places()

    def on_mount(self) -> None:
        """Start on the present place."""
        places = self.query_one(_Places)
        places.focus()
        places.move_to(next((at for at, place in enumerate(PLACES) if place.mode == self._here), 0))

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Go there."""
        self.dismiss(PLACES[message.index].mode)

    def action_choose(self, mode: str) -> None:
        """Go there."""
        self.dismiss(mode)
