"""Where an event belongs: which run, below which node of which run, inside which batch."""

from __future__ import annotations

from hypergraph.events.types import InterruptEvent, NodeEndEvent, NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from hypergraph.records import RunStatus

__all__ = ["Place", "Places"]


class Place:
    """One run or batch on display.

    Attributes:
        name: what people call it.
        path: names from the top down to it; the same for all items of a batch.
        quiet: it is inside a batch, which speaks for it.
        total: number of items of a batch, None for a run.
        done, failed: items that have ended, and those of them that failed.
    """

    __slots__ = ("done", "failed", "name", "path", "quiet", "total")

    def __init__(self, name: str, parent: Place | None, total: int | None) -> None:
        self.name = name
        self.path: tuple[str, ...] = (*parent.path, name) if parent is not None else (name,)
        self.quiet: bool = parent is not None and (parent.quiet or parent.total is not None)
        self.total: int | None = total
        self.done = 0
        self.failed = 0

    @property
    def depth(self) -> int:
        """How many runs are around it."""
        return len(self.path) - 1


class Places:
    """Follows runs and nodes by their spans. It holds what is running, and nothing of what has ended."""

    __slots__ = ("_items", "_nodes", "_runs")

    def __init__(self) -> None:
        self._runs: dict[str, Place] = {}
        self._items: set[str] = set()
        self._nodes: dict[str, tuple[str, str]] = {}

    @property
    def busy(self) -> bool:
        """True while a run is under way."""
        return bool(self._runs)

    def run_started(self, event: RunStartEvent) -> Place | None:
        """Give the new run's place; None for an item of a batch, which shares the batch's."""
        above = event.parent_span_id or ""
        batch = self._runs.get(above)
        if batch is not None and batch.total is not None and not event.is_map:
            self._runs[event.span_id] = batch
            self._items.add(event.span_id)
            return None
        parent_span, name = self._nodes.get(above, (above, event.graph_name or "graph"))
        place = Place(name, self._runs.get(parent_span), (event.map_size or 0) if event.is_map else None)
        self._runs[event.span_id] = place
        return place

    def run_ended(self, event: RunEndEvent) -> tuple[Place, bool] | None:
        """Give the ended run's place, and whether it was an item of a batch; None for a run that was never seen to start."""
        place = self._runs.pop(event.span_id, None)
        if place is None:
            return None
        # A node that was cancelled, or one that waits, has no end of its own.
        for span in [span for span, (run_span, _) in self._nodes.items() if run_span == event.span_id]:
            del self._nodes[span]
        item = event.span_id in self._items
        if item:
            self._items.discard(event.span_id)
            place.done += 1
            place.failed += event.status == RunStatus.FAILED
        return place, item

    def node_started(self, event: NodeStartEvent) -> Place | None:
        """Give the place of the run that the node is part of."""
        above = event.parent_span_id or ""
        self._nodes[event.span_id] = (above, event.node_name)
        return self._runs.get(above)

    def node_ended(self, event: NodeEndEvent | NodeErrorEvent | InterruptEvent) -> Place | None:
        """Give the place of the run that the node is part of; None for a node that has ended before."""
        if self._nodes.pop(event.span_id, None) is None:
            return None
        return self._runs.get(event.parent_span_id or "")
