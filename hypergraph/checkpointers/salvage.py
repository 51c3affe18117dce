"""Saving what can still be read of a damaged file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers import failures
from hypergraph.checkpointers.database import Database, connect, reading_uri
from hypergraph.exceptions import CheckpointError

__all__ = ["salvage"]

_TABLES = ("texts", "nodes", "runs", "run_data", "steps", "blobs", "large_values")


def salvage(path: str, copy: str) -> dict[str, int]:
    """Copy every row of `path` that can be read into a new store at `copy`; gives the number of rows by table.

    Raises:
        CheckpointError: `copy` exists, `path` does not, or nothing of it can be read.
    """
    if not Path(path).exists():
        raise failures.missing(path)
    if Path(copy).exists():
        raise CheckpointError(f"{copy!r} exists already; nothing was copied." + fix("Name a new file for the copy"))
    try:
        source = connect(reading_uri(path))
        # Rows that contradict an index are rows all the same.
        source.execute("PRAGMA writable_schema = ON")
        saved = {name: list(_readable(source, name)) for name in _TABLES}
        source.close()
    except sqlite3.Error as error:
        raise failures.corrupt(path, f"nothing of it can be read: {error}") from error
    if not any(rows for rows in saved.values()):
        raise failures.corrupt(path, "nothing of it can be read")
    target = Database(copy)
    counts = {}
    with target.writing(full=True) as db:
        db.execute("BEGIN IMMEDIATE")
        for name, rows in saved.items():
            counts[name] = _insert(db, name, rows)
        db.execute("UPDATE runs SET owner = NULL")
        db.execute("COMMIT")
    target.close()
    return counts


def _readable(source: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Give the rows of a table from its beginning, then from its end, up to the damage."""
    seen: set[tuple[Any, ...]] = set()
    for order in ("ASC", "DESC"):
        try:
            key = "rowid" if table in ("texts", "nodes", "runs", "blobs") else "run"
            cursor = source.execute(f"SELECT * FROM {table} ORDER BY {key} {order}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                mark = (row[0], row[1], row[2])
                if mark in seen:
                    break
                seen.add(mark)
                yield dict(zip(names, row, strict=True))
        except (sqlite3.Error, UnicodeDecodeError):
            continue


def _insert(db: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> int:
    known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    number = 0
    for row in rows:
        columns = [name for name in row if name in known]
        marks = ", ".join("?" * len(columns))
        try:
            db.execute(
                f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                [row[name] for name in columns],
            )
            number += 1
        except sqlite3.Error:
            continue
    return number
