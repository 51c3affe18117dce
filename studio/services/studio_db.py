"""The studio's own small database beside each store: who did what, drafts, and marks. Losing it loses no history."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Entry", "StudioDb"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS acts (
    key INTEGER PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, object TEXT NOT NULL,
    outcome TEXT NOT NULL, python TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS drafts (kind TEXT, name TEXT, texts TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS presets (graph TEXT, name TEXT, texts TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (graph, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (run TEXT PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL) WITHOUT ROWID;
"""
_KEPT_DRAFTS: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: when, by whom, what, to which object, how it came out, and the same as Python."""

    at: float
    actor: str
    verb: str
    object: str
    outcome: str
    python: str


class StudioDb:
    """Acts, drafts and marks of one store. Where it cannot be written, the studio works without it.

    Args:
        path: the file; made on the first write.
        read_only: nothing is written, except what was refused.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._memory: list[Entry] = []

    @contextmanager
    def _opened(self, *, writes: bool) -> Iterator[sqlite3.Connection | None]:
        with self._lock:
            if self._db is None and (writes or self._path.exists()):
                with contextlib.suppress(sqlite3.Error, OSError):
                    self._db = self._open()
            try:
                yield self._db
            except sqlite3.Error:
                # A full disk or a damaged file costs drafts, not the session.
                self._close()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
        db.executescript(_SCHEMA)
        db.execute("DELETE FROM drafts WHERE at < ?", (time.time() - _KEPT_DRAFTS,))
        return db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    # What was done.

    def record(self, entry: Entry, detail: Mapping[str, Any] | None = None) -> bool:
        """Write down an act; also one that was refused. Gives whether it is in the file."""
        written = False
        self._memory.append(entry)
        with self._opened(writes=True) as db:
            if db is not None:
                db.execute(
                    "INSERT INTO acts (at, actor, verb, object, outcome, python, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (entry.at, entry.actor, entry.verb, entry.object, entry.outcome, entry.python, json.dumps(dict(detail or {}))),
                )
                written = True
        return written

    def acts(self, limit: int = 500) -> list[Entry]:
        """Give the last acts of all sessions, oldest first."""
        with self._opened(writes=False) as db:
            if db is not None:
                rows = db.execute(
                    "SELECT at, actor, verb, object, outcome, python FROM acts ORDER BY key DESC LIMIT ?", (limit,)
                ).fetchall()
                return [Entry(*row) for row in reversed(rows)]
        return self._memory[-limit:]

    @property
    def session(self) -> list[Entry]:
        """The acts of this session."""
        return list(self._memory)

    # Drafts.

    def draft(self, kind: str, name: str) -> dict[str, str]:
        """Give the texts of a form that was not sent yet."""
        with self._opened(writes=False) as db:
            row = None if db is None else db.execute("SELECT texts FROM drafts WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        if row is None:
            return {}
        found = json.loads(row[0])
        return {str(key): str(text) for key, text in found.items()}

    def keep_draft(self, kind: str, name: str, texts: Mapping[str, str]) -> None:
        """Keep the texts of a form; none at all forgets them."""
        if self._read_only:
            return
        with self._opened(writes=True) as db:
            if db is None:
                return
            if texts:
                db.execute(
                    "INSERT OR REPLACE INTO drafts (kind, name, texts, at) VALUES (?, ?, ?, ?)",
                    (kind, name, json.dumps(dict(texts)), time.time()),
                )
            else:
                db.execute("DELETE FROM drafts WHERE kind = ? AND name = ?", (kind, name))

    # Inputs that are kept under a name.

    def presets(self, graph: str) -> list[tuple[str, dict[str, str], float]]:
        """Give name, texts and age of what was kept for a graph."""
        found: list[tuple[str, str, float]] = []
        with self._opened(writes=False) as db:
            if db is not None:
                found = db.execute("SELECT name, texts, at FROM presets WHERE graph = ? ORDER BY name", (graph,)).fetchall()
        return [(name, json.loads(texts), at) for name, texts, at in found]

    def keep_preset(self, graph: str, name: str, texts: Mapping[str, str] | None) -> bool:
        """Keep texts under a name, None to forget them; gives whether that could be done."""
        kept = False
        if self._read_only:
            return kept
        with self._opened(writes=True) as db:
            if db is not None:
                db.execute("DELETE FROM presets WHERE graph = ? AND name = ?", (graph, name))
                if texts is not None:
                    db.execute("INSERT INTO presets VALUES (?, ?, ?, ?)", (graph, name, json.dumps(dict(texts)), time.time()))
                kept = True
        return kept

    # Runs that are given up.

    def lost(self) -> set[str]:
        """Give the runs that were marked as lost."""
        with self._opened(writes=False) as db:
            return set() if db is None else {row[0] for row in db.execute("SELECT run FROM lost")}

    def mark_lost(self, run: str, actor: str, *, lost: bool = True) -> bool:
        """Hide a run that nobody will go on with, or show it again; nothing else changes. Gives whether that could be done."""
        done = False
        if self._read_only:
            return done
        with self._opened(writes=True) as db:
            if db is not None:
                db.execute("DELETE FROM lost WHERE run = ?", (run,))
                if lost:
                    db.execute("INSERT INTO lost (run, at, actor) VALUES (?, ?, ?)", (run, time.time(), actor))
                done = True
        return done

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()
