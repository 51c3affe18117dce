"""Writing steps: one prepared INSERT, and what the retention of a policy drops for it."""

from __future__ import annotations

from typing import Any

from hypergraph.checkpointers.policy import CheckpointPolicy
from hypergraph.checkpointers.queries.context import Operation
from hypergraph.checkpointers.queries.lifecycle import put_large
from hypergraph.checkpointers.rows import StepRow

__all__ = [
    "FENCED_INSERT", "FENCED_PLAIN", "INSERT", "MANY_PLAIN", "PLAIN", "PLAIN_TOGETHER", "add_step", "ensure_node", "locate", "prune",
]  # fmt: skip

_COLUMNS = (
    "run, superstep, node, idx, status, versions, data, duration_ms, flags, decision, completed_at, created_at, started_at, child_run_id, "
    "attempt, error, error_type, traceback"
)
_NAMES = [name.strip() for name in _COLUMNS.split(",")]
_MARKS = ", ".join(f"?{place + 1}" for place in range(len(_NAMES)))
_UPSERT = "ON CONFLICT (run, superstep, node) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[3:])

INSERT = f"INSERT INTO steps ({_COLUMNS}) VALUES ({_MARKS}) {_UPSERT}"
# A transaction of its own, that does nothing when the root (?19) has another epoch (?20) by now.
FENCED_INSERT = f"INSERT INTO steps ({_COLUMNS}) SELECT {_MARKS} WHERE (SELECT epoch FROM runs WHERE key = ?19) = ?20 {_UPSERT}"

# The same for a first try that completed plainly: half of the columns are known then. Binding is a good part of what a row costs.
_PLAIN_COLUMNS = "run, superstep, node, idx, status, versions, data, duration_ms, flags, completed_at, started_at, attempt"
_PLAIN_ROW = "?, ?, ?, ?, 0, ?, ?, ?, 0, ?, ?, 1"
# So many rows are written by one statement: the cheapest number, more takes longer to bind.
PLAIN_TOGETHER = 20

PLAIN = f"INSERT INTO steps ({_PLAIN_COLUMNS}) VALUES ({_PLAIN_ROW}) {_UPSERT}"
MANY_PLAIN = f"INSERT INTO steps ({_PLAIN_COLUMNS}) VALUES {', '.join([f'({_PLAIN_ROW})'] * PLAIN_TOGETHER)} {_UPSERT}"
FENCED_PLAIN = f"INSERT INTO steps ({_PLAIN_COLUMNS}) SELECT {_PLAIN_ROW} WHERE (SELECT epoch FROM runs WHERE key = ?) = ? {_UPSERT}"


def ensure_node(name: str, kind: str) -> Operation[int]:
    """Give the number of a node's name and type."""
    rows = yield "SELECT key FROM nodes WHERE name = ? AND type = ?", (name, kind)
    if not rows:
        yield "INSERT OR IGNORE INTO nodes (name, type) VALUES (?, ?)", (name, kind)
        rows = yield "SELECT key FROM nodes WHERE name = ? AND type = ?", (name, kind)
    return int(rows[0][0])


def locate(run_id: str) -> Operation[int | None]:
    """Give the key of a run, or None."""
    rows = yield "SELECT key FROM runs WHERE id = ?", (run_id,)
    return int(rows[0][0]) if rows else None


def add_step(run: int, node: int, row: StepRow, policy: CheckpointPolicy) -> Operation[None]:
    """Write one step, within a transaction of the caller."""
    # The same node may stand there with another type, from a graph that was changed since.
    yield (
        "DELETE FROM steps WHERE run = ? AND superstep = ? AND node IN (SELECT key FROM nodes WHERE name = ? AND key <> ?)",
        (run, row.superstep, row.node_name, node),
    )
    yield INSERT, (run, row.superstep, node, *row.columns)
    if row.large:
        yield from put_large(run, row.superstep, node, row.large)
    if policy.retention != "full":
        yield from prune(run, node, row, policy)


def prune(run: int, node: int, row: StepRow, policy: CheckpointPolicy) -> Operation[None]:
    """Drop what the retention does not keep; what a fork inherits is kept."""
    kept = yield (
        "SELECT max(f.fork_cut) FROM runs f WHERE f.forked_from = (SELECT id FROM runs WHERE key = ?)",
        (run,),
    )
    floor = kept[0][0] if kept and kept[0][0] is not None else -1
    if policy.retention == "latest":
        # A failed try does not replace the values of an earlier turn: the state has to stay complete.
        older = "" if row.has_values else " AND data IS NULL"
        condition = f"run = ?1 AND node = ?2 AND superstep < ?3 AND superstep > ?4{older}"
        values: tuple[Any, ...] = (run, node, row.superstep, floor)
        yield f"DELETE FROM steps WHERE {condition}", values
        yield (
            "DELETE FROM large_values WHERE run = ?1 AND node = ?2 AND superstep < ?3 AND superstep > ?4 AND superstep >= 0 "
            "AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.run = ?1 AND s.node = ?2 AND s.superstep = large_values.superstep)",
            values,
        )
        return
    assert policy.window is not None
    first = row.superstep - policy.window + 1
    dropped = yield (
        "SELECT s.superstep, n.name FROM steps s JOIN nodes n ON n.key = s.node WHERE s.run = ? AND s.superstep < ? AND s.superstep > ? "
        "ORDER BY s.superstep, s.idx LIMIT 1",
        (run, first, floor),
    )
    if not dropped:
        return
    superstep, name = dropped[0]
    yield "UPDATE runs SET dropped = ? WHERE key = ? AND dropped IS NULL", (f"{name!r} in superstep {superstep}", run)
    yield "DELETE FROM steps WHERE run = ? AND superstep < ? AND superstep > ?", (run, first, floor)
    yield "DELETE FROM large_values WHERE run = ? AND superstep >= 0 AND superstep < ? AND superstep > ?", (run, first, floor)
