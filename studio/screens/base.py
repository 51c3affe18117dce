"""What all places have in common: the bars, the panes, the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from hypergraph.exceptions import CheckpointError
from studio.messages import Go, Told
from studio.widgets.bars import PLACES, KeyBar, PlaceBar, StatusLine
from studio.widgets.line import Line

if TYPE_CHECKING:
    from studio.services.studio import Studio

__all__ = ["PlaceScreen", "quiet", "steady"]

S = TypeVar("S", bound="PlaceScreen")


def steady(look: Callable[[S], None]) -> Callable[[S], None]:
    """Let a look at the store fail without ending the screen: it is said, what was seen last stays, and the next look comes soon."""

    @wraps(look)
    def looked(screen: S) -> None:
        try:
            look(screen)
        except (CheckpointError, OSError) as error:
            screen.say_once(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        else:
            screen.said = ""

    return looked


def quiet(keys: str, action: str, name: str, tooltip: str) -> Binding:
    """Give a binding that the footer does not show; help and palette do."""
    return Binding(keys, action, tooltip, show=False, id=name, tooltip=tooltip)


class PlaceScreen(Screen[None]):
    """One of the six places.

    A subclass composes its body and names its panes in the order of the tab key.
    """

    DEFAULT_CSS = """
    PlaceScreen { background: $background; layers: base; }
    PlaceScreen > #body { height: 1fr; width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(place.key, f"go('{place.mode}')", place.title, show=False, id=f"go.{place.mode}", tooltip=f"Go to {place.title}")
            for place in PLACES
        ),
        Binding("tab", "next_pane", "pane", show=False, id="look.next-pane", tooltip="Go to the next pane"),
        Binding("shift+tab", "previous_pane", "Previous pane", show=False, id="look.previous-pane", tooltip="Go to the previous pane"),
        Binding("z", "zoom", "zoom", show=False, id="look.zoom", tooltip="Give the present pane the whole screen, and back"),
        Binding("escape,backspace", "back", "back", show=False, id="look.back", tooltip="Leave the field, the zoom or the place"),
    ]

    MODE: ClassVar[str] = ""
    PANES: ClassVar[tuple[str, ...]] = ()
    """Selectors of the panes, in order."""

    CHANGES: ClassVar[frozenset[str]] = frozenset()
    """Actions that change something: absent when the studio is read-only."""

    @property
    def studio(self) -> Studio:
        """The services."""
        found: Studio = self.app.studio  # type: ignore[attr-defined]  # our app has it
        return found

    @property
    def now(self) -> float:
        """The present moment, in seconds since the epoch."""
        found: float = self.app.clock()  # type: ignore[attr-defined]  # our app has it
        return found

    @property
    def address(self) -> str:
        """Where one comes back to."""
        return f"hg:{self.MODE}"

    def compose(self) -> ComposeResult:
        """Set the bars around the body."""
        yield StatusLine()
        yield PlaceBar(self.MODE)
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> Iterable[Widget]:
        """Give the widgets between the bars."""
        return ()

    said: str = ""
    """The trouble that was told last; an equal one is not told again."""

    def say_once(self, text: str) -> None:
        """Tell of a trouble, once for as long as it lasts."""
        if text != self.said:
            self.said = text
            self.post_message(Told(text, "error"))

    # Status.

    def status(self, left: Line, right: Line | None = None, *, note: Line | None = None) -> None:
        """Say what is on the screen.

        Args:
            left: what it is.
            right: how it stands.
            note: live, past, a moment; at the right of the places.
        """
        line = Line(self.studio.store_label, "muted")
        if left.spans:
            line.add(" · ", "faint").extend(left)
        end = Line().extend(right or Line())
        if self.studio.read_only:
            end.add("  " if end.cells else "").add("read-only", "warning")
        self.query_one(StatusLine).show(line, end)
        self.query_one(PlaceBar).show(waiting=self.studio.waiting, note=note)

    # Keys that work everywhere.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away what changes something when the studio is read-only."""
        del parameters
        return not (action in self.CHANGES and self.studio.read_only)

    def action_go(self, mode: str) -> None:
        """Go to another place."""
        self.post_message(Go(f"hg:{mode}"))

    def panes(self) -> list[Widget]:
        """Give the panes that can have the focus now."""
        found = [widget for selector in self.PANES for widget in self.query(selector).results(Widget)]
        return [widget for widget in found if widget.focusable and widget.display and widget.region.area]

    def _step_pane(self, step: int) -> None:
        panes = self.panes()
        if not panes:
            return
        at = next((index for index, pane in enumerate(panes) if pane.has_focus or pane.has_focus_within), -step if step > 0 else 0)
        panes[(at + step) % len(panes)].focus()

    def action_next_pane(self) -> None:
        """Focus the next pane."""
        self._step_pane(1)

    def action_previous_pane(self) -> None:
        """Focus the previous pane."""
        self._step_pane(-1)

    def action_zoom(self) -> None:
        """Give the focused pane the whole body, and back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    def action_back(self) -> None:
        """Leave the zoom, else the place."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.app.call_later(self.app.run_action, "back")
