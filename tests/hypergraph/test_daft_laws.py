"""Laws: the same graph gives the same values under every runner, and fails in the same way."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypergraph import AsyncRunner, FunctionNode, Graph, SyncRunner
from tests.hypergraph.reference import Block, Inner, Mapped, Step, build, call, interpret, mix

pytest.importorskip("daft")
from hypergraph import DaftRunner

EXAMPLES = int(os.environ.get("LAWS", "60")) // 2
LAW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def programs(draw: st.DrawFn) -> tuple[Block, ...]:
    """Programs without loops and branches: steps, nested programs, and mapped ones."""
    return tuple(_blocks(draw, ["a", "b"], 2, 5, "n"))


def _blocks(draw: st.DrawFn, known: list[str], depth: int, size: int, prefix: str) -> list[Block]:
    blocks: list[Block] = []
    for number in range(draw(st.integers(1, size))):
        out, salt = f"{prefix}{number}", draw(st.integers(0, 50))
        kind = draw(st.sampled_from(["step", "step", "mapped", *(["inner"] if depth > 1 else [])]))
        if kind == "inner":
            inner = list(known)
            blocks.append(Inner(f"inner_{out}", tuple(_blocks(draw, inner, depth - 1, 3, f"{out}x"))))
            known += [one for one in inner if one not in known]
            continue
        reads = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True)))
        blocks.append(Mapped(out, reads[0], salt) if kind == "mapped" else Step(out, reads, salt))
        known.append(out)
    return blocks


def _given(graph: Graph, a: Any, b: Any) -> dict[str, Any]:
    return {name: value for name, value in (("a", a), ("b", b)) if name in graph.inputs.all}


@LAW
@given(programs(), st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=1, max_size=5))
def test_a_batch_gives_what_plain_python_and_the_other_runners_give(blocks: tuple[Block, ...], rows: list[tuple[int, int]]) -> None:
    """Daft, Sync and Async agree with the interpreter, item by item."""
    graph = build(blocks)
    inputs = _given(graph, [a for a, _ in rows], [b for _, b in rows])
    ours = [item.values for item in DaftRunner().map(graph, inputs, map_over=list(inputs))]
    assert ours == [item.values for item in SyncRunner().map(graph, inputs, map_over=list(inputs))]
    assert ours == [item.values for item in asyncio.run(AsyncRunner().map(graph, inputs, map_over=list(inputs)))]
    expected = [interpret(blocks, {"a": a, "b": b}) for a, b in rows]
    assert [{name: item[name] for name in known} for item, known in zip(ours, expected, strict=True)] == expected


@LAW
@given(programs(), st.integers(0, 999), st.integers(0, 999))
def test_a_run_and_a_frame_give_the_same(blocks: tuple[Block, ...], a: int, b: int) -> None:
    """One row of a frame is one run."""
    import daft

    graph = build(blocks)
    inputs = _given(graph, a, b)
    values = SyncRunner().run(graph, inputs).values
    assert DaftRunner().run(graph, inputs).values == values
    frame = daft.from_pydict({name: [value] for name, value in inputs.items()})
    assert DaftRunner().map_dataframe(graph, frame).to_pydict() == {name: [value] for name, value in {**inputs, **values}.items()}


class Odd(Exception):
    """Raised by some nodes for some values."""


@st.composite
def fragile(draw: st.DrawFn) -> Graph:
    """Graphs some of whose nodes are asynchronous, and some of which fail for some values."""
    nodes: list[Any] = []
    known = ["a", "b"]
    asynchronous = draw(st.booleans())
    for number in range(draw(st.integers(1, 6))):
        reads = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        func = _fragile(number, draw(st.sampled_from([0, 0, 3, 7])))
        made = call(f"f{number}", reads, func)
        if asynchronous and draw(st.booleans()):
            made = call(f"f{number}", reads, func, asynchronous=True)
        nodes.append(FunctionNode(made, output_name=f"n{number}"))
        known.append(f"n{number}")
    return Graph(nodes, name="fragile")


def _fragile(salt: int, divisor: int) -> Any:
    def func(*values: int) -> int:
        found = mix(salt, *values)
        if divisor and found % divisor == 0:
            raise Odd(f"{salt}: {found}")
        return found

    return func


@LAW
@given(fragile(), st.lists(st.integers(0, 99), min_size=1, max_size=8))
def test_failures_are_those_of_the_other_runners(graph: Graph, items: list[int]) -> None:
    """Under "continue" the same items fail with the same text, under "raise" the same item is the first."""
    mapped = next(iter(graph.inputs.all))
    inputs: dict[str, Any] = dict.fromkeys(graph.inputs.all, 1)
    inputs[mapped] = items
    ours = DaftRunner().map(graph, inputs, map_over=mapped, error_handling="continue")
    if graph.has_async_nodes:
        theirs = asyncio.run(AsyncRunner().map(graph, inputs, map_over=mapped, error_handling="continue"))
        assert [item.status for item in ours] == [item.status for item in theirs]
        assert [item.values for item in ours if item.completed] == [item.values for item in theirs if item.completed]
    else:
        theirs = SyncRunner().map(graph, inputs, map_over=mapped, error_handling="continue")
        assert [(item.values, str(item.error)) for item in ours] == [(item.values, str(item.error)) for item in theirs]
    if not ours.failures:
        assert DaftRunner().map(graph, inputs, map_over=mapped) is not None
        return
    with pytest.raises(Odd) as caught:
        DaftRunner().map(graph, inputs, map_over=mapped)
    if not graph.has_async_nodes:
        assert str(caught.value) == str(ours.failures[0].error)
