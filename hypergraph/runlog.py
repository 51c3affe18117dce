"""What a run did, step by step: folds of its journal, built when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, overload

from hypergraph._html import html_table
from hypergraph._sequence import LazySequence
from hypergraph._text import duration, plural, shorten
from hypergraph.events.ids import new_span
from hypergraph.records import RunStatus

__all__ = ["LogLine", "MapLog", "NodeRecord", "NodeStats", "RunLog", "build_log", "build_map_log", "stand_in"]

# As many rows as fit on a screen; the rest is counted.
_ROWS = 40


@dataclass(frozen=True, slots=True, repr=False)
class NodeStats:
    """How one node fared over all its executions: `total_ms` covers every one of them, `errors` and `cached` count some."""

    count: int = 0
    total_ms: float = 0.0
    errors: int = 0
    cached: int = 0

    @property
    def succeeded(self) -> int:
        """Executions that neither failed nor came from a cache."""
        return self.count - self.errors - self.cached

    @property
    def avg_ms(self) -> float:
        """Total time per success, 0.0 without one."""
        return self.total_ms / self.succeeded if self.succeeded > 0 else 0.0

    def __add__(self, other: NodeStats) -> NodeStats:
        return NodeStats(
            self.count + other.count,
            round(self.total_ms + other.total_ms, 3),
            self.errors + other.errors,
            self.cached + other.cached,
        )

    def __repr__(self) -> str:
        parts = []
        if self.succeeded > 0:
            parts += [f"{self.succeeded} succeeded", f"avg {duration(self.avg_ms)}"]
        if self.errors:
            parts.append(plural(self.errors, "error"))
        if self.cached:
            parts.append(f"{self.cached} cached")
        return "NodeStats: " + (" | ".join(parts) or "empty")


_Inner: TypeAlias = "RunLog | MapLog | None"


@dataclass(frozen=True, slots=True, repr=False)
class NodeRecord:
    """One step of a run.

    Attributes:
        node_name: the node; a question inside a nested graph reads "inner/approval".
        superstep: when it ran.
        duration_ms: how long, rounded to three decimals.
        status: "completed", "failed" or "paused".
        span_id: the id that its events carry.
        error: type and text of the exception.
        cached: a cache answered in its place.
        decision: what a gate chose.
    """

    node_name: str
    superstep: int
    duration_ms: float
    status: str
    span_id: str
    error: str | None = None
    cached: bool = False
    decision: str | list[str] | None = field(default=None, hash=False)
    _inner: _Inner | Callable[[], _Inner] = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "duration_ms", round(self.duration_ms, 3))

    @property
    def log(self) -> RunLog | MapLog | None:
        """The log of the run inside: a RunLog for a GraphNode, a MapLog for a mapped one, None for any other node."""
        inner = self._inner
        if callable(inner):
            inner = inner()
            object.__setattr__(self, "_inner", inner)
        return inner

    def to_dict(self) -> dict[str, Any]:
        """Give the step as JSON-safe primitives; "inner_log" holds the log inside, or None."""
        decision = self.decision
        return {
            "node_name": self.node_name,
            "superstep": self.superstep,
            "duration_ms": self.duration_ms,
            "status": str(self.status),
            "span_id": self.span_id,
            "error": self.error,
            "cached": self.cached,
            "decision": [str(one) for one in decision] if isinstance(decision, (list, tuple)) else _text(decision),
            "inner_log": self.log.to_dict() if self.log is not None else None,
        }

    def notes(self) -> str:
        """Give what a table says beside name, status and time: decision, inner runs, error."""
        notes = []
        if self.decision is not None:
            notes.append(f"-> {self.decision}")
        if isinstance(self.log, RunLog):
            notes.append("(1 inner)")
        elif self.log is not None:
            notes.append(f"({len(self.log)} inner)")
        if self.error:
            notes.append(shorten(self.error.replace("\n", " "), 80))
        return " ".join(notes)

    def __repr__(self) -> str:
        parts = ["cached" if self.cached else str(self.status), duration(self.duration_ms)]
        if self.decision is not None:
            parts.append(f"-> {self.decision}")
        if self.error:
            parts.append(f"error: {shorten(self.error, 200)}")
        return f"NodeRecord: {self.node_name} | " + " | ".join(parts)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _stats(steps: Iterable[NodeRecord]) -> dict[str, NodeStats]:
    found: dict[str, NodeStats] = {}
    for step in steps:
        if step.status == RunStatus.PAUSED:
            continue  # it neither succeeded nor failed: it asked, and runs again
        failed = step.status == RunStatus.FAILED
        one = NodeStats(1, step.duration_ms, errors=int(failed), cached=int(step.cached and not failed))
        found[step.node_name] = found[step.node_name] + one if step.node_name in found else one
    return found


def _timing(steps: Iterable[NodeRecord]) -> dict[str, float]:
    total: dict[str, float] = {}
    for step in steps:
        total[step.node_name] = total.get(step.node_name, 0.0) + step.duration_ms
    return {name: round(spent, 3) for name, spent in total.items()}


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Line up columns; the last one is as wide as it likes."""
    lines = list(rows)
    widths = [max((len(row[column]) for row in lines), default=0) for column in range(len(lines[0]) if lines else 0)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines]


