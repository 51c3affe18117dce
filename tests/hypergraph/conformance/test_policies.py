"""What a store keeps decides how much can be read later, never where a run goes on."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import END, AsyncRunner, Graph, interrupt, node, route
from hypergraph.checkpointers import CheckpointPolicy, MemoryCheckpointer, SqliteCheckpointer, StepRecord, StepStatus
from tests.hypergraph.both import Both, both

POLICIES = {
    "full": CheckpointPolicy(),
    "sync": CheckpointPolicy(durability="sync"),
    "latest": CheckpointPolicy(retention="latest"),
    "exit": CheckpointPolicy(durability="exit", retention="latest"),
}

policies = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest) -> Any:
    """Make a store of each kind."""
    return (lambda policy: SqliteCheckpointer(":memory:", policy=policy)) if request.param == "sqlite" else MemoryCheckpointer


@route(targets=["count", END])
def more(n: int) -> object:
    return END if n >= 6 else "count"


@both
@policies
def test_a_loop_that_failed_goes_on_in_its_round(runner: Both, make: Any, policy: CheckpointPolicy) -> None:
    """Also where only each node's newest step was kept; a fork begins where its value says."""
    calls: list[int] = []

    @node(output_name="n")
    def count(n: int) -> int:
        calls.append(n)
        if calls == [0, 1, 2, 3]:
            raise ValueError("three")
        return n + 1

    graph = Graph([count, more], entrypoint="count")
    runner = runner.having(checkpointer=make(policy))
    with pytest.raises(ValueError, match="three"):
        runner.run(graph, n=0, workflow_id="w")
    assert runner.run(graph, workflow_id="w")["n"] == 6
    assert calls == [0, 1, 2, 3, 3, 4, 5]
    calls.clear()
    assert runner.run(graph, n=4, fork_from="w")["n"] == 6
    assert calls == [4, 5]


@policies
async def test_a_conversation_goes_on_answer_by_answer(make: Any, policy: CheckpointPolicy) -> None:
    """Each answer is one round more."""

    @interrupt(output_name="user")
    def ask(messages: list[str]) -> str | None:
        return None

    @node(output_name="messages")
    def add(messages: list[str], user: str) -> list[str]:
        return [*messages, user]

    @route(targets=["ask", END])
    def on(messages: list[str]) -> object:
        return "ask" if len(messages) < 3 else END

    runner = AsyncRunner(checkpointer=make(policy))
    graph = Graph([ask, add, on], entrypoint="ask")
    assert (await runner.run(graph, messages=[], workflow_id="chat")).paused
    for word in "abc":
        result = await runner.run(graph, user=word, workflow_id="chat")
    assert result.completed
    assert result["messages"] == ["a", "b", "c"]


@both
@policies
@pytest.mark.parametrize("mapped", [False, True])
def test_a_nested_graph_in_a_loop_never_takes_an_old_turn_for_a_new_one(runner: Both, policy: CheckpointPolicy, mapped: bool) -> None:
    """Its child runs are counted on, however few of its steps are kept."""
    calls: list[int] = []
    broken = [True]

    @node(output_name="m")
    def work(n: int) -> int:
        calls.append(n)
        return n

    @node(output_name="n")
    def back(m: Any) -> Any:
        value = m[0] if mapped else m
        if value == 3 and broken:
            broken.clear()
            raise ValueError("three")
        return [value + 1] if mapped else value + 1

    @route(targets=["inner", END])
    def on(n: Any) -> object:
        return END if (n[0] if mapped else n) >= 6 else "inner"

    inner = Graph([work], name="inner").as_node()
    graph = Graph([inner.map_over("n") if mapped else inner, back, on], entrypoint="inner")
    runner = runner.having(checkpointer=MemoryCheckpointer(policy=policy))
    with pytest.raises(ValueError, match="three"):
        runner.run(graph, n=[0] if mapped else 0, workflow_id="w")
    runner.run(graph, workflow_id="w")
    assert calls == [0, 1, 2, 3, 4, 5]


@both
def test_windowed_keeps_the_last_supersteps_of_a_real_run(runner: Both, make: Any) -> None:
    """The state that is read shrinks with them; the run's own result does not."""

    @node(output_name="a")
    def one(x: int) -> int:
        return x

    @node(output_name="b")
    def two(a: int) -> int:
        return a

    @node(output_name="c")
    def three(b: int) -> int:
        return b

    store = make(CheckpointPolicy(retention="windowed", window=2))
    result = runner.having(checkpointer=store).run(Graph([one, two, three]), x=1, workflow_id="w")
    assert list(result.values) == ["a", "b", "c"]
    assert [step.node_name for step in store.steps("w")] == ["two", "three"]
    assert store.state("w") == {"b": 1, "c": 1}


@both
@pytest.mark.parametrize("by_checkpoint", [False, True])
def test_steps_that_were_written_by_hand_are_made_stale_by_a_new_input(runner: Both, by_checkpoint: bool) -> None:
    """Nothing says which input they had: any that is given is new."""

    @node(output_name="a")
    def inc(x: int) -> int:
        return x + 1

    @node(output_name="b")
    def double(a: int) -> int:
        return a * 2

    store = MemoryCheckpointer()
    store.create_run_sync("hand")
    for place, (name, versions, values) in enumerate([("inc", {"x": 1}, {"a": 6}), ("double", {"a": 1}, {"b": 12})]):
        store.save_step_sync(StepRecord("hand", place, name, place, StepStatus.COMPLETED, versions, values))
    source: dict[str, Any] = {"checkpoint": store.checkpoint("hand")} if by_checkpoint else {"fork_from": "hand"}
    assert runner.having(checkpointer=store).run(Graph([inc, double]), x=100, **source)["b"] == 202
