"""How one write is performed: now or by the writer, and what becomes of one that fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from hypergraph.checkpointers.database import drive, transaction
from hypergraph.checkpointers.keeping import Keeping
from hypergraph.checkpointers.queries import lifecycle, saving
from hypergraph.checkpointers.rows import StepRow
from hypergraph.checkpointers.store import SqlStore
from hypergraph.checkpointers.values import Packed
from hypergraph.checkpointers.writer import MOST_WAITING, Job, Work
from hypergraph.exceptions import CheckpointError, SerializationError, WorkflowAlreadyRunningError
from hypergraph.records import NewRun

__all__ = ["StepJob", "WritingStore", "note_failure"]


class WritingStore(SqlStore):
    """What every write of a run that is kept has in common."""

    def _now(self, keeping: Keeping, run_id: str, work: Work) -> None:
        """Write in this thread, in a transaction of its own."""
        self.flush_sync()
        try:
            with self._database.writing(full=self._full) as db, transaction(db):
                work(db)
        except WorkflowAlreadyRunningError:
            keeping.lost = True
            raise
        except CheckpointError as error:
            if self._full:
                raise
            keeping.fail(run_id, error)

    async def _behind(self, keeping: Keeping, run_id: str, work: Work, *, waits: bool = False) -> None:
        """Write with the writer; wait for it under durability "sync", and when `waits`."""
        job = self._job(keeping, run_id, work)
        if self._full or waits:
            await self._seen_through(keeping, run_id, job)
            return
        writer = self._writing()
        writer.put(job)
        if writer.waiting > MOST_WAITING:
            await self.flush()

    def _job(self, keeping: Keeping, run_id: str, work: Work) -> Job:
        return Job(work, full=self._full, failed=partial(note_failure, keeping, run_id))

    async def _seen_through(self, keeping: Keeping, run_id: str, job: Job) -> None:
        """Return when a job is written; what goes wrong is raised under durability "sync", and noted else."""
        try:
            await self._awaited(self._writing().submit(job))
        except WorkflowAlreadyRunningError:
            keeping.lost = True
            raise
        except CheckpointError as error:
            if self._full:
                raise
            keeping.fail(run_id, error)

    # -- packing

    def _packed(self, new: NewRun, errors: list[SerializationError]) -> dict[str, Packed]:
        """Pack what is kept beside a run. What cannot be stored is an error under durability "sync", else it is left out and noted."""
        found = {"inputs": self._pack_some(new.inputs, f"Inputs of run {new.run_id!r}", errors)}
        if new.seed:
            found["seed"] = self._pack_some(new.seed, f"Values that run {new.run_id!r} starts from", errors)
        if new.changes:
            # For people to read: what cannot be stored is missing there, and nothing depends on it.
            pairs = {name: [old, now] for name, (old, now) in new.changes.items()}
            found["changes"] = self._pack_some(pairs, "Changes", [], strict=False)
        return found

    def _pack_some(self, values: Mapping[str, Any], where: str, errors: list[SerializationError], *, strict: bool | None = None) -> Packed:
        try:
            return self._codec.pack(values, where)
        except SerializationError:
            if self._full if strict is None else strict:
                raise
        kept = {}
        for name, value in values.items():
            try:
                self._codec.pack({name: value}, where)
            except SerializationError as error:
                errors.append(error)
            else:
                kept[name] = value
        return self._codec.pack(kept, where)

    # -- numbers

    def _run_key(self, db: sqlite3.Connection, keeping: Keeping, run_id: str) -> int:
        key = keeping.keys.get(run_id)
        if key is None:
            key = drive(db, saving.locate(run_id))
            if key is None:
                raise CheckpointError(f"Run {run_id!r} was not begun, or could not be stored; its steps cannot be stored either.")
        return key

    def _node(self, db: sqlite3.Connection, node: tuple[str, str]) -> int:
        """Number a node outside of a transaction, so that the number can be remembered whatever becomes of that."""
        key = self._nodes[node] = drive(db, saving.ensure_node(*node))
        return key


class StepJob(Job):
    """A step that the writer writes: many of them become one prepared statement over many rows."""

    __slots__ = ("_keeping", "_row", "_store")

    def __init__(self, store: WritingStore, keeping: Keeping, row: StepRow) -> None:
        super().__init__(None, full=store._full, failed=partial(note_failure, keeping, row.run_id))  # noqa: SLF001  of one piece
        self._store = store
        self._keeping = keeping
        self._row = row

    def values(self, db: sqlite3.Connection, checked: set[int]) -> tuple[Any, ...]:
        """Give the row's values; the epoch of its workflow is looked at once a batch."""
        keeping, row, store = self._keeping, self._row, self._store
        keeping.check_whole(row.run_id)
        if keeping.root_key not in checked:
            drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
            checked.add(keeping.root_key)
        run = keeping.keys.get(row.run_id) or store._run_key(db, keeping, row.run_id)  # noqa: SLF001  of one piece
        node = store._nodes.get((row.node_name, row.node_type)) or drive(  # noqa: SLF001  of one piece
            db, saving.ensure_node(row.node_name, row.node_type)
        )
        return (run, row.superstep, node, *row.columns)

    def prepare(self, db: sqlite3.Connection) -> None:
        """Number the node before the transaction, so that the number can be remembered whatever becomes of that."""
        row, store = self._row, self._store
        if (row.node_name, row.node_type) not in store._nodes:  # noqa: SLF001  of one piece
            store._node(db, (row.node_name, row.node_type))  # noqa: SLF001  of one piece


def note_failure(keeping: Keeping, run_id: str, error: BaseException) -> None:
    """Note what became of a write that nobody waited for."""
    if isinstance(error, WorkflowAlreadyRunningError):
        keeping.lost = True
    else:
        keeping.fail(run_id, error)
