"""Spans made of events."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from hypergraph.events import (
    CacheHitEvent,
    InnerCacheEvent,
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    RunStatus,
    StopRequestedEvent,
)
from hypergraph.events.otel import OpenTelemetryProcessor
from hypergraph.records import StepRecord, StepStatus


class Traced:
    """A processor whose finished spans can be read."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("test")
        self.processor = OpenTelemetryProcessor(self.tracer)

    def feed(self, *events):
        for event in events:
            self.processor.on_event(event)
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def traced():
    return Traced()


def run(*middle, status=RunStatus.COMPLETED, span="run", start=None, **more):
    return [
        RunStartEvent("r", span, graph_name="g", timestamp=10.0, **(start or {})),
        *middle,
        RunEndEvent("r", span, graph_name="g", status=status, timestamp=12.0, duration_ms=2000.0, **more),
    ]


NODE = NodeStartEvent("r", "n", "run", "wf", 3, 10.5, node_name="work", graph_name="g", superstep=2)


def test_a_run_and_its_node_are_spans_in_each_other(traced):
    spans = traced.feed(*run(NODE, NodeEndEvent("r", "n", "run", timestamp=11.0, node_name="work", duration_ms=500.0)))
    graph, node = spans["graph g"], spans["node work"]
    assert graph.parent is None
    assert node.parent.span_id == graph.context.span_id
    assert node.context.trace_id == graph.context.trace_id


def test_a_node_span_says_what_ran_and_when(traced):
    node = traced.feed(*run(NODE, NodeEndEvent("r", "n", "run", timestamp=11.0, node_name="work", cached=True)))["node work"]
    assert dict(node.attributes) == {
        "hypergraph.run_id": "r",
        "hypergraph.graph_name": "g",
        "hypergraph.workflow_id": "wf",
        "hypergraph.item_index": 3,
        "hypergraph.node_name": "work",
        "hypergraph.superstep": 2,
        "hypergraph.cached": True,
        "hypergraph.duration_ms": 0.0,
    }
    assert (node.start_time, node.end_time) == (10_500_000_000, 11_000_000_000)


def test_a_failing_node_carries_the_exception(traced):
    record = StepRecord("r", 0, "work", 0, StepStatus.FAILED, {}, traceback="Traceback: line 1")
    failing = NodeErrorEvent("r", "n", "run", node_name="work", error="boom", error_type="mod.Bad", record=record)
    spans = traced.feed(*run(NODE, failing, status=RunStatus.FAILED, error="Bad: boom"))
    node = spans["node work"]
    assert node.status.status_code is StatusCode.ERROR
    (event,) = node.events
    assert event.name == "exception"
    assert dict(event.attributes) == {
        "exception.type": "mod.Bad",
        "exception.message": "boom",
        "exception.stacktrace": "Traceback: line 1",
    }
    assert spans["graph g"].status.description == "Bad: boom"


def test_a_batch_says_its_counts_and_a_partial_one_gives_no_verdict(traced):
    item = [RunStartEvent("i", "item", "run", graph_name="item", item_index=0), RunEndEvent("i", "item", "run", graph_name="item")]
    counts = {"batch_total_items": 3, "batch_completed_items": 2, "batch_failed_items": 1, "batch_outcome": "partial"}
    spans = traced.feed(*run(*item, status=RunStatus.PARTIAL, start={"is_map": True, "map_size": 3}, **counts))
    graph = spans["graph g"]
    assert graph.status.status_code is StatusCode.UNSET
    assert graph.attributes["hypergraph.is_map"] is True
    assert graph.attributes["hypergraph.batch.total_items"] == 3
    assert graph.attributes["hypergraph.batch.completed_items"] == 2
    assert graph.attributes["hypergraph.batch.failed_items"] == 1
    assert graph.attributes["hypergraph.batch.outcome"] == "partial"
    assert graph.attributes["hypergraph.run.outcome"] == "partial"
    assert spans["graph item"].attributes["hypergraph.item_index"] == 0
    assert spans["graph item"].parent.span_id == graph.context.span_id


