"""DaftRunner.run and map: values, order, failures, clones, caches and nested graphs, as the other runners give them."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from subprocess import run as run_process
from typing import Any

import pytest

from hypergraph import AsyncRunner, Graph, GraphConfigError, InMemoryCache, MissingInputError, RunStatus, SyncRunner, node

pytest.importorskip("daft")
import daft

from hypergraph import DaftRunner
from hypergraph.runners.daft import DaftStateful, stateful


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    return doubled + y


@node(output_name=("low", "high"))
def around(total: int) -> tuple[int, int]:
    return total - 1, total + 1


@node(output_name="total")
async def add_later(doubled: int, y: int = 1) -> int:
    await asyncio.sleep(0)
    return doubled + y


class Odd(Exception):
    """Raised by `picky`."""


@node(output_name="kept")
def picky(x: int) -> int:
    if x % 2:
        raise Odd(f"odd: {x}")
    return x


@node(output_name="after")
def after(kept: int) -> int:
    return kept + 100


GRAPH = Graph([double, add, around], name="sums")
PICKY = Graph([double, picky, after], name="picky")


def test_importing_it_does_not_import_daft() -> None:
    """The package is there for programs that only ask for the name."""
    code = "import sys, hypergraph; hypergraph.DaftRunner; import hypergraph.runners.daft; sys.exit('daft' in sys.modules)"
    assert run_process([sys.executable, "-c", code], check=False).returncode == 0


def test_without_daft_the_error_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "daft", None)
    with pytest.raises(ImportError, match=r"pip install 'hypergraph-studio\[daft\]'"):
        DaftRunner()


def test_run_gives_all_outputs() -> None:
    result = DaftRunner().run(GRAPH, x=5)
    assert result.values == {"doubled": 10, "total": 11, "low": 10, "high": 12}
    assert result.completed
    assert result.run_id.startswith("run-")


def test_run_uses_bindings_given_values_and_defaults_in_their_order() -> None:
    bound = GRAPH.bind(y=10)
    assert DaftRunner().run(bound, x=1)["total"] == 12
    with pytest.warns(UserWarning, match="override"):
        assert DaftRunner().run(bound, x=1, y=20)["total"] == 22


def test_run_keeps_to_the_scope_of_the_graph() -> None:
    assert DaftRunner().run(GRAPH.select("high"), x=5).values == {"high": 12}
    with pytest.warns(UserWarning, match="Not recognized"):
        assert DaftRunner().run(GRAPH.with_entrypoint("around"), {"total": 1, "nothing": 2}).values == {"low": 0, "high": 2}


def test_map_keeps_the_order_of_the_items() -> None:
    result = DaftRunner().map(GRAPH, {"x": range(1000)}, map_over="x", y=3)
    assert result["total"] == [x * 2 + 3 for x in range(1000)]
    assert result[7].values == {"doubled": 14, "total": 17, "low": 16, "high": 18}
    assert len(result) == 1000
    assert result.status is RunStatus.COMPLETED
    assert result.map_over == ("x",)
    assert result.graph_name == "sums"


def test_map_in_product_mode_counts_as_the_other_runners_do() -> None:
    inputs = {"x": [1, 2, 3], "y": [10, 20]}
    options: dict[str, Any] = {"map_over": ["x", "y"], "map_mode": "product"}
    assert DaftRunner().map(GRAPH, inputs, **options)["total"] == SyncRunner().map(GRAPH, inputs, **options)["total"]


def test_map_refuses_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        DaftRunner().map(GRAPH, {"x": [1], "y": [1, 2]}, map_over=["x", "y"])


def test_an_empty_batch_is_completed_and_has_no_id() -> None:
    result = DaftRunner().map(GRAPH, {"x": []}, map_over="x")
    assert (len(result), result.run_id, result.status) == (0, None, RunStatus.COMPLETED)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(MissingInputError) as caught:
        DaftRunner().run(GRAPH)
    assert caught.value.missing == ["x"]


def test_a_batch_that_lacks_an_input_fails_item_by_item_under_continue() -> None:
    @node(output_name="z")
    def both(x: int, k: int) -> int:
        return x + k

    result = DaftRunner().map(Graph([both]), {"x": [1, 2]}, map_over="x", error_handling="continue")
    assert [type(item.error) for item in result] == [MissingInputError, MissingInputError]
    with pytest.raises(MissingInputError):
        DaftRunner().map(Graph([both]), {"x": [1, 2]}, map_over="x")


@pytest.mark.parametrize("value", [{"a": [1, {"b": (2, 3)}]}, [[1], []], (1, "x"), {1, 2}, 2**70, None, object(), "\ud800", True, 1.5])
def test_values_come_back_as_they_are(value: Any) -> None:
    @node(output_name="same")
    def same(given):
        return given

    assert DaftRunner().run(Graph([same]), given=value)["same"] == value
    assert DaftRunner().map(Graph([same]), {"given": [value, value]}, map_over="given")["same"] == [value, value]


def test_raise_gives_the_exception_itself_with_its_traceback_and_the_items_index() -> None:
    with pytest.raises(Odd, match="odd: 7") as caught:
        DaftRunner().map(PICKY, {"x": [2, 4, 7, 8, 9]}, map_over="x")
    notes = caught.value.__notes__
    assert any("node 'picky' of graph 'picky'" in note for note in notes)
    assert any("Item 2" in note for note in notes)
    assert "picky" in [frame.name for frame in traceback.extract_tb(caught.tb)]


def test_raise_runs_nothing_behind_the_first_failure_in_later_nodes() -> None:
    seen: list[int] = []

    @node(output_name="seen")
    def look(kept: int) -> int:
        seen.append(kept)
        return kept

    with pytest.raises(Odd, match="odd: 3"):
        DaftRunner().map(Graph([picky, look]), {"x": [2, 3, 4, 5]}, map_over="x")
    assert seen == [2]


def test_continue_keeps_every_good_row_and_runs_it_once() -> None:
    seen: list[int] = []

    @node(output_name="kept")
    def count(x: int) -> int:
        seen.append(x)
        if x == 2:
            raise Odd("two")
        return x

    result = DaftRunner().map(Graph([count, after]), {"x": [1, 2, 3]}, map_over="x", error_handling="continue")
    assert result["after"] == [101, None, 103]
    assert seen == [1, 2, 3]
    assert result.status is RunStatus.FAILED
    assert result.partial
    assert isinstance(result.failures[0].error, Odd)


def test_a_failed_item_keeps_what_it_had_finished_as_in_a_sync_run() -> None:
    inputs = {"x": [1, 2]}
    options: dict[str, Any] = {"map_over": "x", "error_handling": "continue"}
    ours, theirs = DaftRunner().map(PICKY, inputs, **options), SyncRunner().map(PICKY, inputs, **options)
    assert [item.values for item in ours] == [item.values for item in theirs]
    assert [item.status for item in ours] == [item.status for item in theirs]


def test_run_under_continue_gives_a_failed_result() -> None:
    result = DaftRunner().run(PICKY, x=3, error_handling="continue")
    assert result.failed
    assert isinstance(result.error, Odd)
    assert result.values == {"doubled": 6}


def test_stop_iteration_in_a_node_is_a_failure_and_cuts_nothing_off() -> None:
    @node(output_name="y")
    def ends(x: int) -> int:
        if x == 1:
            raise StopIteration
        return x

    result = DaftRunner().map(Graph([ends]), {"x": [0, 1, 2]}, map_over="x", error_handling="continue")
    assert result["y"] == [0, None, 2]
    assert isinstance(result[1].error, StopIteration)


@pytest.mark.parametrize("wrong", ["text", None, 1.5, [1]])
def test_a_wrong_return_type_is_an_error_that_says_what_came(wrong: Any) -> None:
    @node(output_name="number")
    def bad(x: int) -> int:
        return wrong if x else 0  # type: ignore[no-any-return]

    with pytest.raises(TypeError, match=r"Node 'bad' returned a wrong type for 'number': expected int, got "):
        DaftRunner().map(Graph([bad]), {"x": [0, 1]}, map_over="x")
    result = DaftRunner().map(Graph([bad]), {"x": [0, 1]}, map_over="x", error_handling="continue")
    assert result["number"] == [0, None]
    assert isinstance(result[1].error, TypeError)


@pytest.mark.parametrize("handling", ["raise", "continue"])
@pytest.mark.parametrize("kind", ["plain", "async", "batch"])
def test_what_is_no_exception_reaches_the_caller(kind: str, handling: str) -> None:
    """SystemExit in a worker thread must not leave the caller waiting for ever."""

    def leave(x: Any) -> int:
        raise SystemExit(3)

    async def leave_later(x: int) -> int:
        raise SystemExit(3)

    made = node(output_name="y", batch=kind == "batch")(leave_later if kind == "async" else leave)
    with pytest.raises(SystemExit) as caught:
        DaftRunner().map(Graph([made]), {"x": [1, 2]}, map_over="x", error_handling=handling)
    assert caught.value.code == 3


def test_async_nodes_run_between_synchronous_ones() -> None:
    graph = Graph([double, add_later, around])
    assert DaftRunner().map(graph, {"x": [1, 2, 3]}, map_over="x")["high"] == [4, 6, 8]
    assert DaftRunner().run(graph, x=1).values == {"doubled": 2, "total": 3, "low": 2, "high": 4}


def test_rows_of_an_async_node_overlap() -> None:
    barrier = {"now": 0, "most": 0}
    everyone = 8

    @node(output_name="met")
    async def meet(x: int) -> int:
        barrier["now"] += 1
        barrier["most"] = max(barrier["most"], barrier["now"])
        while barrier["most"] < everyone:
            await asyncio.sleep(0)
        return x

    assert DaftRunner().map(Graph([meet]), {"x": list(range(everyone))}, map_over="x")["met"] == list(range(everyone))


def test_a_failing_async_node_fails_its_row_only() -> None:
    @node(output_name="kept")
    async def later(doubled: int) -> int:
        if doubled == 4:
            raise Odd("four")
        return doubled

    graph = Graph([double, later, after])
    result = DaftRunner().map(graph, {"x": [1, 2, 3]}, map_over="x", error_handling="continue")
    assert result["after"] == [102, None, 106]
    assert result[1].values == {"doubled": 4}
    with pytest.raises(Odd, match="four"):
        DaftRunner().map(graph, {"x": [1, 2, 3]}, map_over="x")


def test_generators_give_the_list_of_what_they_yield() -> None:
    @node(output_name="steps")
    def count(x: int):
        yield from range(x)

    @node(output_name="later")
    async def count_later(x: int):
        for number in range(x):
            yield number

    result = DaftRunner().map(Graph([count, count_later]), {"x": [0, 2]}, map_over="x")
    assert result["steps"] == result["later"] == [[], [0, 1]]


def test_broadcast_values_are_shared_and_clones_are_one_per_item() -> None:
    @node(output_name="first")
    def push(x: int, bag: list) -> list:
        bag.append(x)
        return bag

    @node(output_name="second")
    def again(first: list, bag: list) -> bool:
        return first is bag

    graph = Graph([push, again])
    bag: list[int] = []
    assert DaftRunner().map(graph, {"x": [1, 2], "bag": bag}, map_over="x")["first"] == [[1, 2], [1, 2]]
    assert bag == [1, 2]
    fresh = DaftRunner().map(graph, {"x": [1, 2], "bag": []}, map_over="x", clone=True)
    assert fresh["first"] == [[1], [2]]
    assert fresh["second"] == [True, True]
    assert DaftRunner().map(graph, {"x": [1, 2], "bag": []}, map_over="x", clone=["bag"])["first"] == [[1], [2]]


def test_what_cannot_be_copied_is_refused_for_clone() -> None:
    @node(output_name="y")
    def use(x: int, lock) -> int:
        with lock:
            return x

    graph = Graph([use])
    inputs = {"x": [1, 2], "lock": threading.Lock()}
    with pytest.raises(GraphConfigError, match="cannot be deep-copied for clone"):
        DaftRunner().map(graph, inputs, map_over="x", clone=True)
    assert DaftRunner().map(graph, inputs, map_over="x")["y"] == [1, 2]


def test_mutable_defaults_are_fresh_for_every_item() -> None:
    @node(output_name="seen")
    def collect(x: int, bag=[]):  # noqa: B006
        bag.append(x)
        return bag

    assert DaftRunner().map(Graph([collect]), {"x": [1, 2]}, map_over="x")["seen"] == [[1], [2]]


def test_arguments_of_every_kind_are_passed_as_the_signature_says() -> None:
    @node(output_name="y")
    def many(a, /, b, *rest, c=3, **more):
        return a, b, rest, c, more

    inputs = {"a": 1, "b": 2, "rest": [4, 5], "more": {"k": 6}}
    assert DaftRunner().run(Graph([many]), inputs)["y"] == SyncRunner().run(Graph([many]), inputs)["y"]


INNER = Graph([double, add], name="inner")


def test_a_nested_graph_is_part_of_the_plan() -> None:
    outer = Graph([INNER.as_node(), around])
    assert DaftRunner().run(outer, x=2).values == SyncRunner().run(outer, x=2).values


def test_namespaced_ports_are_addressed() -> None:
    outer = Graph([INNER.as_node(namespaced=True)])
    assert DaftRunner().run(outer, {"inner.x": 2}).values == {"inner.doubled": 4, "inner.total": 5}
    assert DaftRunner().map(outer, {"inner.x": [2, 3]}, map_over="inner.x")["inner.total"] == [5, 7]


def test_a_mapped_nested_graph_gives_lists() -> None:
    outer = Graph([INNER.bind(y=5).as_node().map_over("x")])
    result = DaftRunner().map(outer, {"x": [[1, 2], [], [3]]}, map_over="x")
    assert result["total"] == [[7, 9], [], [11]]
    assert DaftRunner().run(outer, x=[1, 2])["total"] == [7, 9]


def test_nested_maps_work_in_product_mode_too() -> None:
    outer = Graph([INNER.as_node().map_over("x", "y", mode="product")])
    assert DaftRunner().run(outer, x=[1, 2], y=[10, 20])["total"] == [12, 22, 14, 24]
    twice = Graph([outer.as_node(name="outer").map_over("x")])
    assert DaftRunner().run(twice, x=[[1], [2]], y=[10, 20])["total"] == [[12, 22], [14, 24]]


def test_a_failing_item_of_a_nested_map_is_none_or_the_rows_failure() -> None:
    inner = Graph([picky], name="inner")
    keep = Graph([inner.as_node().map_over("x", error_handling="continue")])
    assert DaftRunner().run(keep, x=[2, 3, 4])["kept"] == [2, None, 4]
    strict = Graph([inner.as_node().map_over("x")])
    result = DaftRunner().map(strict, {"x": [[2], [2, 3, 5], [4]]}, map_over="x", error_handling="continue")
    assert result["kept"] == [[2], None, [4]]
    with pytest.raises(Odd, match="odd: 3"):
        DaftRunner().run(strict, x=[2, 3, 5])


def test_a_nested_map_clones_broadcast_values() -> None:
    @node(output_name="bagged")
    def push(item: int, bag: list) -> list:
        bag.append(item)
        return bag

    inner = Graph([push], name="inner")
    assert DaftRunner().run(Graph([inner.as_node().map_over("item", clone=True)]), item=[1, 2], bag=[0])["bagged"] == [[0, 1], [0, 2]]


def test_ordering_signals_are_kept() -> None:
    log: list[str] = []

    @node(output_name="read", wait_for="written")
    def read(x: int) -> int:
        log.append("read")
        return x

    @node(emit="written")
    def write(x: int) -> None:
        log.append("write")

    DaftRunner().run(Graph([read, write]), x=1)
    assert log == ["write", "read"]


def test_a_cache_answers_and_each_missing_result_is_computed_once() -> None:
    calls: list[int] = []

    @node(output_name="slow", cache=True)
    def slow(x: int) -> int:
        calls.append(x)
        return x * 10

    runner = DaftRunner(cache=InMemoryCache())
    assert runner.map(Graph([slow]), {"x": [1, 2, 1, 1]}, map_over="x")["slow"] == [10, 20, 10, 10]
    assert calls == [1, 2]
    assert runner.map(Graph([slow]), {"x": [3, 2]}, map_over="x")["slow"] == [30, 20]
    assert calls == [1, 2, 3]


def test_runners_share_cached_results() -> None:
    calls: list[int] = []

    @node(output_name=("a", "b"), cache=True)
    def pair(x: int) -> tuple[int, int]:
        calls.append(x)
        return x, x + 1

    cache = InMemoryCache()
    SyncRunner(cache=cache).run(Graph([pair]), x=1)
    assert DaftRunner(cache=cache).run(Graph([pair]), x=1).values == {"a": 1, "b": 2}
    assert calls == [1]


def test_async_and_batch_nodes_are_cached_too() -> None:
    calls: list[Any] = []

    @node(output_name="later", cache=True)
    async def later(x: int) -> int:
        calls.append(x)
        return x + 1

    @node(output_name="whole", cache=True, batch=True)
    def whole(x: daft.Series) -> daft.Series:
        calls.append(x.to_pylist())
        return x + x

    runner = DaftRunner(cache=InMemoryCache())
    graph = Graph([later, whole])
    first = runner.map(graph, {"x": [1, 2]}, map_over="x")
    second = runner.map(graph, {"x": [1, 2]}, map_over="x")
    assert first["later"] == second["later"] == [2, 3]
    assert first["whole"] == second["whole"] == [2, 4]
    assert len(calls) == 3


def test_a_failure_is_not_cached() -> None:
    calls: list[int] = []

    @node(output_name="y", cache=True)
    def fails(x: int) -> int:
        calls.append(x)
        raise Odd("no")

    runner = DaftRunner(cache=InMemoryCache())
    for _ in range(2):
        assert len(runner.map(Graph([fails]), {"x": [1, 1]}, map_over="x", error_handling="continue").failures) == 2
    assert calls == [1, 1]


def test_a_batch_node_gets_and_gives_columns() -> None:
    kinds: list[Any] = []

    @node(output_name="summed", batch=True)
    def summed(doubled: daft.Series, x: daft.Series) -> daft.Series:
        kinds.append((type(doubled), str(doubled.datatype())))
        return doubled + x

    graph = Graph([double, summed])
    assert DaftRunner().map(graph, {"x": [1, 2, 3]}, map_over="x")["summed"] == [3, 6, 9]
    assert kinds == [(daft.Series, "Int64")]
    assert DaftRunner().run(graph, x=1)["summed"] == 3


def test_a_batch_node_may_return_arrays() -> None:
    np = pytest.importorskip("numpy")
    import pyarrow as pa

    @node(output_name="a", batch=True)
    def numpy(x: daft.Series):
        return np.array(x.to_pylist()) * 2

    @node(output_name="b", batch=True)
    def arrow(x: daft.Series):
        return pa.array([value + 1 for value in x.to_pylist()])

    result = DaftRunner().map(Graph([numpy, arrow]), {"x": [1, 2]}, map_over="x")
    assert (result["a"], result["b"]) == ([2, 4], [2, 3])


def test_a_batch_node_takes_broadcast_values_as_they_are() -> None:
    @node(output_name="y", batch=True)
    def scale(x: daft.Series, factor: int, offset: daft.Series) -> daft.Series:
        assert isinstance(factor, int)
        assert len(offset) == len(x)
        return daft.Series.from_pylist([a * factor + b for a, b in zip(x.to_pylist(), offset.to_pylist(), strict=True)])

    assert DaftRunner().map(Graph([scale]), {"x": [1, 2], "factor": 3, "offset": 1}, map_over="x")["y"] == [4, 7]


def test_a_batch_node_of_the_wrong_length_is_a_clear_error() -> None:
    @node(output_name="y", batch=True)
    def short(x: daft.Series) -> daft.Series:
        return daft.Series.from_pylist([1])

    with pytest.raises(ValueError, match="Batch node 'short' got 3 rows and returned 1 values"):
        DaftRunner().map(Graph([short]), {"x": [1, 2, 3]}, map_over="x")


def test_one_bad_row_of_a_batch_node_costs_the_others_nothing() -> None:
    @node(output_name="y", batch=True)
    def invert(x: daft.Series) -> list:
        return [1 / value for value in x.to_pylist()]

    result = DaftRunner().map(Graph([invert]), {"x": [1, 0, 2]}, map_over="x", error_handling="continue")
    assert result["y"] == [1.0, None, 0.5]
    assert isinstance(result[1].error, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError) as caught:
        DaftRunner().map(Graph([invert]), {"x": [1, 2, 3, 0, 4, 0]}, map_over="x")
    assert any("Item 3" in note for note in caught.value.__notes__)


def test_bad_rows_of_a_batch_node_are_found_in_few_calls() -> None:
    calls: list[int] = []

    @node(output_name="y", batch=True)
    def invert(x: daft.Series) -> list:
        calls.append(len(x))
        return [1 / value for value in x.to_pylist()]

    values = [0 if number in {5, 700} else 1 for number in range(1000)]
    result = DaftRunner().map(Graph([invert]), {"x": values}, map_over="x", error_handling="continue")
    assert [index for index, item in enumerate(result) if item.failed] == [5, 700]
    assert len(calls) < 50


def test_rows_that_failed_before_do_not_reach_a_batch_node() -> None:
    @node(output_name="y", batch=True)
    def same(kept: daft.Series) -> daft.Series:
        assert None not in kept.to_pylist()
        return kept

    result = DaftRunner().map(Graph([picky, same]), {"x": [2, 3, 4]}, map_over="x", error_handling="continue")
    assert result["y"] == [2, None, 4]


@stateful
class Model:
    """Counts how often it is built."""

    built: list[int] = []

    def __init__(self) -> None:
        Model.built.append(1)
        self.scores = {"tea": 1}

    def score(self, word: str) -> int:
        return self.scores.get(word, 0)


@node(output_name="score")
def score(word: str, model: Model) -> int:
    return model.score(word)


def test_a_stateful_object_is_built_once_for_all_rows() -> None:
    assert isinstance(Model, DaftStateful)
    bound = Model()
    before = len(Model.built)
    result = DaftRunner().map(Graph([score]).bind(model=bound), {"word": ["tea", "milk", "tea"]}, map_over="word")
    assert result["score"] == [1, 0, 1]
    assert len(Model.built) == before + 1
    assert DaftRunner().run(Graph([score]), word="tea", model=bound)["score"] == 1


def test_a_stateful_object_is_built_for_nested_maps() -> None:
    inner = Graph([score], name="inner").bind(model=Model())
    assert DaftRunner().run(Graph([inner.as_node().map_over("word")]), word=["tea", "x"])["score"] == [1, 0]


def test_a_stateful_class_must_be_constructible_without_arguments() -> None:
    with pytest.raises(TypeError, match="zero-arg construction"):

        @stateful
        class Needy:
            def __init__(self, path: str) -> None:
                self.path = path


def test_chains_of_nodes_become_one_udf() -> None:
    threads: set[int] = set()

    @node(output_name="a")
    def one(x: int) -> int:
        threads.add(threading.get_ident())
        return x

    @node(output_name="b")
    def two(a: int) -> int:
        threads.add(threading.get_ident())
        return a

    DaftRunner().map(Graph([one, two]), {"x": list(range(10))}, map_over="x")
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_events_and_progress_are_ignored_with_one_warning() -> None:
    with pytest.warns(UserWarning, match="ignored") as caught:
        DaftRunner().run(GRAPH, x=1, event_processors=[object()], show_progress=True)
    assert len(caught) == 1


def test_capabilities() -> None:
    found = DaftRunner().capabilities
    assert found.supports_async_nodes
    assert found.supports_distributed
    assert not any((found.supports_cycles, found.supports_gates, found.supports_interrupts, found.supports_events))
    assert not any((found.supports_checkpointing, found.returns_coroutine))


def test_results_are_equal_to_themselves_and_can_be_read_in_any_way() -> None:
    result = DaftRunner().map(GRAPH, {"x": [1, 2]}, map_over="x")
    assert result[0] == result[0]
    assert [item["total"] for item in result] == [3, 5]
    assert result.get("nothing", 0) == [0, 0]
    result["total"].append(1)
    assert result["total"] == [3, 5]
    assert "2 completed" in result.summary()
    assert result.to_dict()["item_count"] == 2


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", "0 1"), ("os.environ['DO_NOT_TRACK'] = '0'", "0 0"), ("import daft", "None None")],
)
def test_daft_is_loaded_quietly_unless_told_otherwise(before: str, expected: str) -> None:
    code = f"import os; {before or 'pass'}; from hypergraph import DaftRunner; DaftRunner(); "
    code += "print(os.environ.get('DAFT_PROGRESS_BAR'), os.environ.get('DO_NOT_TRACK'))"
    environment = {name: value for name, value in os.environ.items() if name not in {"DAFT_PROGRESS_BAR", "DO_NOT_TRACK"}}
    environment["DAFT_ANALYTICS_ENABLED"] = "0"
    done = run_process([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == expected


def test_other_runners_can_hand_a_nested_graph_to_it() -> None:
    delegated = INNER.as_node(runner=DaftRunner())
    assert SyncRunner().run(Graph([delegated, around]), x=2).values == {"doubled": 4, "total": 5, "low": 4, "high": 6}
    mapped = Graph([delegated.map_over("x")])
    assert SyncRunner().run(mapped, x=[1, 2])["total"] == [3, 5]
    assert asyncio.run(AsyncRunner().run(mapped, x=[1, 2]))["total"] == [3, 5]
