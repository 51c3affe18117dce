"""What screens need of a history of any size: pages, counts, the items of a batch, failures by kind, and what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypergraph.checkpointers.moments import from_micros, to_micros
from hypergraph.checkpointers.queries.context import Context, Operation
from hypergraph.checkpointers.queries.runs import ANY, RUN_SELECT, get_run, runs_of
from hypergraph.records import PauseRecord, Run, WorkflowStatus

__all__ = [
    "ITEM_CODES",
    "Changes",
    "Counts",
    "FailureGroup",
    "RunFilter",
    "RunPage",
    "WaitingPause",
    "changes_since",
    "counts",
    "failure_groups",
    "item_states",
    "page",
    "pauses",
]  # fmt: skip

ITEM_CODES: Mapping[str, bytes] = {
    "active": b"a", "paused": b"p", "stopped": b"s", "partial": b"t", "completed": b"c", "failed": b"f",
}  # fmt: skip
_CODE_OF_NOTHING = b"."

_ESCAPED = " ESCAPE '\\'"
_ESCAPES = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to show.

    Attributes:
        status: one of these; empty for any.
        graph_name: this graph's.
        text: its id, graph or error contains this, in any case.
        since, until: created from, created before.
        parent_run_id: children of this run; None for top-level runs; left out, all.
    """

    status: tuple[WorkflowStatus, ...] = ()
    graph_name: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    parent_run_id: Any = None

    def where(self) -> tuple[str, list[Any]]:
        """Give the condition and its bound values."""
        parts: list[str] = []
        values: list[Any] = []
        if self.status:
            parts.append(f"r.status IN ({', '.join('?' * len(self.status))})")
            values += [WorkflowStatus(status).value for status in self.status]
        if self.graph_name is not None:
            parts.append("r.graph_name = ?")
            values.append(self.graph_name)
        if self.text:
            # Errors are looked at apart: few runs have one, and the rest is in the index.
            parts.append(
                f"(r.id LIKE ?{_ESCAPED} OR r.graph_name LIKE ?{_ESCAPED} "
                f"OR r.key IN (SELECT key FROM runs WHERE error IS NOT NULL AND error LIKE ?{_ESCAPED}))"
            )
            values += [f"%{self.text.translate(_ESCAPES)}%"] * 3
        if self.since is not None:
            parts.append("r.created_at >= ?")
            values.append(to_micros(self.since))
        if self.until is not None:
            parts.append("r.created_at < ?")
            values.append(to_micros(self.until))
        if self.parent_run_id is None:
            parts.append("r.parent_run_id IS NULL")
        elif self.parent_run_id is not ANY:
            parts.append("r.parent_run_id = ?")
            values.append(self.parent_run_id)
        return " AND ".join(parts) or "1", values


