"""How a stage's results leave its UDF: as tickets for a parcel, or as columns of a frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypergraph._text import error_text, fix
from hypergraph.runners.daft.packing import ticketed
from hypergraph.runners.daft.parcels import parcel_of
from hypergraph.runners.daft.rows import Rows, scattered
from hypergraph.runners.daft.types import series_of

__all__ = ["ColumnSpec", "Columns", "Held", "Tickets"]

_log = logging.getLogger("hypergraph.daft")


@dataclass(frozen=True, slots=True)
class Tickets:
    """Leaves the outputs in the depot; the first row of the batch carries the ticket."""

    depot: Any

    def __call__(self, rows: Rows, numbers: Sequence[int]) -> Any:
        """Give a binary column."""
        return ticketed(self.depot.ticket(parcel_of(rows, numbers)) if rows.total else b"", rows.total)


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One output as a column: its name, slot, annotation, Daft type, and whether Arrow can hold it inside a struct."""

    name: str
    slot: int
    annotation: Any
    kind: Any
    nests: bool


class Held:
    """A row's outputs, where they do not fit into one Arrow struct."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return Held, (self.values,)


@dataclass(frozen=True, slots=True)
class Columns:
    """Gives the outputs as a frame's columns: one as it is, several as a struct, or held together where one is of Python objects.

    Attributes:
        specs: the outputs.
        keep_going: a row that failed has nulls; else its exception is raised.
    """

    specs: tuple[ColumnSpec, ...]
    keep_going: bool

    @property
    def form(self) -> str:
        """How the outputs travel: "single", "struct" or "held"."""
        if len(self.specs) == 1:
            return "single"
        return "struct" if all(spec.nests for spec in self.specs) else "held"

    def __call__(self, rows: Rows, numbers: Sequence[int]) -> Any:
        """Give one Series or Arrow array."""
        self._failed(rows)
        form = self.form
        if form == "held":
            return self._held(rows)
        series = [self._series(rows, spec) for spec in self.specs]
        if form == "single":
            return series[0]
        import pyarrow as pa

        arrays = [one.to_arrow() for one in series]
        return pa.StructArray.from_arrays(arrays, [field_of(place) for place in range(len(arrays))])

    def _failed(self, rows: Rows) -> None:
        if not rows.failures:
            return
        first = rows.failures[min(rows.failures)].error
        if not isinstance(first, Exception):
            raise RuntimeError(f"A node ended the program: {error_text(first)}") from first  # noqa: TRY004  # no type is wrong
        if not self.keep_going:
            raise first
        _log.warning("%d of %d rows failed and have nulls; the first one: %s", len(rows.failures), rows.total, error_text(first))

    def _held(self, rows: Rows) -> Any:
        import daft

        columns = [self._checked(rows, spec) for spec in self.specs]
        found = [Held(list(values)) for values in zip(*columns, strict=True)] if columns else [Held([]) for _ in range(rows.total)]
        return daft.Series.from_pylist(found, dtype=daft.DataType.python())

    def _checked(self, rows: Rows, spec: ColumnSpec) -> list[Any]:
        values = scattered(rows.output(spec.slot).values, rows.places, rows.total)
        if spec.nests:
            # What Arrow cannot hold is found here, where the row can still be told.
            self._converted(values, spec)
        return values

    def _series(self, rows: Rows, spec: ColumnSpec) -> Any:
        column = rows.output(spec.slot)
        held = column.held
        if not isinstance(held, list) and len(rows) == rows.total:
            if held.datatype() == spec.kind:
                return held
            if not spec.kind.is_python():
                return held.cast(spec.kind)
        return self._converted(scattered(column.values, rows.places, rows.total), spec)

    def _converted(self, values: list[Any], spec: ColumnSpec) -> Any:
        try:
            return series_of(values, spec.annotation, spec.kind)
        except Exception as whole:
            reason = whole
        # One value spoils the column: find it.
        for place, value in enumerate(values):
            try:
                series_of([value], spec.annotation, spec.kind)
            except Exception as error:
                if not self.keep_going:
                    raise OverflowError(
                        f"A value of {spec.name!r} does not fit a column of type {spec.kind}: {value!r:.100}"
                        + fix(f"Annotate {spec.name!r} with Any, so that it travels as a Python object")
                    ) from error
                _log.warning("A value of %r does not fit a column of type %s and becomes null: %.100r", spec.name, spec.kind, value)
                values[place] = None
        if not self.keep_going:
            raise reason
        return series_of(values, spec.annotation, spec.kind)


def field_of(place: int) -> str:
    """Name an output inside a struct: names of outputs may have dots."""
    return f"o{place}"


def taken_out(spec: ColumnSpec, place: int) -> Callable[[Any], Any]:
    """Give the function that takes one output out of a column of held rows."""

    def take(held: Any) -> Any:
        return series_of([one.values[place] for one in held.to_pylist()], spec.annotation, spec.kind)

    return take
