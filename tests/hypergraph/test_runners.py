"""What a run is, the same for both runners."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from hypergraph import (
    END,
    AsyncRunner,
    Graph,
    GraphConfigError,
    IncompatibleRunnerError,
    InfiniteLoopError,
    MissingInputError,
    NodeContext,
    RunStatus,
    SyncRunner,
    ifelse,
    interrupt,
    node,
    route,
)
from tests.hypergraph.both import Both, both


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    return doubled + y


@node(output_name="broken")
def fail(x: int) -> int:
    raise ValueError("no good")


@node(output_name="count")
def counter(count: int) -> int:
    return count + 1


@route(["counter", END])
def again(count: int) -> Any:
    return END if count >= 3 else "counter"


PAIR = Graph([double, add], name="pair")
LOOP = Graph([counter, again], entrypoint="counter", name="loop")


class Listener:
    """Keeps the events it hears."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.events.append(event)

    def shutdown(self) -> None:
        self.events.append("shutdown")


@both
def test_inputs_come_as_values_or_keywords(runner: Both) -> None:
    """The two ways are the same, and may be mixed."""
    assert runner.run(PAIR, {"x": 5})["total"] == 11
    assert runner.run(PAIR, x=5, y=2)["total"] == 12
    assert runner.run(PAIR, {"x": 5}, y=3)["total"] == 13


@both
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"values": {"x": 1}, "x": 2}, ValueError, "both values and kwargs"),
        ({"clone": True, "x": 1}, ValueError, "reserved runner options"),
        ({"values": 5}, TypeError, "values must be a dict"),
        ({"values": 5, "workflow_id": "w"}, TypeError, "values must be a dict"),
        ({"xx": 1}, ValueError, "Did you mean 'x'"),
        ({}, MissingInputError, r"Missing required input\(s\): \['x'\]"),
        ({"x": 1, "select": "total"}, ValueError, "Runtime select overrides are no longer supported"),
        ({"x": 1, "select": "**"}, ValueError, "Runtime select overrides are no longer supported"),
        ({"x": 1, "entrypoint": "add"}, ValueError, "Runtime entrypoint overrides are no longer supported"),
        ({"x": 1, "on_missing": "cry", "select": "total"}, ValueError, "Invalid on_missing"),
        ({"x": 1, "error_handling": "cry"}, ValueError, "Invalid error_handling"),
        ({"x": 1, "max_iterations": 0}, ValueError, "max_iterations"),
        ({"x": 1, "workflow_id": "a/b"}, ValueError, "cannot contain '/'"),
        ({"x": 1, "fork_from": "a"}, ValueError, "require a checkpointer"),
        ({"values": {"doubled": 1, "x": 1}}, ValueError, "(?s)internal parameters.*doubled <- double"),
    ],
)
def test_what_cannot_be_meant_is_refused(runner: Both, call: dict[str, Any], error: type[Exception], text: str) -> None:
    """Each refusal says what is wrong."""
    with pytest.raises(error, match=text):
        runner.run(PAIR, **call)


def test_the_error_of_a_missing_input_reads_like_this() -> None:
    """Who, and what to do."""
    with pytest.raises(MissingInputError) as caught:
        SyncRunner().run(PAIR)
    assert str(caught.value) == ("Missing required input(s): ['x']\n\nHow to fix:\n  Provide value for 'x' in the values dict")
    assert (caught.value.missing, caught.value.provided) == (["x"], [])


@both
def test_an_unknown_key_of_values_only_warns(runner: Both) -> None:
    """Values may hold more than a graph asks for."""
    with pytest.warns(UserWarning, match="Not recognized"):
        assert runner.run(PAIR, {"x": 1, "zzz": 2})["total"] == 3


@both
def test_an_input_named_like_an_option_goes_through_values(runner: Both) -> None:
    """Keywords are options first."""

    @node(output_name="out")
    def pick(select: int) -> int:
        return select

    assert runner.run(Graph([pick]), {"select": 4})["out"] == 4


@both
def test_a_failing_node_raises_its_own_exception(runner: Both) -> None:
    """No wrapper, and a note that says where."""
    with pytest.raises(ValueError, match="no good") as caught:
        runner.run(Graph([fail], name="g"), x=1)
    assert str(caught.value) == "no good"
    assert caught.value.__notes__ == ["Raised in node 'fail' of graph 'g'"]


@both
def test_continue_gives_what_was_finished(runner: Both) -> None:
    """Earlier nodes keep their values; what depends on the failure does not run."""

    @node(output_name="after")
    def after(broken: int) -> int:
        return broken

    result = runner.run(Graph([double, add, fail, after]), x=1, error_handling="continue")
    assert result.status is RunStatus.FAILED
    assert isinstance(result.error, ValueError)
    assert result.values["doubled"] == 2
    assert "after" not in result


