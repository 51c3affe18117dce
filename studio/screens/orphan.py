"""The sheet of a run that nobody runs, though it has not ended: go on with it, fork it, or give it up."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from studio.addresses import run_address
from studio.messages import Go, Told
from studio.screens.acting import carried_out, foretell
from studio.screens.base import PlaceScreen
from studio.screens.sheet import ConfirmSheet, Sheet, Summary
from studio.widgets.line import Line, wrap

if TYPE_CHECKING:
    from studio.model.problems import Problem

__all__ = ["OrphanSheet", "ask_lost", "settle"]

OrphanChoice = Literal["open", "resume", "fork", "lost"]

_ROOM = 50
_WAYS: tuple[tuple[str, str, str], ...] = (
    ("enter", "open the run", "nothing changes"),
    ("C", "resume", "it goes on under its own id: what was stored stands, what was cut off runs again"),
    ("F", "fork", "a new run from what was stored; this one stays as it is"),
    ("L", "mark as lost", "it is no longer listed here; the store is not touched, and the mark can be taken back"),
)


class OrphanSheet(Sheet[OrphanChoice]):
    """What can be done with such a run; each way opens its own sheet, except for opening it.

    Args:
        problem: the run, and how its process ended.
        read_only: nothing can be changed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose('open')", "open run", id="look.open-run", tooltip="Open this run; nothing changes"),
        Binding("C", "choose('resume')", "resume", id="act.resume", tooltip="Go on with this run, under its own id"),
        Binding("F", "choose('fork')", "fork", id="act.fork", tooltip="Make a new run from here, with something changed"),
        Binding("L", "choose('lost')", "mark as lost", id="act.lost", tooltip="Hide this run; the store is not touched"),
    ]

    def __init__(self, problem: Problem, *, read_only: bool = False) -> None:
        super().__init__()
        self._problem = problem
        self._read_only = read_only

    def title_text(self) -> str:
        """Name the run."""
        return f"{self._problem.run}: no living process"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give what is known, and the ways on."""
        yield Summary(id="summary")

    def on_mount(self) -> None:
        """Show the ways."""
        summary = self.query_one(Summary)
        summary.show(self._lines)
        summary.focus()

    def _lines(self, width: int) -> list[Line]:
        said = self._problem.detail.partition(" · enter: ")[0]
        lines = [*(Line(" ").add(part) for part in wrap(said, max(10, width - 2))), Line()]
        for key, name, means in _WAYS[: 1 if self._read_only else None]:
            if width < _ROOM:
                lines.append(Line(" ").add(key, "key", width=7).add(name, "strong"))
                continue
            parts = wrap(means, max(10, width - 23))
            lines.append(Line(" ").add(key, "key", width=7).add(name, "strong", width=14).add(parts[0], "muted"))
            lines += [Line(" " * 22).add(part, "muted") for part in parts[1:]]
        return lines

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only looking is left when the studio is read-only."""
        return not (self._read_only and action == "choose" and parameters != ("open",))

    def on_line_view_opened(self) -> None:
        """Enter opens the run."""
        self.dismiss("open")

    def action_choose(self, way: OrphanChoice) -> None:
        """Take a way."""
        self.dismiss(way)


def settle(screen: Screen[Any], problem: Problem) -> None:
    """Ask what is to become of a run that nobody runs.

    Args:
        screen: the place below.
        problem: the run.
    """
    if not isinstance(screen, PlaceScreen):
        screen.post_message(Go(problem.address))
        return
    place = screen

    async def go_on(way: Literal["resume", "fork"]) -> None:
        view = await to_thread(place.studio.peek, problem.run)
        if view is None:
            place.post_message(Told(f"{problem.run} is no longer in the store.", "warning"))
        else:
            foretell(place, way, view)

    def chosen(way: OrphanChoice | None) -> None:
        if way == "open":
            place.post_message(Go(run_address(problem.run)))
        elif way == "lost":
            ask_lost(place, problem.run)
        elif way is not None:
            place.run_worker(go_on(way))

    screen.app.push_screen(OrphanSheet(problem, read_only=place.studio.read_only), chosen)


def ask_lost(screen: PlaceScreen, run_id: str) -> None:
    """Ask whether a run is to be marked as lost, or shown again; enter does it."""
    lost = not screen.studio.is_lost(run_id)

    def lines(width: int) -> list[Line]:
        said = (
            "Runs no longer lists it, and ! no longer tells of it, until somebody goes on with it. Nothing else changes: the store is not "
            "touched. The filter lost shows it, and L there takes the mark back."
            if lost
            else "Runs lists it again, and ! tells of it. The store is not touched."
        )
        return [*(Line(text) for text in wrap(said, width)), Line(), Line("python   none: the mark is the studio's own", "muted")]

    def decided(sure: bool | None) -> None:  # what a sheet answers
        if sure:
            screen.run_worker(carried_out(screen, screen.studio.mark_lost(run_id, lost=lost)))

    title = f"Mark {run_id} as lost" if lost else f"Show {run_id} again"
    screen.app.push_screen(ConfirmSheet(title, lines, act="Mark as lost" if lost else "Show again"), decided)
