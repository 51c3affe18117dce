"""Events, made where somebody listens: each function here is called only when `session.emit` is there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from hypergraph import events
from hypergraph.engine.journal import COMPLETED, FAILED, PAUSED, error_text, error_type
from hypergraph.events.ids import new_span
from hypergraph.plan import INNER
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.engine.batch import Batch, BatchEnded
    from hypergraph.engine.journal import Line
    from hypergraph.engine.run import Ended, Run
    from hypergraph.plan import Op
    from hypergraph.records import StepRecord

__all__ = [
    "batch_ended",
    "batch_started",
    "cache_hit",
    "chunk",
    "inner_cache",
    "makers",
    "node_ended",
    "node_started",
    "run_ended",
    "run_started",
    "stop_requested",
    "superstep_started",
]


_CACHE_FACTS = ("instance", "operation", "hit", "stale", "refreshing", "wrote", "mode")


class Makers(NamedTuple):
    """The plain functions behind the three events that every node makes, which take arguments by position: a third of the cost."""

    superstep_start: Any
    node_start: Any
    node_end: Any


@cache
def makers() -> Makers:
    """Give them; event classes are made when the first one is."""
    from hypergraph.events.types import NodeEndEvent, NodeStartEvent, SuperstepStartEvent, maker

    return Makers(maker(SuperstepStartEvent), maker(NodeStartEvent), maker(NodeEndEvent))


def _emit(run: Run | Batch, event: Any) -> None:
    emit = run.session.emit
    if emit is not None:
        emit(event)


def run_started(run: Run) -> None:
    """Tell that a run begins, and where it comes from."""
    run.span_id = new_span()
    origin = run.origin
    fork = origin if origin is not None and not origin.resumes else None
    _emit(
        run,
        events.RunStartEvent(
            run_id=run.run_id,
            span_id=run.span_id,
            parent_span_id=run.parent_span,
            workflow_id=run.workflow_id,
            item_index=run.item_index,
            graph_name=run.graph.name,
            is_map=False,
            parent_workflow_id=run.parent_workflow_id,
            forked_from=fork.source_id if fork is not None else None,
            fork_superstep=fork.source_superstep if fork is not None else None,
            retry_of=fork.retry_of if fork is not None else None,
            retry_index=fork.retry_index if fork is not None else None,
            is_resume=origin is not None and origin.resumes,
        ),
    )


def run_ended(run: Run, ended: Ended) -> None:
    """Tell how a run ended."""
    _emit(
        run,
        events.RunEndEvent(
            run_id=run.run_id,
            span_id=run.span_id,
            parent_span_id=run.parent_span,
            workflow_id=run.workflow_id,
            item_index=run.item_index,
            graph_name=run.graph.name,
            status=ended.status,
            error=error_text(ended.error) if ended.error is not None else None,
            duration_ms=ended.duration_ms,
        ),
    )


def superstep_started(run: Run, superstep: int, ready: Sequence[Op]) -> None:
    """Tell which nodes run next."""
    names = tuple([op.name for op in ready])
    event = makers().superstep_start(
        run.run_id, new_span(), run.span_id, run.workflow_id, run.item_index, time(), run.graph.name, superstep, names
    )
    run.session.emit(event)  # type: ignore[misc]


def _place(run: Run, line: Line) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "span_id": line.span_id,
        "parent_span_id": run.span_id,
        "workflow_id": run.workflow_id,
        "item_index": run.item_index,
        "node_name": line.op.name,
        "graph_name": run.graph.name,
        "superstep": line.superstep,
    }


def node_started(run: Run, line: Line, values: Sequence[Any]) -> None:
    """Tell that a node starts, and with which inputs."""
    line.span_id = span = new_span()
    op = line.op
    inputs = dict(zip(op.node.inputs, values, strict=False))
    if op.kind == "graph":
        inputs = {name: value for name, value in inputs.items() if value is not INNER}
    event = makers().node_start(
        run.run_id, span, run.span_id, run.workflow_id, run.item_index, time(), op.name, run.graph.name, line.superstep, inputs
    )
    run.session.emit(event)  # type: ignore[misc]


def _about(run: Run, parent: str) -> dict[str, Any]:
    """Give what an event says that has a span of its own below `parent`."""
    return {
        "run_id": run.run_id,
        "span_id": new_span(),
        "parent_span_id": parent,
        "workflow_id": run.workflow_id,
        "item_index": run.item_index,
        "graph_name": run.graph.name,
    }


def cache_hit(run: Run, line: Line, key: str) -> None:
    """Tell that a cache answers in the node's place."""
    _emit(run, events.CacheHitEvent(**_place(run, line), cache_key=key))