def test_a_nested_run_is_below_its_node(traced):
    nested = [RunStartEvent("i", "inner", "n", graph_name="inner"), RunEndEvent("i", "inner", "n", graph_name="inner")]
    spans = traced.feed(*run(NODE, *nested, NodeEndEvent("r", "n", "run", node_name="work")))
    assert spans["graph inner"].parent.span_id == spans["node work"].context.span_id


def test_a_run_is_below_the_span_that_is_current(traced):
    with traced.tracer.start_as_current_span("request"):
        spans = traced.feed(*run())
    assert spans["graph g"].parent is not None


@pytest.mark.parametrize(("relationship", "origin"), [("fork", {}), ("retry", {"retry_of": "wf", "retry_index": 1})])
def test_a_fork_and_a_retry_are_linked_to_their_source(traced, relationship, origin):
    source = traced.feed(*run(start={"workflow_id": "wf"}))["graph g"]
    traced.exporter.clear()
    spans = traced.feed(*run(span="two", start={"workflow_id": "wf-2", "forked_from": "wf", "fork_superstep": 4, **origin}))
    (link,) = spans["graph g"].links
    assert link.context.span_id == source.context.span_id
    assert link.attributes["hypergraph.lineage.relationship"] == relationship
    assert link.attributes["hypergraph.lineage.source_workflow_id"] == "wf"
    assert [event.name for event in spans["graph g"].events] == [f"hypergraph.{relationship}"]


def test_a_fork_of_a_run_from_elsewhere_has_its_link_too(traced):
    (link,) = traced.feed(*run(start={"forked_from": "elsewhere"}))["graph g"].links
    assert link.attributes["hypergraph.lineage.source_workflow_id"] == "elsewhere"


def test_a_decision_a_cache_hit_and_a_stop_are_noted(traced):
    spans = traced.feed(
        *run(
            NODE,
            CacheHitEvent("r", "n", "run", node_name="work", cache_key="k"),
            InnerCacheEvent("r", "other", "n", node_name="work", hit=True),
            RouteDecisionEvent("r", "own", "run", node_name="work", decision=["a", "b"], node_span_id="n"),
            NodeEndEvent("r", "n", "run", node_name="work"),
            StopRequestedEvent("r", "stop", "run", info="enough"),
            status=RunStatus.STOPPED,
        )
    )
    assert [event.name for event in spans["node work"].events] == ["hypergraph.cache_hit", "hypergraph.inner_cache", "hypergraph.route"]
    assert spans["node work"].events[2].attributes["hypergraph.decision"] == ("a", "b")
    assert spans["graph g"].events[0].attributes["hypergraph.info"] == "enough"
    assert spans["graph g"].status.status_code is StatusCode.UNSET


def test_a_question_ends_the_span_of_its_node(traced):
    spans = traced.feed(*run(NODE, InterruptEvent("r", "n", "run", node_name="work", response_param="answer"), status=RunStatus.PAUSED))
    (event,) = spans["node work"].events
    assert event.attributes["hypergraph.response_param"] == "answer"


def test_what_was_cancelled_ends_with_its_run_and_nothing_is_kept(traced):
    spans = traced.feed(*run(NODE, RunStartEvent("i", "inner", "n", graph_name="inner"), status=RunStatus.STOPPED))
    assert set(spans) == {"graph g", "node work", "graph inner"}
    assert traced.processor._open == {}
    assert traced.processor._children == {}


def test_unknown_ends_are_ignored(traced):
    ends = [NodeEndEvent("r", "x"), NodeErrorEvent("r", "x"), InterruptEvent("r", "x"), RunEndEvent("r", "x"), CacheHitEvent("r", "x")]
    assert traced.feed(*ends) == {}


def test_the_global_tracer_is_the_default():
    processor = OpenTelemetryProcessor()
    for event in run():
        processor.on_event(event)
