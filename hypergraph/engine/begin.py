"""How a run begins: the table of what an id, a source and given values mean together, each refusal with its way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix, quoted
from hypergraph.engine.answers import split_answers, take_seeds
from hypergraph.engine.requests import Ask, Flow
from hypergraph.engine.restore import changed_inputs, folded, same
from hypergraph.engine.run import Origin, Run, Session
from hypergraph.events.ids import new_run_id
from hypergraph.exceptions import (
    GraphChangedError,
    InputOverrideRequiresForkError,
    MissingInputError,
    WorkflowAlreadyCompletedError,
    WorkflowForkError,
)
from hypergraph.plan import plan_of
from hypergraph.records import WorkflowStatus, journal_of

if TYPE_CHECKING:
    from hypergraph.graph import Graph
    from hypergraph.records import Checkpoint, Journal
    from hypergraph.records import Run as StoredRun

__all__ = ["Lineage", "begin_flow", "check_workflow_id", "new_workflow_id", "refuse_existing"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a call says that its run belongs: the lineage options of `run()`, as they were given."""

    workflow_id: str | None = None
    checkpoint: Checkpoint | None = None
    override_workflow: bool = False
    fork_from: str | None = None
    retry_from: str | None = None


def new_workflow_id() -> str:
    """Make up an id for a run that was given none: "run-YYYYMMDD-xxxxxx"."""
    import secrets

    return f"run-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"


def check_workflow_id(workflow_id: str | None) -> None:
    """Refuse an id that reads like the id of a child.

    Raises:
        ValueError: it contains a slash, or is empty.
    """
    if workflow_id is None:
        return
    if "/" in workflow_id:
        raise ValueError(
            f"workflow_id {workflow_id!r} cannot contain '/': that marks the children of a run ('batch-1/0', 'job-1/rag')."
            + fix(f"Use another separator: {workflow_id.replace('/', '-')!r}")
        )
    if not workflow_id:
        raise ValueError("workflow_id cannot be empty." + fix("Leave it out, or pass a name"))


def begin_flow(session: Session, graph: Graph, values: Mapping[str, Any], lineage: Lineage) -> Flow:
    """Find out what a call to `run()` starts from; returns a `Run` that is ready to go, or raises why it cannot."""
    inputs, answers = split_answers(graph, values)
    session.answering = bool(answers)
    workflow_id = lineage.workflow_id
    origin: Origin | None = None
    if session.stored:
        workflow_id, origin = yield from _stored_origin(graph, inputs, answers, lineage)
    elif lineage.fork_from is not None or lineage.retry_from is not None:
        raise ValueError(
            "fork_from and retry_from require a checkpointer: without one there is no stored run to start from."
            + fix(f"Create the runner with one: {session.runner}(checkpointer=SqliteCheckpointer('runs.db'))")
        )
    elif lineage.checkpoint is not None:
        origin = _snapshot(lineage.checkpoint, inputs)
    if origin is None:
        take_seeds(graph, inputs, answers)
    graph.check_inputs(inputs)
    _check_missing(graph, inputs, origin)
    return Run(
        session,
        graph,
        plan_of(graph),
        new_run_id(),
        inputs=inputs,
        answers=answers,
        workflow_id=workflow_id,
        origin=origin,
    )


def _check_missing(graph: Graph, inputs: Mapping[str, Any], origin: Origin | None) -> None:
    if origin is None:
        missing = graph.missing_inputs(inputs)
        if missing:
            raise MissingInputError(missing, list(inputs))
        return
    known = {**origin.journal.inputs, **origin.edits, **inputs}
    if not graph.missing_inputs(known):
        return
    known.update(folded(origin.journal))
    missing = graph.missing_inputs(known)
    if missing:
        raise MissingInputError(
            missing,
            list(inputs),
            message=f"The run of this graph is missing required seed inputs: {missing!r}. Neither the stored outputs nor the stored "
            f"inputs of {origin.source_id or 'the checkpoint'!r} have them."
            + fix(*(f"Provide value for {name!r} in the values dict" for name in missing)),
        )


def _stored_origin(graph: Graph, inputs: Mapping[str, Any], answers: Mapping[str, Any], lineage: Lineage) -> Flow:
    """Apply the table for a run that is stored; returns (workflow id, origin)."""
    workflow_id = lineage.workflow_id
    if lineage.fork_from is not None and lineage.retry_from is not None:
        raise ValueError("fork_from and retry_from cannot both be given." + fix("Fork to change something; retry to run the rest again"))
    existing: StoredRun | None = None
    if workflow_id is not None:
        existing = yield Ask("get_run_async", workflow_id)
    source = lineage.fork_from or lineage.retry_from
    if source is None and existing is not None and lineage.override_workflow:
        source, workflow_id, existing = workflow_id, None, None
    if source is not None:
        if existing is not None:
            raise _taken(existing.id, "forked or retried into")
        return (yield from _from_source(source, workflow_id, inputs, retry=lineage.retry_from is not None))
    if lineage.checkpoint is not None:
        if existing is not None:
            raise _taken(existing.id, "started from a checkpoint")
        source = lineage.checkpoint.source_run_id
        foreign = source is None or (yield Ask("get_run_async", source)) is None
        # It may have been read before anybody knew the graph, and so the classes that may be rebuilt.
        snapshot: Checkpoint = yield Ask("rebuilt_async", lineage.checkpoint)
        return workflow_id or new_workflow_id(), _snapshot(snapshot, inputs, foreign=foreign)
    if existing is None:
        return workflow_id or new_workflow_id(), None
    yield from refuse_existing(existing, graph, kind="run")
    _refuse_values(existing, inputs, answers)
    if existing.status is WorkflowStatus.COMPLETED:
        raise WorkflowAlreadyCompletedError(
            f"Workflow {existing.id!r} has completed; there is nothing left to resume."
            + fix(
                f"To run it again with changes, fork it: fork_from={existing.id!r}",
                "To start afresh, use another workflow_id",
            ),
            workflow_id=existing.id,
        )
    journal: Journal = yield Ask("get_journal_async", existing.id)
    lost = max(existing.lost_claims, 1) if existing.status is WorkflowStatus.ACTIVE else 0
    return existing.id, Origin(True, journal, lost_claims=lost)


