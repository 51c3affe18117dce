"""How a run that did not reach its end ends: everywhere the same word, and it can be gone on with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hypergraph import AsyncRunner, Graph, NodeContext, RunEndEvent, SyncRunner, node
from hypergraph.checkpointers import CheckpointPolicy, MemoryCheckpointer, SqliteCheckpointer, StepStatus, WorkflowStatus
from tests.hypergraph.both import Both, both


class Ends:
    """Keeps how runs ended."""

    def __init__(self) -> None:
        self.status: list[str] = []
        self.down = 0

    def on_event(self, event: Any) -> None:
        if isinstance(event, RunEndEvent):
            self.status.append(event.status.value)

    def shutdown(self) -> None:
        self.down += 1


@both
@pytest.mark.parametrize("stored", [False, True])
def test_an_interrupt_from_the_keyboard_stops_the_run(runner: Both, stored: bool) -> None:
    """It comes through; listeners hear of the end, and a stored run can be resumed."""
    pressed = [True]

    @node(output_name="a")
    def inc(x: int) -> int:
        return x + 1

    @node(output_name="b")
    def hold(a: int) -> int:
        if pressed:
            pressed.clear()
            raise KeyboardInterrupt
        return a

    graph, ends, store = Graph([inc, hold]), Ends(), MemoryCheckpointer()
    runner = runner.having(checkpointer=store) if stored else runner
    with pytest.raises(KeyboardInterrupt):
        runner.run(graph, x=1, workflow_id="w", event_processors=[ends])
    assert (ends.status, ends.down) == (["stopped"], 1)
    if stored:
        assert store.get_run("w").status is WorkflowStatus.STOPPED
        assert runner.run(graph, workflow_id="w")["b"] == 2


@pytest.mark.parametrize("policy", [CheckpointPolicy(), CheckpointPolicy("sync"), CheckpointPolicy("exit", "latest")], ids=str)
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@pytest.mark.parametrize("mapped", [False, True])
async def test_a_cancelled_tree_is_stopped_at_every_level(policy: CheckpointPolicy, kind: str, mapped: bool) -> None:
    """Each run of it says so; a resume does what is left."""
    calls: list[int] = []
    reached, hold = asyncio.Event(), [True]

    @node(output_name="a")
    async def wait(x: int) -> int:
        calls.append(x)
        if x == 2 and hold:
            reached.set()
            await asyncio.Event().wait()
        return x

    inner = Graph([wait], name="inner")
    graph = Graph([inner.as_node().map_over("x") if mapped else inner.as_node()], name="outer")
    store = SqliteCheckpointer(":memory:", policy=policy) if kind == "sqlite" else MemoryCheckpointer(policy=policy)
    runner, ends = AsyncRunner(checkpointer=store), Ends()
    task = asyncio.create_task(runner.run(graph, x=[1, 2] if mapped else 2, workflow_id="w", event_processors=[ends]))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    runs = ["w", "w/inner", "w/inner/1"] if mapped else ["w", "w/inner"]
    assert [(await store.get_run_async(run)).status for run in runs] == [WorkflowStatus.STOPPED] * len(runs)
    assert ends.status[-1] == "stopped"
    assert ends.down == 1
    hold.clear()
    assert (await runner.run(graph, workflow_id="w"))["a"] == ([1, 2] if mapped else 2)
    assert calls == ([1, 2, 2] if mapped else [2, 2])


@both
def test_a_stopped_batch_goes_on_with_what_was_at_work(runner: Both) -> None:
    """The item that was running when the stop came runs again, those behind it for the first time."""
    calls: list[int] = []

    @node(output_name="a")
    def work(x: int) -> int:
        calls.append(x)
        if calls == [1, 2]:
            runner.runner.stop("b")
        return x

    store = MemoryCheckpointer()
    runner = runner.having(checkpointer=store)
    one_by_one = {} if isinstance(runner.runner, SyncRunner) else {"max_concurrency": 1}
    results = runner.map(Graph([work]), {"x": [1, 2, 3]}, map_over="x", workflow_id="b", **one_by_one)
    assert results.stopped
    assert store.get_run("b").status is WorkflowStatus.STOPPED
    results = runner.map(Graph([work]), {"x": [1, 2, 3]}, map_over="x", workflow_id="b", **one_by_one)
    assert results["a"] == [1, 2, 3]
    assert calls == [1, 2, 2, 3]


@both
def test_what_was_running_at_a_stop_is_partial_and_runs_again(runner: Both) -> None:
    """Its value was kept in the result, since it returned one."""
    turns: list[bool] = []

    @node(output_name="a")
    def work(x: int, ctx: NodeContext) -> int:
        if not turns:
            runner.runner.stop("w")
        turns.append(ctx.stop_requested)
        return x + len(turns)

    @node(output_name="b")
    def use(a: int) -> int:
        return a

    store = MemoryCheckpointer()
    runner = runner.having(checkpointer=store)
    result = runner.run(Graph([work, use]), x=0, workflow_id="w")
    assert (result.stopped, result.values) == (True, {"a": 1})
    assert [(step.status, step.partial) for step in store.steps("w")] == [(StepStatus.COMPLETED, True)]
    assert runner.run(Graph([work, use]), workflow_id="w").values == {"a": 2, "b": 2}
    assert turns == [True, False]


@both
def test_a_stop_does_not_leak_into_later_runs(runner: Both) -> None:
    """Neither under another id, nor the same, nor none; nor does one that came too early."""

    @node(output_name="a")
    def work(x: int) -> int:
        if x == 0:
            assert runner.runner.stop("w")
        return x

    graph = Graph([work])
    assert runner.runner.stop("w") is False
    assert runner.run(graph, x=1, workflow_id="w").completed
    assert runner.run(graph, x=0, workflow_id="w").stopped
    assert runner.runner.stop("w") is False
    for identity in ({"workflow_id": "w"}, {"workflow_id": "v"}, {}):
        assert runner.run(graph, x=1, **identity).completed
