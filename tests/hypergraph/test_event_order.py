"""Which events a run reports, in which order, and how they belong together: the same under both runners."""

import inspect

import pytest

from hypergraph import (
    END,
    AsyncEventProcessor,
    AsyncRunner,
    CacheHitEvent,
    Graph,
    InMemoryCache,
    InterruptEvent,
    NodeContext,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    StopRequestedEvent,
    StreamingChunkEvent,
    SuperstepStartEvent,
    SyncRunner,
    interrupt,
    node,
    route,
)
from hypergraph.records import RunStatus


class Recorder:
    """Keeps every event."""

    def __init__(self):
        self.events = []
        self.ended = 0

    def on_event(self, event):
        self.events.append(event)

    def shutdown(self):
        self.ended += 1

    @property
    def order(self):
        return [type(event).__name__.removesuffix("Event") for event in self.events]

    def of(self, kind, **wanted):
        return [
            event for event in self.events if type(event) is kind and all(getattr(event, name) == value for name, value in wanted.items())
        ]


@pytest.fixture(params=[SyncRunner, AsyncRunner], ids=["sync", "async"])
def runner_class(request):
    return request.param


@pytest.fixture
def heard():
    return Recorder()


@pytest.fixture
def go(runner_class, heard):
    """Run or map a graph with the recorder attached, whichever runner it is."""

    async def call(method, graph, values=None, *, runner=None, raises=None, **options):
        act = getattr(runner or runner_class(), method)
        try:
            outcome = act(graph, values, event_processors=[heard], **options)
            return await outcome if inspect.isawaitable(outcome) else outcome
        except Exception as error:
            if raises is None or not isinstance(error, raises):
                raise
            return error

    return call


@node(output_name="a")
def first(x: int) -> int:
    return x + 1


@node(output_name="b")
def second(a: int) -> int:
    return a + 1


@node(output_name="a")
def broken(x: int) -> int:
    raise ValueError("no good")


def chain():
    return Graph([first, second], name="chain")


def nested(name="inner"):
    return Graph([chain().as_node(name=name)], name="outer")


@node(output_name="count")
def step(count: int) -> int:
    return count + 1


@route(["step", END])
def enough(count: int) -> str:
    return END if count >= 3 else "step"


class TestOrder:
    async def test_two_chained_nodes(self, go, heard):
        await go("run", chain(), {"x": 1})
        assert heard.order == [
            "RunStart", "SuperstepStart", "NodeStart", "NodeEnd", "SuperstepStart", "NodeStart", "NodeEnd", "RunEnd",
        ]  # fmt: skip
        assert [event.superstep for event in heard.of(SuperstepStartEvent)] == [0, 1]
        assert [event.node_names for event in heard.of(SuperstepStartEvent)] == [("first",), ("second",)]
        assert [event.superstep for event in heard.of(NodeEndEvent)] == [0, 1]

    async def test_a_gate_decides_between_its_start_and_end(self, go, heard):
        await go("run", Graph([step, enough], entrypoint="step", name="loop"), {"count": 2})
        about_gate = [type(event) for event in heard.events if getattr(event, "node_name", None) == "enough"]
        assert about_gate == [NodeStartEvent, RouteDecisionEvent, NodeEndEvent]

    async def test_the_last_decision_of_a_loop_is_its_end(self, go, heard):
        await go("run", Graph([step, enough], entrypoint="step", name="loop"), {"count": 0})
        decisions = [event.decision for event in heard.of(RouteDecisionEvent)]
        assert decisions == ["step", "step", END]
        assert decisions[-1] is END

    async def test_a_cached_node_hits_between_its_start_and_end(self, go, heard, runner_class):
        @node(output_name="y", cache=True)
        def kept(x: int) -> int:
            return x

        runner = runner_class(cache=InMemoryCache())
        graph = Graph([kept], name="g")
        await go("run", graph, {"x": 1}, runner=runner)
        heard.events.clear()
        await go("run", graph, {"x": 1}, runner=runner)
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", "CacheHit", "NodeEnd", "RunEnd"]
        (end,) = heard.of(NodeEndEvent)
        assert end.cached
        assert end.duration_ms == 0.0
        assert heard.of(CacheHitEvent)[0].cache_key

    @pytest.mark.parametrize("mode", ["raise", "continue"])
    async def test_a_failing_node_errs_instead_of_ending(self, go, heard, mode):
        await go("run", Graph([broken, second], name="g"), {"x": 1}, error_handling=mode, raises=ValueError)
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", "NodeError", "RunEnd"]
        (error,) = heard.of(NodeErrorEvent)
        assert "no good" in error.error
        assert "ValueError" in error.error_type
        (end,) = heard.of(RunEndEvent)
        assert end.status == RunStatus.FAILED
        assert "no good" in end.error
        assert end.duration_ms > 0

    async def test_a_nested_run_lies_within_its_node(self, go, heard):
        await go("run", nested(), {"x": 1})
        inner = ["RunStart", "SuperstepStart", "NodeStart", "NodeEnd", "SuperstepStart", "NodeStart", "NodeEnd", "RunEnd"]
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", *inner, "NodeEnd", "RunEnd"]

    async def test_a_nested_failure_is_told_on_both_levels(self, go, heard):
        graph = Graph([Graph([broken], name="inside").as_node()], name="out")
        await go("run", graph, {"x": 1}, raises=ValueError)
        assert [event.node_name for event in heard.of(NodeErrorEvent)] == ["broken", "inside"]
        assert [event.status for event in heard.of(RunEndEvent)] == [RunStatus.FAILED, RunStatus.FAILED]

    async def test_a_stop_is_told_before_the_end(self, go, heard, runner_class):
        runner = runner_class()

        @node(output_name="a")
        def stops(x: int) -> int:
            assert runner.stop("wf", info="enough")
            return x

        await go("run", Graph([stops, second], name="g"), {"x": 1}, runner=runner, workflow_id="wf")
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", "NodeEnd", "StopRequested", "RunEnd"]
        assert heard.of(StopRequestedEvent)[0].info == "enough"
        assert heard.of(RunEndEvent)[0].status == RunStatus.STOPPED

    async def test_chunks_come_in_order_within_their_node(self, go, heard):
        @node(output_name="y")
        def talks(x: int, ctx: NodeContext) -> int:
            for piece in ("a", "b", "c"):
                ctx.stream(piece)
            return x

        await go("run", Graph([talks], name="g"), {"x": 1})
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", *["StreamingChunk"] * 3, "NodeEnd", "RunEnd"]
        assert [event.chunk for event in heard.of(StreamingChunkEvent)] == ["a", "b", "c"]


