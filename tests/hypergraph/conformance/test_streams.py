"""A run that is read as a stream of events."""

from __future__ import annotations

import asyncio

import pytest

from hypergraph import (
    AsyncRunner,
    Graph,
    MissingInputError,
    NodeContext,
    NodeStartEvent,
    RunEndEvent,
    RunStartEvent,
    StreamingChunkEvent,
    node,
)


@node(output_name="a")
def inc(x: int) -> int:
    return x + 1


@node(output_name="last")
async def talk(x: int, ctx: NodeContext) -> int:
    while not ctx.stop_requested:
        ctx.stream(x)
        x += 1
        await asyncio.sleep(0)
    return x


async def test_it_begins_and_ends_with_the_run() -> None:
    """After it the result is there; reading again finds nothing more."""
    async with AsyncRunner().iter(Graph([inc]), x=1) as stream:
        events = [event async for event in stream]
        assert [event async for event in stream] == []
    assert isinstance(events[0], RunStartEvent)
    assert isinstance(events[-1], RunEndEvent)
    assert stream.result["a"] == 2


async def test_a_stop_from_within_ends_it() -> None:
    """Chunks came in order until then."""
    runner = AsyncRunner()
    chunks = []
    async with runner.iter(Graph([talk]), x=0, workflow_id="w") as stream:
        async for event in stream:
            if isinstance(event, StreamingChunkEvent):
                chunks.append(event.chunk)
                if event.chunk == 3:
                    runner.stop("w")
    assert stream.result.stopped
    assert chunks[:4] == [0, 1, 2, 3]
    assert chunks == sorted(chunks)


async def test_leaving_it_early_cancels_the_run() -> None:
    """There is no result, and the id is free again."""
    runner = AsyncRunner()
    async with runner.iter(Graph([talk]), x=0, workflow_id="w") as stream:
        async for event in stream:
            if isinstance(event, NodeStartEvent):
                break
    with pytest.raises(RuntimeError, match="left before its end"):
        _ = stream.result
    assert runner.stop("w") is False


async def test_what_is_refused_comes_through() -> None:
    """A call that cannot begin raises where it is read."""
    with pytest.raises(MissingInputError):
        async with AsyncRunner().iter(Graph([inc])) as stream:
            async for _ in stream:
                pass
