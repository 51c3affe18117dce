"""What both kinds of store stand on: performing operations over one database, and telling who lives."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from hypergraph.checkpointers.database import Database, connect, drive, file_uri
from hypergraph.checkpointers.keeping import Keeping
from hypergraph.checkpointers.leases import Claims, OwnerRow, claims_of, is_alive
from hypergraph.checkpointers.moments import now_micros
from hypergraph.checkpointers.policy import CheckpointPolicy
from hypergraph.checkpointers.queries import lifecycle, searching
from hypergraph.checkpointers.queries.context import Context, Operation
from hypergraph.checkpointers.reading import ReadingFaces
from hypergraph.checkpointers.values import ValueCodec
from hypergraph.checkpointers.writer import Job, Writer
from hypergraph.exceptions import CheckpointError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["SqlStore"]

T = TypeVar("T")


class SqlStore(ReadingFaces):
    """A store over one SQLite database, in a file or in memory.

    Args:
        database: the database.
        claims: what this process owns in it.
        codec: how values are stored.
        policy: when steps are written and which are kept.
    """

    supports_sync = True

    def __init__(self, database: Database, claims: Claims, codec: ValueCodec, policy: CheckpointPolicy) -> None:
        super().__init__(policy)
        self._database = database
        self._owned = claims
        self._codec = codec
        self._context = Context(codec, self._alive)
        self._kept: dict[str, Keeping] = {}
        self._nodes: dict[tuple[str, str], int] = {}
        self._prepared: dict[int, tuple[Any, Any]] = {}
        self._writers: list[Writer] = []
        self._starting = threading.Lock()
        # Whatever the user forgets: what waits is written and the file let go of, when the object goes or the program ends.
        self._finalizer = weakref.finalize(self, _wind_up, database, self._kept, self._writers, claims)

    def trust(self, things: Iterable[Any]) -> None:
        """Let stored objects of these classes be rebuilt."""
        self._codec.trust(things)

    # -- performing operations

    @property
    def _claims(self) -> Claims:
        if self._owned.identity.pid != os.getpid():
            # A forked child owns nothing, neither its parent's lock nor its parent's runs.
            self._owned = claims_of(None if self._database.in_memory else self._database.path)
            self._kept.clear()
        return self._owned

    @property
    def _full(self) -> bool:
        return self.policy.durability == "sync"

    @property
    def _direct(self) -> bool:
        """True when even the async face performs at once: memory is faster than any thread."""
        return self._database.in_memory

    @property
    def _waits(self) -> bool:
        return bool(self._writers) and not self._writers[0].idle

    def _read(self, operation: Operation[T]) -> T:
        self.flush_sync()
        return self._database.read(operation)

    async def _read_async(self, operation: Operation[T]) -> T:
        return self._read(operation)

    def _write(self, operation: Operation[T]) -> T:
        self.flush_sync()
        return self._database.write(operation, full=self._full)

    async def _write_async(self, operation: Callable[[], Operation[T]]) -> T:
        # Made afresh each time: the writer tries again on its own what failed among others.
        if self._direct:
            return self._write(operation())
        return await self._awaited(self._writing().submit(Job(lambda db: drive(db, operation()), full=self._full)))

    async def _awaited(self, ticket: Future[T]) -> T:
        import asyncio

        return await asyncio.wrap_future(ticket)

    def _writing(self) -> Writer:
        if not self._writers:
            with self._starting:
                if not self._writers:
                    self._writers.append(Writer(self._database))
        return self._writers[0]

    async def flush(self, run_id: str | None = None) -> None:
        """Return when everything that was given to the store is stored."""
        if self._waits:
            await self._awaited(self._writers[0].barrier())

    def flush_sync(self, run_id: str | None = None) -> None:
        """As `flush`."""
        if self._waits:
            self._writers[0].flush()

    def _index(self) -> bool:
        try:
            self._write(searching.bring_up_to_date())
        except CheckpointError:
            # A file that cannot be written, or an SQLite without FTS5: searching reads the steps then.
            return False
        return True

    async def _index_async(self) -> bool:
        try:
            await self._write_async(searching.bring_up_to_date)
        except CheckpointError:
            return False
        return True

    # -- who lives

    def _alive(self, owner: OwnerRow, root: str, claimed: bool) -> bool:
        claims = self._claims
        if owner.token == claims.token:
            return root in claims.running or not claimed
        return is_alive(owner, claims.identity, claims.folder, now_micros())

    def _owner(self) -> Operation[int]:
        """Enter this process among the owners, its lock held."""
        claims = self._claims
        with claims.mutex:
            claims.hold_lock()
        who = claims.identity
        return (yield from lifecycle.register_owner(claims.token, who.pid, who.host, who.boot, who.started))

    def _beat(self) -> None:
        if not self._database.in_memory:
            self._claims.beat(Heartbeat(self._database.path, self._claims.token))

    # -- closing

    def close_sync(self) -> None:
        """Write what waits, give up what this object still owns, and let go of the file; the next use opens it again."""
        for writer in self._writers:
            writer.close()
        _abandon(self._database, self._claims, self._kept)
        self._database.close()

    async def close(self) -> None:
        """As `close_sync`."""
        await self.flush()
        self.close_sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_sync()


class Heartbeat:
    """Says, on a connection of its own, that this process lives."""

    def __init__(self, path: str, token: str) -> None:
        self._path = path
        self._token = token

    def __call__(self) -> None:
        """Beat once; a store that is locked or gone is no reason to stop."""
        import sqlite3

        with suppress(sqlite3.Error, OSError):
            db = connect(file_uri(self._path, "mode=rw"), busy_seconds=2.0)
            try:
                # Only one connection moves the log into the file.
                db.execute("PRAGMA wal_autocheckpoint = 0")
                drive(db, lifecycle.heartbeat(self._token))
            finally:
                db.close()


def _abandon(database: Database, claims: Claims, kept: dict[str, Keeping]) -> None:
    """Give up the runs that were left without an ending; they read as interrupted."""
    for root, keeping in list(kept.items()):
        kept.pop(root, None)
        if claims.running.get(root) != keeping.epoch:
            continue
        claims.running.pop(root, None)
        # Winding up must not fail: an owner that is gone is recognised by its lock anyway.
        with suppress(Exception):
            database.write(lifecycle.release(root, keeping.epoch), full=False)


def _wind_up(database: Database, kept: dict[str, Keeping], writers: list[Writer], claims: Claims) -> None:
    if claims.identity.pid != os.getpid():
        return
    for writer in writers:
        writer.close()
    if kept:
        _abandon(database, claims, kept)
    database.close()
