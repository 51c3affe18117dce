"""Writing runs: creating and claiming them, how they end, and deleting the old ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers.moments import now_micros, to_micros
from hypergraph.checkpointers.queries.context import DATA_CODES, Context, Operation, held_by, moved_since, owner_phrase, root_of
from hypergraph.checkpointers.queries.steps import refuse_dropped
from hypergraph.checkpointers.values import Packed, compress
from hypergraph.exceptions import WorkflowAlreadyRunningError, already_running
from hypergraph.records import NewRun, WorkflowStatus

__all__ = ["Begun", "Ending", "begin", "check_epoch", "delete_expired", "end", "heartbeat", "put_data", "register_owner", "release"]

_TERMINAL = ("completed", "failed", "partial", "stopped")
_NEXT_SEQ = "(SELECT coalesce(max(seq), 0) + 1 FROM runs)"


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run has after it began: its key, its root's key, and the epoch under which it may write."""

    key: int
    root_key: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, as it is written."""

    run_id: str
    status: WorkflowStatus
    duration_ms: float | None = None
    node_count: int | None = None
    error_count: int | None = None
    error: str | None = None
    pauses: str | None = None
    asked: Packed | None = None
    at: int = field(default_factory=now_micros)


def register_owner(token: str, pid: int, host: str, boot: str, started: str) -> Operation[int]:
    """Enter this process among the owners; give its key."""
    rows = yield "SELECT key FROM owners WHERE token = ?", (token,)
    if rows:
        return int(rows[0][0])
    # Rows of processes that ended long ago; one that is still needed is entered again by its process, under the same token.
    yield (
        "DELETE FROM owners WHERE beat_at < ? AND key NOT IN (SELECT owner FROM runs WHERE owner IS NOT NULL)",
        (now_micros() - 86_400_000_000,),
    )
    rows = yield (
        "INSERT INTO owners (token, pid, host, boot, started, beat_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING key",
        (token, pid, host, boot, started, now_micros()),
    )
    return int(rows[0][0])


def heartbeat(token: str) -> Operation[None]:
    """Say that this process lives."""
    yield "UPDATE owners SET beat_at = ? WHERE token = ?", (now_micros(), token)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _intern(text: str) -> Operation[int]:
    digest = _digest(text)
    rows = yield "SELECT key FROM texts WHERE hash = ?", (digest,)
    if rows:
        return int(rows[0][0])
    rows = yield "INSERT INTO texts (hash, content) VALUES (?, ?) RETURNING key", (digest, text)
    return int(rows[0][0])


def _intern_sources(context: Context, new: NewRun, config: int | None, like: str) -> Operation[int | None]:
    """Keep a graph's sources. `like` is a run that probably has the same: then its configuration, which holds the code's hash, says so."""
    sources = new.sources
    if not sources:
        return None
    code = (new.config or {}).get("graph_code_hash")
    if code in context.sources:
        # Kept for an earlier run. Looked at again, since that run's transaction may have been undone, or the file be another.
        kept = context.sources[code]
        if (yield "SELECT 1 FROM texts WHERE key = ? AND hash = ?", kept):
            return kept[0]
    if config is not None:
        known = yield "SELECT sources FROM runs WHERE id = ? AND config = ?", (like, config)
        if known and known[0][0] is not None:
            return int(known[0][0])
    listed: dict[str, list[Any]] = {}
    for name, (digest, text) in sources.items():
        listed[name] = [digest, (yield from _intern(text or ""))]
    whole = json.dumps(listed, ensure_ascii=True)
    key = yield from _intern(whole)
    if code is not None:
        context.sources[code] = (key, _digest(whole))
    return key


def put_data(run: int, kind: str, packed: Packed, *, replace: bool = False) -> Operation[None]:
    """Keep values beside a run; the first write wins unless `replace`."""
    data, large = packed
    if not replace:
        rows = yield "INSERT OR IGNORE INTO run_data (run, kind, data) VALUES (?, ?, ?) RETURNING 1", (run, kind, data)
        if rows and large:
            yield from put_large(run, DATA_CODES[kind], 0, large)
        return
    # Not OR REPLACE, which would delete without telling a trigger.
    yield (
        "INSERT INTO run_data (run, kind, data) VALUES (?, ?, ?) ON CONFLICT (run, kind) DO UPDATE SET data = excluded.data "
        "WHERE data <> excluded.data",
        (run, kind, data),
    )
    former = yield "SELECT count(*) FROM large_values WHERE run = ? AND superstep = ?", (run, DATA_CODES[kind])
    if large or former[0][0]:
        yield from put_large(run, DATA_CODES[kind], 0, large)
    if former[0][0]:
        yield from sweep_blobs()


def put_large(run: int, superstep: int, node: int, large: Iterable[tuple[str, bytes]]) -> Operation[None]:
    """Keep large values, each content once."""
    yield "DELETE FROM large_values WHERE run = ? AND superstep = ? AND node = ?", (run, superstep, node)
    for name, raw in large:
        digest = hashlib.sha256(raw).digest()
        rows = yield "SELECT key FROM blobs WHERE hash = ?", (digest,)
        if not rows:
            rows = yield "INSERT INTO blobs (hash, size, data) VALUES (?, ?, ?) RETURNING key", (digest, len(raw), compress(raw))
        yield (
            "INSERT INTO large_values (run, superstep, node, name, blob) VALUES (?, ?, ?, ?, ?)",
            (run, superstep, node, name, rows[0][0]),
        )


def begin(context: Context, new: NewRun, data: Mapping[str, Packed], owner: int | None, *, claims: bool) -> Operation[Begun]:
    """Create a run's row, or take it up again, and claim it when it is a top-level run.

    Args:
        context: reads values, and tells who is alive.
        new: what the engine says of the run.
        data: packed values to keep beside it, by kind.
        owner: this process among the owners.
        claims: take the lease; False for a plain `create_run`.

    Raises:
        WorkflowAlreadyRunningError: its owner lives, and is not to be displaced.
        CheckpointError: its window has dropped what would be needed.
    """
    root = root_of(new.run_id)
    rows = yield "SELECT key, status, epoch, claimed_at, stalled FROM runs WHERE id = ?", (new.run_id,)
    if new.resumes:
        yield from refuse_dropped(new.run_id)
    if new.forked_from is not None:
        yield from refuse_dropped(new.forked_from)
    leases = claims and root == new.run_id
    stalled = 0
    if rows and leases:
        held = yield from held_by(context, root)
        if held.alive and held.claimed_at is not None and not new.take_over:
            raise already_running(new.run_id, owner_phrase(held))
        if rows[0][1] == "active":
            stalled = yield from _stalled(rows[0][0], held.claimed_at, held.stalled)
    key = (yield from _update(context, rows[0][0], new)) if rows else (yield from _insert(context, new))
    if leases:
        yield (
            "UPDATE runs SET epoch = epoch + 1, owner = ?, claimed_at = ?, stalled = ? WHERE key = ?",
            (owner, now_micros(), stalled, key),
        )
    elif owner is not None and root == new.run_id and not rows:
        yield "UPDATE runs SET owner = ?, claimed_at = NULL WHERE key = ?", (owner, key)
    for kind, packed in data.items():
        yield from put_data(key, kind, packed, replace=new.renews and kind == "inputs")
    found = yield "SELECT key, epoch FROM runs WHERE id = ?", (root,)
    return Begun(key, *(found[0] if found else (key, 0)))


def _stalled(run: int, claimed_at: int | None, before: int) -> Operation[int]:
    """Count the owners that went away since the workflow last made progress, the present one included."""
    if claimed_at is None:
        return 0
    return 1 if (yield from moved_since(run, claimed_at)) else before + 1


def _insert(context: Context, new: NewRun) -> Operation[int]:
    config = None if new.config is None else (yield from _intern(json.dumps(new.config, ensure_ascii=True, default=str)))
    sources = yield from _intern_sources(context, new, config, new.forked_from or new.run_id)
    cut = yield from _cut(new)
    rows = yield (
        "INSERT INTO runs (id, status, graph_name, parent_run_id, forked_from, fork_superstep, fork_cut, retry_of, retry_index, config, "
        f"sources, created_at, actor, seq) VALUES (?, 'active', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {_NEXT_SEQ}) RETURNING key",
        (
            new.run_id, new.graph_name, new.parent_run_id, new.forked_from, new.fork_superstep, cut, new.retry_of, new.retry_index, config,
            sources, to_micros(new.at), new.actor,
        ),
    )  # fmt: skip
    return int(rows[0][0])


def _update(context: Context, key: int, new: NewRun) -> Operation[int]:
    config = None if new.config is None else (yield from _intern(json.dumps(new.config, ensure_ascii=True, default=str)))
    sources = yield from _intern_sources(context, new, config, new.run_id)
    yield (
        "UPDATE runs SET status = 'active', graph_name = ?, duration_ms = NULL, node_count = 0, error_count = 0, completed_at = NULL, "
        f"error = NULL, indexed = NULL, config = coalesce(?, config), sources = coalesce(?, sources), seq = {_NEXT_SEQ} WHERE key = ?",
        (new.graph_name, config, sources, key),
    )
    if not new.resumes:
        cut = yield from _cut(new)
        yield (
            "UPDATE runs SET parent_run_id = ?, forked_from = ?, fork_superstep = ?, fork_cut = ?, retry_of = ?, retry_index = ? "
            "WHERE key = ?",
            (new.parent_run_id, new.forked_from, new.fork_superstep, cut, new.retry_of, new.retry_index, key),
        )
    return key


def _cut(new: NewRun) -> Operation[int | None]:
    """Give up to which superstep a fork inherits: what its source stores later is not part of it."""
    if new.forked_from is None:
        return None
    if new.fork_superstep is not None:
        return new.fork_superstep
    newest, wanted = -1, new.forked_from
    for _ in range(1000):
        rows = yield (
            "SELECT forked_from, fork_cut, (SELECT max(s.superstep) FROM steps s WHERE s.run = r.key) FROM runs r WHERE id = ?",
            (wanted,),
        )
        if not rows:
            break
        source, cut, own = rows[0]
        newest = max(newest, own if own is not None else -1, cut if cut is not None else -1)
        if source is None or cut is not None:
            break
        wanted = source
    return newest


def check_epoch(root_key: int, epoch: int, root: str) -> Operation[None]:
    """Refuse to write for an owner that was displaced.

    Raises:
        WorkflowAlreadyRunningError: another owner has claimed the workflow since.
    """
    rows = yield "SELECT epoch FROM runs WHERE key = ?", (root_key,)
    if not rows or rows[0][0] != epoch:
        raise taken_over(root)


def taken_over(root: str) -> WorkflowAlreadyRunningError:
    """Say that the workflow has another owner by now."""
    return WorkflowAlreadyRunningError(
        f"Workflow {root!r} was taken over by another owner; nothing of this one is written any more."
        + fix("Let the new owner finish", "Or take it back with take_over=True"),
        workflow_id=root,
    )


def end(ending: Ending, *, releases: bool) -> Operation[None]:
    """Write how a run ended (or that it pauses, or goes on); a top-level run's lease is released with it."""
    status = ending.status.value
    now, duration_ms = ending.at, ending.duration_ms
    if status == "completed":
        done = yield from _done_before(ending.run_id)
        if done is not None:
            now, duration_ms = done
    yield (
        "UPDATE runs SET status = ?1, duration_ms = coalesce(?2, duration_ms), node_count = coalesce(?3, node_count), "
        "error_count = coalesce(?4, error_count), completed_at = CASE WHEN ?5 THEN ?6 WHEN ?1 = 'active' THEN NULL ELSE completed_at END, "
        f"error = ?7, indexed = NULL, seq = {_NEXT_SEQ}, owner = CASE WHEN ?8 THEN NULL ELSE owner END WHERE id = ?9",
        (
            status, duration_ms, ending.node_count, ending.error_count, status in _TERMINAL, now, ending.error,
            releases and status != "active", ending.run_id,
        ),
    )  # fmt: skip
    if ending.pauses is None and status != "paused":
        return
    rows = yield "SELECT key FROM runs WHERE id = ?", (ending.run_id,)
    if rows and ending.pauses is not None:
        yield "INSERT OR REPLACE INTO run_data (run, kind, data) VALUES (?, 'pauses', ?)", (rows[0][0], ending.pauses)
        if ending.asked is not None:
            yield from put_data(rows[0][0], "asked", ending.asked, replace=True)


