"""Does the cost of one unit stay the same as the work grows? And how much memory does an item keep?"""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cases import build, timed
from benchmarks.work import chain, counter_loop
from hypergraph import SyncRunner

__all__ = ["Growth", "Memory", "growth", "memory"]


@dataclass(frozen=True)
class Growth:
    """Microseconds a unit at each size, and how much the largest costs against the one in the middle."""

    name: str
    unit: str
    points: dict[int, float]

    @property
    def factor(self) -> float:
        """Cost a unit at the largest size over that at the size where the fixed part has faded."""
        sizes = sorted(self.points)
        middle = next((size for size in sizes if size >= 1000), sizes[0])
        return self.points[sizes[-1]] / self.points[middle]


@dataclass(frozen=True)
class Memory:
    """Bytes that an item keeps, and bytes that a streamed batch needs at its peak, by size."""

    kept_floor: float
    kept: float
    looked_at: float
    peak_of_stream: dict[int, int]


def _points(sizes: list[int], prepare: Callable[[int], Callable[[], object]]) -> dict[int, float]:
    points = {}
    for size in sizes:
        work = prepare(size)
        if size <= 10_000:
            work()
        calls = max(1, 3000 // size)
        taken = []
        for _ in range(5 if size <= 10_000 else 1):
            gc.collect()
            taken.append(timed(lambda work=work, calls=calls: [work() for _ in range(calls)]) / (calls * size) * 1e6)
        points[size] = statistics.median(taken)
    return points


def _stream(size: int) -> Callable[[], object]:
    runner, graph = SyncRunner(), chain(2)

    def run() -> int:
        done = 0
        for _ in runner.map_iter(graph, {"v0": range(size)}, map_over="v0"):
            done += 1
        assert done == size
        return done

    return run


def growth(quick: bool) -> list[Growth]:
    """Measure from 10 to 10,000 nodes, 10 to 100,000 rounds, 10 to 1,000,000 items (a tenth of it when quick)."""
    runner = SyncRunner()
    tens = [10, 100, 1000, 10_000, 100_000, 1_000_000]
    cut = 1 if quick else 0

    def nodes(size: int) -> Callable[[], object]:
        graph = chain(size)
        return lambda: runner.run(graph, {"v0": 1})

    def rounds(size: int) -> Callable[[], object]:
        graph = counter_loop()
        return lambda: runner.run(graph, {"count": 0, "limit": size}, max_iterations=3 * size + 10)

    def items(size: int) -> Callable[[], object]:
        graph = chain(2)
        return lambda: runner.map(graph, {"v0": list(range(size))}, map_over="v0")

    return [
        Growth("nodes of a chain, run", "node", _points(tens[: 4 - cut], nodes)),
        Growth("nodes of a chain, built", "node", _points(tens[: 4 - cut], build)),
        Growth("rounds of a loop", "round", _points(tens[: 5 - cut], rounds)),
        Growth("items of a map", "item", _points(tens[: 5 - cut], items)),
        Growth("items of a streamed map", "item", _points(tens[: 6 - cut], _stream)),
    ]


def _kept(make: Callable[[], object], items: int) -> float:
    make()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    held = make()
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    del held
    return used / items


def memory(quick: bool) -> Memory:
    """Measure what mapped items keep, and what streaming needs at its peak."""
    items = 2_000 if quick else 20_000
    runner, graph, values = SyncRunner(), chain(5), {"v0": list(range(items))}

    def looked_at() -> object:
        results = runner.map(graph, values, map_over="v0")
        for result in results:
            result["v5"]
        return results

    peaks = {}
    for size in (1000, 10_000) if quick else (1000, 10_000, 100_000):
        work = _stream(size)
        tracemalloc.start()
        work()
        peaks[size] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return Memory(
        kept_floor=_kept(lambda: [{f"v{number}": item + number for number in range(1, 6)} for item in range(items)], items),
        kept=_kept(lambda: runner.map(graph, values, map_over="v0"), items),
        looked_at=_kept(looked_at, items),
        peak_of_stream=peaks,
    )
