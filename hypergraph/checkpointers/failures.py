"""SQLite's errors, told as ours: the path, what was left as it was, and what to do."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from hypergraph._text import fix
from hypergraph.exceptions import CheckpointError, NotACheckpointError, SchemaVersionError, StoreBusyError, StoreCorruptError

__all__ = ["corrupt", "missing", "newer_schema", "not_ours", "read_only", "told"]


def told(error: sqlite3.Error | UnicodeDecodeError, path: str) -> CheckpointError:
    """Give the error that a failed statement is reported as; text that is none comes out of a damaged file."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusyError(
            f"Checkpoint store {path!r} is locked by another process; it was waited for 30 seconds. Nothing was written.{_who_runs(path)}"
            + fix("Find the process that holds a long transaction on it (lsof), and let it end", "Then try again")
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or isinstance(error, UnicodeDecodeError):
        return corrupt(path, str(error))
    if name.startswith("SQLITE_FULL"):
        return CheckpointError(
            f"The disk of checkpoint store {path!r} is full. What was stored before is intact; the last write was undone."
            + fix("Make space, then resume the workflow by its id")
        )
    if name.startswith("SQLITE_READONLY"):
        return read_only(path)
    if name.startswith("SQLITE_CANTOPEN"):
        return CheckpointError(
            f"Checkpoint store {path!r} cannot be opened ({error}). Nothing was changed." + fix("Check that the folder exists and is yours")
        )
    return CheckpointError(
        f"Checkpoint store {path!r} failed: {error}. The transaction was undone; what was stored before is intact."
        + fix("Run `hypergraph doctor` on this file")
    )


def _who_runs(path: str) -> str:
    """Say which processes run workflows in a store, where that can be read."""
    try:
        db = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=0.1)
        try:
            rows = db.execute(
                "SELECT DISTINCT o.pid, o.host FROM owners o JOIN runs r ON r.owner = o.key WHERE r.claimed_at IS NOT NULL "
                "ORDER BY o.beat_at DESC LIMIT 3"
            ).fetchall()
        finally:
            db.close()
    except sqlite3.Error:
        return ""
    return f" Workflows are run in it by {', '.join(f'process {pid} on {host}' for pid, host in rows)}." if rows else ""


def corrupt(path: str, detail: str) -> StoreCorruptError:
    """Say that the file is damaged."""
    return StoreCorruptError(
        f"Checkpoint store {path!r} is damaged or cut off ({detail}). The file was left as it is."
        + fix(
            f"Save what can be read: SqliteCheckpointer.salvage({path!r}, 'copy.db')",
            "Or restore the file from a backup",
        )
    )


def not_ours(path: str, found: str) -> NotACheckpointError:
    """Say that the file is something else."""
    return NotACheckpointError(
        f"{path!r} is no checkpoint store: it is {found}. The file was left as it is." + fix("Pass the path of a new file, or of a store")
    )


def newer_schema(path: str, version: int, known: int) -> SchemaVersionError:
    """Say that a newer library wrote the file."""
    return SchemaVersionError(
        f"Unsupported database schema version {version} in {path!r}: this library knows up to {known}. The file was left as it is."
        + fix("Upgrade hypergraph-studio", "Or use another file")
    )


def read_only(path: str) -> CheckpointError:
    """Say that the file cannot be written."""
    return CheckpointError(
        f"Checkpoint store {path!r} is read-only: it can be browsed, but nothing can be run with it. Nothing was changed."
        + fix("Make the file and its folder writable", "Or run with a store in another place")
    )


def missing(path: str) -> CheckpointError:
    """Say that there is no such file."""
    return CheckpointError(
        f"Checkpoint store {path!r} does not exist, and opening it read-only does not create it."
        + fix("Check the path", "Or run something first")
    )
