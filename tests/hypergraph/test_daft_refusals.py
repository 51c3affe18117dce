"""What a Daft plan cannot do is refused before any node runs."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import END, Graph, IncompatibleRunnerError, NodeContext, SyncRunner, ifelse, interrupt, node, route

pytest.importorskip("daft")
import daft

from hypergraph import DaftRunner
from hypergraph.runners.daft import stateful


@node(output_name="y")
def plain(x: int) -> int:
    raise AssertionError("nothing may run")


@node(output_name="y")
async def later(x: int) -> int:
    raise AssertionError("nothing may run")


@node(output_name="x")
def grow(x: int) -> int:
    raise AssertionError("nothing may run")


@route(targets=["grow", END])
def again(x: int) -> Any:
    raise AssertionError("nothing may run")


@ifelse(when_true="plain", when_false=END)
def choose(x: int) -> bool:
    raise AssertionError("nothing may run")


@interrupt(output_name="answer")
def ask(x: int) -> str | None:
    raise AssertionError("nothing may run")


@node(output_name="y")
def told(x: int, context: NodeContext) -> int:
    raise AssertionError("nothing may run")


@node(output_name=("a", "b"), batch=True)
def two(x: daft.Series):
    raise AssertionError("nothing may run")


@node(output_name="y", batch=True)
async def whole_later(x: daft.Series):
    raise AssertionError("nothing may run")


@stateful
class Model:
    """Anything."""


@node(output_name="y")
async def judge(x: int, model: Model) -> int:
    raise AssertionError("nothing may run")


INNER = Graph([plain], name="inner")
CASES = {
    "cycle": (Graph([grow, again], entrypoint="grow"), "cycles", "grow", "SyncRunner"),
    "gate": (Graph([choose, plain]), "gates", "choose", "SyncRunner"),
    "interrupt": (Graph([ask]), "interrupts", "ask", "AsyncRunner"),
    "context": (Graph([told]), "NodeContext", "told", "SyncRunner"),
    "override": (Graph([INNER.as_node(runner=SyncRunner())]), "runner overrides", "inner", "SyncRunner"),
    "async in a map": (Graph([Graph([later], name="inner").as_node().map_over("x")]), "async nodes", "inner/later", "AsyncRunner"),
    "batch with two outputs": (Graph([two]), "multiple outputs", "two", "batch=True"),
    "async batch": (Graph([whole_later]), "async", "whole_later", "batch=True"),
    "stateful and async": (Graph([judge]).bind(model=Model()), "async", "judge", "AsyncRunner"),
    "nested": (Graph([Graph([told], name="inner").as_node()]), "NodeContext", "inner/told", "SyncRunner"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_the_node_and_what_to_use(case: str) -> None:
    graph, what, where, instead = CASES[case]
    for call in (
        lambda: DaftRunner().run(graph, {"x": 1}),
        lambda: DaftRunner().map(graph, {"x": [1]}, map_over="x"),
        lambda: DaftRunner().map_dataframe(graph, daft.from_pydict({"x": [1]})),
    ):
        with pytest.raises(IncompatibleRunnerError) as caught:
            call()
        for text in (what, f"'{where}'", instead, "How to fix"):
            assert text in str(caught.value)
        assert caught.value.node_name == where


def test_a_stateful_object_given_at_run_time_is_refused_for_async_nodes() -> None:
    with pytest.raises(IncompatibleRunnerError, match="async"):
        DaftRunner().run(Graph([judge]), x=1, model=Model())


@pytest.mark.parametrize("option", ["checkpoint", "workflow_id", "fork_from", "retry_from", "override_workflow"])
def test_checkpointing_options_are_refused(option: str) -> None:
    with pytest.raises(IncompatibleRunnerError, match="reserved runner options") as caught:
        DaftRunner().run(INNER, {"x": 1}, **{option: None})
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ValueError, match="reserved runner options"):
        DaftRunner().map(INNER, {"x": [1]}, map_over="x", **{option: None})


def test_options_of_other_runners_are_reserved() -> None:
    with pytest.raises(ValueError, match="reserved runner options"):
        DaftRunner().run(INNER, {"x": 1}, max_concurrency=2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"select": "y"}, "select"),
        ({"entrypoint": "plain"}, "entrypoint"),
        ({"error_handling": "maybe"}, "Invalid error_handling"),
        ({"on_missing": "maybe"}, "Invalid on_missing"),
        ({"z": 1}, "Unknown input 'z'"),
        ({"x": 1}, "both values and kwargs"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        DaftRunner().run(INNER, {"x": 1}, **options)


def test_values_for_what_a_node_produces_are_refused() -> None:
    with pytest.raises(ValueError, match="internal parameters"):
        DaftRunner().run(INNER, {"x": 1, "y": 2})
    with pytest.raises(ValueError, match="internal parameters"):
        DaftRunner().map(INNER, {"x": [1], "y": 2}, map_over="x")


def test_a_stale_address_is_refused_with_the_right_one() -> None:
    outer = Graph([INNER.as_node(name="a", namespaced=True).expose("x")])
    with pytest.raises(ValueError, match=r"'a.x' is no longer valid. Use 'x'"):
        DaftRunner().map(outer, {"a.x": [1]}, map_over="a.x")
    with pytest.raises(ValueError, match=r"'a.x' is no longer valid. Use 'x'"):
        DaftRunner().map_dataframe(outer, daft.from_pydict({"a.x": [1]}))


def test_batch_nodes_are_for_this_runner_only() -> None:
    @node(output_name="y", batch=True)
    def whole(x: daft.Series) -> daft.Series:
        return x

    with pytest.raises(IncompatibleRunnerError, match="DaftRunner"):
        SyncRunner().run(Graph([whole]), x=1)