@both
def test_an_exception_inside_a_nested_graph_comes_through(runner: Both) -> None:
    """The same object, once noted."""
    outer = Graph([Graph([fail], name="inner").as_node()], name="outer")
    with pytest.raises(ValueError, match="no good") as caught:
        runner.run(outer, x=1)
    assert caught.value.__notes__ == ["Raised in node 'inner/fail' of graph 'inner'"]


@both
def test_a_loop_ends_with_its_gate(runner: Both) -> None:
    """No iteration after END; every decision is in the log."""
    result = runner.run(LOOP, count=0)
    assert result.values == {"count": 3}
    assert [step.decision for step in result.log.steps] == [None, "counter", None, "counter", None, "END"]
    assert [step.superstep for step in result.log.steps] == list(range(6))


@both
@pytest.mark.parametrize("watched", [False, True])
def test_a_loop_that_does_not_end_is_stopped(runner: Both, watched: bool) -> None:
    """The limit counts supersteps of the region, and is named."""
    listeners: dict[str, Any] = {"event_processors": [Listener()]} if watched else {}
    with pytest.raises(InfiniteLoopError, match="exceeded 5 iterations"):
        runner.run(LOOP, count=-100, max_iterations=5, **listeners)
    result = runner.run(LOOP, count=-100, max_iterations=5, error_handling="continue", **listeners)
    assert result.failed
    assert result["count"] == -97


@both
@pytest.mark.parametrize("watched", [False, True])
def test_what_does_not_depend_on_a_runaway_loop_finishes_first(runner: Both, watched: bool) -> None:
    """Over several layers; what depends on it does not run."""

    @node(output_name="shown")
    def show(count: int) -> int:
        return count

    graph = Graph([counter, again, show, double, add], entrypoint=["counter", "double"])
    listeners: dict[str, Any] = {"event_processors": [Listener()]} if watched else {}
    result = runner.run(graph, count=-100, x=1, max_iterations=4, error_handling="continue", **listeners)
    assert isinstance(result.error, InfiniteLoopError)
    assert result.values["total"] == 3
    assert "shown" not in result


@both
def test_a_node_after_a_loop_runs_once(runner: Both) -> None:
    """It never sees an intermediate value."""
    seen: list[int] = []

    @node(output_name="shown")
    def show(count: int) -> int:
        seen.append(count)
        return count

    runner.run(Graph([counter, again, show], entrypoint="counter"), count=0)
    assert seen == [3]


@both
def test_an_ungated_self_loop_runs_once(runner: Both) -> None:
    """What a node wrote itself never triggers it."""

    @node(output_name="x")
    def grow(x: int) -> int:
        return x + 1

    assert runner.run(Graph([grow], entrypoint="grow"), x=0)["x"] == 1


@both
def test_a_gate_runs_before_its_targets(runner: Both) -> None:
    """Even when a target is listed first and ready."""
    order: list[str] = []

    @node(output_name="s")
    def start(x: int) -> int:
        order.append("start")
        return x

    @node(output_name="t")
    def target(s: int) -> int:
        order.append("target")
        return s

    @route(["target", END])
    def decide(s: int) -> str:
        order.append("decide")
        return "target"

    runner.run(Graph([target, decide, start]), x=1)
    assert order == ["start", "decide", "target"]


@both
def test_an_unchosen_branch_never_blocks_a_join(runner: Both) -> None:
    """The join runs with the branch that was chosen, through ungated nodes on the way."""

    @ifelse("left", "right")
    def side(x: int) -> bool:
        return x > 0

    @node(output_name="a")
    def left(x: int) -> str:
        return "left"

    @node(output_name="a2")
    def left_more(a: str) -> str:
        return a + "!"

    @node(output_name="b")
    def right(x: int) -> str:
        return "right"

    @node(output_name="joined")
    def join(x: int, a2: str = "no left", b: str = "no right") -> str:
        return f"{a2}, {b}"

    graph = Graph([side, left, left_more, right, join])
    assert runner.run(graph, x=1)["joined"] == "left!, no right"
    assert runner.run(graph, x=-1)["joined"] == "no left, right"


