"""Laws: whatever the graph, all ways of running it agree with plain Python and with each other."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypergraph import AsyncRunner, FunctionNode, Graph, SyncRunner
from tests.hypergraph.reference import Block, Branch, Inner, Loop, Mapped, Step, build, interpret, mix, nodes_of

EXAMPLES = int(os.environ.get("LAWS", "60"))
LAW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
INPUTS = ("a", "b")


class Quiet:
    """Listens and says nothing: a watched run takes the whole conversation, not the direct way."""

    def on_event(self, event: Any) -> None:
        """Take in an event."""

    def shutdown(self) -> None:
        """Nothing to let go."""


@st.composite
def programs(draw: st.DrawFn, depth: int = 2, size: int = 6) -> tuple[Block, ...]:
    """Programs of up to `size` blocks on each of `depth` levels."""
    return tuple(_blocks(draw, list(INPUTS), depth, size, "n"))


def _blocks(draw: st.DrawFn, known: list[str], depth: int, size: int, prefix: str) -> list[Block]:
    blocks: list[Block] = []
    for number in range(draw(st.integers(1, size))):
        out, salt = f"{prefix}{number}", draw(st.integers(0, 50))
        name = draw(st.sampled_from(known))
        kinds = ["step", "step", "branch", "loop", "mapped", *(["inner"] if depth > 1 else [])]
        kind = draw(st.sampled_from(kinds))
        if kind == "branch":
            blocks.append(Branch(out, name, salt))
        elif kind == "loop":
            blocks.append(Loop(out, name, draw(st.integers(1, 12)), draw(st.integers(1, 3))))
        elif kind == "mapped":
            blocks.append(Mapped(out, name, salt))
        elif kind == "inner":
            inner = list(known)
            blocks.append(Inner(f"inner_{out}", tuple(_blocks(draw, inner, depth - 1, 3, f"{out}x"))))
            known += [one for one in inner if one not in known]
            continue
        else:
            blocks.append(Step(out, tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))), salt))
        known.append(out)
    return blocks


def _given(graph: Graph, a: int, b: int) -> dict[str, int]:
    return {name: value for name, value in (("a", a), ("b", b)) if name in graph.inputs.all}


def _known(values: Any, expected: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in expected if name in values}


@LAW
@given(programs(), st.integers(0, 999), st.integers(0, 999))
def test_a_run_gives_what_plain_python_gives(blocks: tuple[Block, ...], a: int, b: int) -> None:
    """Sync, watched Sync and Async all agree with the interpreter."""
    graph = build(blocks)
    expected = interpret(blocks, {"a": a, "b": b})
    inputs = _given(graph, a, b)
    plain = SyncRunner().run(graph, inputs).values
    assert _known(plain, expected) == expected
    assert SyncRunner().run(graph, inputs, event_processors=[Quiet()]).values == plain
    assert asyncio.run(AsyncRunner().run(graph, inputs)).values == plain


@LAW
@given(programs(), st.randoms(use_true_random=False), st.integers(0, 999))
def test_the_order_of_the_node_list_changes_nothing(blocks: tuple[Block, ...], random: Any, a: int) -> None:
    """Shuffled nodes give the same values."""
    nodes = nodes_of(blocks)
    shuffled = list(nodes)
    random.shuffle(shuffled)
    one, other = Graph(nodes), Graph(shuffled)
    inputs = _given(one, a, a + 1)
    assert SyncRunner().run(one, inputs).values == SyncRunner().run(other, inputs).values
    assert one.structural_hash == other.structural_hash


@LAW
@given(programs(), st.integers(1, 4), st.integers(0, 999))
def test_concurrency_changes_nothing(blocks: tuple[Block, ...], limit: int, a: int) -> None:
    """Any budget gives the same values, with asynchronous nodes too."""
    graph = build(blocks, asynchronous=True)
    inputs = _given(graph, a, a)
    expected = interpret(blocks, {"a": a, "b": a})

    async def both() -> tuple[Any, Any]:
        runner = AsyncRunner()
        return (await runner.run(graph, inputs)).values, (await runner.run(graph, inputs, max_concurrency=limit)).values

    free, limited = asyncio.run(both())
    assert free == limited
    assert _known(free, expected) == expected


@LAW
@given(programs(), st.integers(0, 999))
def test_a_nested_graph_equals_its_inlined_form(blocks: tuple[Block, ...], a: int) -> None:
    """Putting inner programs beside their surroundings changes no value."""
    nested, inlined = build(blocks), Graph(nodes_of(blocks, inline=True))
    inputs = _given(nested, a, a)
    assert SyncRunner().run(nested, inputs).values == SyncRunner().run(inlined, inputs).values


@LAW
@given(programs(), st.lists(st.integers(0, 999), min_size=1, max_size=5))
def test_a_map_equals_a_loop_of_runs(blocks: tuple[Block, ...], items: list[int]) -> None:
    """map() gives, item by item, what run() gives."""
    graph = build(blocks)
    name = next((one for one in INPUTS if one in graph.inputs.all), None)
    if name is None:
        return
    rest = {one: 5 for one in graph.inputs.all if one != name}
    runner = SyncRunner()
    expected = [runner.run(graph, {name: item, **rest}).values for item in items]
    assert [item.values for item in runner.map(graph, {name: items, **rest}, map_over=name)] == expected
    mapped = asyncio.run(AsyncRunner().map(graph, {name: items, **rest}, map_over=name, max_concurrency=2))
    assert [item.values for item in mapped] == expected


@LAW
@given(programs(depth=1), st.integers(0, 999))
def test_renaming_is_neutral(blocks: tuple[Block, ...], a: int) -> None:
    """Renaming every port of every function alike changes names alone."""

    def renamed(node: Any) -> Any:
        inputs = {name: f"r_{name}" for name in node.inputs}
        outputs = {name: f"r_{name}" for name in node.data_outputs}
        return node.with_inputs(inputs).with_outputs(outputs) if outputs else node.with_inputs(inputs)

    graph = build(blocks)
    other = Graph([renamed(node) for node in nodes_of(blocks)])
    inputs = _given(graph, a, a)
    plain = SyncRunner().run(graph, inputs).values
    assert SyncRunner().run(other, {f"r_{name}": value for name, value in inputs.items()}).values == {
        f"r_{name}": value for name, value in plain.items()
    }


def _ring(size: int, limit: int) -> Graph:
    from hypergraph import END, RouteNode
    from tests.hypergraph.reference import call

    nodes: list[Any] = [FunctionNode(call(f"f{n}", [f"v{n}"], lambda v: v + 1), output_name=f"v{(n + 1) % size}") for n in range(size)]
    nodes.append(RouteNode(call("gate", ["v0"], lambda v: END if v >= limit else "f0"), ["f0", END]))
    return Graph(nodes, entrypoint="f0")


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("order", ["as written", "reversed"])
def test_a_ring_goes_round_until_its_gate_ends_it(size: int, order: str) -> None:
    """The value grows by the ring's size each round, and the first value past the limit ends it."""
    graph = _ring(size, 10)
    if order == "reversed":
        graph = Graph(list(graph.nodes.values())[::-1], entrypoint="f0")
    expected = next(value for value in range(size, 100, size) if value >= 10)
    assert SyncRunner().run(graph, v0=0)["v0"] == expected
    assert asyncio.run(AsyncRunner().run(graph, v0=0))["v0"] == expected


def test_the_interpreter_is_small_enough_to_be_believed() -> None:
    """A reference that is as long as the thing proves nothing."""
    import inspect

    from tests.hypergraph import reference

    assert len(inspect.getsource(interpret).splitlines()) < 40
    assert len(inspect.getsource(reference).splitlines()) <= 200
    assert mix(1, 2) != mix(2, 1)