class TestInterrupts:
    """Only AsyncRunner pauses."""

    @staticmethod
    def approval():
        @interrupt(output_name="decision")
        def approval(draft: str) -> str | None: ...

        return approval

    async def test_a_question_takes_the_place_of_the_end(self, heard):
        graph = Graph([self.approval()], name="g")
        result = await AsyncRunner().run(graph, {"draft": "text"}, event_processors=[heard])
        assert result.paused
        assert heard.order == ["RunStart", "SuperstepStart", "NodeStart", "Interrupt", "RunEnd"]
        (asked,) = heard.of(InterruptEvent)
        assert (asked.value, asked.response_param) == ("text", "decision")
        assert asked.span_id == heard.of(NodeStartEvent)[0].span_id
        assert heard.of(RunEndEvent)[0].status == RunStatus.PAUSED

    async def test_a_nested_question_is_told_on_both_levels(self, heard):
        graph = Graph([Graph([self.approval()], name="inner").as_node()], name="outer")
        await AsyncRunner().run(graph, {"draft": "text"}, event_processors=[heard])
        assert [event.node_name for event in heard.of(InterruptEvent)] == ["approval", "inner/approval"]
        assert [event.status for event in heard.of(RunEndEvent)] == [RunStatus.PAUSED, RunStatus.PAUSED]


class TestIdentity:
    async def test_one_run_has_one_id_and_its_nodes_its_span(self, go, heard):
        result = await go("run", chain(), {"x": 1})
        (start,) = heard.of(RunStartEvent)
        assert {event.run_id for event in heard.events} == {result.run_id}
        assert start.parent_span_id is None
        assert {event.parent_span_id for event in heard.of(NodeStartEvent)} == {start.span_id}
        assert heard.of(RunEndEvent)[0].span_id == start.span_id

    async def test_start_and_end_of_a_node_share_a_span_of_their_own(self, go, heard):
        await go("run", chain(), {"x": 1})
        starts, ends = heard.of(NodeStartEvent), heard.of(NodeEndEvent)
        assert [event.span_id for event in starts] == [event.span_id for event in ends]
        assert len({event.span_id for event in starts}) == 2

    async def test_a_decision_has_its_own_span_below_the_run(self, go, heard):
        await go("run", Graph([step, enough], entrypoint="step", name="loop"), {"count": 2})
        (decision,) = heard.of(RouteDecisionEvent)
        assert decision.parent_span_id == heard.of(RunStartEvent)[0].span_id
        assert decision.node_span_id == heard.of(NodeStartEvent, node_name="enough")[0].span_id
        assert decision.span_id not in {event.span_id for event in heard.events if event is not decision}

    async def test_nested_runs_hang_below_the_node_that_runs_them(self, go, heard):
        one = Graph([first], name="one").as_node()
        two = Graph([first], name="two").as_node().with_outputs(a="c")
        await go("run", Graph([one, two], name="outer"), {"x": 1})
        assert len({event.run_id for event in heard.of(RunStartEvent)}) == 3
        for name in ("one", "two"):
            (start,) = heard.of(RunStartEvent, graph_name=name)
            (around,) = heard.of(NodeStartEvent, node_name=name)
            assert start.parent_span_id == around.span_id

    async def test_an_unnamed_graph_has_no_name(self, go, heard):
        await go("run", Graph([first]), {"x": 1})
        assert {event.graph_name for event in heard.events} == {None}

    async def test_starts_carry_inputs_and_times_go_forward(self, go, heard):
        await go("run", chain(), {"x": 1})
        assert [dict(event.inputs) for event in heard.of(NodeStartEvent)] == [{"x": 1}, {"a": 2}]
        times = [event.timestamp for event in heard.events]
        assert times == sorted(times)


