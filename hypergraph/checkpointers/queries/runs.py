"""Reading runs: one, many, how many, and what is kept beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypergraph.checkpointers.moments import to_micros
from hypergraph.checkpointers.queries.context import Context, Held, Operation, held_by, moved_since, read_data, root_of
from hypergraph.checkpointers.rows import RUN_COLUMNS, Derived, read_pauses, read_run
from hypergraph.records import Run, WorkflowStatus

__all__ = ["ANY", "RUN_SELECT", "count_runs", "get_children_inputs", "get_inputs", "get_run", "get_sources", "list_runs", "runs_of"]


class _Any:
    """The default of `parent_run_id`: children and top-level runs alike."""

    def __repr__(self) -> str:
        return "<any>"


ANY: Any = _Any()

RUN_SELECT = f"SELECT {RUN_COLUMNS} FROM runs r LEFT JOIN texts t ON t.key = r.config"


def get_run(context: Context, run_id: str) -> Operation[Run | None]:
    """Give one run, or None."""
    rows = yield f"{RUN_SELECT} WHERE r.id = ?", (run_id,)
    found = yield from runs_of(context, rows)
    return found[0] if found else None


def runs_of(context: Context, rows: Sequence[tuple[Any, ...]]) -> Operation[list[Run]]:
    """Give the runs of rows of `RUN_COLUMNS`, with what is derived when they are read."""
    found = [read_run(row) for row in rows]
    held: dict[str, Held] = {}
    for place, row in enumerate(rows):
        # Most runs have ended, and come from nowhere: for them there is nothing to find out.
        if row[7] is not None or row[1] == "active" or row[1] == "paused":
            found[place] = read_run(row, (yield from _derived(context, row, held)))
    return found


def _derived(context: Context, row: Sequence[Any], held: dict[str, Held]) -> Operation[Derived]:
    run_id, status, forked, key = row[0], row[1], row[7], row[16]
    derived = Derived()
    if status == "active":
        root = root_of(run_id)
        if root not in held:
            held[root] = yield from held_by(context, root)
        holder = held[root]
        derived = derived._replace(owner=holder.public(), interrupted=not holder.alive)
        if derived.interrupted and holder.claimed_at is not None:
            derived = derived._replace(lost_claims=(yield from _lost_claims(key, holder)), last_owner=holder.last())
    elif status == "paused":
        derived = derived._replace(pauses=(yield from _pauses(context, key)))
    if forked is not None:
        stored = yield from read_data(context, key, "changes")
        if stored is not None:
            derived = derived._replace(changes={name: (old, new) for name, (old, new) in stored.items()})
    return derived


def _lost_claims(run: int, held: Held) -> Operation[int]:
    assert held.claimed_at is not None
    return 1 if (yield from moved_since(run, held.claimed_at)) else held.stalled + 1


def _pauses(context: Context, run: int) -> Operation[tuple[Any, ...]]:
    rows = yield "SELECT data FROM run_data WHERE run = ? AND kind = 'pauses'", (run,)
    if not rows:
        return ()
    values = yield from read_data(context, run, "asked")
    return read_pauses(rows[0][0], values or {})


def _where(
    status: WorkflowStatus | str | None, graph_name: str | None, since: datetime | None, parent_run_id: Any, retry_of: str | None = None
) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if status is not None:
        parts.append("r.status = ?")
        values.append(WorkflowStatus(status).value)
    if graph_name is not None:
        parts.append("r.graph_name = ?")
        values.append(graph_name)
    if since is not None:
        parts.append("r.created_at >= ?")
        values.append(to_micros(since))
    if parent_run_id is None:
        parts.append("r.parent_run_id IS NULL")
    elif parent_run_id is not ANY:
        parts.append("r.parent_run_id = ?")
        values.append(parent_run_id)
    if retry_of is not None:
        parts.append("r.retry_of = ?")
        values.append(retry_of)
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def list_runs(
    context: Context,
    *,
    status: WorkflowStatus | str | None = None,
    graph_name: str | None = None,
    since: datetime | None = None,
    parent_run_id: Any = ANY,
    limit: int | None = 100,
) -> Operation[list[Run]]:
    """Give runs, newest first."""
    where, values = _where(status, graph_name, since, parent_run_id)
    rows = yield f"{RUN_SELECT}{where} ORDER BY r.key DESC LIMIT ?", [*values, -1 if limit is None else limit]
    return (yield from runs_of(context, rows))


def count_runs(
    _: Context, *, status: WorkflowStatus | str | None = None, parent_run_id: Any = ANY, retry_of: str | None = None
) -> Operation[int]:
    """Count runs."""
    where, values = _where(status, None, None, parent_run_id, retry_of)
    rows = yield f"SELECT count(*) FROM runs r{where}", values
    return int(rows[0][0])


def get_inputs(context: Context, run_id: str) -> Operation[dict[str, Any]]:
    """Give a run's stored inputs; a fork that was made without any has its source's."""
    seen: set[str] = set()
    while run_id not in seen:
        seen.add(run_id)
        rows = yield "SELECT key, forked_from FROM runs WHERE id = ?", (run_id,)
        if not rows:
            break
        found = yield from read_data(context, rows[0][0], "inputs")
        if found is not None:
            return found
        if rows[0][1] is None:
            break
        run_id = rows[0][1]
    return {}


def get_sources(_: Context, run_id: str) -> Operation[dict[str, tuple[str, str]]]:
    """Give node name -> (hash, source text) of the graph that a run was made with."""
    rows = yield "SELECT t.content FROM runs r JOIN texts t ON t.key = r.sources WHERE r.id = ?", (run_id,)
    if not rows:
        return {}
    listed: dict[str, list[Any]] = json.loads(rows[0][0])
    found: dict[str, tuple[str, str]] = {}
    for name, (digest, key) in listed.items():
        text = yield "SELECT content FROM texts WHERE key = ?", (key,)
        found[name] = (digest, text[0][0] if text else "")
    return found


def get_children_inputs(context: Context, run_id: str) -> Operation[dict[str, dict[str, Any]]]:
    """Give the stored inputs of a run's children, by child id."""
    rows = yield (
        "SELECT r.id, r.key, d.data, EXISTS (SELECT 1 FROM large_values l WHERE l.run = r.key AND l.superstep = -1) "
        "FROM runs r JOIN run_data d ON d.run = r.key AND d.kind = 'inputs' WHERE r.parent_run_id = ? ORDER BY r.key",
        (run_id,),
    )
    found: dict[str, dict[str, Any]] = {}
    for child, key, data, large in rows:
        values = (yield from read_data(context, key, "inputs")) if large else context.codec.unpack(data)
        found[child] = values or {}
    return found
