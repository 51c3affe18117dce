"""A graph that another runner runs is still a part of the run around it."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import (
    END,
    AsyncRunner,
    Graph,
    IncompatibleRunnerError,
    InfiniteLoopError,
    NodeContext,
    NodeStartEvent,
    RunEndEvent,
    RunStartEvent,
    RunStatus,
    SyncRunner,
    interrupt,
    node,
    route,
)
from hypergraph.runners import RunnerCapabilities
from tests.hypergraph.both import Both, both


class Heard:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.shutdowns = 0

    def on_event(self, event: Any) -> None:
        self.events.append(event)

    def shutdown(self) -> None:
        self.shutdowns += 1


@node(output_name="a")
def inc(x: int) -> int:
    return x + 1


@node(output_name="n")
def count(n: int) -> int:
    return n + 1


@route(targets=["count", END])
def forever(n: int) -> object:
    return END if n > 50 else "count"


@both
@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("heard", [False, True])
def test_a_stop_reaches_it(runner: Both, mapped: bool, heard: bool) -> None:
    """Nothing new starts in there either; a later call of that runner is its own again."""
    ran: list[Any] = []

    @node(output_name="a")
    def first(x: int, ctx: NodeContext) -> int:
        runner.runner.stop("w")
        ran.append(ctx.stop_requested)
        return x

    @node(output_name="b")
    def second(a: int) -> int:
        ran.append("second")
        return a

    other = SyncRunner()
    inner = Graph([first, second], name="inner")
    outer = inner.as_node(runner=other).map_over("x") if mapped else inner.as_node(runner=other)
    processors = [Heard()] if heard else None
    result = runner.run(Graph([outer]), x=[1, 2] if mapped else 1, workflow_id="w", event_processors=processors)
    assert result.status is RunStatus.STOPPED
    assert ran == [True]
    assert other.run(inner, x=1).completed


@both
def test_it_finishes_first_where_it_was_told_to(runner: Both) -> None:
    """`complete_on_stop` holds for it too."""

    @node(output_name="a")
    def first(x: int) -> int:
        runner.runner.stop("w")
        return x

    @node(output_name="b")
    def second(a: int) -> int:
        return a

    inner = Graph([first, second], name="inner").as_node(runner=SyncRunner(), complete_on_stop=True)
    result = runner.run(Graph([inner]), x=1, workflow_id="w")
    assert result.status is RunStatus.STOPPED
    assert result["b"] == 1


@both
def test_its_events_hang_below_the_node(runner: Both) -> None:
    """Whoever hears the outer run hears it, and is shut down once."""
    heard = Heard()
    graph = Graph([Graph([inc], name="inner").as_node(runner=SyncRunner())], name="outer")
    runner.run(graph, x=1, event_processors=[heard])
    starts = [event for event in heard.events if isinstance(event, RunStartEvent)]
    nodes = {event.node_name: event for event in heard.events if isinstance(event, NodeStartEvent)}
    ends = [event for event in heard.events if isinstance(event, RunEndEvent)]
    assert [event.graph_name for event in starts] == ["outer", "inner"]
    assert starts[1].parent_span_id == ends[0].parent_span_id == nodes["inner"].span_id
    assert nodes["inc"].parent_span_id == starts[1].span_id
    assert heard.shutdowns == 1


@both
def test_max_iterations_holds_for_it(runner: Both) -> None:
    """As for every nested run."""
    inner = Graph([count, forever], name="inner", entrypoint="count").as_node(runner=SyncRunner())
    graph = Graph([inner], entrypoint="inner")
    assert runner.run(graph, n=0)["n"] == 51
    with pytest.raises(InfiniteLoopError, match="5"):
        runner.run(graph, n=0, max_iterations=5)


async def test_its_question_is_answered_from_outside() -> None:
    """By the address that the pause names."""

    @interrupt(output_name="decision")
    def ask(x: int) -> str | None:
        return None

    graph = Graph([Graph([ask], name="inner").as_node(namespaced=True, runner=AsyncRunner())])
    result = await AsyncRunner().run(graph, {"inner.x": 1})
    assert (result.pause.node_name, result.pause.response_key) == ("inner/ask", "inner.decision")
    result = await AsyncRunner().run(graph, {"inner.x": 1, "inner.decision": "yes"})
    assert result["inner.decision"] == "yes"


class Plain(SyncRunner):
    """A runner that can do less than it says on its class."""

    def __init__(self, **able: bool) -> None:
        super().__init__()
        self._able = RunnerCapabilities(**able)

    @property
    def capabilities(self) -> RunnerCapabilities:
        return self._able


@both
@pytest.mark.parametrize("deep", [False, True])
def test_it_is_asked_what_it_can_do_at_every_depth(runner: Both, deep: bool) -> None:
    """Before anything runs."""
    inner = Graph([count, forever], name="inner", entrypoint="count")
    if deep:
        inner = Graph([inner.as_node()], name="middle", entrypoint="inner")
    for able in ("supports_cycles", "supports_gates"):
        node = inner.as_node(runner=Plain(**{able: False}))
        with pytest.raises(IncompatibleRunnerError, match=able.removeprefix("supports_")) as told:
            runner.run(Graph([node], entrypoint=node.name), n=0)
        assert told.value.capability == able
