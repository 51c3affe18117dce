"""What crosses the boundary of a nested graph when it runs."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import Graph, MissingInputError, node
from tests.hypergraph.both import Both, both


@node(output_name="o")
def collect(x: int, seen: list[int] = []) -> list[int]:  # noqa: B006  # defaults are copied for each use
    seen.append(x)
    return seen


@node(output_name="pair")
def pair(x: Any, k: Any) -> tuple[Any, Any]:
    return x, k


@node(output_name="k")
def make(z: int) -> int:
    return z


NESTED = Graph([collect], name="inner").as_node()
PAIR = Graph([pair], name="inner")


@both
@pytest.mark.parametrize("depth", [1, 2])
def test_a_default_inside_is_copied_for_each_run(runner: Both, depth: int) -> None:
    """At every depth; a list that is given is used as it is."""
    graph = Graph([NESTED]) if depth == 1 else Graph([Graph([NESTED], name="middle").as_node()])
    assert runner.run(graph, x=1)["o"] == [1]
    assert runner.run(graph, x=2)["o"] == [2]
    mine: list[int] = []
    assert runner.run(graph, x=3, seen=mine)["o"] is mine


@both
def test_and_for_each_item(runner: Both) -> None:
    """Under map() as under map_over()."""
    assert runner.map(Graph([NESTED]), {"x": [1, 2]}, map_over="x")["o"] == [[1], [2]]
    assert runner.map(Graph([collect]), {"x": [1, 2]}, map_over="x")["o"] == [[1], [2]]
    assert runner.run(Graph([NESTED.map_over("x")]), x=[1, 2])["o"] == [[1], [2]]


@both
def test_bindings_by_address_or_as_a_dict(runner: Both) -> None:
    """Both reach the port; what is missing is named by its address."""
    graph = Graph([PAIR.as_node(namespaced=True)])
    assert runner.run(graph.bind({"inner.k": 5}), {"inner.x": 1})["inner.pair"] == (1, 5)
    assert runner.run(graph.bind(inner={"k": 6}), {"inner": {"x": 1}})["inner.pair"] == (1, 6)
    with pytest.raises(MissingInputError) as told:
        runner.run(graph, {"inner.x": 1})
    assert told.value.missing == ["inner.k"]


@both
def test_an_exposed_port_is_wired_by_its_alias(runner: Both) -> None:
    """Other ports keep their address."""
    inner = PAIR.as_node(namespaced=True).expose(x="k", pair="result")
    assert runner.run(Graph([make, inner]), {"z": 1, "inner.k": 2})["result"] == (1, 2)


@both
def test_none_is_a_value_like_any_other(runner: Both) -> None:
    """Given, made, mapped and bound."""
    assert runner.run(Graph([PAIR.as_node()]).bind(k=None), x=None)["pair"] == (None, None)
    assert runner.run(Graph([PAIR.as_node().map_over("x")]), x=[None, 1], k=None)["pair"] == [(None, None), (1, None)]


@both
def test_an_entry_point_inside_moves_the_ports(runner: Both) -> None:
    """What lies before it is no part of the node."""
    called = []

    @node(output_name="x")
    def before(y: int) -> int:
        called.append(y)
        return y

    inner = Graph([before, pair], name="inner").with_entrypoint("pair").as_node()
    assert inner.inputs == ("x", "k")
    assert runner.run(Graph([inner]), x=1, k=2)["pair"] == (1, 2)
    assert called == []
