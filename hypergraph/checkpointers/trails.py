"""Trails: the quick way of a step into the store, for steps of which all but values and times is known before they run.

Nothing else about them differs: the same columns, the same check of the owner, the same promise. Behind a run of the event loop a step
costs its own thread one append; the writer turns what has come together into rows, and rows into few statements.
"""

from __future__ import annotations

import math
import sqlite3
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

from hypergraph.checkpointers import failures
from hypergraph.checkpointers.database import drive
from hypergraph.checkpointers.moments import from_micros
from hypergraph.checkpointers.queries import lifecycle, saving
from hypergraph.checkpointers.writer import MOST_WAITING, Job
from hypergraph.checkpointers.writing import note_failure
from hypergraph.exceptions import CheckpointError, SerializationError, WorkflowAlreadyRunningError
from hypergraph.records import StepRecord, StepStatus

if TYPE_CHECKING:
    from hypergraph.checkpointers.keeping import Keeping
    from hypergraph.checkpointers.recording import RecordingStore

__all__ = ["AheadTrail", "BehindTrail", "Prepared", "Trail", "prepare"]

# Longer ones go the way of all values, which knows about large ones and about numbers without a decimal text.
_FIXED = frozenset({float, bool})
_LONG_TEXT = 1 << 16
_LONG_INT = 1 << 4096


class Prepared(NamedTuple):
    """What every step at one place of a stretch has in common.

    Attributes:
        step: what the engine said of it.
        superstep, number: its place in the journal.
        versions: its input versions as they are stored.
        node: name and type.
        prefix: the stored values up to the value itself, when there is exactly one.
    """

    step: Any
    superstep: int
    number: int
    versions: str | None
    node: tuple[str, str]
    prefix: bytes | None


def prepare(steps: Sequence[Any], store: RecordingStore) -> list[Prepared]:
    """Prepare the steps of a stretch; the engine hands in the same ones for every run of a graph."""
    codec = store._codec  # noqa: SLF001  of one piece
    return [
        Prepared(
            step,
            step.superstep,
            step.number,
            codec.versions(step.input_versions) if step.input_versions else None,
            (step.node_name, step.node_type or ""),
            _prefix(step.outputs[0]) if codec.tagged and len(step.outputs) == 1 else None,
        )
        for step in steps
    ]


def _prefix(name: str) -> bytes | None:
    # A name that reads like a tag has another form.
    return None if name.startswith("$") else b"{" + encode_basestring(name).encode("utf-8", "surrogatepass") + b":"


def _plain_json(value: Any) -> bytes:
    """Give the JSON of a plain value."""
    kind = type(value)
    if kind is int:
        return b"%d" % value
    if kind is str:
        return encode_basestring(value).encode("utf-8", "surrogatepass")
    if kind is float:
        text = float.__repr__(value)
        return text.encode() if math.isfinite(value) else b'{"$float":"%s"}' % text.encode()
    return b"null" if value is None else b"true" if value else b"false"


def _stays(value: Any) -> bool:
    """Tell whether a value is plain and cannot change, so that its stored form can be made later, and fits into a row."""
    kind: type = type(value)
    if kind is int:
        return bool(-_LONG_INT < value < _LONG_INT)
    if kind is str:
        return len(value) < _LONG_TEXT
    return value is None or kind in _FIXED


class Trail:
    """What both trails share.

    Args:
        store: the store.
        keeping: the workflow that the steps belong to.
        run_id: the run.
        prepared: its steps.
        zero: Unix time at which `time.perf_counter()` was zero.
    """

    crowded = False
    """So much waits to be written that the run should wait too."""

    def __init__(self, store: RecordingStore, keeping: Keeping, run_id: str, prepared: Sequence[Prepared], zero: float) -> None:
        self.store = store
        self.keeping = keeping
        self.run_id = run_id
        self._prepared = prepared
        self._zero = zero
        self._ended = 0.0

    @property
    def last(self) -> datetime | None:
        """When the last step that was taken was completed."""
        return from_micros(self._moment(self._ended)) if self._ended else None

    def take(self, place: int, values: tuple[Any, ...], started: float, ended: float) -> None:
        """Keep the step at this place, with its values and readings of `time.perf_counter()`."""
        raise NotImplementedError

    def _moment(self, ended: float) -> int:
        return int((self._zero + ended) * 1_000_000)

    def _packed(self, place: int, values: tuple[Any, ...]) -> bytes | None:
        """Give the stored form of values; None when they do not fit into a row.

        Raises:
            SerializationError: one of them has no stored form.
        """
        prepared = self._prepared[place]
        source = f"Step {prepared.node[0]!r} of run {self.run_id!r}"
        data, large = self.store._codec.pack(dict(zip(prepared.step.outputs, values, strict=True)), source)  # noqa: SLF001  of one piece
        return None if large else data

    def _record(self, place: int, values: tuple[Any, ...], started: float, ended: float) -> StepRecord:
        """Give the whole record, for a step that does not fit the quick way."""
        step = self._prepared[place].step
        moment = from_micros(self._moment(ended))
        return StepRecord(
            self.run_id, step.superstep, step.node_name, step.number, StepStatus.COMPLETED, step.input_versions,
            dict(zip(step.outputs, values, strict=True)), max((ended - started) * 1000, 0.0), node_type=step.node_type, created_at=moment,
            completed_at=moment, started_at=datetime.fromtimestamp(self._zero + started, UTC),
        )  # fmt: skip

    def _run_key(self, db: sqlite3.Connection) -> int:
        return self.keeping.keys.get(self.run_id) or self.store._run_key(db, self.keeping, self.run_id)  # noqa: SLF001  of one piece

    def row(self, db: sqlite3.Connection, run: int, place: int, data: Any, started: float, ended: float) -> list[Any]:
        """Give the row of a step whose values are in their stored form, or plain."""
        _, superstep, number, versions, node, prefix = self._prepared[place]
        if type(data) is not bytes:
            data = prefix + _plain_json(data) + b"}"  # type: ignore[operator]
        store = self.store
        key = store._nodes.get(node) or store._node(db, node)  # noqa: SLF001  of one piece
        spent = ended - started
        return [run, superstep, key, number, versions, data, spent * 1000, int((self._zero + ended) * 1_000_000), int(spent * 1_000_000)]


