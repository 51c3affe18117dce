"""A graph compiled once: slots, regions, layers, and the order of a round."""

from __future__ import annotations

from typing import Any

from hypergraph import END, FunctionNode, Graph, ifelse, node, route
from hypergraph.plan import BOUND, COPIED_DEFAULT, NO_FALLBACK, SHARED_DEFAULT, plan_of
from tests.hypergraph.reference import call


def make(name: str, reads: str, out: str) -> FunctionNode:
    return FunctionNode(call(name, reads.split(), lambda *values: sum(values)), output_name=out)


def layers(graph: Graph) -> list[list[str]]:
    return [sorted(op.name for region in layer for op in region.ops) for layer in plan_of(graph).layers]


def test_a_plan_is_made_once() -> None:
    """And kept with its graph; a changed graph has its own."""
    graph = Graph([make("a", "x", "y")])
    assert plan_of(graph) is plan_of(graph)
    assert plan_of(graph.bind(x=1)) is not plan_of(graph)


def test_layers_are_longest_ways() -> None:
    """A node runs after everything that may feed it."""
    graph = Graph([make("d", "b c", "e"), make("b", "a", "b"), make("a", "x", "a"), make("c", "b", "c")])
    assert layers(graph) == [["a"], ["b"], ["c"], ["d"]]


def test_a_gate_stands_in_a_layer_before_its_targets() -> None:
    """Control edges take part in the plan."""

    @ifelse("left", "right")
    def side(x: int) -> bool:
        return True

    assert layers(Graph([make("left", "x", "l"), make("right", "x", "r"), side])) == [["side"], ["left", "right"]]


def test_a_gate_driven_loop_is_one_region() -> None:
    """Its entry point comes first in the round, the gate last."""

    @route(["grow", END])
    def again(n: int) -> Any:
        return END

    plan = plan_of(Graph([again, make("grow", "n", "n"), make("after", "n", "m")], entrypoint="grow"))
    loop = next(region for region in plan.regions if region.cyclic)
    assert [op.name for op in loop.ops] == ["grow", "again"]
    assert loop.ops[1].before == loop.ops[0].bit
    assert loop.ops[0].before == 0
    assert not plan.straight
    assert plan.by_name["after"].layer == 1


def test_an_argument_knows_its_fall_back() -> None:
    """None, a bound value, a default that is shared, a default that is copied."""

    @node(output_name="out")
    def read(a: int, b: int, c: int = 3, d: list[int] = []) -> int:  # noqa: B006  # that is the point
        return a

    (op,) = plan_of(Graph([read]).bind(b=2)).ops
    assert [argument.fallback for argument in op.args] == [NO_FALLBACK, BOUND, SHARED_DEFAULT, COPIED_DEFAULT]


def test_a_consumer_sees_its_producers_only() -> None:
    """Each producer writes a slot of its own."""

    @ifelse("left", "right")
    def side(x: int) -> bool:
        return True

    plan = plan_of(Graph([side, make("left", "x", "y"), make("right", "x", "y"), make("read", "y", "z")]))
    (argument,) = plan.by_name["read"].args
    assert set(argument.slots) == {plan.by_name["left"].outs[0], plan.by_name["right"].outs[0]}
    assert len({plan.slot_names[slot] for slot in argument.slots}) == 1


def test_a_long_chain_needs_no_recursion() -> None:
    """Ten thousand nodes compile and run."""
    from hypergraph import SyncRunner

    graph = Graph([make(f"n{number}", f"v{number}", f"v{number + 1}") for number in range(10_000)]).select("v10000")
    assert SyncRunner().run(graph, v0=1)["v10000"] == 1
