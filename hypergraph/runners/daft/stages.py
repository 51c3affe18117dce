"""What runs inside a UDF: a stage of a program over the batch, or the row, that Daft hands in. Any of it can be sent to a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from hypergraph.engine.caching import cache_key
from hypergraph.runners.daft.execute import run_stage
from hypergraph.runners.daft.parcels import before
from hypergraph.runners.daft.program import Program, Stage, Step
from hypergraph.runners.daft.rows import Column, Failure, Rows, Setting, noted

__all__ = ["AsyncStage", "Emit", "Job", "Record", "Shipped", "SyncStage"]


class Emit(Protocol):
    """Turns what became of a batch into the Series that its UDF returns."""

    def __call__(self, rows: Rows, numbers: Sequence[int]) -> Any:
        """Give one value per row that came in."""
        ...


class CacheOnWorkers:
    """Holds a result cache; one that cannot be sent to another process stays behind, and nodes run uncached there."""

    __slots__ = ("cache",)

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def __reduce__(self) -> tuple[Any, ...]:
        from daft import pickle as by_value

        try:
            by_value.dumps(self.cache)
        except Exception:  # a lock or a connection inside
            return CacheOnWorkers, (None,)
        return CacheOnWorkers, (self.cache,)


class Shipped:
    """Holds what a UDF calls. It is written out only where a UDF really leaves the process.

    Daft pickles every UDF once to see that it could be sent, also where all of it stays here: a large broadcast value would be copied
    for nothing, and a lock or a connection refused.

    Args:
        call: the stage.
    """

    __slots__ = ("call",)

    def __init__(self, call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        import daft

        if daft.get_or_infer_runner_type() == "native":
            return _stayed, ()
        return Shipped, (self.call,)


def _stayed() -> Any:
    raise RuntimeError("This UDF was written for the process that it was made in: Daft's native runner was in use there.")


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a program.

    Attributes:
        program: what is run.
        first_only: the first failing row is all that matters.
        cache: the result cache.
        depot: where parcels are left, None when results are columns.
    """

    program: Program
    first_only: bool
    cache: CacheOnWorkers
    depot: Any = None

    def limit(self) -> int | None:
        """Give the number of a row behind which nothing needs to be run."""
        failed = self.depot.first_failure if self.depot is not None else None
        return failed if self.first_only or failed == -1 else None


class Record:
    """One row between two stages.

    Attributes:
        number: the row's.
        values: slot -> value.
        failure: how it failed, None while it is under way.
    """

    __slots__ = ("failure", "number", "values")

    def __init__(self, number: int, values: dict[int, Any], failure: Failure | None = None) -> None:
        self.number = number
        self.values = values
        self.failure = failure

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (self.number, self.values, self.failure)


@dataclass(frozen=True, slots=True)
class SyncStage:
    """The synchronous steps up to the next asynchronous one, over a batch.

    Attributes:
        job: the execution.
        stage: what is run.
        inputs: slots of the columns that come in; None where records come in.
        numbered: the leading column holds the rows' numbers.
        emit: gives the result; None gives records for the next stage.
    """

    job: Job
    stage: Stage
    inputs: tuple[int, ...] | None
    numbered: bool
    emit: Emit | None

    def __call__(self, made: dict[int, Any], lead: Any, *columns: Any) -> Any:
        """Run the stage; `made` holds what this worker has built."""
        rows, numbers = self._opened(made, lead, columns)
        limit = self.job.limit()
        if limit is not None and len(rows):
            stay = before([numbers[place] for place in rows.places], limit)
            if stay < len(rows):
                rows.keep([index < stay for index in range(len(rows))])
        run_stage(rows, self.stage)
        return self.emit(rows, numbers) if self.emit is not None else _records(rows, numbers)

    def _opened(self, made: dict[int, Any], lead: Any, columns: Sequence[Any]) -> tuple[Rows, Sequence[int]]:
        import daft

        total = len(lead)
        rows = Rows(self.job.program, Setting(self.job.first_only, self.job.cache.cache, daft.Series, made, self.job.depot), total)
        if self.inputs is None:
            return rows, _read_records(rows, lead.to_pylist())
        for slot, column in zip(self.inputs, columns, strict=True):
            rows.slots[slot] = Column(series=column)
        return rows, _numbers(lead) if self.numbered else range(total)