_TOP_LEVEL = RunFilter()


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, newest first, and where the next page begins (None: there is none)."""

    runs: tuple[Run, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs a filter lets through, and how many stand how."""

    total: int
    by_status: Mapping[WorkflowStatus, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one kind: the node, the exception's class, how many children it hit, and an example."""

    node_name: str
    error_type: str
    count: int
    run_id: str
    error: str


@dataclass(frozen=True, slots=True)
class WaitingPause:
    """A question that waits, and whose run asks it."""

    run_id: str
    graph_name: str | None
    since: datetime
    pause: PauseRecord


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since a token: the runs whose row changed, those with new steps, the next token, and whether there is more to ask for."""

    token: str
    runs: tuple[Run, ...]
    with_new_steps: tuple[str, ...]
    more: bool = False


def page(context: Context, filter: RunFilter, *, after: int | None = None, limit: int = 50) -> Operation[RunPage]:  # noqa: A002  the contract's own name
    """Give one page of runs, newest first."""
    where, values = filter.where()
    if after is not None:
        where += " AND r.key < ?"
        values.append(after)
    # The keys first, which an index tells: only the rows that are shown are read.
    keys = f"SELECT r.key FROM runs r WHERE {where} ORDER BY r.key DESC LIMIT ?"
    rows = yield f"{RUN_SELECT} WHERE r.key IN ({keys}) ORDER BY r.key DESC", [*values, limit + 1]
    more = len(rows) > limit
    rows = rows[:limit]
    found = yield from runs_of(context, rows)
    return RunPage(tuple(found), rows[-1][16] if more else None)


def counts(_: Context, filter: RunFilter) -> Operation[Counts]:  # noqa: A002  the contract's own name
    """Count the runs that a filter lets through, by status."""
    where, values = filter.where()
    if filter == _TOP_LEVEL:
        # Each number is a stretch of an index.
        sums = [f"(SELECT count(*) FROM runs r WHERE {where} AND r.status = '{status.value}')" for status in WorkflowStatus]
        rows = yield f"SELECT {', '.join(sums)}", ()
    else:
        # One pass over an index; grouping would sort it.
        sums = [f"sum(r.status = '{status.value}')" for status in WorkflowStatus]
        rows = yield f"SELECT {', '.join(sums)} FROM runs r WHERE {where}", values
    by_status = {status: number for status, number in zip(WorkflowStatus, rows[0], strict=True) if number}
    return Counts(sum(by_status.values()), by_status)


def item_states(_: Context, batch: str) -> Operation[bytes]:
    """Give one byte per item of a batch, in the order of items: the code of its status, "." for one that never began."""
    config = yield (
        "SELECT json_extract(t.content, '$.map_size') FROM runs r JOIN texts t ON t.key = r.config WHERE r.id = ?",
        (batch,),
    )
    # Six texts in place of a hundred thousand rows. Taking the numbers out of them is quicker here than in SQLite.
    joined = ", ".join(f"group_concat(id, '\n') FILTER (WHERE status = '{status}')" for status in ITEM_CODES)
    rows = yield f"SELECT {joined} FROM runs WHERE parent_run_id = ?", (batch,)
    numbers = [_item_numbers(text, batch + "/") for text in rows[0]]
    size = config[0][0] if config and isinstance(config[0][0], int) else 0
    states = bytearray(_CODE_OF_NOTHING * max(size, 1 + max((max(group) for group in numbers if group), default=-1)))
    for code, group in zip(ITEM_CODES.values(), numbers, strict=True):
        for number in group:
            states[number] = code[0]
    return bytes(states)


def _item_numbers(ids: str | None, prefix: str) -> list[int]:
    if ids is None:
        return []
    numbers = ids[len(prefix) :].split("\n" + prefix)
    try:
        return list(map(int, numbers))
    except ValueError:
        # A run that is no batch has children with names.
        return [int(number) for number in numbers if number.isdecimal()]


def failure_groups(_: Context, batch: str) -> Operation[list[FailureGroup]]:
    """Give the failures among a batch's items by node and class of exception, the most frequent first."""
    rows = yield (
        "SELECT n.name, coalesce(s.error_type, ''), count(*), min(r.id), min(s.error) FROM runs r JOIN steps s ON s.run = r.key "
        "JOIN nodes n ON n.key = s.node WHERE r.parent_run_id = ? AND r.status = 'failed' AND s.status = 1 "
        "GROUP BY n.name, s.error_type ORDER BY count(*) DESC, n.name",
        (batch,),
    )
    return [
        FailureGroup(name, kind or (error or "").partition(":")[0], number, run, error or "") for name, kind, number, run, error in rows
    ]


def pauses(context: Context) -> Operation[list[WaitingPause]]:
    """Give all questions that wait, oldest first. A child's question is asked by its top-level run."""
    # A run that was answered and asks again has waited since its last step, not since it began.
    rows = yield (
        "SELECT r.id, (SELECT max(s.completed_at) FROM steps s WHERE s.run = r.key) FROM runs r "
        "WHERE r.status = 'paused' AND r.parent_run_id IS NULL ORDER BY r.seq",
        (),
    )
    found: list[WaitingPause] = []
    for run_id, last in rows:
        run = yield from get_run(context, run_id)
        if run is not None:
            since = run.completed_at or (from_micros(last) if last is not None else run.created_at)
            found += [WaitingPause(run.id, run.graph_name, since, pause) for pause in run.pauses]
    return sorted(found, key=lambda pause: pause.since)


def changes_since(context: Context, token: str | None, *, limit: int = 1000) -> Operation[Changes]:
    """Give what changed since a token; without one, only the token to go on from.

    A token says up to which change of a run's row was looked, and how far each active run's steps went.
    """
    seq, before = _parse(token)
    newest = yield "SELECT coalesce(max(seq), 0) FROM runs", ()
    rows: list[tuple[Any, ...]] = []
    if token is not None:
        rows = yield f"{RUN_SELECT} WHERE r.seq > ? ORDER BY r.seq LIMIT ?", (seq, limit)
    upto = newest[0][0]
    if len(rows) == limit:
        last = yield "SELECT seq FROM runs WHERE key = ?", (rows[-1][16],)
        upto = last[0][0]
    changed = yield from runs_of(context, rows)
    active = yield (
        "SELECT r.id, (SELECT max(superstep) FROM steps s WHERE s.run = r.key), r.key FROM runs r WHERE r.status = 'active'",
        (),
    )
    now: dict[str, str] = {}
    for run_id, superstep, key in active:
        if superstep is None:
            continue
        # Steps are written a little late, so the superstep before the newest may still grow.
        number = yield "SELECT count(*) FROM steps WHERE run = ? AND superstep >= ?", (key, superstep - 1)
        now[run_id] = f"{superstep}.{number[0][0]}"
    moved = [run_id for run_id, at in now.items() if token is not None and before.get(run_id) != at]
    next_token = "\n".join([str(upto), *(f"{at} {run_id}" for run_id, at in now.items())])
    return Changes(next_token, tuple(changed), tuple(moved), upto < newest[0][0])


def _parse(token: str | None) -> tuple[int, dict[str, str]]:
    if not token:
        return 0, {}
    head, *lines = token.split("\n")
    parts = [line.partition(" ") for line in lines]
    return int(head), {run_id: at for at, _, run_id in parts}