@both
def test_a_join_inside_a_loop_never_mixes_old_and_new(runner: Both) -> None:
    """It runs once a round, after the branch that the gate chose in that round."""
    seen: list[tuple[int, int]] = []

    @node(output_name="n")
    def step(n: int) -> int:
        return n + 1

    @ifelse("even", "odd")
    def parity(n: int) -> bool:
        return n % 2 == 0

    @node(output_name="part")
    def even(n: int) -> int:
        return n * 10

    @node(output_name="part")
    def odd(n: int) -> int:
        return n * 100

    @node(output_name="joined")
    def join(n: int, part: int) -> int:
        seen.append((n, part))
        return n + part

    @route(["step", END])
    def more(n: int, joined: int) -> Any:
        return END if n >= 3 else "step"

    runner.run(Graph([step, parity, even, odd, join, more], entrypoint="step"), n=0)
    assert seen == [(1, 100), (2, 20), (3, 300)]


@both
def test_a_gate_may_choose_none(runner: Both) -> None:
    """The target does not run, the run completes."""

    @route(["double"])
    def maybe(x: int) -> None:
        return None

    result = runner.run(Graph([maybe, double]), x=1)
    assert result.completed
    assert "doubled" not in result


@both
def test_late_activation_of_a_multi_target(runner: Both) -> None:
    """A chosen node whose inputs arrive later still runs."""

    @route(["quick", "slow"], multi_target=True)
    def pick(x: int) -> list[str]:
        return ["quick", "slow"]

    @node(output_name="q")
    def quick(x: int) -> int:
        return x + 1

    @node(output_name="s")
    def slow(q: int) -> int:
        return q + 1

    assert runner.run(Graph([pick, quick, slow]), x=1).values == {"q": 2, "s": 3}


@both
def test_defaults_are_copied_for_each_use(runner: Both) -> None:
    """A change in one run does not show in the next; bound values are shared."""

    @node(output_name="kept")
    def keep(x: int, seen: list[int] = []) -> list[int]:  # noqa: B006  # that is the point
        seen.append(x)
        return list(seen)

    assert runner.run(Graph([keep]), x=1)["kept"] == [1]
    assert runner.run(Graph([keep]), x=2)["kept"] == [2]
    shared: list[int] = []
    graph = Graph([keep]).bind(seen=shared)
    runner.run(graph, x=1)
    runner.run(graph, x=2)
    assert shared == [1, 2]


@both
def test_a_default_that_cannot_be_copied_is_told(runner: Both) -> None:
    """With the way out."""

    @node(output_name="out")
    def locked(x: int, lock: Any = threading.Lock()) -> int:  # noqa: B008  # that is the point
        return x

    with pytest.raises(GraphConfigError, match=r"(?s)cannot be safely copied.*Why copying is needed.*\.bind\(\)"):
        runner.run(Graph([locked]), x=1)


@both
def test_generators_give_lists(runner: Both) -> None:
    """None among what is yielded is kept; nothing yielded is an empty list."""

    @node(output_name="items")
    def several(n: int) -> Any:
        for number in range(n):
            yield number or None

    assert runner.run(Graph([several]), n=3)["items"] == [None, 1, 2]
    assert runner.run(Graph([several]), n=0)["items"] == []


@both
def test_missing_selected_outputs(runner: Both) -> None:
    """Ignored, warned of, or refused."""

    @route(["double", END])
    def never(x: int) -> Any:
        return END

    graph = Graph([never, double]).select("doubled")
    assert runner.run(graph, x=1).values == {}
    with pytest.warns(UserWarning, match="Requested outputs not found"):
        runner.run(graph, x=1, on_missing="warn")
    with pytest.raises(ValueError, match="Requested outputs not found"):
        runner.run(graph, x=1, on_missing="error")


@both
def test_the_workflow_id_is_echoed_without_a_store(runner: Both) -> None:
    """And is None when it was not given."""
    assert runner.run(PAIR, x=1, workflow_id="mine").workflow_id == "mine"
    result = runner.run(PAIR, x=1)
    assert result.workflow_id is None
    assert result.run_id.startswith("run-")
    assert len(result.run_id) == 16


@both
def test_a_stop_lets_the_running_node_finish(runner: Both) -> None:
    """Nothing new starts, what was finished is kept, and the runner can be used afterwards."""
    started, go_on = threading.Event(), threading.Event()

    @node(output_name="first")
    def slow(x: int, ctx: NodeContext) -> bool:
        started.set()
        assert go_on.wait(10)
        return ctx.stop_requested

    @node(output_name="second")
    def later(first: bool) -> bool:
        return first

    graph = Graph([slow, later])
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(runner.run(graph, x=1, workflow_id="w")))
    thread.start()
    assert started.wait(10)
    assert runner.runner.stop("w", info="enough") is True
    go_on.set()
    thread.join()
    (result,) = results
    assert result.stopped
    assert result.values == {"first": True}
    assert runner.runner.stop("w") is False
    assert runner.run(PAIR, x=1, workflow_id="w").completed