def _done_before(run_id: str) -> Operation[tuple[int, float] | None]:
    """Give when a run ended that had done all of its steps before its present owner came, who only had to say so, and how long it took."""
    rows = yield (
        "SELECT s.completed_at, r.created_at FROM runs r JOIN runs o ON o.id = ? JOIN steps s ON s.run = r.key WHERE r.id = ? "
        "AND s.completed_at BETWEEN r.created_at AND o.claimed_at "
        # A resumed run writes into new supersteps: the newest one tells.
        "AND s.superstep = (SELECT max(superstep) FROM steps WHERE run = r.key) ORDER BY s.completed_at DESC LIMIT 1",
        (root_of(run_id), run_id),
    )
    if not rows:
        return None
    last, began = rows[0]
    return last, (last - began) / 1000


def release(root: str, epoch: int) -> Operation[None]:
    """Give up a run that was left without an ending, unless somebody else has it by now."""
    yield "UPDATE runs SET owner = NULL WHERE id = ? AND epoch = ?", (root, epoch)


def delete_expired(ttl: float) -> Operation[int]:
    """Delete finished top-level runs that are older than `ttl` seconds, with their children; forks keep their sources."""
    marks = ", ".join("?" * len(_TERMINAL))
    rows = yield (
        f"SELECT id FROM runs r WHERE parent_run_id IS NULL AND status IN ({marks}) AND completed_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM runs f WHERE f.forked_from = r.id OR (f.forked_from > r.id || '/' AND f.forked_from < r.id || '0'))",
        (*_TERMINAL, now_micros() - int(ttl * 1_000_000)),
    )
    searched = yield "SELECT 1 FROM sqlite_master WHERE name = 'search_docs'", ()
    for (run_id,) in rows:
        tree = "SELECT key FROM runs WHERE id = ?1 OR (id > ?1 || '/' AND id < ?1 || '0')"
        for table in ("steps", "run_data", "large_values"):
            yield f"DELETE FROM {table} WHERE run IN ({tree})", (run_id,)
        if searched:
            yield f"DELETE FROM search_text WHERE rowid IN (SELECT doc FROM search_docs WHERE run IN ({tree}))", (run_id,)
            yield f"DELETE FROM search_docs WHERE run IN ({tree})", (run_id,)
        yield "DELETE FROM runs WHERE id = ?1 OR (id > ?1 || '/' AND id < ?1 || '0')", (run_id,)
    if rows:
        yield from sweep_blobs()
    return len(rows)


def sweep_blobs() -> Operation[None]:
    """Delete large values that nothing refers to any more."""
    yield "DELETE FROM blobs WHERE key NOT IN (SELECT blob FROM large_values)", ()
