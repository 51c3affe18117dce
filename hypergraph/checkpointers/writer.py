"""The thread that writes behind a run: it takes whatever has come together and commits it at once."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from hypergraph.checkpointers.database import Database, transaction
from hypergraph.checkpointers.queries.saving import INSERT

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["MOST_WAITING", "Job", "Work", "Writer"]

# A step is committed at most this late; gathering for a while makes one commit of many.
_GATHER_SECONDS = 0.02
_MOST_TOGETHER = 2000
# Beyond this many waiting writes a run waits for the disk.
MOST_WAITING = 20_000

Work: TypeAlias = Callable[[sqlite3.Connection], Any]


class Job:
    """Something to write.

    Attributes:
        work: writes on the connection it is given, inside a transaction, and gives the job's result; None for a job that is one row.
        failed: told of an error when nobody waits for the job.
        ticket: what a waiting caller waits for, or None.
        full: it has to survive a power loss.
    """

    __slots__ = ("failed", "full", "ticket", "work")

    def __init__(self, work: Work | None, *, full: bool, failed: Callable[[BaseException], None] | None = None) -> None:
        self.work = work
        self.full = full
        self.failed = failed
        self.ticket: Future[Any] | None = None

    def prepare(self, db: sqlite3.Connection) -> None:
        """Do what has to be done before the transaction."""

    def values(self, db: sqlite3.Connection, checked: set[int]) -> tuple[Any, ...]:
        """Give the row to insert, for a job that is one row; `checked` holds the workflows whose owner was looked at in this batch."""
        raise AssertionError("a job that brings work of its own is no row")


class Writer:
    """Performs jobs in the order in which they came, on the database's one writing connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[Job] = deque()
        self._wake = threading.Condition()
        self._hurry = False
        self._busy = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    @property
    def idle(self) -> bool:
        """True when everything that was given is written."""
        return (not self._queue and not self._busy) or self._pid != os.getpid()

    @property
    def waiting(self) -> int:
        """Number of jobs that wait."""
        return len(self._queue)

    def put(self, job: Job) -> None:
        """Add a job; one with a ticket is not gathered but written now, with all that came before it."""
        if self._pid != os.getpid():
            self._forget()
        with self._wake:
            self._queue.append(job)
            if job.ticket is not None:
                self._hurry = True
                self._wake.notify()
            elif len(self._queue) == 1 or len(self._queue) == _MOST_TOGETHER:
                self._wake.notify()
            if self._thread is None:
                self._start()

    def submit(self, job: Job) -> Future[Any]:
        """Add a job that somebody waits for."""
        from concurrent.futures import Future

        ticket: Future[Any] = Future()
        job.ticket = ticket
        self.put(job)
        return ticket

    def barrier(self) -> Future[Any]:
        """Give what is done once everything that was given before is written."""
        return self.submit(Job(_nothing, full=False))

    def flush(self) -> None:
        """Return when everything that was given is written."""
        if self.idle or threading.current_thread() is self._thread:
            return
        self.barrier().result()

    def close(self) -> None:
        """Write what is left, and end the thread."""
        thread = self._thread
        if thread is None or self._pid != os.getpid():
            return
        with self._wake:
            self._closing = True
            self._wake.notify()
        if thread is not threading.current_thread():
            thread.join()
        self._thread = None

    def _forget(self) -> None:
        """In a forked child: the thread is not there, and what waits is the parent's to write."""
        self._pid = os.getpid()
        self._wake = threading.Condition()
        self._queue.clear()
        self._thread = None
        self._busy = self._hurry = False

    def _start(self) -> None:
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="hypergraph-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    return
                if not self._hurry and not self._closing:
                    self._wake.wait_for(self._pressed, _GATHER_SECONDS)
                # Busy before the queue is empty: `idle` looks without the lock.
                self._busy = True
                batch = list(self._queue)
                self._queue.clear()
                self._hurry = False
            try:
                self._write(batch)
            finally:
                self._busy = False
            del batch

    def _pressed(self) -> bool:
        return self._hurry or self._closing or len(self._queue) >= _MOST_TOGETHER

    def _write(self, batch: list[Job]) -> None:
        """Commit a batch at once; when that fails, each job on its own, so that a bad one spoils nothing but itself."""
        try:
            results = self._together(batch)
        except Exception as error:
            if len(batch) == 1:
                _tell(batch[0], error)
                return
            for job in batch:
                self._write([job])
            return
        for job, result in zip(batch, results, strict=True):
            if job.ticket is not None and job.ticket.set_running_or_notify_cancel():
                job.ticket.set_result(result)

    def _together(self, batch: list[Job]) -> list[Any]:
        if all(job.work is _nothing for job in batch):
            return [None] * len(batch)
        with self._database.writing(full=any(job.full for job in batch)) as db:
            for job in batch:
                job.prepare(db)
            with transaction(db):
                return _performed(db, batch)


def _performed(db: sqlite3.Connection, batch: list[Job]) -> list[Any]:
    """Perform jobs in order; rows that follow each other are written with one call."""
    results: list[Any] = []
    rows: list[tuple[Any, ...]] = []
    checked: set[int] = set()
    for job in batch:
        if job.work is None:
            rows.append(job.values(db, checked))
            results.append(None)
            continue
        if rows:
            db.executemany(INSERT, rows)
            rows = []
        results.append(job.work(db))
    if rows:
        db.executemany(INSERT, rows)
    return results


def _nothing(_: sqlite3.Connection) -> None:
    return


def _tell(job: Job, error: Exception) -> None:
    if job.ticket is not None:
        if job.ticket.set_running_or_notify_cancel():
            job.ticket.set_exception(error)
    elif job.failed is not None:
        job.failed(error)