class TestMaps:
    async def test_a_batch_surrounds_its_items(self, go, heard):
        result = await go("map", chain(), {"x": [1, 2, 3]}, map_over="x")
        (whole,) = heard.of(RunStartEvent, is_map=True)
        assert whole.map_size == 3
        assert heard.events[0] is whole
        items = heard.of(RunStartEvent, is_map=False)
        assert [event.parent_span_id for event in items] == [whole.span_id] * 3
        assert [event.item_index for event in items] == [0, 1, 2]
        assert len({event.run_id for event in heard.of(RunStartEvent)}) == 4
        assert len(heard.of(RunEndEvent)) == 4
        assert heard.events[-1].span_id == whole.span_id
        assert whole.run_id == result.run_id
        assert [event.run_id for event in items] == [item.run_id for item in result]

    async def test_a_batchs_end_counts_its_items(self, go, heard):
        @node(output_name="y")
        def picky(x: int) -> int:
            if x == 2:
                raise ValueError("two")
            return x

        await go("map", Graph([picky], name="g"), {"x": [1, 2, 3]}, map_over="x", error_handling="continue")
        end = heard.events[-1]
        assert type(end) is RunEndEvent
        assert end.status == "partial"
        assert end.batch_outcome == "partial"
        counts = (end.batch_total_items, end.batch_completed_items, end.batch_failed_items, end.batch_paused_items, end.batch_stopped_items)
        assert counts == (3, 2, 1, 0, 0)
        assert len(heard.of(NodeErrorEvent)) == 1
        assert [event.status for event in heard.of(RunEndEvent)].count(RunStatus.FAILED) == 1

    async def test_an_empty_batch_reports_nothing(self, go, heard):
        result = await go("map", chain(), {"x": []}, map_over="x")
        assert len(result) == 0
        assert heard.events == []

    async def test_a_mapped_node_is_a_batch_below_its_span(self, go, heard):
        graph = Graph([Graph([first], name="inside").as_node().map_over("x")], name="out")
        await go("run", graph, {"x": [1, 2]})
        (batch,) = heard.of(RunStartEvent, is_map=True)
        assert batch.parent_span_id == heard.of(NodeStartEvent, node_name="inside")[0].span_id
        assert heard.order.count("RunEnd") == 4


class TestListeners:
    async def test_shutdown_comes_once_at_the_end_of_a_call(self, go, heard):
        await go("run", nested(), {"x": 1})
        assert heard.ended == 1
        await go("map", chain(), {"x": [1, 2]}, map_over="x")
        assert heard.ended == 2

    async def test_shutdown_comes_after_a_failure_too(self, go, heard):
        await go("run", Graph([broken], name="g"), {"x": 1}, raises=ValueError)
        assert heard.ended == 1

    async def test_a_broken_processor_does_not_disturb_the_run(self, runner_class, heard, caplog):
        class Broken:
            def on_event(self, event):
                raise RuntimeError("broken")

            def shutdown(self):
                raise RuntimeError("broken")

        outcome = runner_class().run(chain(), {"x": 1}, event_processors=[Broken(), heard])
        result = await outcome if inspect.isawaitable(outcome) else outcome
        assert result["b"] == 3
        assert heard.order[-1] == "RunEnd"
        assert [record.name for record in caplog.records] == ["hypergraph.events"]

    async def test_an_async_processor_is_awaited_by_the_async_runner_alone(self):
        class Both(AsyncEventProcessor):
            def __init__(self):
                self.called, self.awaited = [], []

            def on_event(self, event):
                self.called.append(type(event))

            async def on_event_async(self, event):
                self.awaited.append(type(event))

            async def shutdown_async(self):
                self.awaited.append("end")

        plain, awaited = Both(), Both()
        SyncRunner().run(chain(), {"x": 1}, event_processors=[plain])
        await AsyncRunner().run(chain(), {"x": 1}, event_processors=[awaited])
        assert awaited.called == []
        assert awaited.awaited == [*plain.called, "end"]


class TestLogs:
    async def test_the_log_has_the_spans_of_the_events(self, go, heard):
        result = await go("run", chain(), {"x": 1})
        assert [record.span_id for record in result.log.steps] == [event.span_id for event in heard.of(NodeEndEvent)]
        assert result.log.run_id == result.run_id

    async def test_a_run_that_nobody_hears_has_a_log_too(self, runner_class):
        outcome = runner_class().run(nested(), {"x": 1})
        result = await outcome if inspect.isawaitable(outcome) else outcome
        (around,) = result.log.steps
        assert [record.node_name for record in around.log.steps] == ["first", "second"]
        assert "(1 inner)" in str(result.log)
