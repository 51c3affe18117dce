"""A batch of rows, by columns. Rows that fail leave it, and what they had brought about by then is kept."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Literal

from hypergraph.runners.daft.packing import packed
from hypergraph.runners.daft.program import Program, Recreated, Step
from hypergraph.runners.daft.types import series_of

__all__ = ["Column", "Constant", "Failure", "Rows", "Setting", "noted", "scattered"]


class Constant:
    """One value that all rows share."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Column:
    """One value per row: a list, a `daft.Series`, or both; either is made from the other when it is first asked for.

    Attributes:
        hint: the annotation that the values were checked against; it says of which type a Series of them is.
    """

    __slots__ = ("_list", "_series", "hint")

    def __init__(self, values: list[Any] | None = None, series: Any = None, hint: Any = None) -> None:
        self._list = values
        self._series = series
        self.hint = hint

    def __len__(self) -> int:
        return len(self._series if self._list is None else self._list)

    @property
    def values(self) -> list[Any]:
        """The values as Python objects."""
        if self._list is None:
            self._list = _listed(self._series)
        return self._list

    def series(self, kind: Any) -> Any:
        """Give the values as a Series; without a hint its type is found from the values."""
        if self._series is None:
            self._series = kind.from_pylist(self.values) if self.hint is None else series_of(self.values, self.hint)
        return self._series

    @property
    def held(self) -> Any:
        """The Series where there is one already, else the list: what costs nothing to give."""
        return self._list if self._series is None else self._series

    def empty(self) -> None:
        """Take the values out of the list, whoever goes through it."""
        if self._list is not None:
            self._list.clear()

    def compact(self, kind: Any) -> Column:
        """Give the values in as little room as holds them exactly; `kind` is the class `daft.Series`."""
        if self._list is None or self._series is not None:
            return self
        array = packed(self._list)
        return self if array is None else Column(series=kind.from_arrow(array))

    def read(self) -> list[Any]:
        """Give the values, as `values` does, and do not keep the list."""
        return _listed(self._series) if self._list is None else self._list

    def __reduce__(self) -> tuple[Any, ...]:
        return Column, (self._list, self._series if self._list is None else None, self.hint)


def _listed(series: Any) -> list[Any]:
    """Give a Series as a list. Numbers without nulls are read straight from their buffer, twice as fast as one by one."""
    kind = _BUFFERS.get(str(series.datatype()))
    if kind is not None:
        array = series.to_arrow()
        if not array.null_count and len(array):
            numbers: Any = memoryview(array.buffers()[1]).cast("B").cast(kind)
            listed: list[Any] = numbers[array.offset : array.offset + len(array)].tolist()
            return listed
    found: list[Any] = series.to_pylist()
    return found


