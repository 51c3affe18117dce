"""Traces: a span per run, batch, item and node, through OpenTelemetry."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix
from hypergraph.events.processor import TypedEventProcessor
from hypergraph.events.types import (
    CacheHitEvent,
    InnerCacheEvent,
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    StopRequestedEvent,
)
from hypergraph.records import RunStatus

try:
    from opentelemetry import trace
    from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, Span, SpanContext, Status, StatusCode
except ImportError as error:
    raise ImportError(
        "OpenTelemetryProcessor needs opentelemetry, which is not installed." + fix("pip install 'hypergraph-studio[otel]'")
    ) from error

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["OpenTelemetryProcessor"]

# So many finished workflows are remembered, to link forks and retries to them.
_REMEMBERED = 4096


def _attributes(**values: Any) -> dict[str, Any]:
    """Give attributes under "hypergraph.", those that are known; `batch__x` reads "batch.x"."""
    return {f"hypergraph.{name.replace('__', '.')}": value for name, value in values.items() if value is not None}


def _nanoseconds(event: Any) -> int:
    return int(event.timestamp * 1e9)


class OpenTelemetryProcessor(TypedEventProcessor):
    """Turns events into spans.

    A top-level run's span is a child of whatever span is current when the run starts; below it the spans nest as runs, items and nodes do.
    A fork or retry is linked to the run that it comes from: to its span when this processor has seen it, otherwise by attributes alone.

    Args:
        tracer: makes the spans; by default the global provider's tracer named "hypergraph".

    Raises:
        ImportError: on import of this module, when opentelemetry is not installed.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer if tracer is not None else trace.get_tracer("hypergraph")
        self._open: dict[str, Span] = {}
        self._children: dict[str, set[str]] = {}
        self._seen: OrderedDict[str, SpanContext] = OrderedDict()

    def _start(self, event: RunStartEvent | NodeStartEvent, name: str, attributes: dict[str, Any], links: Sequence[Link] = ()) -> Span:
        parent = self._open.get(event.parent_span_id or "")
        context = trace.set_span_in_context(parent) if parent is not None else None
        span = self._tracer.start_span(name, context, attributes=attributes, links=links, start_time=_nanoseconds(event))
        self._open[event.span_id] = span
        if parent is not None and event.parent_span_id is not None:
            self._children.setdefault(event.parent_span_id, set()).add(event.span_id)
        return span

    def _end(self, event: NodeEndEvent | NodeErrorEvent | InterruptEvent | RunEndEvent) -> None:
        self._close(event.span_id, _nanoseconds(event))
        siblings = self._children.get(event.parent_span_id or "")
        if siblings is not None:
            siblings.discard(event.span_id)

    def _close(self, span_id: str, moment: int) -> None:
        """End a span, and before it what is still open below it: a cancelled node has no end of its own."""
        for child in self._children.pop(span_id, ()):
            self._close(child, moment)
        span = self._open.pop(span_id, None)
        if span is not None:
            span.end(moment)

    def on_run_start(self, event: RunStartEvent) -> None:
        """Open the span of a run, batch or item."""
        relationship = "retry" if event.retry_of else "fork" if event.forked_from else None
        source = event.retry_of or event.forked_from
        lineage = {} if source is None else self._lineage(event, relationship or "", source)
        links = [Link(self._seen.get(source, INVALID_SPAN_CONTEXT), lineage)] if source is not None else []
        attributes = _attributes(
            run_id=event.run_id,
            graph_name=event.graph_name,
            workflow_id=event.workflow_id,
            parent_workflow_id=event.parent_workflow_id,
            item_index=event.item_index,
            is_map=event.is_map,
            map_size=event.map_size,
            is_resume=event.is_resume or None,
        )
        span = self._start(event, f"graph {event.graph_name or 'unnamed'}", attributes, links)
        if source is not None:
            span.add_event(f"hypergraph.{relationship}", lineage, _nanoseconds(event))
        if event.workflow_id is not None:
            self._seen[event.workflow_id] = span.get_span_context()
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    @staticmethod
    def _lineage(event: RunStartEvent, relationship: str, source: str) -> dict[str, Any]:
        return _attributes(
            lineage__relationship=relationship,
            lineage__source_workflow_id=source,
            forked_from=event.forked_from,
            fork_superstep=event.fork_superstep,
            retry_of=event.retry_of,
            retry_index=event.retry_index,
        )

    def on_run_end(self, event: RunEndEvent) -> None:
        """Close the span of a run, with its outcome: an error when it failed, no verdict when it is partial, paused or stopped."""
        span = self._open.get(event.span_id)
        if span is None:
            return
        span.set_attributes(
            _attributes(
                run__outcome=str(event.status),
                duration_ms=event.duration_ms,
                batch__total_items=event.batch_total_items,
                batch__completed_items=event.batch_completed_items,
                batch__failed_items=event.batch_failed_items,
                batch__paused_items=event.batch_paused_items,
                batch__stopped_items=event.batch_stopped_items,
                batch__outcome=None if event.batch_outcome is None else str(event.batch_outcome),
            )
        )
        if event.status == RunStatus.FAILED:
            span.set_status(Status(StatusCode.ERROR, event.error or "failed"))
        elif event.status == RunStatus.COMPLETED:
            span.set_status(Status(StatusCode.OK))
        self._end(event)

    def on_node_start(self, event: NodeStartEvent) -> None:
        """Open the span of a node."""
        attributes = _attributes(
            run_id=event.run_id,
            graph_name=event.graph_name,
            workflow_id=event.workflow_id,
            item_index=event.item_index,
            node_name=event.node_name,
            superstep=event.superstep,
        )
        self._start(event, f"node {event.node_name}", attributes)

    def on_node_end(self, event: NodeEndEvent) -> None:
        """Close the span of a node that returned."""
        span = self._open.get(event.span_id)
        if span is not None:
            span.set_attributes(_attributes(cached=event.cached, duration_ms=event.duration_ms))
            span.set_status(Status(StatusCode.OK))
            self._end(event)

    def on_node_error(self, event: NodeErrorEvent) -> None:
        """Close the span of a node that raised, with the exception as OpenTelemetry names its parts."""
        span = self._open.get(event.span_id)
        if span is None:
            return
        exception = {"exception.type": event.error_type, "exception.message": event.error}
        if event.record is not None and event.record.traceback:
            exception["exception.stacktrace"] = event.record.traceback
        span.add_event("exception", exception, _nanoseconds(event))
        span.set_status(Status(StatusCode.ERROR, event.error))
        self._end(event)

    def on_interrupt(self, event: InterruptEvent) -> None:
        """Close the span of a node that waits for an answer."""
        span = self._open.get(event.span_id)
        if span is not None:
            about = _attributes(node_name=event.node_name, response_param=event.response_param)
            span.add_event("hypergraph.interrupt", about, _nanoseconds(event))
            self._end(event)

    def on_route_decision(self, event: RouteDecisionEvent) -> None:
        """Note a gate's decision on its span."""
        span = self._open.get(event.node_span_id or event.parent_span_id or "")
        if span is not None:
            decision = event.decision
            chosen = [str(one) for one in decision] if isinstance(decision, (list, tuple)) else str(decision)
            span.add_event("hypergraph.route", _attributes(node_name=event.node_name, decision=chosen), _nanoseconds(event))

    def on_cache_hit(self, event: CacheHitEvent) -> None:
        """Note on a node's span that a cache answered."""
        self._note(event, "hypergraph.cache_hit", _attributes(cache_key=event.cache_key))

    def on_inner_cache(self, event: InnerCacheEvent) -> None:
        """Note on a node's span that a cache inside it was asked."""
        about = _attributes(instance=event.instance, operation=event.operation, hit=event.hit, stale=event.stale, wrote=event.wrote)
        self._note(event, "hypergraph.inner_cache", about)

    def on_stop_requested(self, event: StopRequestedEvent) -> None:
        """Note on the run's span that someone stopped it."""
        self._note(event, "hypergraph.stop_requested", _attributes(info=None if event.info is None else str(event.info)))

    def _note(self, event: CacheHitEvent | InnerCacheEvent | StopRequestedEvent, name: str, about: dict[str, Any]) -> None:
        span = self._open.get(event.span_id) or self._open.get(event.parent_span_id or "")
        if span is not None:
            span.add_event(name, about, _nanoseconds(event))
