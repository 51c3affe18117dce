"""A batch without an audience on an event loop: a fixed set of workers pulls items, and per item a row and its times are kept."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.results import MapResult, RunResult
from hypergraph.runners.crew import Crew, streamed
from hypergraph.runners.direct import rows_result

if TYPE_CHECKING:
    from hypergraph.engine.mapping import Items
    from hypergraph.engine.run import Ended
    from hypergraph.graph import Graph
    from hypergraph.runners.direct_async import AsyncProgram

__all__ = ["async_items", "async_map"]

_Put = Callable[[Any], Awaitable[None]]


async def async_map(program: AsyncProgram, items: Items, graph: Graph, *, keep_going: bool, workers: int) -> MapResult:
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


async def async_items(
    program: AsyncProgram, items: Items, *, keep_going: bool, workers: int
) -> AsyncGenerator[tuple[int, RunResult], None]:
    """Run a program once per item, and give the results as items end; nothing is kept. Without `keep_going` a failure is raised."""
    batch = _Batch(program, items, keep_going)

    def fill(put: _Put) -> Awaitable[None]:
        batch.put = put
        return batch.run(workers)

    async with aclosing(streamed(fill, min(workers, 100))) as ended:
        async for index, result in ended:
            if isinstance(result, RunResult):
                yield index, result
            elif keep_going:
                yield index, result.result()
            else:
                raise result.error


class _Batch(Crew):
    """Items at work.

    Attributes:
        rows: per item its outputs.
        failures: per failed item how it ended.
        error: what failed first.
        put: takes each item as it ends, in place of keeping it.
    """

    __slots__ = ("_base", "_begins", "_items", "_keep_going", "_places", "_program", "_times", "_width", "error", "failures", "put", "rows")

    def __init__(self, program: AsyncProgram, items: Items, keep_going: bool) -> None:
        super().__init__()
        self._program = program
        self._items = items
        self._keep_going = keep_going
        self._base = program.slots(items.shared)
        self._places = [program.plan.given[name] for name in items.params]
        self._times = array("d")
        # Items end in any order: where the times of each begin.
        self._begins = array("q")
        self._width = 0
        self.rows: list[Any] = []
        self.failures: dict[int, Ended] = {}
        self.error: BaseException | None = None
        self.put: _Put | None = None

    async def run(self, workers: int) -> None:
        """Run all items."""
        if self.put is None:
            self.rows = [()] * self._items.count
            self._begins = array("q", bytes(8 * self._items.count))
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
                ended = program.failed(slots, tuple(times), failures) if failures else None
                if self.put is not None:
                    await self.put((index, ended or program.completed(program.values(slots), tuple(times))))
                else:
                    self._keep(index, slots, times, ended)
                if ended is None:
                    continue
                self.error = self.error or ended.error
                if not self._keep_going:
                    self.enough()
                    return
        except BaseException as error:
            self.escape(error)
            raise
        self.leave()

    def _keep(self, index: int, slots: list[Any], times: list[float], ended: Ended | None) -> None:
        if ended is not None:
            self.failures[index] = ended
            return
        self.rows[index] = self._program.row(slots)
        self._width = len(times)
        self._begins[index] = len(self._times)
        self._times.extend(times)