def _numbers(lead: Any) -> Sequence[int]:
    total = len(lead)
    if not total:
        return ()
    ends = lead.to_arrow()
    first, last = ends[0].as_py(), ends[-1].as_py()
    return range(first, first + total) if last - first == total - 1 else lead.to_pylist()


def _read_records(rows: Rows, records: Sequence[Record]) -> list[int]:
    alive = [place for place, record in enumerate(records) if record.failure is None]
    rows.places = alive
    rows.failures = {place: record.failure for place, record in enumerate(records) if record.failure is not None}
    known = {slot for place in alive[:1] for slot in records[place].values}
    for slot in known or range(rows.program.width):
        if slot not in rows.program.constants:
            rows.slots[slot] = Column([records[place].values[slot] for place in alive])
    return [record.number for record in records]


def _records(rows: Rows, numbers: Sequence[int]) -> Any:
    import daft

    columns = {slot: held.values for slot, held in enumerate(rows.slots) if isinstance(held, Column)}
    found: list[Any] = [Record(number, {}) for number in numbers]
    for place, failure in rows.failures.items():
        found[place].failure = failure
    alive = set(rows.places)
    for place, record in enumerate(found):
        if place not in alive and record.failure is None:
            record.failure = SKIPPED
    for index, place in enumerate(rows.places):
        found[place].values = {slot: column[index] for slot, column in columns.items()}
    return daft.Series.from_pylist(found, dtype=daft.DataType.python())


class _Skipped(Failure):
    """A row that was not run, because one before it had failed."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _skipped, ()


def _skipped() -> Failure:
    return SKIPPED


SKIPPED = _Skipped(RuntimeError("not run: a row before this one failed"), {})


@dataclass(frozen=True, slots=True)
class AsyncStage:
    """Asynchronous steps, over one row: those that do not depend on each other run at the same time."""

    job: Job
    stage: Stage
    levels: tuple[tuple[tuple[int, Step], ...], ...] = field(default=())

    @classmethod
    def of(cls, job: Job, stage: Stage) -> AsyncStage:
        """Group a stage's steps by level."""
        placed = list(enumerate(stage.steps, stage.first))
        return cls(job, stage, tuple(tuple(group) for _, group in groupby(placed, key=lambda one: one[1].level)))

    async def __call__(self, record: Record) -> Record:
        """Run the stage on one row."""
        limit = self.job.limit()
        if record.failure is not None:
            return record
        if limit is not None and record.number > limit:
            return Record(record.number, {}, SKIPPED)
        values = dict(record.values)
        finished = set(range(self.stage.first))
        for level in self.levels:
            outcomes = await asyncio.gather(*(self._step(step, values) for _, step in level))
            errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            for (position, step), outcome in zip(level, outcomes, strict=True):
                if not isinstance(outcome, BaseException):
                    values.update(zip(step.outs, outcome, strict=True))
                    finished.add(position)
            if errors:
                done = {name: self._read(slot, values) for name, slot, at in self.job.program.outputs if at - 1 in finished}
                return Record(record.number, {}, Failure(errors[0], done))
        return Record(record.number, values)

    def _read(self, slot: int, values: dict[int, Any]) -> Any:
        constants = self.job.program.constants
        return constants[slot] if slot in constants else values[slot]

    async def _step(self, step: Step, values: dict[int, Any]) -> tuple[Any, ...] | BaseException:
        """Give a step's outputs, or what it raised: a SystemExit would end Daft's loop, and with it the answer."""
        try:
            raw = await self._raw(step, [self._read(slot, values) for slot in step.args])
            found: tuple[Any, ...] = step.unpack(raw) if step.unpack is not None else (raw,) * len(step.outs)
            for value, expected, name in zip(found, step.expected, step.names, strict=True):
                wrong = expected.wrong([value]) if expected is not None else None
                if expected is not None and wrong:
                    raise expected.error(step.name, name, wrong[0])
        except BaseException as error:
            return noted(error, f"Raised in node {step.name!r}" + (f" of graph {step.graph!r}" if step.graph else ""))
        return found

    async def _raw(self, step: Step, args: Sequence[Any]) -> Any:
        cache = self.job.cache.cache if step.node is not None else None
        key = cache_key(step.node, args) if cache is not None else ""
        if cache is None or not key:
            return await step.func(*args)
        hit, value = cache.get(key)
        if hit:
            return value
        raw = await step.func(*args)
        cache.set(key, raw)
        return raw