_BUFFERS: dict[str, Literal["q", "d"]] = {"Int64": "q", "Float64": "d"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for a whole execution.

    Attributes:
        first_only: only the first failing row matters: those after it need not be run.
        cache: the result cache, or None.
        series: the class `daft.Series`.
        made: key -> object of a `@stateful` class that this worker has built.
        depot: where the results go; None when they are columns of a frame.
    """

    first_only: bool
    cache: Any
    series: Any
    made: Mapping[int, Any] = field(default_factory=dict)
    depot: Any = None


class Failure:
    """How a row failed.

    Attributes:
        error: the exception that its node raised, with its traceback.
        values: outputs that were there by then.
    """

    __slots__ = ("error", "values")

    def __init__(self, error: BaseException, values: dict[str, Any]) -> None:
        self.error = error
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        # A traceback cannot travel to another process; its text can.
        lines = "".join(traceback.format_exception(self.error)).rstrip()
        return _arrived, (_portable(self.error), self.values, lines)


def _portable(error: BaseException) -> BaseException:
    from daft import pickle

    try:
        pickle.loads(pickle.dumps(error))  # an exception may be written well and not be read back
    except Exception:
        made = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            made.add_note(note)
        return made
    return error


def _arrived(error: BaseException, values: dict[str, Any], lines: str) -> Failure:
    noted(error, f"Raised in another process:\n{lines}")
    return Failure(error, values)


def noted(error: BaseException, note: str) -> BaseException:
    """Add a note to an exception, once; a class that refuses attributes goes without."""
    if note not in getattr(error, "__notes__", ()):
        try:
            error.add_note(note)
        except Exception:
            return error
    return error


class Rows:
    """The rows of a batch that are still under way.

    Attributes:
        program: whose slots these are.
        setting: what holds for the execution.
        slots: per slot a `Column`, a `Constant`, or None.
        places: where each row stands in the batch as it came in.
        failures: place -> how that row failed.
        total: rows that came in.
        abandoned: nobody waits for them any more.
    """

    __slots__ = ("abandoned", "failures", "places", "program", "setting", "slots", "total")

    def __init__(self, program: Program, setting: Setting, total: int) -> None:
        self.program = program
        self.setting = setting
        self.slots: list[Column | Constant | None] = [None] * program.width
        for slot, value in program.constants.items():
            self.slots[slot] = Constant(setting.made[value.key] if isinstance(value, Recreated) else value)
        self.total = total
        self.places: Sequence[int] = range(total)
        self.failures: dict[int, Failure] = {}
        self.abandoned = False

    def __len__(self) -> int:
        return len(self.places)

    def read(self, slot: int) -> Column | Constant:
        """Give what a slot holds."""
        held = self.slots[slot]
        assert held is not None
        return held

    def columns(self, step: Step) -> list[Sequence[Any]]:
        """Give a step's arguments as columns of values."""
        found: list[Sequence[Any]] = []
        for slot in step.args:
            held = self.read(slot)
            found.append([held.value] * len(self.places) if isinstance(held, Constant) else held.values)
        return found

    def fail(self, step: Step, position: int, bad: Mapping[int, BaseException]) -> list[bool] | None:
        """Take rows out that failed in a step; gives which of the rows stay, None when nothing changed.

        Args:
            step: where they failed.
            position: its place in the program.
            bad: index among the rows under way -> the exception.
        """
        if not bad:
            return None
        first = min(bad)
        note = f"Raised in node {step.name!r}" + (f" of graph {step.graph!r}" if step.graph else "")
        for index in (first,) if self.setting.first_only else bad:
            error = bad[index] if step.kind == "mapped" else noted(bad[index], note)
            self.failures[self.places[index]] = Failure(error, self.done(index, lambda done: done <= position))
        if self.setting.first_only:
            return self.keep([index < first for index in range(len(self.places))])
        return self.keep([index not in bad for index in range(len(self.places))])

    def done(self, index: int, finished: Callable[[int], bool]) -> dict[str, Any]:
        """Give the outputs that a row has by now."""
        found: dict[str, Any] = {}
        for name, slot, done in self.program.outputs:
            held = self.slots[slot]
            if held is not None and finished(done):
                found[name] = held.value if isinstance(held, Constant) else held.values[index]
        return found

    def keep(self, stays: list[bool]) -> list[bool]:
        """Go on with some of the rows."""
        self.places = list(compress(self.places, stays))
        for slot, held in enumerate(self.slots):
            if isinstance(held, Column):
                self.slots[slot] = Column(list(compress(held.values, stays)), hint=held.hint)
        return stays

    def abandon(self) -> None:
        """Begin no further row, from another thread. A loop over a list ends when the list is emptied under it, at no cost."""
        self.abandoned = True
        for held in self.slots:
            if isinstance(held, Column):
                held.empty()

    def output(self, slot: int) -> Column:
        """Give an output of the rows that are there."""
        held = self.read(slot)
        return Column([held.value] * len(self.places)) if isinstance(held, Constant) else held


def scattered(values: Collection[Any], places: Sequence[int], total: int, absent: Any = None) -> list[Any]:
    """Put the values of some rows back to where they stood, `absent` in between."""
    if len(places) == total:
        return list(values)
    found = [absent] * total
    for place, value in zip(places, values, strict=True):
        found[place] = value
    return found
