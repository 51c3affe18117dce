"""What `run()` and `map()` mean, as flows: everything between the options of a call and the engine, for both drivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix
from hypergraph.engine.batch import Batch, BatchEnded, batch_flow
from hypergraph.engine.begin import Lineage, begin_flow, check_workflow_id, refuse_existing
from hypergraph.engine.flows import run_flow
from hypergraph.engine.mapping import Items, items_of
from hypergraph.engine.requests import Ask, Flow
from hypergraph.engine.run import Ended, Session
from hypergraph.exceptions import MissingInputError, WorkflowForkError
from hypergraph.records import RunStatus
from hypergraph.results import LazyResults, MapResult, RunResult
from hypergraph.runners.base import BaseRunner, check_missing, cloned_names, mapped_names, refuse_interrupts_in_map

if TYPE_CHECKING:
    from hypergraph.graph import Graph
    from hypergraph.records import Run as StoredRun

__all__ = ["MapCall", "map_call_flow", "map_result", "refuse_too_many", "run_call_flow", "run_result"]


def run_call_flow(runner: BaseRunner, session: Session, graph: Graph, values: Mapping[str, Any], lineage: Lineage) -> Flow:
    """One call to `run()`; returns an `Ended`."""
    check_workflow_id(lineage.workflow_id)
    run = yield from begin_flow(session, graph, values, lineage)
    with runner.running(run.workflow_id, session.signal):
        return (yield from run_flow(run))


def run_result(graph: Graph, ended: Ended, *, error_handling: str, on_missing: str) -> RunResult:
    """Turn an end into what the caller gets: the node's own exception, or a result."""
    if ended.error is not None and error_handling == "raise":
        raise ended.error
    if ended.status is RunStatus.COMPLETED:
        check_missing(graph, ended.values, on_missing)
    return ended.result()


@dataclass(frozen=True, slots=True)
class MapCall:
    """The options of one call to `map()`."""

    map_over: str | Sequence[str]
    map_mode: str
    clone: bool | Sequence[str]
    keep_going: bool
    workflow_id: str | None = None
    retry_from: str | None = None
    only: Sequence[int] | None = None
    sink: Callable[[int, Ended], None] | None = None
    most: int | None = None


def map_call_flow(runner: BaseRunner, session: Session, graph: Graph, values: Mapping[str, Any], call: MapCall) -> Flow:
    """One call to `map()`; returns a `BatchEnded`, or None for an empty batch."""
    refuse_interrupts_in_map(session.runner, graph)
    check_workflow_id(call.workflow_id)
    workflow_id, existing, source = call.workflow_id, None, None
    if session.stored:
        workflow_id, existing, source = yield from _batch_origin(graph, call)
        if not values:
            values = yield from _stored_inputs(existing or source)
    elif call.retry_from is not None:
        raise ValueError("retry_from requires a checkpointer." + fix("Create the runner with checkpointer=SqliteCheckpointer('runs.db')"))
    graph.check_inputs(values)
    params = mapped_names(graph, call.map_over)
    clone = cloned_names(graph, call.clone, params)
    missing = graph.missing_inputs(values)
    if missing and (not call.keep_going or any(name in params for name in missing)):
        raise MissingInputError(missing, list(values))
    items = items_of(values, params, call.map_mode, clone, missing=lambda name: MissingInputError([name], list(values)))
    if not items.count:
        return None
    refuse_too_many(items, call)
    batch = Batch(
        session,
        graph,
        items,
        keep_going=call.keep_going,
        workflow_id=workflow_id,
        resumes=existing is not None,
        source_id=source.id if source is not None else None,
        retry_of=source.id if source is not None else None,
        retry_index=source.retry_index if source is not None else None,
        given=values,
        only=_checked_only(call.only, items.count),
        sink=call.sink,
        prepare=(lambda inputs: MissingInputError(missing, list(inputs))) if missing else None,
    )
    with runner.running(workflow_id, session.signal):
        return (yield from batch_flow(batch))


def refuse_too_many(items: Items, call: MapCall) -> None:
    """Refuse a fan-out that would be as many tasks as there are items.

    Raises:
        ValueError: there is no limit, and there are too many items.
    """
    if call.most is not None and items.count > call.most:
        raise ValueError(
            f"Too many map tasks: {items.count} items without a limit on how many run at once (at most {call.most})."
            + fix("Set max_concurrency, for example max_concurrency=50")
        )


def _checked_only(only: Sequence[int] | None, count: int) -> Sequence[int] | None:
    if only is None:
        return None
    wrong = [index for index in only if not 0 <= index < count]
    if wrong:
        raise ValueError(f"only names items that do not exist: {wrong[:10]}." + fix(f"Use indices from 0 to {count - 1}"))
    return tuple(dict.fromkeys(only))


def _batch_origin(graph: Graph, call: MapCall) -> Flow:
    """Say under which id a stored batch runs, and what it goes on from; returns (id, existing run, source of a retry)."""
    existing: StoredRun | None = None
    if call.workflow_id is not None:
        existing = yield Ask("get_run_async", call.workflow_id)
    if call.retry_from is not None:
        source: StoredRun | None = yield Ask("get_run_async", call.retry_from)
        if source is None:
            raise ValueError(f"Unknown source workflow_id {call.retry_from!r}." + fix("Look up the id with checkpointer.runs()"))
        yield from refuse_existing(source, graph, kind="map")
        if existing is not None:
            raise WorkflowForkError(
                f"Workflow {existing.id!r} exists already; a retry needs an id of its own." + fix("Leave workflow_id out"),
                workflow_id=existing.id,
            )
        new_id, journal = yield Ask("fork_journal_async", source.id, workflow_id=call.workflow_id, retry=True)
        return new_id, None, replace(source, retry_index=journal.retry_index)
    if existing is not None:
        yield from refuse_existing(existing, graph, kind="map")
    return call.workflow_id, existing, None


def _stored_inputs(stored: StoredRun | None) -> Flow:
    if stored is None:
        return {}
    return dict((yield Ask("get_inputs_async", stored.id)))


def map_result(graph: Graph, ended: BatchEnded | None, call: MapCall, *, on_missing: str) -> MapResult:
    """Turn a batch's end into what the caller gets: the first failed item's exception, or a result."""
    names = (call.map_over,) if isinstance(call.map_over, str) else tuple(call.map_over)
    if ended is None:
        return MapResult((), None, 0, names, call.map_mode, graph.name)
    if ended.error is not None and not call.keep_going:
        raise ended.error
    items = [ended.items[index] for index in ended.asked]
    if on_missing != "ignore":
        for item in items:
            if item is not None and item.status is RunStatus.COMPLETED:
                check_missing(graph, item.values, on_missing)
    # Where a stop came first: each item has its place all the same.
    never = {place: RunResult({}, RunStatus.STOPPED) for place, item in enumerate(items) if item is None}

    def build(place: int) -> RunResult:
        item = items[place]
        return item.result() if item is not None else never[place]

    return MapResult(
        LazyResults(len(items), build),
        ended.run_id,
        ended.duration_ms,
        names,
        call.map_mode,
        graph.name,
    )
