"""Nodes with `cache=True`: when a runner calls them again, and when it does not."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hypergraph import END, AsyncRunner, DiskCache, Graph, InMemoryCache, SyncRunner, TypedEventProcessor, ifelse, node, route


class Hits(TypedEventProcessor):
    def __init__(self) -> None:
        self.nodes: list[str] = []

    def on_cache_hit(self, event) -> None:
        self.nodes.append(event.node_name)


def run(kind: str, cache, graph: Graph, **inputs):
    """Run a graph on the sync or the async runner with this cache."""
    if kind == "sync":
        return SyncRunner(cache=cache).run(graph, inputs)
    return asyncio.run(AsyncRunner(cache=cache).run(graph, inputs))


@pytest.fixture(params=["sync", "async"])
def kind(request) -> str:
    return request.param


@pytest.fixture(params=["memory", "disk"])
def cache(request, tmp_path):
    made = InMemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")
    yield made
    if isinstance(made, DiskCache):
        made.close()


def counting(output: str = "y", **options):
    """Give a node that doubles x, and the list of what it was called with."""
    calls: list[int] = []

    @node(output_name=output, cache=True, **options)
    def double(x: int) -> int:
        calls.append(x)
        return x * 2

    return double, calls


def test_a_second_run_does_not_call_the_node(kind, cache):
    double, calls = counting()
    results = [run(kind, cache, Graph([double]), x=3)["y"] for _ in range(3)]
    assert (results, calls) == ([6, 6, 6], [3])


def test_other_inputs_miss(kind, cache):
    double, calls = counting()
    for x in (1, 2, 1):
        run(kind, cache, Graph([double]), x=x)
    assert calls == [1, 2]


def test_without_a_cache_on_the_runner_every_run_calls(kind):
    double, calls = counting()
    run(kind, None, Graph([double]), x=1)
    run(kind, None, Graph([double]), x=1)
    assert calls == [1, 1]


def test_a_node_without_cache_is_always_called(kind):
    calls = []

    @node(output_name="y")
    def plain(x):
        calls.append(x)

    cache = InMemoryCache()
    run(kind, cache, Graph([plain]), x=1)
    run(kind, cache, Graph([plain]), x=1)
    assert calls == [1, 1]


def test_a_renamed_node_in_another_graph_hits(kind):
    double, calls = counting()
    cache = InMemoryCache()
    run(kind, cache, Graph([double]), x=3)
    other = double.with_name("other").with_inputs(x="z").with_outputs(y="w")
    assert run(kind, cache, Graph([other], name="another"), z=3)["w"] == 6
    assert calls == [3]


def test_a_counter_in_the_closure_does_not_prevent_hits(kind):
    count = 0

    @node(output_name="y", cache=True)
    def counted(x: int) -> int:
        nonlocal count
        count += 1
        return x

    cache = InMemoryCache()
    run(kind, cache, Graph([counted]), x=1)
    run(kind, cache, Graph([counted]), x=1)
    assert count == 1


def test_functions_of_one_factory_do_not_share_results(kind):
    def scaled(factor: int):
        @node(output_name="y", cache=True)
        def scale(x: int) -> int:
            return x * factor

        return Graph([scale])

    cache = InMemoryCache()
    assert [run(kind, cache, scaled(factor), x=2)["y"] for factor in (1, 10)] == [2, 20]


def test_methods_of_different_objects_do_not_share_results(kind):
    class Scaler:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def scale(self, x: int) -> int:
            return x * self.factor

    cache = InMemoryCache()
    graphs = [Graph([node(output_name="y", cache=True)(Scaler(factor).scale)]) for factor in (1, 10)]
    with pytest.warns(UserWarning, match="runs uncached"):  # the class is local: its objects have no hash
        assert [run(kind, cache, graph, x=2)["y"] for graph in graphs] == [2, 20]


def test_bound_values_are_part_of_the_key(kind):
    double, calls = counting()
    cache = InMemoryCache()
    for x in (1, 2, 1):
        run(kind, cache, Graph([double]).bind(x=x))
    assert calls == [1, 2]


def test_an_exception_is_not_kept(kind, cache):
    calls = []

    @node(output_name="y", cache=True)
    def fails_once(x: int) -> int:
        calls.append(x)
        if len(calls) == 1:
            raise ValueError("first time")
        return x

    with pytest.raises(ValueError, match="first time"):
        run(kind, cache, Graph([fails_once]), x=1)
    assert run(kind, cache, Graph([fails_once]), x=1)["y"] == 1


def test_none_is_a_result(kind, cache):
    calls = []

    @node(output_name="y", cache=True)
    def nothing(x: int) -> None:
        calls.append(x)

    for _ in range(2):
        assert run(kind, cache, Graph([nothing]), x=1).values == {"y": None}
    assert calls == [1]


def test_a_generator_is_kept_as_its_list(kind, cache):
    calls = []

    @node(output_name="y", cache=True)
    def numbers(n: int):
        calls.append(n)
        yield from range(n)

    results = [run(kind, cache, Graph([numbers]), n=3)["y"] for _ in range(2)]
    assert (results, calls) == ([[0, 1, 2]] * 2, [3])


def test_several_outputs_come_back_under_their_names(kind, cache):
    @node(output_name=("low", "high"), cache=True)
    def around(x: int) -> tuple[int, int]:
        return x - 1, x + 1

    for _ in range(2):
        assert run(kind, cache, Graph([around]), x=5).values == {"low": 4, "high": 6}


def test_results_are_not_shared_between_runs(kind, cache):
    @node(output_name="y", cache=True)
    def fresh(x: int) -> list[int]:
        return [x]

    run(kind, cache, Graph([fresh]), x=1)["y"].append("spoilt")
    run(kind, cache, Graph([fresh]), x=1)["y"].append("spoilt")
    assert run(kind, cache, Graph([fresh]), x=1)["y"] == [1]


@pytest.mark.parametrize("shape", ["route", "ifelse"])
def test_a_cached_gate_replays_its_decision(kind, cache, shape):
    decided = []

    def choose(x: int):
        decided.append(x)
        return x > 1 if shape == "ifelse" else ("big" if x > 1 else "small")

    gate = ifelse("big", "small", cache=True)(choose) if shape == "ifelse" else route(["big", "small"], cache=True)(choose)

    @node(output_name="size")
    def big(x: int) -> str:
        return "big"

    @node(output_name="size")
    def small(x: int) -> str:
        return "small"

    graph = Graph([gate, big, small])
    results = [run(kind, cache, graph, x=x).values for x in (1, 2, 1, 2)]
    assert results == [{"size": "small"}, {"size": "big"}] * 2
    assert decided == [1, 2]


def test_in_a_loop_each_distinct_input_is_its_own_entry(kind, cache):
    steps, asked = [], []

    @node(output_name="count", cache=True)
    def step(count: int) -> int:
        steps.append(count)
        return count + 1

    @route(["step", END], cache=True)
    def enough(count: int):
        asked.append(count)
        return END if count >= 3 else "step"

    graph = Graph([step, enough], entrypoint="step")
    assert [run(kind, cache, graph, count=0)["count"] for _ in range(2)] == [3, 3]
    assert (steps, asked) == ([0, 1, 2], [1, 2, 3])


def test_the_cache_reaches_nested_and_mapped_graphs(kind, cache):
    double, calls = counting()
    inner = Graph([double], name="inner")
    outer = Graph([inner.as_node().with_inputs(x="xs").map_over("xs")])
    assert run(kind, cache, outer, xs=[5, 5, 5])["y"] == [10, 10, 10]
    assert run(kind, cache, Graph([inner.as_node()]), x=5)["y"] == 10
    assert calls == [5]


def test_a_hit_is_told_and_stands_in_the_log(kind):
    double, _ = counting()
    cache, hits = InMemoryCache(), Hits()
    graph = Graph([double])
    run(kind, cache, graph, x=1)
    if kind == "sync":
        result = SyncRunner(cache=cache).run(graph, x=1, event_processors=[hits])
    else:
        result = asyncio.run(AsyncRunner(cache=cache).run(graph, x=1, event_processors=[hits]))
    assert hits.nodes == ["double"]
    assert [(step.cached, step.status) for step in result.log.steps] == [(True, "completed")]


def test_inputs_without_a_hash_run_uncached_with_a_warning(kind):
    calls = []

    @node(output_name="y", cache=True)
    def use(lock) -> int:
        calls.append(1)
        return len(calls)

    cache, lock = InMemoryCache(), threading.Lock()
    with pytest.warns(UserWarning, match="'use' has cache=True, but"):
        assert [run(kind, cache, Graph([use]), lock=lock)["y"] for _ in range(2)] == [1, 2]


class Door:
    """Global, because events in a closure have no hash."""

    calls: list[int]
    entered: asyncio.Event
    release: asyncio.Event


@node(output_name="y", cache=True)
async def pass_door(x: int) -> int:
    Door.calls.append(x)
    Door.entered.set()
    await Door.release.wait()
    return x * 2


async def test_concurrent_identical_calls_run_once():
    Door.calls, Door.entered, Door.release = [], asyncio.Event(), asyncio.Event()
    runner, graph = AsyncRunner(cache=InMemoryCache()), Graph([pass_door.with_inputs(x="xs")], name="doors")
    batch = asyncio.create_task(runner.map(graph, {"xs": [4] * 5}, map_over="xs"))
    await asyncio.wait_for(Door.entered.wait(), 10)
    Door.release.set()
    assert (await batch)["y"] == [8] * 5
    assert Door.calls == [4]


async def test_concurrent_identical_calls_run_once_over_all_runs_of_a_runner() -> None:
    """They share no mutable value: each gets a copy of its own."""
    calls: list[int] = []

    @node(output_name="made", cache=True)
    async def make(x: int) -> list[int]:
        calls.append(x)
        await asyncio.sleep(0)
        return [x]

    runner = AsyncRunner(cache=InMemoryCache())
    one, other = await asyncio.gather(*(runner.run(Graph([make]), x=1) for _ in range(2)))
    assert calls == [1]
    assert one["made"] == other["made"] == [1]
    assert one["made"] is not other["made"]