class AheadTrail(Trail):
    """Commits each step before the next one starts."""

    def take(self, place: int, values: tuple[Any, ...], started: float, ended: float) -> None:
        """Write the step."""
        keeping, store = self.keeping, self.store
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        self._ended = ended
        if self.run_id in keeping.torn:
            return
        try:
            plain = self._prepared[place].prefix is not None and _stays(values[0])
            data = values[0] if plain else self._packed(place, values)
            if data is None and not plain:
                store.save_step_sync(self._record(place, values, started, ended))
                return
            store.flush_sync()
            written = self._write(place, data, started, ended)
        except WorkflowAlreadyRunningError:
            keeping.lost = True
            raise
        except (CheckpointError, SerializationError) as error:
            if store._full:  # noqa: SLF001  of one piece
                raise
            keeping.fail(self.run_id, error)
            return
        if written < 1:
            keeping.lost = True
            raise lifecycle.taken_over(keeping.root)

    def _write(self, place: int, data: Any, started: float, ended: float) -> int:
        database = self.store._database  # noqa: SLF001  of one piece
        with database.lock:
            db = database.writable(full=self.store._full)  # noqa: SLF001  of one piece
            try:
                row = self.row(db, self._run_key(db), place, data, started, ended)
                row += (self.keeping.root_key, self.keeping.epoch)
                return db.execute(saving.FENCED_PLAIN, row).rowcount
            except sqlite3.Error as error:
                raise failures.told(error, database.path) from error


class BehindTrail(Trail):
    """Leaves the steps to the writer: for the run's own thread a step is one append."""

    def __init__(self, store: RecordingStore, keeping: Keeping, run_id: str, prepared: Sequence[Prepared], zero: float) -> None:
        super().__init__(store, keeping, run_id, prepared, zero)
        self._notes: deque[tuple[int, Any, float, float]] = deque()
        self._waits = False
        self._put = store._writing().put  # noqa: SLF001  of one piece

    @property
    def crowded(self) -> bool:  # type: ignore[override]
        """True when so much waits to be written that the run should wait too."""
        return len(self._notes) > MOST_WAITING

    def take(self, place: int, values: tuple[Any, ...], started: float, ended: float) -> None:
        """Note the step. Values that could still change are turned into their stored form now, plain ones by the writer."""
        keeping = self.keeping
        if keeping.lost:
            raise lifecycle.taken_over(keeping.root)
        self._ended = ended
        if self.run_id in keeping.torn:
            return
        data: Any
        if self._prepared[place].prefix is not None and _stays(values[0]):
            data = values[0]
        else:
            try:
                data = self._packed(place, values)
            except SerializationError as error:
                keeping.fail(self.run_id, error)
                return
            if data is None:
                self.store.put_step(keeping, self._record(place, values, started, ended))
                return
        self._notes.append((place, data, started, ended))
        if not self._waits:
            self._waits = True
            self._put(TrailJob(self))

    def number_nodes(self, db: sqlite3.Connection) -> None:
        """Number the nodes that have no number yet."""
        nodes = self.store._nodes  # noqa: SLF001  of one piece
        for prepared in self._prepared:
            if prepared.node not in nodes:
                self.store._node(db, prepared.node)  # noqa: SLF001  of one piece

    def rows(self, db: sqlite3.Connection) -> list[list[Any]]:
        """Give what has been noted since the last time, as rows; called by the writer, in a transaction."""
        # Before anything is taken: a run that is not there is an error of each step.
        run = self._run_key(db)
        # Before the notes are counted: a step that is noted from now on asks for the writer again, or is among those taken here.
        self._waits = False
        take, row = self._notes.popleft, self.row
        return [row(db, run, *take()) for _ in range(len(self._notes))]


class TrailJob(Job):
    """What a trail has noted by the time that the writer comes to it."""

    __slots__ = ("_keeping", "_rows", "_trail")

    def __init__(self, trail: BehindTrail) -> None:
        super().__init__(self._write, full=False, failed=partial(note_failure, trail.keeping, trail.run_id))
        self._trail = trail
        self._keeping = trail.keeping
        self._rows: list[list[Any]] | None = None

    def prepare(self, db: sqlite3.Connection) -> None:
        """Number the nodes before the transaction, so that the numbers can be remembered whatever becomes of that."""
        self._trail.number_nodes(db)

    def _write(self, db: sqlite3.Connection) -> None:
        keeping = self._keeping
        keeping.check_whole(self._trail.run_id)
        drive(db, lifecycle.check_epoch(keeping.root_key, keeping.epoch, keeping.root))
        if self._rows is None:
            # Once: a transaction that fails is tried again with the same rows.
            self._rows = self._trail.rows(db)
        rows = self._rows
        whole = len(rows) - len(rows) % saving.PLAIN_TOGETHER
        for first in range(0, whole, saving.PLAIN_TOGETHER):
            db.execute(saving.MANY_PLAIN, [value for row in rows[first : first + saving.PLAIN_TOGETHER] for value in row])
        if whole < len(rows):
            db.executemany(saving.PLAIN, rows[whole:])
