"""The writing half of a store: what happens when a run begins, when a step ends, and when a run ends, under each durability."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hypergraph.checkpointers import failures
from hypergraph.checkpointers.database import drive, transaction
from hypergraph.checkpointers.keeping import Keeping, unsaved
from hypergraph.checkpointers.queries import lifecycle, runs, saving
from hypergraph.checkpointers.queries.context import Operation, held_by, owner_phrase, root_of
from hypergraph.checkpointers.queries.lifecycle import Begun, Ending
from hypergraph.checkpointers.rows import StepRow, pauses_text, step_row, text_of
from hypergraph.checkpointers.store import SqlStore
from hypergraph.checkpointers.values import Packed
from hypergraph.checkpointers.writer import Job, Work
from hypergraph.exceptions import CheckpointError, SerializationError, WorkflowAlreadyRunningError, already_running
from hypergraph.records import NewRun, PauseRecord, Run, StepRecord, WorkflowStatus

__all__ = ["RecordingStore"]

# Beyond this many waiting writes a run waits for the disk.
_MOST_WAITING = 20_000


class RecordingStore(SqlStore):
    """The writes, blocking and awaited."""

    # -- a run begins

    def begin_sync(self, new: NewRun) -> int:
        """As `begin`."""
        keeping = self._keeping_of_child(new.run_id)
        errors: list[SerializationError] = []
        data = self._packed(new, errors)
        if keeping is not None:
            work = self._child_work(keeping, new, data, errors)
            if work is not None:
                self._now(keeping, new.run_id, work)
            return keeping.epoch
        begun = self._write(self._fresh(new, data))
        return self._started(new, begun, errors)

    async def begin(self, new: NewRun) -> int:
        """Create a run's row with its inputs, or take it up again; a top-level run is claimed for this process.

        Returns:
            The epoch of the ownership.

        Raises:
            WorkflowAlreadyRunningError: its owner lives.
            CheckpointError: it cannot be stored, or cannot be gone on with.
        """
        if self._direct:
            return self.begin_sync(new)
        keeping = self._keeping_of_child(new.run_id)
        errors: list[SerializationError] = []
        data = self._packed(new, errors)
        if keeping is not None:
            work = self._child_work(keeping, new, data, errors)
            if work is not None:
                await self._behind(keeping, new.run_id, work)
            return keeping.epoch
        begun = await self._write_async(lambda: self._fresh(new, data))
        return self._started(new, begun, errors)

    def _keeping_of_child(self, run_id: str) -> Keeping | None:
        root = root_of(run_id)
        keeping = self._kept.get(root) if root != run_id else None
        if keeping is not None and keeping.lost:
            raise lifecycle.taken_over(root)
        return keeping

    def _fresh(self, new: NewRun, data: Mapping[str, Packed]) -> Operation[Begun]:
        """Begin a run that nothing is kept of yet: under a lease when it is a top-level run."""
        if root_of(new.run_id) != new.run_id:
            return (yield from lifecycle.begin(self._context, new, data, None, claims=False))
        owner = yield from self._owner()
        begun = yield from lifecycle.begin(self._context, new, data, owner, claims=True)
        # Before the commit, so that another thread which sees the row sees us run.
        self._claims.running[new.run_id] = begun.epoch
        return begun

    def _started(self, new: NewRun, begun: Begun, errors: Sequence[SerializationError]) -> int:
        root = root_of(new.run_id)
        keeping = Keeping(root, begun.root_key, begun.epoch, buffered=self.policy.durability == "exit")
        keeping.keys[new.run_id] = begun.key
        for error in errors:
            keeping.fail(new.run_id, error)
        self._kept[root] = keeping
        if root == new.run_id:
            self._beat()
        return begun.epoch

    def _child_work(
        self, keeping: Keeping, new: NewRun, data: Mapping[str, Packed], errors: Sequence[SerializationError]
    ) -> Work | None:
        for error in errors:
            keeping.fail(new.run_id, error)
        if keeping.buffer is not None:
            keeping.buffer.begins.append((new, data))
            return None

        def work(db: sqlite3.Connection) -> None:
            drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
            keeping.keys[new.run_id] = drive(db, lifecycle.begin(self._context, new, data, None, claims=False)).key

        return work

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

    def _pack_some(
        self, values: Mapping[str, Any], where: str, errors: list[SerializationError], *, strict: bool | None = None
    ) -> Packed:
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

    # -- a step ends

    def save_step_sync(self, record: StepRecord) -> None:
        """As `save_step`; committed when this returns."""
        keeping = self._kept.get(root_of(record.run_id))
        if keeping is None:
            self._write(self._unkept_step(step_row(record, self._codec)))
            return
        row = self._row(keeping, record)
        if row is None:
            return
        if row.large or self.policy.retention != "full":
            self._now(keeping, row.run_id, lambda db: self._add_step(db, keeping, row))
            return
        self.flush_sync()
        try:
            self._insert_now(keeping, row)
        except WorkflowAlreadyRunningError:
            keeping.lost = True
            raise
        except CheckpointError as error:
            if self._full:
                raise
            keeping.fail(row.run_id, error)

    async def save_step(self, record: StepRecord) -> None:
        """Store a step; one with the same run, superstep and node is replaced.

        Raises:
            SerializationError: (durability "sync", or a run that was not begun here) one of its values has no stored form.
            WorkflowAlreadyRunningError: the workflow was taken over; nothing is written.
        """
        if self._direct:
            self.save_step_sync(record)
            return
        keeping = self._kept.get(root_of(record.run_id))
        if keeping is None:
            unkept = step_row(record, self._codec)
            await self._write_async(lambda: self._unkept_step(unkept))
            return
        waits = self.offer_step(record)
        if waits is not None:
            await waits

    def offer_step(self, record: StepRecord) -> Awaitable[None] | None:
        """Store a step of a run that was begun here, without waiting; gives what has to be awaited, which is nothing while the writer
        keeps up (durability "async").

        Raises:
            SerializationError, WorkflowAlreadyRunningError: as `save_step`.
        """
        keeping = self._kept.get(root_of(record.run_id))
        if keeping is None or self._direct:
            return self.save_step(record)
        row = self._row(keeping, record)
        if row is None:
            return None
        simple = not row.large and self.policy.retention == "full"
        job: Job = StepJob(self, keeping, row) if simple else self._job(keeping, row.run_id, lambda db: self._add_step(db, keeping, row))
        if self._full:
            return self._seen_through(keeping, row.run_id, job)
        writer = self._writing()
        writer.put(job)
        return self.flush() if writer.waiting > _MOST_WAITING else None

    def _row(self, keeping: Keeping, record: StepRecord) -> StepRow | None:
        """Give the row to write now; None when it waits for the end, or cannot be stored and that was noted."""
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        try:
            row = step_row(record, self._codec)
        except SerializationError as error:
            if self._full:
                raise
            keeping.fail(record.run_id, error)
            return None
        if keeping.buffer is not None:
            keeping.buffer.add(row)
            return None
        return row

    def _insert_now(self, keeping: Keeping, row: StepRow) -> None:
        """Write one row in a transaction that is one statement: it checks the epoch itself."""
        database = self._database
        with database.lock:
            db = database.writable(full=self._full)
            try:
                run = keeping.keys.get(row.run_id) or self._run_key(db, keeping, row.run_id)
                node = self._nodes.get((row.node_name, row.node_type)) or self._node(db, row)
                values = (run, row.superstep, node, *row.columns, keeping.root_key, keeping.epoch)
                written = db.execute(saving.FENCED_INSERT, values).rowcount
            except sqlite3.Error as error:
                raise failures.told(error, database.path) from error
        if written < 1:
            raise lifecycle.taken_over(keeping.root)

    def _add_step(self, db: sqlite3.Connection, keeping: Keeping, row: StepRow) -> None:
        """Write one row, its large values, and what the retention drops for it, in a transaction of the caller."""
        drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
        node = drive(db, saving.ensure_node(row.node_name, row.node_type))
        drive(db, saving.add_step(self._run_key(db, keeping, row.run_id), node, row, self.policy))

    def _run_key(self, db: sqlite3.Connection, keeping: Keeping, run_id: str) -> int:
        key = keeping.keys.get(run_id)
        if key is None:
            key = drive(db, saving.locate(run_id))
            if key is None:
                raise CheckpointError(f"Run {run_id!r} was not begun, or could not be stored; its steps cannot be stored either.")
        return key

    def _node(self, db: sqlite3.Connection, row: StepRow) -> int:
        """Number a node outside of a transaction, so that the number can be remembered whatever becomes of that."""
        node = self._nodes[row.node_name, row.node_type] = drive(db, saving.ensure_node(row.node_name, row.node_type))
        return node

    def _unkept_step(self, row: StepRow) -> Operation[None]:
        """Store a step of a run that does not run through this object, unless somebody else runs it."""
        yield from self._refuse_others(row.run_id)
        run = yield from saving.locate(row.run_id)
        if run is None:
            parent = row.run_id.rpartition("/")[0] or None
            new = NewRun(row.run_id, parent_run_id=parent)
            run = (yield from lifecycle.begin(self._context, new, {}, None, claims=False)).key
        node = yield from saving.ensure_node(row.node_name, row.node_type)
        yield from saving.add_step(run, node, row, self.policy)
        yield "UPDATE runs SET indexed = NULL WHERE key = ? AND indexed IS NOT NULL", (run,)

    def _refuse_others(self, run_id: str) -> Operation[None]:
        root = root_of(run_id)
        held = yield from held_by(self._context, root)
        if held.alive and held.claimed_at is not None:
            raise already_running(root, owner_phrase(held))

    # -- a run ends

    def finish_sync(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
        pauses: Iterable[PauseRecord] = (),
        error: str | None = None,
    ) -> tuple[str, ...]:
        """As `finish`."""
        keeping = self._kept.get(root_of(run_id))
        ending = self._ending(keeping, run_id, status, duration_ms, node_count, error_count, tuple(pauses), error)
        if keeping is None:
            self._write(self._unkept_end(ending))
            return ()
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        if run_id != keeping.root:
            if keeping.buffer is not None:
                keeping.buffer.ends.append(ending)
            else:
                self._now(keeping, run_id, self._end_work(keeping, ending))
            return keeping.errors_of(run_id)
        try:
            self._now(keeping, run_id, self._end_work(keeping, ending))
        finally:
            self._over(keeping)
        return keeping.errors_of(run_id)

    async def finish(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
        pauses: Iterable[PauseRecord] = (),
        error: str | None = None,
    ) -> tuple[str, ...]:
        """Write how a run ended, after all of its steps; a top-level run's lease is released.

        Returns:
            What could not be stored (durability "async" and "exit"); the run is not stored as completed then.

        Raises:
            WorkflowAlreadyRunningError: the workflow was taken over.
            CheckpointError: (durability "sync") it could not be stored.
        """
        if self._direct:
            return self.finish_sync(
                run_id, status, duration_ms=duration_ms, node_count=node_count, error_count=error_count, pauses=pauses, error=error
            )
        keeping = self._kept.get(root_of(run_id))
        ending = self._ending(keeping, run_id, status, duration_ms, node_count, error_count, tuple(pauses), error)
        if keeping is None:
            await self._write_async(lambda: self._unkept_end(ending))
            return ()
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        if run_id != keeping.root:
            if keeping.buffer is not None:
                keeping.buffer.ends.append(ending)
            else:
                await self._behind(keeping, run_id, self._end_work(keeping, ending))
            return keeping.errors_of(run_id)
        try:
            await self._behind(keeping, run_id, self._end_work(keeping, ending), waits=True)
        finally:
            self._over(keeping)
        return keeping.errors_of(run_id)

    def _ending(
        self,
        keeping: Keeping | None,
        run_id: str,
        status: WorkflowStatus,
        duration_ms: float | None,
        node_count: int | None,
        error_count: int | None,
        pauses: tuple[PauseRecord, ...],
        error: str | None,
    ) -> Ending:
        status = WorkflowStatus(status)
        asked: Packed | None = None
        if status is WorkflowStatus.PAUSED:
            errors: list[SerializationError] = []
            values = {str(place): dict(pause.values) for place, pause in enumerate(pauses)}
            asked = self._pack_some(values, f"Values that run {run_id!r} asks about", errors)
            for one in errors:
                if keeping is not None:
                    keeping.fail(run_id, one)
        text = pauses_text(pauses) if status is WorkflowStatus.PAUSED else None
        return Ending(run_id, status, duration_ms, node_count, error_count, text_of(error), text, asked)

    def _end_work(self, keeping: Keeping, ending: Ending) -> Work:
        def work(db: sqlite3.Connection) -> None:
            drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
            top = ending.run_id == keeping.root
            if top and keeping.buffer is not None:
                self._write_buffer(db, keeping)
            # Looked at only now: the writes before this one have been tried.
            drive(db, lifecycle.end(_honest(keeping, ending), releases=top))
            if not top:
                keeping.keys.pop(ending.run_id, None)

        return work

    def _write_buffer(self, db: sqlite3.Connection, keeping: Keeping) -> None:
        buffer = keeping.buffer
        assert buffer is not None
        keys = {keeping.root: keeping.root_key}
        for new, data in buffer.begins:
            keys[new.run_id] = drive(db, lifecycle.begin(self._context, new, data, None, claims=False)).key
        for row in buffer.steps.values():
            node = drive(db, saving.ensure_node(row.node_name, row.node_type))
            drive(db, saving.add_step(keys[row.run_id], node, row, self.policy))
        for ending in buffer.ends:
            drive(db, lifecycle.end(_honest(keeping, ending), releases=False))

    def _unkept_end(self, ending: Ending) -> Operation[None]:
        yield from self._refuse_others(ending.run_id)
        yield from lifecycle.end(ending, releases=True)

    def _over(self, keeping: Keeping) -> None:
        """Forget a run that has ended; of a lost one it is remembered that nothing may be written."""
        if self._claims.running.get(keeping.root) == keeping.epoch:
            self._claims.running.pop(keeping.root, None)
        if not keeping.lost and self._kept.get(keeping.root) is keeping:
            del self._kept[keeping.root]

    # -- performing a write of a run that is kept

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
        if writer.waiting > _MOST_WAITING:
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

    # -- plain writes, for those who keep a store by hand

    def create_run_sync(
        self,
        run_id: str,
        *,
        graph_name: str | None = None,
        parent_run_id: str | None = None,
        forked_from: str | None = None,
        fork_superstep: int | None = None,
        retry_of: str | None = None,
        retry_index: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Run:
        """As `create_run`."""
        new = NewRun(run_id, graph_name, parent_run_id, forked_from, fork_superstep, retry_of, retry_index, config)
        return self._write(self._created(new))

    async def create_run(
        self,
        run_id: str,
        *,
        graph_name: str | None = None,
        parent_run_id: str | None = None,
        forked_from: str | None = None,
        fork_superstep: int | None = None,
        retry_of: str | None = None,
        retry_index: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Run:
        """Create a run, ACTIVE; an existing id starts afresh and keeps only when it was created. No lease is taken."""
        new = NewRun(run_id, graph_name, parent_run_id, forked_from, fork_superstep, retry_of, retry_index, config)
        return await self._write_async(lambda: self._created(new))

    def _created(self, new: NewRun) -> Operation[Run]:
        yield from self._refuse_others(new.run_id)
        owner = yield from self._owner()
        yield from lifecycle.begin(self._context, new, {}, owner, claims=False)
        run = yield from runs.get_run(self._context, new.run_id)
        assert run is not None
        return run

    def update_run_status_sync(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
    ) -> None:
        """As `update_run_status`."""
        self._write(self._unkept_end(Ending(run_id, WorkflowStatus(status), duration_ms, node_count, error_count)))

    async def update_run_status(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
    ) -> None:
        """Store how a run stands; figures that are left out stay as they are."""
        ending = Ending(run_id, WorkflowStatus(status), duration_ms, node_count, error_count)
        await self._write_async(lambda: self._unkept_end(ending))


class StepJob(Job):
    """A step that the writer writes: many of them become one prepared statement over many rows."""

    __slots__ = ("_keeping", "_row", "_store")

    def __init__(self, store: RecordingStore, keeping: Keeping, row: StepRow) -> None:
        super().__init__(None, full=store._full, failed=partial(note_failure, keeping, row.run_id))  # noqa: SLF001  of one piece
        self._store = store
        self._keeping = keeping
        self._row = row

    def values(self, db: sqlite3.Connection, checked: set[int]) -> tuple[Any, ...]:
        """Give the row's values; the epoch of its workflow is looked at once a batch."""
        keeping, row, store = self._keeping, self._row, self._store
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
            store._node(db, row)  # noqa: SLF001  of one piece


def note_failure(keeping: Keeping, run_id: str, error: BaseException) -> None:
    """Note what became of a write that nobody waited for."""
    if isinstance(error, WorkflowAlreadyRunningError):
        keeping.lost = True
    else:
        keeping.fail(run_id, error)


def _honest(keeping: Keeping, ending: Ending) -> Ending:
    """Never "completed" where something could not be stored."""
    errors = keeping.errors_of(ending.run_id)
    if not errors or ending.status is not WorkflowStatus.COMPLETED:
        return ending
    return replace(ending, status=WorkflowStatus.FAILED, error=unsaved(errors))
