"""How results come back from a UDF as they are: a batch's outputs travel as one parcel, and its rows carry a ticket for it.

Where the UDF runs in the process that asked for the results, which is where Daft's native runner runs it, a parcel never leaves that
process: values, exceptions and tracebacks arrive as the very objects that they were. In another process the depot notices that it
is a copy, and the ticket holds the parcel itself, pickled.
"""

from __future__ import annotations

import bisect
import pickle
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypergraph.runners.daft.rows import Column, Failure, Rows

__all__ = ["Depot", "Outcome", "Parcel"]

_MANY = 256
"""Rows from which on it pays to pack plain values up: a fifth of the memory, and nothing for the garbage collector to walk through."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What became of a batch.

    Attributes:
        numbers: numbers of the rows that completed.
        columns: per output their values.
        failures: number -> how that row failed.
    """

    numbers: Sequence[int]
    columns: tuple[Column, ...]
    failures: Mapping[int, Failure]


class Depot:
    """Takes parcels and gives tickets for them.

    Attributes:
        first_failure: the lowest number of a row that is known to have failed; None so far.
    """

    __slots__ = ("_lock", "_parcels", "first_failure")

    def __init__(self) -> None:
        self._parcels: list[Parcel] = []
        self._lock = threading.Lock()
        self.first_failure: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Branch, ()

    def ticket(self, parcel: Parcel) -> bytes:
        """Keep a parcel and give its ticket."""
        with self._lock:
            self._parcels.append(parcel)
            if parcel.failures:
                lowest = min(parcel.failures)
                self.first_failure = lowest if self.first_failure is None else min(lowest, self.first_failure)
            return b"%d" % (len(self._parcels) - 1)

    def close(self) -> None:
        """Have no further batch begun."""
        with self._lock:
            self.first_failure = -1

    def open(self, tickets: Iterable[bytes | None]) -> list[Parcel]:
        """Give the parcels for these tickets."""
        found = []
        for ticket in tickets:
            if ticket is None:
                continue
            local = ticket.isdigit()
            # What does not stand here was pickled by a worker of this very query.
            found.append(self._parcels[int(ticket)] if local else pickle.loads(ticket))  # noqa: S301
        return found


class _Branch:
    """A depot in another process: it keeps nothing."""

    __slots__ = ()

    first_failure = None

    def ticket(self, parcel: Parcel) -> bytes:
        from daft import pickle as by_value

        found: bytes = by_value.dumps(parcel)
        return found


def parcel_of(rows: Rows, numbers: Sequence[int]) -> Parcel:
    """Pack up a batch; `numbers` are those of all rows that came in."""
    columns = tuple(rows.output(slot) for _, slot, _ in rows.program.outputs)
    if len(rows) >= _MANY:
        columns = tuple(column.compact(rows.setting.series) for column in columns)
    failures = {numbers[place]: failure for place, failure in rows.failures.items()}
    return Parcel([numbers[place] for place in rows.places] if failures else numbers, columns, failures)


class Outcome:
    """What became of all rows, read from their parcels. Lists of values are made when they are asked for.

    Args:
        names: the outputs.
        parcels: in any order.
        count: number of rows.
    """

    def __init__(self, names: Sequence[str], parcels: Sequence[Parcel], count: int) -> None:
        self.names = tuple(names)
        self.count = count
        self._parcels = _in_order(parcels)
        self.failures = {number: failure for one in parcels for number, failure in one.failures.items()}
        self._starts = [one.numbers[0] for one in self._parcels]
        self._open: tuple[int, tuple[list[Any], ...]] = (-1, ())

    def values(self, index: int) -> Mapping[str, Any]:
        """Give the outputs of one row."""
        if index in self.failures:
            return self.failures[index].values
        place = bisect.bisect_right(self._starts, index) - 1
        opened, columns = self._open
        if opened != place:
            # Neighbours are read together, and only the last parcel stays open: what nobody looks at stays packed.
            columns = tuple(column.read() for column in self._parcels[place].columns)
            self._open = (place, columns)
        row = bisect.bisect_left(self._parcels[place].numbers, index)
        return {name: column[row] for name, column in zip(self.names, columns, strict=True)}

    def column(self, name: str, absent: Any = None) -> list[Any]:
        """Give one output of all rows, `absent` where it was not brought about; the list is the caller's own."""
        if name not in self.names:
            found = [absent] * self.count
        else:
            found = self._joined(self.names.index(name))
        for number, failure in self.failures.items():
            found[number] = failure.values.get(name, absent)
        return found

    def _joined(self, place: int) -> list[Any]:
        found: list[Any] = []
        if not self.failures:
            for parcel in self._parcels:
                found.extend(parcel.columns[place].read())
            return found
        found = [None] * self.count
        for parcel in self._parcels:
            for number, value in zip(parcel.numbers, parcel.columns[place].read(), strict=True):
                found[number] = value
        return found


def _in_order(parcels: Iterable[Parcel]) -> list[Parcel]:
    """Sort parcels so that all numbers ascend from the first row of the first one to the last row of the last one."""
    found = sorted((one for one in parcels if len(one.numbers)), key=lambda one: one.numbers[0])
    apart = all(one.numbers[-1] < other.numbers[0] for one, other in pairwise(found))
    if apart and all(isinstance(one.numbers, range) or all(low < high for low, high in pairwise(one.numbers)) for one in found):
        return found
    # Daft promises no order between the rows of different batches, though it keeps it today.
    rows = sorted((number, place, row) for place, one in enumerate(found) for row, number in enumerate(one.numbers))
    columns = [[column.read() for column in one.columns] for one in found]
    mixed = tuple(Column([columns[place][output][row] for _, place, row in rows]) for output in range(len(found[0].columns)))
    return [Parcel([number for number, _, _ in rows], mixed, {})]


def before(numbers: Sequence[int], limit: int | None) -> int:
    """Say how many of these ascending numbers are not above a limit."""
    return len(numbers) if limit is None else bisect.bisect_right(numbers, limit)