def test_the_sync_runner_names_what_it_cannot_run() -> None:
    """Before anything runs."""

    @node(output_name="y")
    async def fetch(x: int) -> int:
        return x

    @interrupt(output_name="ok")
    def approve(x: int) -> bool | None:
        return None

    with pytest.raises(IncompatibleRunnerError) as caught:
        SyncRunner().run(Graph([fetch]), x=1)
    assert str(caught.value) == (
        "SyncRunner cannot execute async nodes.\nFound async node: 'fetch'\n\nHow to fix:\n  Use AsyncRunner instead"
    )
    assert (caught.value.node_name, caught.value.capability) == ("fetch", "supports_async_nodes")
    with pytest.raises(IncompatibleRunnerError, match="InterruptNode"):
        SyncRunner().run(Graph([approve]), x=1)
    with pytest.raises(IncompatibleRunnerError, match="InterruptNode"):
        asyncio.run(AsyncRunner().map(Graph([approve]), {"x": [1]}, map_over="x"))


async def test_ready_nodes_overlap() -> None:
    """Four of four at once, without a limit; never more than the limit with one."""
    running = most = 0

    def make(name: str) -> Any:
        async def work(x: int) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            for _ in range(5):
                await asyncio.sleep(0)
            running -= 1
            return x

        work.__name__ = name
        return node(output_name=f"o_{name}")(work)

    graph = Graph([make(name) for name in "abcd"])
    await AsyncRunner().run(graph, x=1)
    assert most == 4
    most = 0
    await AsyncRunner().run(graph, x=1, max_concurrency=2)
    assert most == 2


async def test_one_budget_for_the_whole_tree_never_deadlocks() -> None:
    """Nested maps under a budget of one."""

    @node(output_name="out")
    async def work(item: int) -> int:
        await asyncio.sleep(0)
        return item * 2

    inner = Graph([work], name="inner").as_node().map_over("item")
    outer = Graph([Graph([inner], name="outer").as_node()], name="top")
    result = await AsyncRunner().map(outer, {"item": [[1, 2], [3]]}, map_over="item", max_concurrency=1)
    assert result["out"] == [[2, 4], [6]]


async def test_a_failing_sibling_is_cancelled_or_finished() -> None:
    """Under "raise" the rest is cancelled, under "continue" it finishes."""
    ended: list[str] = []

    @node(output_name="slow")
    async def slow(x: int) -> int:
        try:
            for _ in range(10):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("finished")
        return x

    @node(output_name="bad")
    async def bad(x: int) -> int:
        await asyncio.sleep(0)
        raise KeyError("bad")

    for watch in ([], [Listener()]):
        ended.clear()
        with pytest.raises(KeyError):
            await AsyncRunner().run(Graph([slow, bad]), x=1, event_processors=watch)
        assert ended == ["cancelled"]
        result = await AsyncRunner().run(Graph([slow, bad]), x=1, error_handling="continue", event_processors=watch)
        assert ended == ["cancelled", "finished"]
        assert result.values == {"slow": 1}


async def test_sync_nodes_in_threads_do_not_hold_their_siblings() -> None:
    """Two nodes that wait for each other can only end side by side."""
    meeting = threading.Barrier(2, timeout=10)

    @node(output_name="a")
    def one(x: int) -> int:
        return meeting.wait() * 0 + x

    @node(output_name="b")
    def two(x: int) -> int:
        return meeting.wait() * 0 + x

    result = await AsyncRunner(sync_nodes="thread").run(Graph([one, two]), x=1)
    assert result.values == {"a": 1, "b": 1}


async def test_events_can_be_read_as_they_come() -> None:
    """iter() gives the events, then the result."""
    async with AsyncRunner().iter(PAIR, x=1) as events:
        names = [type(event).__name__ async for event in events]
    assert names[0] == "RunStartEvent"
    assert names[-1] == "RunEndEvent"
    assert events.result["total"] == 3


async def test_a_second_run_under_a_busy_id_is_refused() -> None:
    """Also without a store."""
    from hypergraph import WorkflowAlreadyRunningError

    runner = AsyncRunner()
    gate = asyncio.Event()

    @node(output_name="y")
    async def wait(x: int) -> int:
        await gate.wait()
        return x

    task = asyncio.create_task(runner.run(Graph([wait]), x=1, workflow_id="w"))
    await asyncio.sleep(0)
    with pytest.raises(WorkflowAlreadyRunningError):
        await runner.run(Graph([wait]), x=1, workflow_id="w")
    gate.set()
    assert (await task)["y"] == 1
