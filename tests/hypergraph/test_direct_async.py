"""Without an audience, a store or an id, straight graphs run as programs on the loop: nobody can tell from the results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hypergraph import AsyncRunner, Graph, RunStatus, node
from hypergraph.runners.direct_async import async_program_of


@node(output_name="a")
async def first(x: int) -> int:
    return x + 1


@node(output_name="b")
async def slow(a: int) -> int:
    for _ in range(3):
        await asyncio.sleep(0)
    return a * 2


@node(output_name="c")
def plain(a: int) -> int:
    return a * 3


@node(output_name=("d", "e"))
async def two(a: int, step: int = 2) -> tuple[int, int]:
    return a + step, a - step


@node(output_name="pieces")
async def pieces(a: int):
    for number in range(a):
        yield number


@node(output_name="listed")
def listed(a: int):
    yield from range(a)


@node(output_name="total")
async def total(b: int, c: int, d: int, e: int, pieces: list[int], listed: list[int]) -> int:
    return b + c + d + e + sum(pieces) + sum(listed)


@node(output_name="f")
async def broken(a: int) -> int:
    await asyncio.sleep(0)
    raise ValueError("broken")


@node(output_name="g")
def snapped(a: int) -> int:
    raise KeyError("snapped")


@node(output_name="h")
def after(f: int) -> int:
    return f


@node(output_name=("p", "q"))
async def too_few(a: int) -> Any:
    return (a,)


@node(output_name="k")
def fine(a: int) -> int:
    return a


GRAPHS = {
    "chain": Graph([first, slow]),
    "everything": Graph([first, slow, plain, two, pieces, listed, total], name="everything"),
    "one fails": Graph([first, broken, slow, after]),
    "two fail": Graph([first, snapped, broken, fine, slow], name="two fail"),
    "plain ones fail": Graph([first, snapped, fine]),
    "a chain fails": Graph([first, broken, after]),
    "wrong count": Graph([first, too_few]),
    "selected": Graph([first, slow, plain]).select("c"),
    "empty": Graph([]),
}


def seen(result: Any) -> Any:
    steps = sorted((step.superstep, step.node_name, step.status, step.error) for step in result.log.steps)
    return result.status, dict(result.values), repr(result.error), getattr(result.error, "__notes__", None), steps


@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize("name", GRAPHS)
async def test_a_program_ends_as_the_conversation_does(name: str, limit: int | None):
    graph = GRAPHS[name]
    assert async_program_of(graph, cached=False) is not None
    values = {"x": 3} if name != "empty" else {}
    options = {"error_handling": "continue", "max_concurrency": limit}
    direct = await AsyncRunner().run(graph, values, **options)
    whole = await AsyncRunner().run(graph, values, workflow_id="with-an-id", **options)
    assert seen(direct) == seen(whole)


@pytest.mark.parametrize("limit", [None, 1, 3])
@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "empty"])
async def test_a_batch_ends_as_the_conversation_does(name: str, limit: int | None):
    options = {"map_over": "x", "error_handling": "continue", "max_concurrency": limit}
    direct = await AsyncRunner().map(GRAPHS[name], {"x": [1, 2, 3, 4]}, **options)
    whole = await AsyncRunner().map(GRAPHS[name], {"x": [1, 2, 3, 4]}, workflow_id="with-an-id", **options)
    assert [seen(item) for item in direct] == [seen(item) for item in whole]


@pytest.mark.parametrize("limit", [None, 1, 3])
@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "empty"])
async def test_a_streamed_batch_ends_as_the_conversation_does(name: str, limit: int | None):
    async def streamed(**more: Any) -> dict[int, Any]:
        options = {"map_over": "x", "error_handling": "continue", "max_concurrency": limit, **more}
        return {index: seen(item) async for index, item in AsyncRunner().map_iter(GRAPHS[name], {"x": [1, 2, 3, 4]}, **options)}

    assert await streamed() == await streamed(workflow_id="with-an-id")


@pytest.mark.parametrize("options", [{}, {"workflow_id": "one"}], ids=["program", "conversation"])
async def test_a_stream_can_be_left_and_can_fail(options: dict[str, str]):
    """Leaving early cancels what runs; a failure is raised where it is read, when what ended before has been given."""

    @node(output_name="y")
    async def picky(x: int) -> int:
        await asyncio.sleep(0)
        if x == 5:
            raise ValueError("five")
        return x

    def stream() -> Any:
        return AsyncRunner().map_iter(Graph([picky]), {"x": list(range(40))}, map_over="x", max_concurrency=2, **options)

    left = stream()
    async for index, _ in left:
        assert index in (0, 1)
        break
    await left.aclose()
    given: list[int] = []
    with pytest.raises(ValueError, match="five"):
        async for _, item in stream():
            given.append(item["y"])
            await asyncio.sleep(0.001)
    assert set(given) >= {0, 1, 2, 3}
    assert 5 not in given
    assert [pair async for pair in AsyncRunner().map_iter(Graph([picky]), {"x": []}, map_over="x", **options)] == []


async def test_the_first_failure_cancels_who_still_works():
    """Siblings tidy up before the error reaches the caller."""
    said: list[str] = []

    @node(output_name="late")
    async def waiting(a: int) -> int:
        try:
            await asyncio.sleep(60)
        finally:
            said.append("tidied up")
        return a

    with pytest.raises(ValueError, match="broken"):
        await AsyncRunner().run(Graph([first, waiting, broken]), {"x": 1})
    with pytest.raises(ValueError, match="broken"):
        await AsyncRunner().map(Graph([first, waiting, broken]), {"x": [1]}, map_over="x")
    assert said == ["tidied up", "tidied up"]
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_caller_leaves_nothing_behind():
    started = asyncio.Event()

    @node(output_name="never")
    async def endless(x: int) -> int:
        started.set()
        await asyncio.sleep(60)
        return x

    @node(output_name="neither")
    async def endless_too(x: int) -> int:
        await asyncio.sleep(60)
        return x

    calls = [
        lambda: AsyncRunner().run(Graph([endless, endless_too]), {"x": 1}),
        lambda: AsyncRunner().map(Graph([endless]), {"x": [1, 2, 3]}, map_over="x", max_concurrency=2),
    ]
    for call in calls:
        started.clear()
        task = asyncio.create_task(call())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("options", [{}, {"workflow_id": "one"}], ids=["program", "conversation"])
async def test_a_node_that_is_cancelled_from_within_ends_its_batch(options: dict[str, str]):
    @node(output_name="never")
    async def cancelled(x: int) -> int:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await AsyncRunner().map(Graph([cancelled]), {"x": [1, 2]}, map_over="x", **options)
    with pytest.raises(asyncio.CancelledError):
        await AsyncRunner().run(Graph([cancelled, first]), {"x": 1}, **options)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_a_budget_is_kept(limit: int):
    """No more nodes than allowed are at work, in a run and over the items of a batch."""
    working = most = 0

    def worker(name: str) -> Any:
        @node(output_name=name)
        async def work(x: int) -> int:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await asyncio.sleep(0)
            working -= 1
            return x

        return work.with_name(name)

    await AsyncRunner().run(Graph([worker(f"n{number}") for number in range(12)]), {"x": 1}, max_concurrency=limit)
    assert most == limit
    most = 0
    await AsyncRunner().map(Graph([worker("n0")]), {"x": list(range(12))}, map_over="x", max_concurrency=limit)
    assert most == limit


async def test_items_keep_their_order_and_their_times():
    """The first item ends last; each result still has its own values and log."""

    @node(output_name="y")
    async def backwards(x: int) -> int:
        for _ in range(10 - 3 * x):
            await asyncio.sleep(0)
        return x

    results = await AsyncRunner().map(Graph([backwards]), {"x": [0, 1, 2]}, map_over="x")
    assert results["y"] == [0, 1, 2]
    assert results.status is RunStatus.COMPLETED
    assert [item.log.steps[0].node_name for item in results] == ["backwards"] * 3
    spent = [item.log.steps[0].duration_ms for item in results]
    assert all(duration >= 0 for duration in spent)
    assert len({item.run_id for item in results}) == 3
