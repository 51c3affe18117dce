"""Reading a store and nothing else: the file is never written, migrated, or held back."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from hypergraph._text import plural
from hypergraph.checkpointers import failures, schema
from hypergraph.checkpointers.database import BUSY_SECONDS, Database, connect, inspect_file, is_cut_short, mended_copy, reading_uri
from hypergraph.checkpointers.leases import OwnerRow, is_alive, this_process
from hypergraph.checkpointers.moments import now_micros
from hypergraph.checkpointers.previews import ValuePreview, value_preview
from hypergraph.checkpointers.queries import pages, runs
from hypergraph.checkpointers.queries.context import Context, LargeStored, Operation
from hypergraph.checkpointers.queries.pages import Changes, Counts, FailureGroup, RunFilter, RunPage, WaitingPause
from hypergraph.checkpointers.reading import ReadingFaces
from hypergraph.checkpointers.serializers import Serializer
from hypergraph.checkpointers.values import ValueCodec
from hypergraph.exceptions import CheckpointError
from hypergraph.records import Run, StepRecord, WorkflowStatus

__all__ = [
    "Changes", "Counts", "FailureGroup", "LargeStored", "ReadonlyStore", "RunFilter", "RunPage", "ValuePreview", "WaitingPause",
]  # fmt: skip

T = TypeVar("T")


class _ReadingDatabase(Database):
    """A file that is only read. Where SQLite could not share memory beside it, a copy is read, as of when it was made.

    Attributes:
        snapshot_at: when the copy was made; None when the file itself is read.
    """

    def __init__(self, path: str, patience: float = BUSY_SECONDS) -> None:
        super().__init__(path)
        self._patience = patience
        self._writable = False
        self.snapshot_at: datetime | None = None
        self.version = schema.VERSION

    def _open(self) -> Any:
        source = self.path
        if not Path(source).exists():
            raise failures.missing(source)
        if _needs_copy(source):
            source = self._copied(source)
        elif is_cut_short(source, self._patience):
            source = mended_copy(source, self._folder())
            self.snapshot_at = datetime.now(UTC)
        self.version = inspect_file(source, self._patience)
        db = connect(reading_uri(source), self._patience)
        db.execute("PRAGMA query_only = ON")
        if 0 < self.version < schema.VERSION:
            # The views themselves are the only thing that is made, in the connection's own memory.
            db.execute("PRAGMA query_only = OFF")
            schema.legacy_views(db)
        elif self.version == 0:
            db.execute("PRAGMA query_only = OFF")
            schema.empty_view(db)
        return db

    def _folder(self) -> str:
        folder = tempfile.mkdtemp(prefix="hypergraph-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _copied(self, source: str) -> str:
        target = Path(self._folder(), "snapshot.db")
        shutil.copyfile(source, target)
        shutil.copyfile(source + "-wal", f"{target}-wal")
        self.snapshot_at = datetime.now(UTC)
        return str(target)


def _needs_copy(path: str) -> bool:
    writable = os.access(path, os.W_OK) and os.access(Path(path).resolve().parent, os.W_OK)
    return not writable and Path(path + "-wal").exists() and not Path(path + "-shm").exists()


class ReadonlyStore(ReadingFaces):
    """A store that is only looked at: everything that reads, and what screens need of large histories.

    Args:
        path: an existing file.
        serializer: reads values that another serializer than the default one wrote.
        large: gives what is to stand for a value above 1 MiB, which is not built then; `NotImplemented`, or None here, builds it.
        patience: seconds that a reading waits for another process that holds the file; None for 30.

    Raises:
        CheckpointError: there is no such file, or it is no store.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        serializer: Serializer | None = None,
        large: Callable[[LargeStored], Any] | None = None,
        patience: float | None = None,
    ) -> None:
        super().__init__()
        self.path = str(Path(path).expanduser().absolute())
        self._database = _ReadingDatabase(self.path, BUSY_SECONDS if patience is None else patience)
        self._codec = ValueCodec(serializer)
        self._identity = this_process()
        self._context = Context(self._codec, self._alive, large)
        self._data_version: tuple[str, int] | None = None
        self._read(runs.count_runs(self._context))

    @property
    def snapshot_at(self) -> datetime | None:
        """When the copy was made that is read in place of the file; None when the file itself is read."""
        return self._database.snapshot_at

    @property
    def schema_version(self) -> int:
        """The version of the file's schema; 0 for an empty file."""
        return self._database.version

    def _alive(self, owner: OwnerRow, root: str, claimed: bool) -> bool:
        return is_alive(owner, self._identity, Path(self.path + ".locks"), now_micros(), looks_only=True)

    def trust(self, things: Any) -> None:
        """Let stored objects of these classes be rebuilt."""
        self._codec.trust(things)

    def _read(self, operation: Operation[T]) -> T:
        return self._database.read(operation)

    async def _read_async(self, operation: Operation[T]) -> T:
        import asyncio

        return await asyncio.to_thread(self._database.read, operation)

    def _index(self) -> bool:
        return False

    async def _index_async(self) -> bool:
        return False

    # -- what screens need

    def page(self, filter: RunFilter | None = None, *, after: int | None = None, limit: int = 50) -> RunPage:  # noqa: A002  the contract's own name
        """Give one page of runs, newest first; `after` is the `next` of the page before."""
        return self._read(pages.page(self._context, filter or RunFilter(), after=after, limit=limit))

    def counts(self, filter: RunFilter | None = None) -> Counts:  # noqa: A002  the contract's own name
        """Count runs by status."""
        return self._read(pages.counts(self._context, filter or RunFilter()))

    def item_states(self, batch: str) -> bytes:
        """Give one byte per item of a batch: a(ctive), p(aused), s(topped), t (partial), c(ompleted), f(ailed), "." not begun."""
        return self._read(pages.item_states(self._context, batch))

    def failure_groups(self, batch: str) -> list[FailureGroup]:
        """Give the failures of a batch's items by node and class of exception, the most frequent first."""
        return self._read(pages.failure_groups(self._context, batch))

    def pauses(self) -> list[WaitingPause]:
        """Give all questions that wait, oldest first."""
        return self._read(pages.pauses(self._context))

    def changes_since(self, token: str | None, *, limit: int = 1000) -> Changes:
        """Give what changed since a token; None gives the token to begin with. Where nothing was written it costs microseconds."""
        version = self._read(_data_version())
        if token is not None and self._data_version == (token, version):
            return Changes(token, (), ())
        changes = self._read(pages.changes_since(self._context, token, limit=limit))
        self._data_version = None if changes.more else (changes.token, version)
        return changes

    def value_preview(
        self, run_id: str, superstep: int, node_name: str, name: str, *, path: Sequence[str | int] = (), limit: int = 2048
    ) -> ValuePreview:
        """Give what can be shown of one output of a step at once, without building the value.

        Raises:
            CheckpointError: there is no such step, output or path.
        """
        return self._read(value_preview(self._context, run_id, superstep, node_name, name, path=path, limit=limit))

    # -- what it does not do

    async def create_run(self, run_id: str, **options: Any) -> Run:
        """Refuse: this store is only read."""
        raise failures.read_only(self.path)

    async def save_step(self, record: StepRecord) -> None:
        """Refuse: this store is only read."""
        raise failures.read_only(self.path)

    async def update_run_status(self, run_id: str, status: WorkflowStatus, **figures: Any) -> None:
        """Refuse: this store is only read."""
        raise failures.read_only(self.path)

    def close_sync(self) -> None:
        """Let go of the file."""
        self._database.close()

    async def close(self) -> None:
        """As `close_sync`."""
        self.close_sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_sync()

    def __repr__(self) -> str:
        try:
            number = plural(self._read(runs.count_runs(self._context)), "run")
        except CheckpointError as error:
            number = type(error).__name__
        return f"ReadonlyStore({self.path!r}): {number}"


def _data_version() -> Operation[int]:
    rows = yield "PRAGMA data_version", ()
    return int(rows[0][0])
