"""The store in memory: what `SqliteCheckpointer` does, without a file, for one process and one object."""

from __future__ import annotations

import copy
import itertools
import sqlite3
from typing import Any

from hypergraph._text import plural
from hypergraph.checkpointers.database import MEMORY, Database
from hypergraph.checkpointers.leases import claims_of
from hypergraph.checkpointers.policy import CheckpointPolicy
from hypergraph.checkpointers.queries import runs
from hypergraph.checkpointers.recording import RecordingStore
from hypergraph.checkpointers.values import ValueCodec, frames

__all__ = ["MemoryCheckpointer"]


class MemoryCheckpointer(RecordingStore):
    """Keeps runs in memory, for tests and short-lived programs. Any value can be stored: a copy of it is kept.

    Args:
        policy: when steps are written and which are kept.
    """

    def __init__(self, policy: CheckpointPolicy | None = None) -> None:
        shelf = _Shelf()
        super().__init__(Database(MEMORY, shelf.watch), claims_of(None), ValueCodec(shelf), policy or CheckpointPolicy())

    def __repr__(self) -> str:
        return f"MemoryCheckpointer: {plural(self._read(runs.count_runs(self._context)), 'run')}"


class _Shelf:
    """A serializer that keeps the values themselves; their stored form is the number of their place."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}
        self._numbers = itertools.count(1)

    def watch(self, db: sqlite3.Connection) -> None:
        """Let go of what the database deletes: no row refers to it any more."""
        db.create_function("hypergraph_forget", 1, self._forget)
        for table in ("steps", "run_data"):
            for event in ("DELETE", "UPDATE OF data"):
                name = f"forget_{table}_{event[:6].lower()}"
                db.execute(f"CREATE TEMP TRIGGER {name} AFTER {event} ON {table} BEGIN SELECT hypergraph_forget(old.data); END")

    def _forget(self, data: bytes | str | None) -> None:
        if isinstance(data, bytes) and data[:1] == b"\x01":
            for _, number in frames(data):
                self._kept.pop(int(number), None)

    def serialize(self, value: Any) -> bytes:
        number = next(self._numbers)
        self._kept[number] = _copied(value)
        return b"%d" % number

    def deserialize(self, data: bytes) -> Any:
        return _copied(self._kept[int(data)])


def _copied(value: Any) -> Any:
    """Give a copy, so that a run that goes on changing its values does not change what is stored; else the value itself."""
    try:
        return copy.deepcopy(value)
    except Exception:  # copying is user code; locks, files and clients have no copy
        return value