class _Shown:
    """How logs appear in notebooks and at prompts."""

    __slots__ = ()

    def _repr_pretty_(self, p: Any, cycle: bool) -> None:
        p.text(f"{type(self).__name__}(...)" if cycle else str(self))


@dataclass(frozen=True, slots=True, repr=False)
class RunLog(_Shown):
    """What one run did.

    Attributes:
        graph_name, run_id: which run.
        total_duration_ms: its time from start to end, rounded to three decimals.
        steps: its steps in the order in which they ended.
    """

    graph_name: str | None
    run_id: str | None
    total_duration_ms: float
    steps: tuple[NodeRecord, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "total_duration_ms", round(self.total_duration_ms, 3))
        object.__setattr__(self, "steps", tuple(self.steps))

    @property
    def errors(self) -> tuple[NodeRecord, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.status == RunStatus.FAILED)

    @property
    def timing(self) -> dict[str, float]:
        """Node -> its total time in milliseconds."""
        return _timing(self.steps)

    @property
    def node_stats(self) -> dict[str, NodeStats]:
        """Node -> how it fared."""
        return _stats(self.steps)

    def summary(self) -> str:
        """Give one line: "3 nodes | 12ms | 0 errors | slowest: generate (8ms)"."""
        timing = self.timing
        parts = [plural(len(timing), "node")]
        if len(self.steps) > len(timing):
            parts.append(plural(len(self.steps), "step"))
        parts += [duration(self.total_duration_ms), plural(len(self.errors), "error")]
        if timing:
            slowest = max(timing, key=timing.__getitem__)
            parts.append(f"slowest: {shorten(slowest, 80)} ({duration(timing[slowest])})")
        return " | ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Give the log as JSON-safe primitives, with the logs inside."""
        return {
            "graph_name": self.graph_name,
            "run_id": self.run_id,
            "total_duration_ms": self.total_duration_ms,
            "steps": [step.to_dict() for step in self.steps],
        }

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (str(place), step.node_name, "cached" if step.cached else str(step.status), duration(step.duration_ms), step.notes())
            for place, step in enumerate(self.steps[:_ROWS])
        ]

    def _hint(self) -> str:
        more = len(self.steps) - _ROWS
        parts = [f"{more} more in .steps"] if more > 0 else []
        inside = next((place for place, step in enumerate(self.steps[:_ROWS]) if step.log is not None), None)
        if inside is not None:
            parts.append(f"inner: .steps[{inside}].log")
        return "; ".join(parts)

    def __str__(self) -> str:
        lines = [f"RunLog: {self.graph_name or 'unnamed'} | {self.summary()}", *_table(self._rows())]
        if hint := self._hint():
            lines.append(f"  {hint}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        name = shorten(self.graph_name or "unnamed", 60)
        counts = f"{plural(len(self.steps), 'step')}, {plural(len(self.errors), 'error')}"
        return f"<RunLog {name}: {counts}, {duration(self.total_duration_ms)}>"

    def _repr_html_(self) -> str:
        title = f"RunLog: {self.graph_name or 'unnamed'} | {self.summary()}"
        return html_table(title, ("#", "node", "status", "time", ""), self._rows(), note=self._hint())


@dataclass(frozen=True, slots=True, repr=False)
class MapLog(_Shown):
    """What a batch did: the logs of its items.

    Attributes:
        graph_name: the graph of all items.
        total_duration_ms: time of the whole batch, rounded to three decimals.
        items: one log per item, in the order of the items; may be a `LazySequence`.
    """

    graph_name: str | None
    total_duration_ms: float
    items: Sequence[RunLog]

    def __post_init__(self) -> None:
        object.__setattr__(self, "total_duration_ms", round(self.total_duration_ms, 3))
        if not isinstance(self.items, LazySequence):
            object.__setattr__(self, "items", tuple(self.items))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[RunLog]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> RunLog: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RunLog]: ...
    def __getitem__(self, index: int | slice) -> RunLog | Sequence[RunLog]:
        return self.items[index]

    @property
    def errors(self) -> tuple[NodeRecord, ...]:
        """The failed steps of all items."""
        return tuple(step for item in self.items for step in item.errors)

    @property
    def timing(self) -> dict[str, float]:
        """Node -> its total time over all items, in milliseconds."""
        return _timing(step for item in self.items for step in item.steps)

    @property
    def node_stats(self) -> dict[str, NodeStats]:
        """Node -> how it fared over all items."""
        return _stats(step for item in self.items for step in item.steps)

    def summary(self) -> str:
        """Give one line: "3 items | 2 completed | 1 error | avg 4ms/item"."""
        failed = errors = 0
        for item in self.items:
            found = len(item.errors)
            failed += found > 0
            errors += found
        count = len(self.items)
        parts = [plural(count, "item"), f"{count - failed} completed", plural(errors, "error")]
        parts.append(f"avg {duration(self.total_duration_ms / count)}/item" if count else duration(self.total_duration_ms))
        return " | ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Give the log as JSON-safe primitives, with every item's."""
        return {
            "graph_name": self.graph_name,
            "total_duration_ms": self.total_duration_ms,
            "items": [item.to_dict() for item in self.items],
        }

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for place in range(min(len(self.items), _ROWS)):
            item = self.items[place]
            status = "failed" if item.errors else "paused" if any(s.status == RunStatus.PAUSED for s in item.steps) else "completed"
            rows.append((f"[{place}]", status, duration(item.total_duration_ms), plural(len(item.steps), "step")))
        return rows

    def _hint(self) -> str:
        more = len(self.items) - _ROWS
        return f"{more} more; one item: [i]" if more > 0 else "one item: [i]" if self.items else ""

    def __str__(self) -> str:
        lines = [f"MapLog: {self.graph_name or 'unnamed'} | {self.summary()}", *_table(self._rows())]
        if hint := self._hint():
            lines.append(f"  {hint}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        name = shorten(self.graph_name or "unnamed", 60)
        return f"<MapLog {name}: items={len(self.items)}, {duration(self.total_duration_ms)}>"

    def _repr_html_(self) -> str:
        title = f"MapLog: {self.graph_name or 'unnamed'} | {self.summary()}"
        return html_table(title, ("item", "status", "time", "steps"), self._rows(), note=self._hint())


class LogLine(NamedTuple):
    """One line of a journal as a log wants it; a plain tuple in this order does as well.

    `status` is "completed", "failed" or "paused"; an empty `span_id` means that nobody listened; `inner` gives the log of the run inside,
    called when it is first read.
    """

    node_name: str
    superstep: int
    duration_ms: float
    status: str
    span_id: str = ""
    error: str | None = None
    cached: bool = False
    decision: str | list[str] | None = None
    inner: Callable[[], RunLog | MapLog | None] | None = None


def build_log(graph_name: str | None, run_id: str | None, total_duration_ms: float, lines: Iterable[LogLine | tuple[Any, ...]]) -> RunLog:
    """Fold the lines of a journal into a log."""
    steps = []
    for line in lines:
        name, superstep, spent, status, span_id, error, cached, decision, inner = LogLine(*line)
        steps.append(NodeRecord(name, superstep, spent, str(status), span_id or new_span(), error, cached, decision, inner))
    return RunLog(graph_name, run_id, total_duration_ms, tuple(steps))


def build_map_log(graph_name: str | None, total_duration_ms: float, count: int, item: Callable[[int], RunLog | None]) -> MapLog:
    """Give the log of a batch; its items' logs are built when looked at.

    Args:
        graph_name: the graph of all items.
        total_duration_ms: time of the whole batch.
        count: number of items.
        item: index -> the item's log; None, for an item without one, becomes an empty log.
    """

    def built(index: int) -> RunLog:
        log = item(index)
        return log if log is not None else stand_in(graph_name, None)

    return MapLog(graph_name, total_duration_ms, LazySequence(count, built))


def stand_in(graph_name: str | None, run_id: str | None, error: str | None = None, log: RunLog | None = None) -> RunLog:
    """Give a log for an item of a batch in which its failure can be found, whatever log it kept itself.

    Args:
        graph_name: the item's graph.
        run_id: the item's run.
        error: type and text of what ended it; None when nothing did.
        log: what it kept. A run may fail outside its nodes, by a missing input for instance: then no step of it tells.
    """
    if log is not None and (error is None or log.errors):
        return log
    steps, spent = (log.steps, log.total_duration_ms) if log is not None else ((), 0.0)
    if error is not None:
        steps += (NodeRecord(graph_name or "unnamed", len(steps), 0.0, RunStatus.FAILED.value, new_span(), error),)
    return RunLog(graph_name, run_id, spent, steps)
