"""A batch without an audience on an event loop: a fixed set of workers pulls items, and per item a row and its times are kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.results import MapResult
from hypergraph.runners.crew import Crew
from hypergraph.runners.direct import rows_result

if TYPE_CHECKING:
    from hypergraph.engine.mapping import Items
    from hypergraph.engine.run import Ended
    from hypergraph.graph import Graph
    from hypergraph.results import RunResult
    from hypergraph.runners.direct_async import AsyncProgram

__all__ = ["async_map"]


async def async_map(program: AsyncProgram, graph: Graph, items: Items, *, keep_going: bool, workers: int) -> MapResult:
    """Run a program once per item, no more than `workers` items at once. Without `keep_going` the first failure ends the batch."""
    if not items.count:
        return MapResult((), None, 0, items.params, items.mode, graph.name)
    batch = _Batch(program, items, keep_going)
    started = perf_counter()
    await batch.run(workers)
    duration_ms = (perf_counter() - started) * 1000
    if batch.error is not None and not keep_going:
        raise batch.error
    return rows_result(program.names, batch.rows, batch.failures, batch.completed, duration_ms, items, graph)


class _Batch(Crew):
    """Items at work.

    Attributes:
        rows: per item its outputs.
        failures: per failed item how it ended.
        error: what failed first.
    """

    __slots__ = ("_base", "_begins", "_items", "_keep_going", "_places", "_program", "_times", "_width", "error", "failures", "rows")

    def __init__(self, program: AsyncProgram, items: Items, keep_going: bool) -> None:
        super().__init__()
        self._program = program
        self._items = items
        self._keep_going = keep_going
        self._base = program.slots(items.shared)
        self._places = [program.plan.given[name] for name in items.params]
        self._times = array("d")
        # Items end in any order: where the times of each begin.
        self._begins = array("q", bytes(8 * items.count))
        self._width = 0
        self.rows: list[Any] = [()] * items.count
        self.failures: dict[int, Ended] = {}
        self.error: BaseException | None = None

    async def run(self, workers: int) -> None:
        """Run all items."""
        queue = enumerate(self._items.columns())
        await self.work([self._work(queue) for _ in range(min(workers, self._items.count))])

    def completed(self, values: dict[str, Any], index: int, run_id: str) -> RunResult:
        """Build the result of a completed item."""
        begin = self._begins[index]
        return self._program.completed(values, self._times[begin : begin + self._width], run_id)

    async def _work(self, queue: Iterator[tuple[int, tuple[Any, ...]]]) -> None:
        program, places = self._program, self._places
        times: list[float] = []
        try:
            for index, values in queue:
                slots = self._base.copy()
                for place, value in zip(places, values, strict=True):
                    slots[place] = value
                times.clear()
                failures = await program.execute(slots, times, keep_going=self._keep_going, limit=None)
                if not failures:
                    self.rows[index] = program.row(slots)
                    self._width = len(times)
                    self._begins[index] = len(self._times)
                    self._times.extend(times)
                    continue
                ended = self.failures[index] = program.failed(slots, tuple(times), failures)
                self.error = self.error or ended.error
                if not self._keep_going:
                    self.enough()
                    return
        except BaseException as error:
            self.escape(error)
            raise
        self.leave()
