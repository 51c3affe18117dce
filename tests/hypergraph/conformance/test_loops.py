"""Loops in loops, beside loops, and the runs that are stored for them."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import END, Graph, GraphConfigError, InfiniteLoopError, ifelse, node, route
from hypergraph.checkpointers import MemoryCheckpointer
from tests.hypergraph.both import Both, both


@node(output_name="n")
def step(n: int) -> int:
    return n + 1


@route(targets=["step", END])
def three(n: int) -> object:
    return END if n >= 3 else "step"


@node(output_name="m")
def other(m: int) -> int:
    return m + 1


@route(targets=["other", END])
def on(m: int) -> object:
    return "other"


@route(targets=["step", END])
def again(n: int) -> object:
    return "step"


class Deaf:
    """Hears everything and keeps nothing."""

    def on_event(self, event: Any) -> None:
        pass

    def shutdown(self) -> None:
        pass


@both
@pytest.mark.parametrize("heard", [False, True])
def test_each_runaway_loop_has_its_own_budget(runner: Both, heard: bool) -> None:
    """With one pass each runs its first node once, and both values are kept."""
    graph = Graph([step, again, other, on], entrypoint=["step", "other"])
    listeners = {"event_processors": [Deaf()]} if heard else {}
    result = runner.run(graph, n=0, m=0, max_iterations=1, error_handling="continue", **listeners)
    assert isinstance(result.error, InfiniteLoopError)
    assert result.values == {"n": 1, "m": 1}


@both
def test_an_entry_point_fires_before_the_gate_that_names_it(runner: Both) -> None:
    """Wherever it stands in the list."""
    calls = []

    @node(output_name="n")
    def start(n: int) -> int:
        calls.append("start")
        return n + 1

    @route(targets=["start", END])
    def gate(n: int) -> object:
        calls.append("gate")
        return END

    runner.run(Graph([gate, start], entrypoint="start"), n=0)
    assert calls == ["start", "gate"]


@both
@pytest.mark.parametrize("stored", [False, True])
def test_every_level_around_a_loop_names_its_entry_point(runner: Both, stored: bool) -> None:
    """A port that is input and output makes each level a loop; the inner one runs to its end each time."""
    calls = []

    @node(output_name="k")
    def work(k: int) -> int:
        calls.append(k)
        return k + 1

    @route(targets=["work", END])
    def of_three(k: int) -> object:
        return END if k % 3 == 0 else "work"

    @route(targets=["inner", END])
    def of_nine(k: int) -> object:
        return END if k >= 9 else "inner"

    inner = Graph([work, of_three], name="inner", entrypoint="work").as_node()
    with pytest.raises(GraphConfigError, match="explicit entrypoint"):
        Graph([inner, of_nine])
    outer = Graph([inner, of_nine], name="outer", entrypoint="inner").as_node()
    with pytest.raises(GraphConfigError, match="explicit entrypoint"):
        Graph([outer])
    runner = runner.having(checkpointer=MemoryCheckpointer()) if stored else runner
    assert runner.run(Graph([outer], entrypoint="outer"), k=0)["k"] == 9
    assert calls == list(range(9))


@both
def test_a_turn_that_repeats_an_output_is_a_run_of_its_own(runner: Both) -> None:
    """A nested graph has one child run per turn, also where a part of what it gives stays the same."""

    @node(output_name=("n", "constant"))
    def both_of(n: int) -> tuple[int, str]:
        return n + 1, "same"

    @route(targets=["inner", END])
    def gate(n: int) -> object:
        return END if n >= 3 else "inner"

    inner = Graph([both_of], name="inner", entrypoint="both_of").as_node()
    store = MemoryCheckpointer()
    runner.having(checkpointer=store).run(Graph([inner, gate], entrypoint="inner"), n=0, workflow_id="w")
    children = sorted(run.id for run in store.runs(parent_run_id="w"))
    assert children == ["w/inner", "w/inner/2", "w/inner/3"]
    assert [step.child_run_id for step in store.steps("w") if step.node_name == "inner"] == children


@both
def test_a_mapped_turn_has_a_batch_of_its_own(runner: Both) -> None:
    """With its items below it."""

    @node(output_name="items")
    def make(n: int) -> list[int]:
        return [n, n]

    @node(output_name="done")
    def work(items: int) -> int:
        return items

    @node(output_name="n")
    def count(n: int, done: list[int]) -> int:
        return n + 1

    @route(targets=["make", END])
    def gate(n: int) -> object:
        return END if n >= 2 else "make"

    embed = Graph([work], name="embed").as_node().map_over("items")
    store = MemoryCheckpointer()
    runner.having(checkpointer=store).run(Graph([make, embed, count, gate], entrypoint="make"), n=0, workflow_id="w")
    runs = {run.id for run in store.runs(limit=None)}
    assert runs == {"w", "w/embed", "w/embed/0", "w/embed/1", "w/embed/turn-2", "w/embed/turn-2/0", "w/embed/turn-2/1"}
    assert store.get_run("w/embed/turn-2/1").parent_run_id == "w/embed/turn-2"


@both
def test_each_repetition_is_a_step_of_its_own_superstep(runner: Both) -> None:
    """Numbered through, with the decision of each round."""
    store = MemoryCheckpointer()
    runner.having(checkpointer=store).run(Graph([step, three], entrypoint="step"), n=0, workflow_id="w")
    steps = store.steps("w")
    assert [(one.superstep, one.index, one.node_name) for one in steps] == [
        (place, place, "step" if place % 2 == 0 else "three") for place in range(6)
    ]
    assert [one.decision for one in steps[1::2]] == ["step", "step", "END"]
    assert store.get_run("w").node_count == 6


@both
def test_a_consumer_reads_its_declared_producers_alone(runner: Both) -> None:
    """The other branch made a value of that name; it is not for this node."""
    seen = []

    @node(output_name="v")
    def left(x: bool) -> str:
        return "left"

    @node(output_name="v")
    def right(x: bool) -> str:
        return "right"

    @ifelse(when_true="left", when_false="right")
    def gate(x: bool) -> bool:
        return x

    @node(output_name="read")
    def read(v: str) -> str:
        seen.append(v)
        return v

    graph = Graph([gate, left, right, read], edges=[(left, read)])
    assert runner.run(graph, x=False).values == {"v": "right"}
    assert runner.run(graph, x=True)["read"] == "left"
    assert seen == ["left"]


@both
@pytest.mark.parametrize("heard", [False, True])
def test_two_starts_that_wait_for_each_others_way_round_go_on(runner: Both, heard: bool) -> None:
    """A start with something new waits for what lies behind it, and that for the start: what has not run goes first."""
    calls: list[str] = []

    @node(output_name="shared")
    def first(shared: int, back: int) -> int:
        calls.append("first")
        return shared + back

    @node(output_name="sent")
    def second(shared: int, back: int) -> int:
        calls.append("second")
        return shared + back

    @node(output_name="back")
    def behind(sent: int) -> int:
        calls.append("behind")
        if len(calls) > 9:
            raise ValueError("enough")
        return sent

    graph = Graph([second, first, behind], entrypoint=["first", "second"])
    listeners = {"event_processors": [Deaf()]} if heard else {}
    with pytest.raises(ValueError, match="enough"):
        runner.run(graph, shared=0, back=0, **listeners)
    assert calls[:3] == ["second", "first", "behind"]
