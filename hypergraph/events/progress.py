"""Progress for people: bars on a terminal, lines everywhere else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from hypergraph._text import fix, quoted
from hypergraph.events._places import Place, Places
from hypergraph.events.processor import TypedEventProcessor
from hypergraph.events.types import (
    Event,
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RunEndEvent,
    RunStartEvent,
)
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.events._progress_bars import Bars
    from hypergraph.events._progress_lines import Lines

__all__ = ["RichProgressProcessor"]

_MODES = ("auto", "tty", "non-tty")


class RichProgressProcessor(TypedEventProcessor):
    """Shows how runs and batches get on.

    On a terminal (and in a notebook) there are nested bars: one per run, node and nested graph. A batch has a bar of its own with its
    failures counted, and one bar per node for all its items. Without a terminal there is a line per node; of a batch one at 10, 25, 50, 75
    and 100 %. One processor may serve several runs, also at the same time.

    Args:
        transient: take the bars away when all runs have ended.
        force_mode: "tty" for bars, "non-tty" for lines, "auto" to look at the output.

    Raises:
        ValueError: for another `force_mode`.
    """

    def __init__(self, *, transient: bool = True, force_mode: Literal["auto", "tty", "non-tty"] = "auto") -> None:
        if force_mode not in _MODES:
            raise ValueError(f"Invalid force_mode {force_mode!r}." + fix(f"Use one of {quoted(_MODES)}"))
        self._transient = transient
        self._mode = force_mode
        self._lock = threading.Lock()
        self._places = Places()
        self._view: Bars | Lines | None = None

    def on_event(self, event: Event) -> None:
        """Take one event; runs in several threads may report at the same time."""
        with self._lock:
            super().on_event(event)

    def shutdown(self) -> None:
        """Take down the bars, unless another run still needs them."""
        with self._lock:
            if self._view is not None and not self._places.busy:
                self._view.close()
                self._view = None

    def _shown(self) -> Bars | Lines:
        """Give the view; what it needs is imported on first use."""
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def _make_view(self) -> Bars | Lines:
        from hypergraph.events._progress_lines import Lines

        if self._mode == "non-tty":
            return Lines()
        try:
            from hypergraph.events._progress_bars import Bars, bars_fit
        except ImportError:  # rich is an extra; lines need nothing
            return Lines()
        return Bars(transient=self._transient) if self._mode == "tty" or bars_fit() else Lines()

    def on_run_start(self, event: RunStartEvent) -> None:
        """Place the run below what it belongs to."""
        place = self._places.run_started(event)
        if place is not None:
            self._shown().run_started(place)

    def on_run_end(self, event: RunEndEvent) -> None:
        """Count an item, or say how the run ended."""
        ended = self._places.run_ended(event)
        if ended is None:
            return
        place, item = ended
        if item:
            self._shown().item_ended(place, failed=event.status == RunStatus.FAILED)
        else:
            self._shown().run_ended(place, event)

    def on_node_start(self, event: NodeStartEvent) -> None:
        """Show the node as running."""
        place = self._places.node_started(event)
        if place is not None:
            self._shown().node_started(place, event.node_name)

    def on_node_end(self, event: NodeEndEvent) -> None:
        """Show the node as done."""
        place = self._places.node_ended(event)
        if place is not None:
            self._shown().node_ended(place, event.node_name, "cached" if event.cached else "completed", event.duration_ms)

    def on_node_error(self, event: NodeErrorEvent) -> None:
        """Show the node as failed."""
        self._node_stopped(event, event.node_name, "failed", event.error)

    def on_interrupt(self, event: InterruptEvent) -> None:
        """Show the node as waiting."""
        self._node_stopped(event, event.node_name, "paused", event.response_param)

    def _node_stopped(self, event: NodeErrorEvent | InterruptEvent, name: str, status: str, text: str) -> None:
        place: Place | None = self._places.node_ended(event)
        if place is not None:
            self._shown().node_ended(place, name, status, None, text)
