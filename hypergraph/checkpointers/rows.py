"""Records as rows, and rows as records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hypergraph._quick import Reader, read_late
from hypergraph._text import fix
from hypergraph.checkpointers.moments import from_micros, now_micros, to_micros
from hypergraph.checkpointers.values import ValueCodec
from hypergraph.exceptions import CheckpointError, SerializationError, StoreCorruptError
from hypergraph.records import Owner, PauseRecord, Run, StepRecord, StepStatus, WorkflowStatus

__all__ = [
    "LARGE", "PARTIAL", "RUN_COLUMNS", "STATUSES", "STEP_COLUMNS", "TURN_SHIFT", "Derived", "StepRow", "StepsRead", "pauses_text",
    "read_pauses", "read_run", "step_row", "text_of",
]  # fmt: skip

_STATUS_CODES = {StepStatus.COMPLETED: 0, StepStatus.FAILED: 1, StepStatus.PAUSED: 2}
STATUSES = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.PAUSED)

CACHED, PARTIAL, LARGE, UNSTAMPED, NAMED_CHILD = 1, 2, 4, 8, 16
# From this bit on the flags hold how many turns of its node came before a step's own: nothing for nearly all of them.
TURN_SHIFT = 8

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
    if record.turn > 1:
        flags |= (record.turn - 1) << TURN_SHIFT
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


class StepsRead:
    """Steps of one run that were read together. Their values are parsed together too, when those of one of them are looked at."""

    __slots__ = ("_large", "_values", "codec", "rows", "run_id")

    def __init__(
        self, run_id: str, rows: Sequence[Sequence[Any]], codec: ValueCodec, large: Mapping[tuple[int, int], Mapping[str, Any]]
    ) -> None:
        self.run_id = run_id
        self.rows = rows
        self.codec = codec
        self._large = large
        self._values: list[dict[str, Any] | None] | None = None

    def records(self) -> list[StepRecord]:
        """Give them, in their order."""
        return [read_late(StepRecord, _STEP_READERS, (row, self, place)) for place, row in enumerate(self.rows)]

    def values(self, place: int) -> dict[str, Any] | None:
        """Give the values of one of them.

        Raises:
            SerializationError: they are damaged.
        """
        if self._values is None:
            try:
                self._values = self.codec.unpack_many([row[5] for row in self.rows])
            except SerializationError:
                # The others can be read all the same.
                data = self.rows[place][5]
                return self._whole(place, None if data is None else self.codec.unpack(data))
        return self._whole(place, self._values[place])

    def _whole(self, place: int, own: dict[str, Any] | None) -> dict[str, Any] | None:
        row = self.rows[place]
        return {**(own or {}), **self._large.get((row[0], row[19]), {})} if row[7] & LARGE else own


def _damaged(found: tuple[str, Exception]) -> Exception:
    name, error = found
    if isinstance(error, CheckpointError):
        return error
    return StoreCorruptError(
        f"The stored {name!r} of a run or step cannot be read ({type(error).__name__}: {error}): its file is damaged. It was left as it is."
        + fix("Save what can be read: SqliteCheckpointer.salvage('runs.db', 'copy.db')", "Or restore the file from a backup")
    )


# Of each: (row of `STEP_COLUMNS`, what was read with it, its place in that).
_STEP_READERS: Mapping[str, Reader] = {
    "": _damaged,
    "run_id": lambda read: read[1].run_id,
    "superstep": lambda read: read[0][0],
    "node_name": lambda read: read[0][1],
    "index": lambda read: read[0][2],
    "status": lambda read: STATUSES[read[0][3]],
    "input_versions": lambda read: read[1].codec.read_versions(read[0][4]) if read[0][4] else {},
    "values": lambda read: read[1].values(read[2]),
    "duration_ms": lambda read: read[0][6] if read[0][6] is not None else 0.0,
    "cached": lambda read: bool(read[0][7] & CACHED),
    "decision": lambda read: _decision(read[0][8]) if read[0][8] is not None else None,
    "error": lambda read: read[0][15],
    "node_type": lambda read: read[0][9] or None,
    "created_at": lambda read: from_micros(read[0][10] - (read[0][11] or 0)),
    "completed_at": lambda read: None if read[0][7] & UNSTAMPED else from_micros(read[0][10]),
    "child_run_id": lambda read: f"{read[1].run_id}/{read[0][1]}" if read[0][7] & NAMED_CHILD else read[0][13],
    "partial": lambda read: bool(read[0][7] & PARTIAL),
    "attempt": lambda read: read[0][14],
    "started_at": lambda read: from_micros(read[0][10] - read[0][12]) if read[0][12] is not None else None,
    "error_type": lambda read: read[0][16],
    "traceback": lambda read: read[0][17],
    "turn": lambda read: (read[0][7] >> TURN_SHIFT) + 1,
}


def _decision(text: str) -> Any:
    # Older layouts wrote a single target bare.
    try:
        return json.loads(text)
    except ValueError:
        return text


class Derived(NamedTuple):
    """What is not in a run's row but found out when that is read; most runs have nothing of it."""

    owner: Owner | None = None
    interrupted: bool = False
    lost_claims: int = 0
    last_owner: Owner | None = None
    pauses: tuple[PauseRecord, ...] = ()
    changes: Mapping[str, tuple[Any, Any]] | None = None


_NOTHING_DERIVED = Derived()

_WORKFLOW_STATUSES = {status.value: status for status in WorkflowStatus}

# Of each: (row of `RUN_COLUMNS`, what was derived).
_RUN_READERS: Mapping[str, Reader] = {
    "": _damaged,
    "id": lambda read: read[0][0],
    "status": lambda read: _WORKFLOW_STATUSES[read[0][1]],
    "graph_name": lambda read: read[0][2],
    "duration_ms": lambda read: read[0][3],
    "node_count": lambda read: read[0][4],
    "error_count": lambda read: read[0][5],
    "parent_run_id": lambda read: read[0][6],
    "forked_from": lambda read: read[0][7],
    "fork_superstep": lambda read: read[0][8],
    "retry_of": lambda read: read[0][9],
    "retry_index": lambda read: read[0][10],
    "config": lambda read: json.loads(read[0][11]) if read[0][11] else None,
    "created_at": lambda read: from_micros(read[0][12]),
    "completed_at": lambda read: from_micros(read[0][13]) if read[0][13] is not None else None,
    "actor": lambda read: read[0][14],
    "error": lambda read: read[0][15],
    "owner": lambda read: read[1].owner,
    "interrupted": lambda read: read[1].interrupted,
    "lost_claims": lambda read: read[1].lost_claims,
    "last_owner": lambda read: read[1].last_owner,
    "pauses": lambda read: read[1].pauses,
    "changes": lambda read: read[1].changes,
}


def read_run(row: Sequence[Any], derived: Derived = _NOTHING_DERIVED) -> Run:
    """Give the run of a row of `RUN_COLUMNS`."""
    return read_late(Run, _RUN_READERS, (row, derived))


def pauses_text(pauses: Sequence[PauseRecord]) -> str:
    """Give questions as JSON, without the values that were asked about: those are packed apart, by the place of their question."""
    return _to_json([[one.node_name, dict(one.response_keys), one.answer_type, one.choices] for one in pauses])


def read_pauses(text: str | bytes, values: Mapping[str, Any]) -> tuple[PauseRecord, ...]:
    """Give the questions of a text and the values of them all."""
    return tuple(
        PauseRecord(node, keys, values.get(str(place)) or {}, answer, tuple(choices) if choices is not None else None)
        for place, (node, keys, answer, choices) in enumerate(json.loads(text))
    )
