"""Records as rows, and rows as records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hypergraph.checkpointers.moments import from_micros, now_micros, to_micros
from hypergraph.checkpointers.values import ValueCodec
from hypergraph.records import Owner, PauseRecord, Run, StepRecord, StepStatus, WorkflowStatus

__all__ = [
    "RUN_COLUMNS", "STEP_COLUMNS", "StepRow", "pauses_text", "read_pauses", "read_run", "read_step", "step_row", "text_of",
]  # fmt: skip

_STATUS_CODES = {StepStatus.COMPLETED: 0, StepStatus.FAILED: 1, StepStatus.PAUSED: 2}
_STATUSES = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.PAUSED)

CACHED, PARTIAL, LARGE, UNSTAMPED, NAMED_CHILD = 1, 2, 4, 8, 16

_to_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode

# `n` is the node, `s` the step.
STEP_COLUMNS = (
    "s.superstep, n.name, s.idx, s.status, s.versions, s.data, s.duration_ms, s.flags, s.decision, n.type, s.completed_at, "
    "s.created_at, s.started_at, s.child_run_id, s.attempt, s.error, s.error_type, s.traceback, s.run, s.node"
)
# `r` is the run, `t` its config.
RUN_COLUMNS = (
    "r.id, r.status, r.graph_name, r.duration_ms, r.node_count, r.error_count, r.parent_run_id, r.forked_from, r.fork_superstep, "
    "r.retry_of, r.retry_index, t.content, r.created_at, r.completed_at, r.actor, r.error, r.key"
)


class StepRow(NamedTuple):
    """A step, ready to be written: its columns from `idx` to `traceback`, and what stands beside the row."""

    run_id: str
    superstep: int
    node_name: str
    node_type: str
    columns: tuple[Any, ...]
    large: tuple[tuple[str, bytes], ...]
    has_values: bool


def text_of(text: str | None) -> str | None:
    """Give text that SQLite takes: half of a surrogate pair has no UTF-8 form."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def step_row(record: StepRecord, codec: ValueCodec) -> StepRow:
    """Give the row of a record.

    Raises:
        SerializationError: one of its values has no stored form.
    """
    values = record.values
    flags = 0
    data: bytes | None = None
    large: tuple[tuple[str, bytes], ...] = ()
    if values is not None:
        data, large = codec.pack(values, record)
        if large:
            flags = LARGE
    if record.cached:
        flags |= CACHED
    if record.partial:
        flags |= PARTIAL
    completed = record.completed_at
    created = to_micros(record.created_at)
    if completed is None:
        flags |= UNSTAMPED
        moment = now_micros()
    else:
        moment = created if completed is record.created_at else to_micros(completed)
    child = record.child_run_id
    if child is not None and child == f"{record.run_id}/{record.node_name}":
        flags |= NAMED_CHILD
        child = None
    started = record.started_at
    decision = record.decision
    error = record.error
    if error is not None:
        error = text_of(error)
    columns = (
        record.index,
        _STATUS_CODES[record.status],
        codec.versions(record.input_versions) if record.input_versions else None,
        data,
        record.duration_ms,
        flags,
        _to_json(decision) if decision is not None else None,
        moment,
        moment - created or None,
        moment - to_micros(started) if started is not None else None,
        child,
        record.attempt,
        error,
        record.error_type,
        record.traceback if error is None else text_of(record.traceback),
    )
    return StepRow(record.run_id, record.superstep, record.node_name, record.node_type or "", columns, large, values is not None)


def read_step(row: Sequence[Any], run_id: str, codec: ValueCodec, values: Mapping[str, Any] | None) -> StepRecord:
    """Give the record of a row of `STEP_COLUMNS`, whose values have been unpacked."""
    (superstep, name, index, status, versions, _, duration_ms, flags, decision, kind, completed, created, started, child, attempt,
     error, error_type, traceback, _, _) = row  # fmt: skip
    moment = from_micros(completed)
    return StepRecord(
        run_id,
        superstep,
        name,
        index,
        _STATUSES[status],
        codec.read_versions(versions) if versions else {},
        values,
        duration_ms if duration_ms is not None else 0.0,
        bool(flags & CACHED),
        _decision(decision) if decision is not None else None,
        error,
        kind or None,
        from_micros(completed - created) if created else moment,
        None if flags & UNSTAMPED else moment,
        f"{run_id}/{name}" if flags & NAMED_CHILD else child,
        bool(flags & PARTIAL),
        attempt,
        from_micros(completed - started) if started is not None else None,
        error_type,
        traceback,
    )


def _decision(text: str) -> Any:
    # Older layouts wrote a single target bare.
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_run(
    row: Sequence[Any],
    *,
    owner: Owner | None = None,
    interrupted: bool = False,
    lost_claims: int = 0,
    pauses: tuple[PauseRecord, ...] = (),
    changes: Mapping[str, tuple[Any, Any]] | None = None,
) -> Run:
    """Give the run of a row of `RUN_COLUMNS`."""
    (run_id, status, graph, duration_ms, nodes, errors, parent, forked, superstep, retry_of, retry_index, config, created, completed,
     actor, error, _) = row  # fmt: skip
    return Run(
        id=run_id,
        status=WorkflowStatus(status),
        graph_name=graph,
        duration_ms=duration_ms,
        node_count=nodes,
        error_count=errors,
        parent_run_id=parent,
        forked_from=forked,
        fork_superstep=superstep,
        retry_of=retry_of,
        retry_index=retry_index,
        config=json.loads(config) if config else None,
        created_at=from_micros(created),
        completed_at=from_micros(completed) if completed is not None else None,
        interrupted=interrupted,
        owner=owner,
        pauses=pauses,
        changes=changes,
        actor=actor,
        error=error,
        lost_claims=lost_claims,
    )


def pauses_text(pauses: Sequence[PauseRecord]) -> str:
    """Give questions as JSON, without the values that were asked about: those are packed apart, by the place of their question."""
    return _to_json([[one.node_name, dict(one.response_keys), one.answer_type, one.choices] for one in pauses])


def read_pauses(text: str | bytes, values: Mapping[str, Any]) -> tuple[PauseRecord, ...]:
    """Give the questions of a text and the values of them all."""
    return tuple(
        PauseRecord(node, keys, values.get(str(place)) or {}, answer, tuple(choices) if choices is not None else None)
        for place, (node, keys, answer, choices) in enumerate(json.loads(text))
    )
