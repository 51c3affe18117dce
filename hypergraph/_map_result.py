"""What a batch gives: a read-only sequence of results that are built when they are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from hypergraph._html import html_table
from hypergraph._repr import compact, compact_values
from hypergraph._sequence import LazySequence
from hypergraph._text import duration, error_text, plural
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.results import RunResult
    from hypergraph.runlog import MapLog, RunLog

__all__ = ["LazyResults", "MapResult"]

_PRECEDENCE = (RunStatus.FAILED, RunStatus.PAUSED, RunStatus.STOPPED)
_ROWS = 40


class LazyResults(LazySequence["RunResult"]):
    """The results of a batch, built when looked at. What is asked most often of a large batch can be answered without building them.

    Args:
        length: number of items.
        build: index -> result.
        status: index -> status, or the one status of all items; found by building when left out.
        values: index -> outputs by name; found by building when left out.
    """

    __slots__ = ("_status", "_values")

    def __init__(
        self,
        length: int,
        build: Callable[[int], RunResult],
        *,
        status: Callable[[int], RunStatus] | RunStatus | None = None,
        values: Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(length, build)
        self._status = status
        self._values = values

    def tally(self) -> Counter[RunStatus]:
        """Count the items by status."""
        status = self._status
        if isinstance(status, RunStatus):
            return Counter({status: len(self)})
        if status is not None:
            return Counter(status(index) for index in range(len(self)))
        return Counter(item.status for item in self)

    def with_status(self, wanted: RunStatus) -> list[RunResult]:
        """Give the results of this status, in order."""
        status = self._status
        if status is None:
            return [item for item in self if item.status is wanted]
        if isinstance(status, RunStatus):
            return list(self) if status is wanted else []
        return [self[index] for index in range(len(self)) if status(index) is wanted]

    def column(self, name: str, default: Any) -> list[Any]:
        """Give one output of all items."""
        values = self._values
        if values is None:
            return [item.get(name, default) for item in self]
        return [values(index).get(name, default) for index in range(len(self))]


class MapResult(Sequence["RunResult"]):  # noqa: PLW1641  # compared by its items like a list, and like a list not hashable
    """How a batch ended, item by item. A read-only sequence of `RunResult`; `result["name"]` collects one output of all items.

    Args:
        results: the items' results in the order of the items; a `LazyResults` builds them when looked at.
        run_id: the batch's own id; None when there was no item.
        total_duration_ms: from start to end.
        map_over: the parameters that were mapped.
        map_mode: "zip" or "product".
        graph_name: the graph's name.
    """

    __slots__ = ("_graph_name", "_log", "_map_mode", "_map_over", "_results", "_run_id", "_tally", "_total_duration_ms")

    def __init__(
        self,
        results: Sequence[RunResult],
        run_id: str | None,
        total_duration_ms: float,
        map_over: Sequence[str],
        map_mode: str,
        graph_name: str | None,
    ) -> None:
        self._results = results if isinstance(results, LazyResults) else tuple(results)
        self._run_id = run_id
        self._total_duration_ms = total_duration_ms
        self._map_over = (map_over,) if isinstance(map_over, str) else tuple(map_over)
        self._map_mode = map_mode
        self._graph_name = graph_name
        self._log: MapLog | None = None
        self._tally: Counter[RunStatus] | None = None

    @property
    def results(self) -> tuple[RunResult, ...]:
        """All results. Reading this builds and keeps every one of them; indexing and iterating do not."""
        if not isinstance(self._results, tuple):
            lazy = self._results
            self._counts()
            self._results = tuple(lazy)
        return self._results

    @property
    def run_id(self) -> str | None:
        """The batch's own id; None when there was no item."""
        return self._run_id

    @property
    def total_duration_ms(self) -> float:
        """Time from start to end, in milliseconds."""
        return self._total_duration_ms

    @property
    def map_over(self) -> tuple[str, ...]:
        """The parameters that were mapped."""
        return self._map_over

    @property
    def map_mode(self) -> str:
        """How they were combined: "zip" or "product"."""
        return self._map_mode

    @property
    def graph_name(self) -> str | None:
        """The graph's name."""
        return self._graph_name

    @property
    def log(self) -> MapLog:
        """The items' logs; an item without one gets a stand-in, a failed one's showing its exception."""
        if self._log is None:
            from hypergraph.runlog import build_map_log

            self._log = build_map_log(self._graph_name, self._total_duration_ms, len(self._results), self._item_log)
        return self._log

    def _item_log(self, index: int) -> RunLog:
        item = self._results[index]
        from hypergraph.runlog import stand_in

        return stand_in(self._graph_name, item.run_id, error_text(item.error) if item.error is not None else None, item.log)

    def _counts(self) -> Counter[RunStatus]:
        if self._tally is None:
            results = self._results
            self._tally = results.tally() if isinstance(results, LazyResults) else Counter(item.status for item in results)
        return self._tally

    @property
    def status(self) -> RunStatus:
        """FAILED before PAUSED before STOPPED before COMPLETED; an empty batch is COMPLETED."""
        counts = self._counts()
        if counts[RunStatus.PARTIAL]:
            return RunStatus.FAILED
        return next((status for status in _PRECEDENCE if counts[status]), RunStatus.COMPLETED)

    @property
    def completed(self) -> bool:
        """True when every item completed."""
        return self.status is RunStatus.COMPLETED

    @property
    def failed(self) -> bool:
        """True when an item failed."""
        return self.status is RunStatus.FAILED

    @property
    def paused(self) -> bool:
        """True when no item failed and one waits for an answer."""
        return self.status is RunStatus.PAUSED

    @property
    def stopped(self) -> bool:
        """True when the batch was stopped and no item failed or waits."""
        return self.status is RunStatus.STOPPED

    @property
    def partial(self) -> bool:
        """True when some items failed and some completed."""
        counts = self._counts()
        return counts[RunStatus.FAILED] > 0 and counts[RunStatus.COMPLETED] > 0

    @property
    def failures(self) -> list[RunResult]:
        """The results of the items that failed, in order."""
        if isinstance(self._results, LazyResults):
            return self._results.with_status(RunStatus.FAILED)
        return [item for item in self._results if item.failed]

    def __len__(self) -> int:
        return len(self._results)

    def __bool__(self) -> bool:
        return len(self._results) > 0

    def __iter__(self) -> Iterator[RunResult]:
        return iter(self._results)

    @overload
    def __getitem__(self, index: int) -> RunResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[RunResult]: ...
    @overload
    def __getitem__(self, index: str) -> list[Any]: ...
    def __getitem__(self, index: int | slice | str) -> RunResult | list[Any]:
        if isinstance(index, str):
            return self.get(index)
        if isinstance(index, slice):
            return list(self._results[index])
        if not hasattr(index, "__index__"):
            raise TypeError(f"MapResult indices must be integers, slices or output names, not {type(index).__name__}")
        return self._results[index]

    def get(self, key: str, default: Any = None) -> list[Any]:
        """Collect one output of all items, `default` where an item has none."""
        if isinstance(self._results, LazyResults):
            return self._results.column(key, default)
        return [item.get(key, default) for item in self._results]

    def summary(self) -> str:
        """Give one line: "3 items | 2 completed | 1 failed | 12ms | avg 4ms/item"."""
        counts = self._counts()
        parts = [plural(len(self), "item"), f"{counts[RunStatus.COMPLETED]} completed"]
        parts += [f"{counts[status]} {status.value}" for status in _PRECEDENCE if counts[status]]
        parts.append(duration(self._total_duration_ms))
        if self:
            parts.append(f"avg {duration(self._total_duration_ms / len(self))}/item")
        return " | ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Give the result as JSON-safe primitives, with every item's."""
        counts = self._counts()
        return {
            "run_id": self._run_id,
            "total_duration_ms": self._total_duration_ms,
            "map_over": list(self._map_over),
            "map_mode": self._map_mode,
            "graph_name": self._graph_name,
            "item_count": len(self),
            "completed_count": counts[RunStatus.COMPLETED],
            "failed_count": counts[RunStatus.FAILED],
            "items": [item.to_dict() for item in self],
        }

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, (MapResult, list)):
            return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
        return NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return MapResult, (self.results, self._run_id, self._total_duration_ms, self._map_over, self._map_mode, self._graph_name)

    def __repr__(self) -> str:
        name = f" {compact(self._graph_name, 80)}" if self._graph_name else ""
        over = f", {self._map_mode} over {', '.join(self._map_over)}" if self._map_over else ""
        return f"<MapResult{name}: {self.summary()}{over}>"

    def _repr_pretty_(self, p: Any, cycle: bool) -> None:
        p.text("MapResult(...)" if cycle else repr(self))

    def _repr_html_(self) -> str:
        rows = [
            (
                place,
                self[place].status.value,
                error_text(error) if (error := self[place].error) else compact_values(self[place].values, 200),
            )
            for place in range(min(len(self), _ROWS))
        ]
        note = f"{len(self) - _ROWS} more" if len(self) > _ROWS else ""
        return html_table(f"MapResult: {self.summary()}", ("item", "status", "values or error"), rows, note=note)
