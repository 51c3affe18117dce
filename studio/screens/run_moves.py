"""Moving through a run: to another moment of it, to a node that is searched for, to the next failure."""

from __future__ import annotations

from asyncio import to_thread
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widgets import Input

from studio.messages import Told
from studio.model.moments import Moment
from studio.screens.base import quiet
from studio.screens.operate import RunActs
from studio.screens.run_panes import RunPanes
from studio.widgets.inspector import Inspector
from studio.widgets.rail import Rail

if TYPE_CHECKING:
    from studio.model.run_view import RunView
    from studio.services.feed import Feed

__all__ = ["RunMoves"]


class RunMoves(RunActs):
    """A run on the screen, and the moment of it that is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        quiet("left_square_bracket", "step(-1)", "look.previous-step", "Show the run one ended step, or item, earlier"),
        quiet("right_square_bracket", "step(1)", "look.next-step", "Show the run one ended step, or item, later"),
        quiet("left_curly_bracket", "superstep(-1)", "look.previous-superstep", "Show the run one superstep, or a twentieth, earlier"),
        quiet("right_curly_bracket", "superstep(1)", "look.next-superstep", "Show the run one superstep, or a twentieth, later"),
        quiet("0", "now", "look.now", "Show the run as it stands"),
        quiet("slash", "find", "look.find", "Find a node or a log line"),
        quiet("n", "next_failure(1)", "look.next-failure", "Go to the next node that was searched for, else that failed or waits"),
        quiet("N", "next_failure(-1)", "look.previous-failure", "Go to the one before"),
        quiet("m", "follow", "look.follow", "Let the cursor follow the running node again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._feed: Feed | None = None
        self._view: RunView | None = None
        self._moment: Moment | None = None

    @property
    def _panes(self) -> RunPanes:
        return self.query_one(RunPanes)

    def _paint(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} has to paint its run")

    def _show_tab(self, name: str) -> None:
        raise NotImplementedError(f"{type(self).__name__} has to show its tabs")

    @property
    def superstep(self) -> int | None:
        """The moment that is shown, None for now."""
        return None if self._moment is None else self._moment.superstep

    @property
    def whole_superstep(self) -> int | None:
        """The newest superstep that had ended at the moment that is shown: what a fork starts from."""
        return None if self._moment is None else self._moment.whole

    # Moments.

    async def action_step(self, by: int) -> None:
        """Show the run when one step more or less, or one item, had ended."""
        await self._go_by(by)

    async def action_superstep(self, by: int) -> None:
        """Show the run one superstep earlier or later; a batch by a twentieth of its items."""
        view = self._view
        if view is None:
            return
        if view.batch is not None:
            await self._go_by(by, wide=True)
            return
        last = view.last_superstep
        if last is None:
            self.post_message(Told("Nothing has ended yet: there is no earlier moment."))
            return
        here = last if self._moment is None or self._moment.superstep is None else self._moment.superstep
        # From the middle of a superstep back to the end of the one before is one way, on to its own end the other.
        inside = self._moment is not None and self._moment.at is not None and self._moment.whole != here
        to = here + by - (1 if inside and by > 0 else 0)
        if to > last or (to == last and by > 0 and not view.live) or (self._moment is None and by > 0):
            self.action_now()
            return
        self._show_moment(Moment(max(0, to)))

    async def _go_by(self, by: int, *, wide: bool = False) -> None:
        feed = self._feed
        if feed is None or self._view is None or (self._moment is None and by > 0):
            return
        # Of a large batch without an event log the times of its items are looked up first.
        found = await to_thread(feed.step, self._moment, by, wide=wide)
        if feed is not self._feed:
            return
        if found is not None:
            self._show_moment(found)
        elif self._moment is not None:
            self.action_now()
        else:
            self.post_message(Told("Nothing has ended yet: there is no earlier moment."))

    def _show_moment(self, moment: Moment) -> None:
        assert self._feed is not None
        self._moment = moment
        self._view = self._feed.moment(moment)
        self.query_one("#rail", Rail).follow = False
        self._paint()

    def action_now(self) -> None:
        """Show the run as it stands."""
        if self._feed is not None and self._moment is not None:
            self._moment = None
            self._view = self._feed.latest()
            self._paint()

    # Searching.

    def action_follow(self) -> None:
        """Follow the running node again."""
        self.query_one("#rail", Rail).follow = True
        self._paint()

    def action_find(self) -> None:
        """Type what to look for."""
        field = self.query_one("#find", Input)
        field.add_class("-shown")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at each key."""
        self._panes.find(event.value.strip())
        self._paint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes back to the pane; n and N go on."""
        event.input.remove_class("-shown")
        self._panes.show_tab(self._panes.tab).focus()

    def action_back(self) -> None:
        """Leave the search, else the zoom, else the inspector, else the place."""
        field = self.query_one("#find", Input)
        if self._panes.wanted or field.has_focus:
            field.value = ""
            field.remove_class("-shown")
            self._show_tab(self._panes.tab)
        elif self.maximized is None and isinstance(self.focused, Inspector):
            self._show_tab(self._panes.tab)
        else:
            super().action_back()

    def action_next_failure(self, step: int) -> None:
        """Go to another node that was searched for, else that failed or waits."""
        view = self._view
        if view is None:
            return
        if self._panes.wanted and self._panes.find(self._panes.wanted, step=step):
            return
        paths = [path for path, node in view.nodes.items() if node.state in {"failed", "paused", "interrupted"}]
        if not paths:
            self.post_message(Told("Nothing failed here, and nothing waits."))
            return
        rail = self.query_one("#rail", Rail)
        rail.follow = False
        at = paths.index(rail.path) + step if rail.path in paths else 0
        rail.reveal(paths[at % len(paths)])
