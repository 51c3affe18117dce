"""What a unit of work costs does not depend on how many there are: calls are counted, no clock is read."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hypergraph import END, AsyncRunner, FunctionNode, Graph, SqliteCheckpointer, SyncRunner, route

Work = Callable[[], object]


def calls(work: Work) -> int:
    """Count the calls, of Python and of C functions, that `work` makes."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def per_unit(make: Callable[[int], Work], small: int = 40, large: int = 160, largest: int = 640) -> float:
    """Give the calls that one more unit takes, which must be as many among many units as among few."""
    counts = []
    for size in (small, large, largest):
        work = make(size)
        work()  # what is compiled on first use is no part of it
        counts.append(calls(work))
    low, high = (counts[1] - counts[0]) / (large - small), (counts[2] - counts[1]) / (largest - large)
    assert high <= low * 1.05 + 0.1, f"{low:.2f} calls a unit among few, {high:.2f} among many"
    return high


def named(parameters: str, *, is_async: bool = False) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(f"{'async ' if is_async else ''}def made({parameters}):\n    return 1", scope)
    return scope["made"]


def chain(size: int, *, is_async: bool = False) -> Graph:
    functions = [named(f"v{number}", is_async=is_async) for number in range(size)]
    return Graph([FunctionNode(func, name=f"n{i}", output_name=f"v{i + 1}") for i, func in enumerate(functions)], name="chain")


def fan(size: int, *, is_async: bool = False) -> Graph:
    middle = [FunctionNode(named("h", is_async=is_async), name=f"m{i}", output_name=f"w{i}") for i in range(size)]
    head = FunctionNode(named("x", is_async=is_async), name="head", output_name="h")
    tail = FunctionNode(named(", ".join(f"w{i}" for i in range(size)), is_async=is_async), name="tail", output_name="end")
    return Graph([head, *middle, tail], name="fan")


def counter() -> Graph:
    def count_up(count: int) -> int:
        return count + 1

    @route(targets=["count_up", END])
    def again(count: int, limit: int) -> Any:
        return END if count >= limit else "count_up"

    return Graph([FunctionNode(count_up, output_name="count"), again], entrypoint="count_up")


class Deaf:
    def on_event(self, event: object) -> None:
        pass

    def shutdown(self) -> None:
        pass


def run(graph: Graph, values: dict[str, Any], **options: Any) -> Work:
    runner = SyncRunner()
    return lambda: runner.run(graph, values, **options)


def run_async(graph: Graph, values: dict[str, Any], **options: Any) -> Work:
    runner = AsyncRunner()

    async def once() -> None:
        await runner.run(graph, values, **options)

    loop = asyncio.new_event_loop()

    def work() -> None:
        loop.run_until_complete(once())

    work.loop = loop  # type: ignore[attr-defined]
    return work


@pytest.fixture
def on_loop():
    """Give `run_async`, and close what it opened."""
    made: list[Any] = []

    def make(*args: Any, **kwargs: Any) -> Work:
        work = run_async(*args, **kwargs)
        made.append(work)
        return work

    yield make
    for work in made:
        work.loop.close()


def test_a_node_of_a_chain():
    """The node itself, the clock, and the note of the time."""
    assert per_unit(lambda size: run(chain(size), {"v0": 1})) <= 3


def test_a_node_side_by_side_with_others():
    assert per_unit(lambda size: run(fan(size), {"x": 1})) <= 3


def test_a_round_of_a_loop():
    def make(rounds: int) -> Work:
        return run(counter(), {"count": 0, "limit": rounds}, max_iterations=10_000)

    assert per_unit(make) <= 14


def test_a_node_of_a_chain_of_coroutines(on_loop):
    assert per_unit(lambda size: on_loop(chain(size, is_async=True), {"v0": 1})) <= 3


def test_a_coroutine_side_by_side_with_others(on_loop):
    assert per_unit(lambda size: on_loop(fan(size, is_async=True), {"x": 1})) <= 22


def test_a_node_before_an_audience():
    """Three events, their ids and times, and what hears them."""
    assert per_unit(lambda size: run(chain(size), {"v0": 1}, event_processors=[Deaf()])) <= 21


def test_a_node_in_a_conversation():
    """With an id a run can be stopped, and is carried on step by step."""
    assert per_unit(lambda size: run(chain(size), {"v0": 1}, workflow_id="one")) <= 50


def test_a_round_in_a_conversation():
    def make(rounds: int) -> Work:
        return run(counter(), {"count": 0, "limit": rounds}, workflow_id="one", max_iterations=10_000)

    assert per_unit(make) <= 150


def test_an_item_of_a_batch():
    runner, graph = SyncRunner(), chain(3)
    assert per_unit(lambda size: lambda: runner.map(graph, {"v0": list(range(size))}, map_over="v0")) <= 16


def test_an_item_of_a_streamed_batch():
    runner, graph = SyncRunner(), chain(3)
    assert per_unit(lambda size: lambda: [None for _ in runner.map_iter(graph, {"v0": range(size)}, map_over="v0")]) <= 24


def test_an_item_of_a_concurrent_batch():
    runner, graph = AsyncRunner(), chain(3, is_async=True)

    async def batch(size: int) -> None:
        await runner.map(graph, {"v0": list(range(size))}, map_over="v0", max_concurrency=5)

    with asyncio.Runner() as loop:
        assert per_unit(lambda size: lambda: loop.run(batch(size))) <= 30


def test_a_stored_step(tmp_path: Path):
    """Nothing that was stored before is looked at again."""
    store = SqliteCheckpointer(tmp_path / "runs.db")
    runner = SyncRunner(checkpointer=store)
    try:
        assert per_unit(lambda size: partial(runner.run, chain(size), {"v0": 1}), 20, 60, 180) <= 200
    finally:
        store.close_sync()


def test_a_restored_step(tmp_path: Path):
    """A run that goes on reads each stored step once."""
    store = SqliteCheckpointer(tmp_path / "runs.db")
    runner = SyncRunner(checkpointer=store)

    def make(size: int) -> Work:
        graph = chain(size)
        runner.run(graph, {"v0": 1}, workflow_id=f"source-{size}")
        return lambda: runner.run(graph, fork_from=f"source-{size}")

    try:
        assert per_unit(make, 20, 60, 180) <= 120
    finally:
        store.close_sync()


def test_a_long_chain_does_not_recurse():
    result = SyncRunner().run(chain(3000), {"v0": 1})
    assert result["v3000"] == 1
    assert len(result.log.steps) == 3000
