"""What `map()` refuses, copies and passes on, the same for both runners and for mapped nodes."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import Graph, GraphConfigError, MapLog, MissingInputError, SyncRunner, node
from tests.hypergraph.both import Both, both


@node(output_name="a")
def inc(x: int) -> int:
    return x + 1


@node(output_name="b")
def double(a: int) -> int:
    return a * 2


@node(output_name="size")
def put(x: int, seen: list[int]) -> int:
    seen.append(x)
    return len(seen)


class Single:
    """A value that nobody can copy."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("there is one")


CHAIN = Graph([inc, double])
RETRIEVAL = Graph([inc], name="retrieval").as_node(namespaced=True)


@both
def test_an_inner_value_cannot_be_mapped(runner: Both) -> None:
    """The message is the one of `run()`: the value is computed, by this node."""
    with pytest.raises(ValueError, match="internal parameters") as told:
        runner.map(CHAIN, {"a": [1]}, map_over="a")
    assert "a <- inc" in str(told.value)


@both
@pytest.mark.parametrize("map_over", ["question", "retrieval.x"])
def test_an_old_address_in_a_map_says_what_to_use(runner: Both, map_over: str) -> None:
    """Whether or not map_over has the right name already."""
    graph = Graph([RETRIEVAL.expose(x="question")])
    with pytest.raises(ValueError, match="Use 'question'"):
        runner.map(graph, {"retrieval.x": [1]}, map_over=map_over)


@both
def test_an_address_is_mapped(runner: Both) -> None:
    """Given flat or nested, items and outputs go by the address."""
    graph = Graph([RETRIEVAL])
    assert runner.map(graph, {"retrieval.x": [1, 2]}, map_over="retrieval.x")["retrieval.a"] == [2, 3]
    assert runner.map(graph, {"retrieval": {"x": [1, 2]}}, map_over=["retrieval.x"])["retrieval.a"] == [2, 3]


@both
@pytest.mark.parametrize(
    ("clone", "error", "text"),
    [
        ("seen", TypeError, "clone must be bool or list"),
        (("seen",), TypeError, "clone must be bool or list"),
        ([1], TypeError, "clone list entries must be strings"),
        (["x"], ValueError, "Cannot clone mapped parameter"),
        (["nope"], ValueError, "not an input"),
    ],
)
def test_a_wrong_clone_is_refused_by_map_as_by_map_over(runner: Both, clone: Any, error: type[Exception], text: str) -> None:
    """A misspelt name would otherwise share what was to be copied."""
    graph = Graph([put], name="inner")
    with pytest.raises(error, match=text):
        runner.map(graph, {"x": [1], "seen": []}, map_over="x", clone=clone)
    with pytest.raises(error, match=text):
        graph.as_node().map_over("x", clone=clone)


@both
@pytest.mark.parametrize("clone", [True, ["seen"]])
def test_each_item_gets_its_own_copy(runner: Both, clone: Any) -> None:
    """The list that was given stays as it was."""
    seen: list[int] = []
    assert runner.map(Graph([put]), {"x": [1, 2], "seen": seen}, map_over="x", clone=clone)["size"] == [1, 1]
    assert seen == []


@both
def test_what_cannot_be_copied_for_an_item_is_told(runner: Both) -> None:
    """Under map() as under map_over()."""
    with pytest.raises(GraphConfigError, match="cannot be deep-copied for clone"):
        runner.map(Graph([put]), {"x": [1], "seen": Single()}, map_over="x", clone=True)


@both
def test_an_item_that_lacks_an_input_fails_by_itself(runner: Both) -> None:
    """Under "continue" every item is there, each with the error."""
    results = runner.map(Graph([put]), {"x": [1, 2]}, map_over="x", error_handling="continue")
    assert [type(item.error) for item in results] == [MissingInputError, MissingInputError]
    with pytest.raises(MissingInputError):
        runner.map(Graph([put]), {"x": [1, 2]}, map_over="x")


@both
@pytest.mark.parametrize(("clone", "sizes"), [(False, [1, 2]), (True, [1, 1]), (["seen"], [1, 1])])
def test_a_delegated_map_copies_as_it_was_told(runner: Both, clone: Any, sizes: list[int]) -> None:
    """Another runner for the inner graph changes nothing about the copies, and its log is in the node's record."""
    inner = Graph([put], name="inner").as_node(namespaced=True).map_over("x", clone=clone).with_runner(SyncRunner())
    result = runner.run(Graph([inner]), {"inner.x": [1, 2], "inner.seen": []})
    assert result["inner.size"] == sizes
    log = result.log.steps[0].log
    assert isinstance(log, MapLog)
    assert len(log) == 2


@both
@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("mode", ["zip", "product"])
def test_an_empty_batch_is_complete_and_was_no_run(runner: Both, heard: bool, mode: str) -> None:
    """It has no id, takes no time, and says nothing."""

    class Deaf:
        def on_event(self, event: Any) -> None:
            raise AssertionError(event)

        def shutdown(self) -> None:
            pass

    listeners = {"event_processors": [Deaf()]} if heard else {}
    results = runner.map(CHAIN, {"x": []}, map_over="x", map_mode=mode, **listeners)
    assert (len(results), results.run_id, results.total_duration_ms, results.status.value) == (0, None, 0, "completed")
    assert (results.map_over, results.map_mode) == (("x",), mode)
    assert runner.map_iter(CHAIN, {"x": []}, map_over="x", map_mode=mode, **listeners) == []
