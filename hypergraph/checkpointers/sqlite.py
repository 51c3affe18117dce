"""The store in a SQLite file: many processes may use it at once, each through both faces."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypergraph._text import plural
from hypergraph.checkpointers import failures
from hypergraph.checkpointers.database import MEMORY, Database, drive, transaction
from hypergraph.checkpointers.leases import claims_of
from hypergraph.checkpointers.policy import CheckpointPolicy, Durability, Retention, resolve_policy
from hypergraph.checkpointers.queries import lifecycle, runs
from hypergraph.checkpointers.queries.context import Operation
from hypergraph.checkpointers.recording import RecordingStore
from hypergraph.checkpointers.serializers import Serializer
from hypergraph.checkpointers.values import MAX_VALUE, ValueCodec
from hypergraph.checkpointers.writer import Job
from hypergraph.exceptions import CheckpointError

if TYPE_CHECKING:
    import sqlite3

    import aiosqlite

    from hypergraph.checkpointers.history import LargeStored, ReadonlyStore

__all__ = ["SqliteCheckpointer"]

T = TypeVar("T")


class SqliteCheckpointer(RecordingStore):
    """Keeps runs in a SQLite file.

    The file is opened at the first use. A file that is no store, is damaged, or was written by a newer library is refused and left as it
    is; one of an older version is copied, then brought up to date.

    Args:
        path: the file ("~" is expanded, folders are made), or ":memory:".
        policy: when steps are written and which are kept.
        durability, retention: short forms of a policy.
        serializer: how values are stored; the default is `TaggedSerializer()`, which is safe to read.
        max_value_bytes: larger values are refused.

    Raises:
        ValueError: a policy that contradicts itself, or one in both forms.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        policy: CheckpointPolicy | None = None,
        durability: Durability | None = None,
        retention: Retention | None = None,
        serializer: Serializer | None = None,
        max_value_bytes: int = MAX_VALUE,
    ) -> None:
        text = str(path)
        self.path: str = text if text == MEMORY else str(Path(text).expanduser().absolute())
        resolved = resolve_policy(policy, durability, retention)
        super().__init__(
            Database(self.path, None if resolved.ttl is None else partial(_expire, resolved.ttl)),
            claims_of(None if self.path == MEMORY else self.path),
            ValueCodec(serializer, max_value_bytes),
            resolved,
        )
        self._reader: aiosqlite.Connection | None = None

    @classmethod
    def open_readonly(
        cls, path: str | Path, *, large: Callable[[LargeStored], Any] | None = None, patience: float | None = None
    ) -> ReadonlyStore:
        """Open an existing file for reading alone: it is never written, migrated, or held back.

        Args:
            path: the file.
            large: gives what is to stand for a value above 1 MiB, which is not built then; `NotImplemented`, or None here, builds it.
            patience: seconds that a reading waits for another process that holds the file; None for 30.

        Raises:
            CheckpointError: there is no such file, or it is no store.
        """
        from hypergraph.checkpointers.history import ReadonlyStore

        return ReadonlyStore(path, large=large, patience=patience)

    @staticmethod
    def salvage(path: str | Path, copy: str | Path) -> dict[str, int]:
        """Copy what can still be read of a damaged file into a new store; the damaged file is left as it is.

        Returns:
            Number of rows saved, by table.

        Raises:
            CheckpointError: `copy` exists, or nothing of `path` can be read.
        """
        from hypergraph.checkpointers.salvage import salvage

        return salvage(str(path), str(copy))

    async def initialize(self) -> None:
        """Open the file; called as often as you like, also by many at once."""
        if self._direct:
            self._database.read(_look())
        else:
            await self._awaited(self._writing().submit(Job(_opened, full=False)))

    async def _read_async(self, operation: Operation[T]) -> T:
        if self._direct:
            return self._read(operation)
        await self.flush()
        if not self._database.writable_file:
            # Opened for looking only; views over an older layout live in that connection.
            return self._database.read(operation)
        import sqlite3

        db = await self._reading()
        try:
            sql, values = next(operation)
            while True:
                sql, values = operation.send(list(await _unbroken(db.execute_fetchall(sql, values))))
        except StopIteration as done:
            result: T = done.value
            return result
        except sqlite3.Error as error:
            raise failures.told(error, self.path) from error

    async def _reading(self) -> aiosqlite.Connection:
        if self._reader is not None:
            return self._reader
        import aiosqlite

        await self.initialize()
        opening = aiosqlite.connect(self._database.uri, uri=True, timeout=30.0, isolation_level=None)
        # Its thread would keep a program that forgets close() from ending.
        opening._thread.daemon = True  # noqa: SLF001  there is no public way, and a test watches it
        db: aiosqlite.Connection = await _unbroken(opening)
        # The type checker does not know that others ran while we waited.
        other: aiosqlite.Connection | None = self._reader
        if other is not None:
            # Somebody else was quicker while we waited.
            await _unbroken(db.close())
            return other
        for pragma in ("query_only = ON", "trusted_schema = OFF"):
            await _unbroken(db.execute(f"PRAGMA {pragma}"))
        self._reader = db
        weakref.finalize(self, _stop_reader, db)
        return db

    def close_sync(self) -> None:
        """Write what waits, give up what this object still owns, and let go of the file; the next use opens it again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            _stop_reader(reader)
        super().close_sync()

    async def close(self) -> None:
        """As `close_sync`, without blocking the event loop for what waits."""
        await self.flush()
        reader, self._reader = self._reader, None
        if reader is not None:
            await _unbroken(reader.close())
        self.close_sync()

    def _number_of_runs(self) -> int:
        if self.path != MEMORY and not Path(self.path).exists():
            return 0
        return self._read(runs.count_runs(self._context))

    def __repr__(self) -> str:
        try:
            number = plural(self._number_of_runs(), "run")
        except CheckpointError as error:
            number = type(error).__name__
        return f"SqliteCheckpointer({self.path!r}): {number}"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<div>{escape(repr(self))}</div>" + (self.runs(limit=20)._repr_html_() if Path(self.path).exists() else "")


async def _unbroken(asked: Awaitable[Any]) -> Any:
    """Await an answer of aiosqlite; a cancellation is passed on once it is there.

    An answer that nobody waits for any more would come to a loop that may be closed by then, which ends aiosqlite's thread and leaves
    every later call without an answer. A task for it would be cancelled like ours when a loop is shut down, so its future is awaited.
    """
    import asyncio

    late: asyncio.CancelledError | None = None
    steps = asked.__await__()
    try:
        while True:
            future = next(steps)
            # What a task does with a future that it is handed.
            future._asyncio_future_blocking = False  # noqa: SLF001  the protocol between futures and tasks
            while not future.done():
                try:
                    await asyncio.shield(future)
                except asyncio.CancelledError as error:
                    late = error
                except Exception:
                    break
    except StopIteration as done:
        if late is not None:
            raise late from None
        return done.value


def _expire(ttl: float, db: sqlite3.Connection) -> None:
    with transaction(db):
        drive(db, lifecycle.delete_expired(ttl))


def _opened(_: sqlite3.Connection) -> None:
    return


def _look() -> Operation[None]:
    yield "SELECT 1", ()


def _stop_reader(db: aiosqlite.Connection) -> None:
    # In a thread without an event loop: stop() would make one in the main thread, and leave it open.
    with suppress(RuntimeError):
        stopping = threading.Thread(target=db.stop, daemon=True)
        stopping.start()
        stopping.join(1.0)