def chunk(run: Run, line: Line, piece: Any) -> None:
    """Pass on what a node streams."""
    _emit(run, events.StreamingChunkEvent(**_about(run, line.span_id), node_name=line.op.name, chunk=piece))


def inner_cache(run: Run, line: Line, decided: Any) -> None:
    """Pass on what a cache inside the node's own code decided."""
    facts = {name: getattr(decided, name) for name in _CACHE_FACTS if hasattr(decided, name)}
    _emit(run, events.InnerCacheEvent(**_about(run, line.span_id), node_name=line.op.name, **facts))


def node_ended(run: Run, line: Line, record: StepRecord | None) -> None:
    """Tell how a node ended: a decision and an end, an error, or a question."""
    op = line.op
    if line.status is COMPLETED and op.kind != "gate":
        event = makers().node_end(
            run.run_id, line.span_id, run.span_id, run.workflow_id, run.item_index, time(), op.name, run.graph.name, line.superstep,
            line.duration_ms, line.cached, (), record,
        )  # fmt: skip
        run.session.emit(event)  # type: ignore[misc]
        return
    place = _place(run, line)
    if line.status is FAILED:
        error = line.error
        assert error is not None
        _emit(run, events.NodeErrorEvent(**place, error=error_text(error), error_type=error_type(error), record=record))
        return
    if line.status is PAUSED:
        for pause in line.pauses:
            place["node_name"] = pause.node_name
            _emit(run, events.InterruptEvent(**place, value=pause.value, response_param=pause.response_key, record=record))
        return
    decided = {**place, "span_id": new_span()}
    _emit(run, events.RouteDecisionEvent(**decided, decision=line.decision, node_span_id=line.span_id))
    _emit(run, events.NodeEndEvent(**place, duration_ms=line.duration_ms, cached=line.cached, record=record))


def stop_requested(run: Run) -> None:
    """Tell that a stop ends this run."""
    _emit(run, events.StopRequestedEvent(**_about(run, run.span_id), info=run.session.signal.info))


def batch_started(batch: Batch) -> None:
    """Tell that a batch begins."""
    batch.span_id = new_span()
    _emit(
        batch,
        events.RunStartEvent(
            run_id=batch.run_id,
            span_id=batch.span_id,
            parent_span_id=batch.parent_span,
            workflow_id=batch.workflow_id,
            graph_name=batch.graph.name,
            is_map=True,
            map_size=batch.items.count if batch.only is None else len(batch.only),
            parent_workflow_id=batch.parent_workflow_id,
            retry_of=batch.retry_of,
            retry_index=batch.retry_index,
            is_resume=batch.resumes,
        ),
    )


def batch_ended(batch: Batch, ended: BatchEnded) -> None:
    """Tell how a batch ended, with its counts."""
    status = ended.stored_status
    counts = ended.counts
    _emit(
        batch,
        events.RunEndEvent(
            run_id=batch.run_id,
            span_id=batch.span_id,
            parent_span_id=batch.parent_span,
            workflow_id=batch.workflow_id,
            graph_name=batch.graph.name,
            status=status,
            error=error_text(ended.error) if ended.error is not None else None,
            duration_ms=ended.duration_ms,
            batch_total_items=batch.items.count if batch.only is None else len(batch.only),
            batch_completed_items=counts.get(RunStatus.COMPLETED, 0),
            batch_failed_items=counts.get(RunStatus.FAILED, 0),
            batch_paused_items=counts.get(RunStatus.PAUSED, 0),
            batch_stopped_items=counts.get(RunStatus.STOPPED, 0),
            batch_outcome=status.value,
        ),
    )