def _from_source(source: str, workflow_id: str | None, inputs: Mapping[str, Any], *, retry: bool) -> Flow:
    found: StoredRun | None = yield Ask("get_run_async", source)
    if found is None:
        raise ValueError(f"Unknown source workflow_id {source!r}." + fix("Look up the id with checkpointer.runs()"))
    if _is_batch(found):
        raise WorkflowForkError(
            f"{source!r} is a batch of map(), not a run." + fix("Retry it with map(retry_from=...)", f"Or fork one item: {source}/0"),
            workflow_id=source,
        )
    new_id, journal = yield Ask("fork_journal_async", source, workflow_id=workflow_id, retry=retry)
    return new_id, _fork(journal, inputs, source)


def _snapshot(checkpoint: Checkpoint, inputs: Mapping[str, Any], *, foreign: bool = False) -> Origin:
    journal = journal_of(checkpoint)
    before = folded(journal)
    # A snapshot that was made by hand has values that no step of it made: they count as edits.
    edits = {name: value for name, value in checkpoint.values.items() if name not in before or not same(before[name], value)}
    origin = _fork(journal, inputs, checkpoint.source_run_id)
    changes = {**(origin.changes or {}), **{name: (before.get(name), value) for name, value in edits.items()}}
    return replace(origin, edits=edits, source_superstep=checkpoint.source_superstep, changes=changes, foreign=foreign)


def _fork(journal: Journal, inputs: Mapping[str, Any], source: str | None) -> Origin:
    changes = {name: (journal.inputs.get(name), value) for name, value in changed_inputs(journal.inputs, inputs).items()}
    return Origin(False, journal, source_id=source, retry_of=journal.retry_of, retry_index=journal.retry_index, changes=changes)


def refuse_existing(existing: StoredRun, graph: Graph, *, kind: str) -> Flow:
    """Refuse a stored run that is of another kind, or was made by a graph of another structure.

    Raises:
        WorkflowForkError: `run()` was given a batch's id, or `map()` a run's.
        GraphChangedError: the structure differs; the message says which nodes came and went.
    """
    if kind == "run" and _is_batch(existing):
        raise WorkflowForkError(
            f"{existing.id!r} is a batch made by map(); run() cannot go on with it." + fix("Call map() with this id, or use another id"),
            workflow_id=existing.id,
        )
    if kind == "map" and not _is_batch(existing):
        raise WorkflowForkError(
            f"{existing.id!r} is a single run made by run(); map() cannot go on with it." + fix("Use another workflow_id for the batch"),
            workflow_id=existing.id,
        )
    stored = (existing.config or {}).get("graph_struct_hash")
    if stored is None or stored == graph.structural_hash:
        return
    before = {name for name in (yield Ask("get_sources_async", existing.id)) if "/" not in name}
    after = set(graph.nodes)
    parts = []
    if before:
        if after - before:
            parts.append(f"added: {quoted(sorted(after - before))}")
        if before - after:
            parts.append(f"removed: {quoted(sorted(before - after))}")
    raise GraphChangedError(
        f"Workflow {existing.id!r} was made by a graph of another structure ({'; '.join(parts) or 'nodes rewired'})."
        + fix(
            f"To go on from its values with the new graph, fork it: fork_from={existing.id!r}",
            "Or run the graph that it was made with",
        ),
        workflow_id=existing.id,
    )


def _is_batch(run: StoredRun) -> bool:
    return (run.config or {}).get("kind") == "map"


def _refuse_values(existing: StoredRun, inputs: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
    waiting = {key for pause in existing.pauses for key in pause.response_keys.values()}
    wrong = sorted([*inputs, *(name for name in answers if name not in waiting)])
    if not wrong:
        return
    steps = [f"To change inputs, fork it: fork_from={existing.id!r}", "To resume it, pass no values"]
    if waiting:
        steps.insert(0, f"To answer its question, pass only {quoted(sorted(waiting))}")
    raise InputOverrideRequiresForkError(
        f"Workflow {existing.id!r} exists; values were given for {quoted(wrong)}, and a stored run's inputs do not change." + fix(*steps),
        workflow_id=existing.id,
    )


def _taken(workflow_id: str, how: str) -> WorkflowForkError:
    return WorkflowForkError(
        f"Workflow {workflow_id!r} exists already; an existing run cannot be {how}."
        + fix("Use a new workflow_id, or leave it out to get one made up"),
        workflow_id=workflow_id,
    )
