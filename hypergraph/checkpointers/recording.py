"""The writing half of a store: what happens when a run begins, when a step ends, and when a run ends, under each durability."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypergraph.checkpointers import failures
from hypergraph.checkpointers.byhand import PlainWrites
from hypergraph.checkpointers.database import drive
from hypergraph.checkpointers.keeping import Keeping, unsaved
from hypergraph.checkpointers.queries import lifecycle, saving
from hypergraph.checkpointers.queries.context import Operation, root_of
from hypergraph.checkpointers.queries.lifecycle import Begun, Ending
from hypergraph.checkpointers.rows import StepRow, pauses_text, step_row, text_of
from hypergraph.checkpointers.trails import AheadTrail, BehindTrail, Prepared, Trail, prepare
from hypergraph.checkpointers.values import Packed
from hypergraph.checkpointers.writer import MOST_WAITING, Job, Work
from hypergraph.checkpointers.writing import StepJob
from hypergraph.exceptions import CheckpointError, SerializationError, WorkflowAlreadyRunningError
from hypergraph.records import NewRun, PauseRecord, StepRecord, WorkflowStatus

__all__ = ["RecordingStore"]

# Stretches of so many graphs are remembered.
_MOST_PREPARED = 64


class RecordingStore(PlainWrites):
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

    def _child_work(self, keeping: Keeping, new: NewRun, data: Mapping[str, Packed], errors: Sequence[SerializationError]) -> Work | None:
        for error in errors:
            keeping.fail(new.run_id, error)
        if keeping.buffer is not None:
            keeping.buffer.begins.append((new, data))
            return None

        def work(db: sqlite3.Connection) -> None:
            drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
            keeping.keys[new.run_id] = drive(db, lifecycle.begin(self._context, new, data, None, claims=False)).key

        return work

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
        waits = self._offered(record)
        if waits is not None:
            await waits

    def offer_step(self, record: StepRecord) -> Awaitable[None] | None:
        """Store a step of a run that was begun here, without waiting; gives what has to be awaited, which is nothing while the writer
        keeps up (durability "async").

        Raises:
            SerializationError, WorkflowAlreadyRunningError: as `save_step`.
        """
        if type(self).save_step is not RecordingStore.save_step or "save_step" in self.__dict__:
            # Somebody's own way of saving is not gone round.
            return self.save_step(record)
        if self._kept.get(root_of(record.run_id)) is None or self._direct:
            return self.save_step(record)
        return self._offered(record)

    def _offered(self, record: StepRecord) -> Awaitable[None] | None:
        keeping = self._kept[root_of(record.run_id)]
        row = self._row(keeping, record)
        if row is None:
            return None
        job = self._step_job(keeping, row)
        if self._full:
            return self._seen_through(keeping, row.run_id, job)
        writer = self._writing()
        writer.put(job)
        return self.flush() if writer.waiting > MOST_WAITING else None

    def _step_job(self, keeping: Keeping, row: StepRow) -> Job:
        if not row.large and self.policy.retention == "full":
            return StepJob(self, keeping, row)
        return self._job(keeping, row.run_id, lambda db: self._add_step(db, keeping, row))

    def put_step(self, keeping: Keeping, record: StepRecord) -> None:
        """Leave a step to the writer."""
        row = self._row(keeping, record)
        if row is not None:
            self._writing().put(self._step_job(keeping, row))

    # -- steps of which most is known before they run

    def open_trail(self, run_id: str, steps: Sequence[Any], zero: float) -> Trail | None:
        """Give the quick way into the store for the first tries of steps that complete, of a run that was begun here.

        Args:
            run_id: the run.
            steps: what is known of each step beforehand (`engine.stretches.StretchStep`); remembered by identity.
            zero: Unix time at which `time.perf_counter()` was zero.

        Returns:
            What takes the steps by their place in `steps`; None when they have to come as records.
        """
        if self._direct:
            return self.open_trail_sync(run_id, steps, zero)
        keeping = None if self._full or self._is_changed("save_step", "offer_step") else self._followed(run_id)
        return BehindTrail(self, keeping, run_id, self._prepared_of(steps), zero) if keeping is not None else None

    def open_trail_sync(self, run_id: str, steps: Sequence[Any], zero: float) -> Trail | None:
        """As `open_trail`; each step is committed when it was taken."""
        keeping = None if self._is_changed("save_step", "save_step_sync") else self._followed(run_id)
        return AheadTrail(self, keeping, run_id, self._prepared_of(steps), zero) if keeping is not None else None

    def _is_changed(self, *names: str) -> bool:
        # Somebody's own way of saving is not gone round.
        return any(getattr(type(self), name) is not getattr(RecordingStore, name) or name in self.__dict__ for name in names)

    def _followed(self, run_id: str) -> Keeping | None:
        keeping = self._kept.get(root_of(run_id))
        return keeping if keeping is not None and keeping.buffer is None and self.policy.retention == "full" else None

    def _prepared_of(self, steps: Sequence[Any]) -> list[Prepared]:
        known = self._prepared.get(id(steps))
        if known is None or known[0] is not steps:
            if len(self._prepared) > _MOST_PREPARED:
                self._prepared.clear()
            known = self._prepared[id(steps)] = (steps, prepare(steps, self))
        prepared: list[Prepared] = known[1]
        return prepared

    def _row(self, keeping: Keeping, record: StepRecord) -> StepRow | None:
        """Give the row to write now; None when it waits for the end, or cannot be stored and that was noted."""
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        if record.run_id in keeping.torn and not self._full:
            return None
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
                node = self._nodes.get((row.node_name, row.node_type)) or self._node(db, (row.node_name, row.node_type))
                values = (run, row.superstep, node, *row.columns, keeping.root_key, keeping.epoch)
                written = db.execute(saving.FENCED_INSERT, values).rowcount
            except sqlite3.Error as error:
                raise failures.told(error, database.path) from error
        if written < 1:
            raise lifecycle.taken_over(keeping.root)

    def _add_step(self, db: sqlite3.Connection, keeping: Keeping, row: StepRow) -> None:
        """Write one row, its large values, and what the retention drops for it, in a transaction of the caller."""
        keeping.check_whole(row.run_id)
        drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
        node = drive(db, saving.ensure_node(row.node_name, row.node_type))
        drive(db, saving.add_step(self._run_key(db, keeping, row.run_id), node, row, self.policy))

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

    def _over(self, keeping: Keeping) -> None:
        """Forget a run that has ended; of a lost one it is remembered that nothing may be written."""
        if self._claims.running.get(keeping.root) == keeping.epoch:
            self._claims.running.pop(keeping.root, None)
        if not keeping.lost and self._kept.get(keeping.root) is keeping:
            del self._kept[keeping.root]


def _honest(keeping: Keeping, ending: Ending) -> Ending:
    """Never "completed" where something could not be stored."""
    errors = keeping.errors_of(ending.run_id)
    if not errors or ending.status is not WorkflowStatus.COMPLETED:
        return ending
    return replace(ending, status=WorkflowStatus.FAILED, error=unsaved(errors))
