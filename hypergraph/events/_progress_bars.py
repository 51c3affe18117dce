"""Progress as nested bars."""

from __future__ import annotations

from collections import deque

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from hypergraph.events._places import Place
from hypergraph.events.types import RunEndEvent
from hypergraph.records import RunStatus

__all__ = ["Bars", "bars_fit"]

# More do not fit on a screen; what ended first is hidden first.
_MOST = 24


def bars_fit() -> bool:
    """True when the output can show bars that move."""
    console = Console()
    return (console.is_terminal and not console.is_dumb_terminal) or console.is_jupyter


class _Failures(ProgressColumn):
    """Counts what failed, in red."""

    def render(self, task: Task) -> Text:
        failed = task.fields.get("failed", 0)
        return Text(f"{failed} failed" if failed else str(task.fields.get("note", "")), style="red" if failed else "dim")


class _Bar:
    """One line on the screen.

    Attributes:
        total: what it goes up to; it grows as more is started, where nobody knows the number beforehand (`grows`).
        counts_items: it belongs to a batch, top-level or behind a mapped GraphNode, and counts items.
    """

    __slots__ = ("counts_items", "done", "ended", "failed", "grows", "hidden", "id", "note", "total")

    def __init__(self, id_: TaskID, total: int | None) -> None:
        self.id = id_
        self.total = total or 0
        self.grows = total is None
        self.counts_items = False
        self.done = 0
        self.failed = 0
        self.note = ""
        self.ended = False
        self.hidden = False


class Bars:
    """Shows one bar per run, batch and node; all items of a batch share the bars of its nodes."""

    def __init__(self, *, transient: bool, console: Console | None = None) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Failures(),
            console=console,
            transient=transient,
        )
        self._bars: dict[tuple[str, ...], _Bar] = {}
        self._ended: deque[_Bar] = deque()
        self._shown = 0
        self._progress.start()

    def _bar(self, path: tuple[str, ...], total: int | None) -> _Bar:
        bar = self._bars.get(path)
        if bar is None:
            label = "  " * (len(path) - 1) + path[-1]
            bar = self._bars[path] = _Bar(self._progress.add_task(label, total=total, failed=0, note=""), total)
            self._shown += 1
            self._make_room()
        return bar

    def _make_room(self) -> None:
        while self._shown > _MOST and self._ended:
            bar = self._ended.popleft()
            if bar.ended and not bar.hidden:
                bar.hidden = True
                self._progress.update(bar.id, visible=False)
                self._shown -= 1

    def _draw(self, bar: _Bar) -> None:
        self._progress.update(bar.id, completed=bar.done, total=bar.total or None, failed=bar.failed, note=bar.note)

    def run_started(self, place: Place) -> None:
        """Show the bar of a run or batch. A nested run has its node's bar; of a mapped node that bar counts the items."""
        if place.total is not None:
            bar = self._bar(place.path, place.total)
            bar.total = place.total + (bar.total if bar.counts_items else 0)
            if not bar.counts_items:
                bar.counts_items, bar.grows, bar.done = True, False, 0
            self._draw(bar)
        elif place.depth == 0:
            self._bar(place.path, None)

    def item_ended(self, place: Place, *, failed: bool) -> None:
        """Count an item of a batch."""
        bar = self._bar(place.path, place.total)
        bar.done += 1
        bar.failed += failed
        self._draw(bar)

    def run_ended(self, place: Place, event: RunEndEvent) -> None:
        """Say on its own bar how a top-level run or batch ended."""
        if place.depth == 0:
            bar = self._bar(place.path, place.total)
            bar.note = "" if event.status == RunStatus.COMPLETED else str(event.status)
            self._draw(bar)

    def node_started(self, place: Place, name: str) -> None:
        """Show the node's bar."""
        bar = self._bar((*place.path, name), place.total)
        bar.total += bar.grows
        bar.ended = False
        if bar.hidden:
            bar.hidden = False
            self._progress.update(bar.id, visible=True)
            self._shown += 1
        self._draw(bar)

    def node_ended(self, place: Place, name: str, status: str, spent: float | None, text: str = "") -> None:
        """Count an execution of the node, and for a top-level run one more node."""
        bar = self._bar((*place.path, name), place.total)
        bar.note = status if status in {"cached", "paused"} else ""
        if not bar.counts_items:
            bar.done += 1
            bar.failed += status == "failed"
        self._draw(bar)
        if bar.done >= bar.total and not bar.ended:
            bar.ended = True
            self._ended.append(bar)
            self._make_room()
        if place.depth == 0 and place.total is None:
            run = self._bar(place.path, None)
            run.done += 1
            run.total = max(run.total, run.done)
            self._draw(run)

    def close(self) -> None:
        """Leave the screen as it was, or with the last state of the bars."""
        self._progress.stop()
