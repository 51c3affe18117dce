"""Calls without an audience: where nobody watches, a straight program is run directly, and results are built when looked at."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.guided import guided_of
from hypergraph.engine.logs import log_of
from hypergraph.engine.mapping import items_of
from hypergraph.engine.run import Ended, Session
from hypergraph.engine.straight import Program, program_of
from hypergraph.events.ids import new_run_id
from hypergraph.records import RunStatus
from hypergraph.results import LazyResults, MapResult, RunResult
from hypergraph.runners.base import check_values

if TYPE_CHECKING:
    from hypergraph.engine.mapping import Items
    from hypergraph.graph import Graph
    from hypergraph.runlog import RunLog

__all__ = [
    "NO_LINEAGE",
    "can_be_mapped",
    "direct_items",
    "direct_map",
    "direct_program",
    "direct_run",
    "failed_result",
    "guided_run",
    "plain_inputs",
    "plain_names",
    "plain_result",
    "rows_result",
]

NO_LINEAGE = (None, None, None, None)
"""Neither workflow_id nor checkpoint, fork_from or retry_from."""

_SPREAD = 0x9E3779B97F4B
_MASK = (1 << 48) - 1


def direct_program(graph: Graph, given: Mapping[str, Any], *, cached: bool) -> Program | None:
    """Give the program that runs these inputs as they are, or None when the call needs the whole conversation."""
    program = program_of(graph, cached=cached)
    return program if program is not None and program.fits(given) else None


def direct_run(program: Program, given: Mapping[str, Any], error_handling: str) -> RunResult:
    """Run a program once."""
    return _run_over(program, program.slots(given), error_handling)


def _run_over(program: Program, slots: list[Any], error_handling: str) -> RunResult:
    times: list[float] = []
    error = program.execute(slots, times)
    if error is None:
        return plain_result(program, program.values(slots), times, inner=slots[program.hidden :])
    return failed_result(program, slots, times, error, error_handling)


def guided_run(graph: Graph, given: Mapping[str, Any], *, cached: bool, max_iterations: int) -> Ended | None:
    """Run a plan with gates and rings once; None when it is of another kind, or needs the whole conversation."""
    program = guided_of(graph, cached=cached)
    if program is None or not program.fits(given):
        return None
    return program.run(given, new_run_id(), max_iterations)


def plain_inputs(values: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """Join the two ways of giving inputs where nothing is in both; what is, `merge_inputs` refuses.

    Raises:
        TypeError: values are no mapping.
    """
    if values is not None and type(values) is not dict:
        check_values(values)
    if not keywords:
        return values or {}
    if not values:
        return keywords
    return {**values, **keywords} if values.keys().isdisjoint(keywords) else {}


def plain_names(map_over: str | Sequence[str]) -> tuple[str, ...]:
    """Give the names to map over as they are; what is wrong with them is told by `mapped_names`."""
    return (map_over,) if isinstance(map_over, str) else tuple(map_over)


def can_be_mapped(names: Sequence[str], given: Mapping[str, Any]) -> bool:
    """Tell whether these names are plainly some of the given inputs, each once."""
    return bool(names) and len(set(names) & given.keys()) == len(names)


def plain_result(
    program: Program, values: dict[str, Any], times: Sequence[float], run_id: str | None = None, inner: Sequence[Any] = ()
) -> RunResult:
    """Give a completed result whose log is built when it is read."""

    def log() -> RunLog:
        return log_of(program.graph.name, result.run_id, (times[-1] - times[0]) * 1000, program.journal(times, None, inner))

    result = RunResult(values, RunStatus.COMPLETED, run_id, log=log)
    return result


def failed_result(program: Program, slots: list[Any], times: list[float], error: BaseException, error_handling: str) -> RunResult:
    """Raise a node's exception, or give the failed result."""
    ended = program.ended(Session("direct"), new_run_id(), slots, times, error)
    if error_handling == "raise":
        raise error
    return ended.result()


def direct_map(
    program: Program, graph: Graph, given: Mapping[str, Any], params: Sequence[str], mode: str, *, keep_going: bool
) -> MapResult:
    """Run a program once per item. Per item a tuple of outputs and the times of its nodes are kept."""
    items = items_of(given, params, mode)
    names = tuple(params)
    if not items.count:
        return MapResult((), None, 0, names, mode, graph.name)
    read = _reader(program)
    times = array("d")
    width = len(program.code) + 1
    rows: list[Any] = []
    failures: dict[int, Ended] = {}
    execute = program.execute
    for index, slots in enumerate(_item_slots(program, items)):
        error = execute(slots, times)
        if error is None:
            rows.append(read(slots))
            continue
        spent = list(times[index * width :])
        failures[index] = program.ended(Session("direct"), new_run_id(), slots, spent, error)
        if not keep_going:
            raise error
        rows.append(())
        times.extend([spent[-1]] * (width - len(spent)))
    duration_ms = (times[-1] - times[0]) * 1000

    def completed(values: dict[str, Any], index: int, run_id: str) -> RunResult:
        return plain_result(program, values, tuple(islice(times, index * width, (index + 1) * width)), run_id)

    return rows_result(program.names, rows, failures, completed, duration_ms, items, graph)


def direct_items(
    program: Program, given: Mapping[str, Any], params: Sequence[str], mode: str, error_handling: str
) -> Iterator[tuple[int, RunResult]]:
    """Run a program once per item, and keep nothing."""
    for index, slots in enumerate(_item_slots(program, items_of(given, params, mode))):
        yield index, _run_over(program, slots, error_handling)


def _item_slots(program: Program, items: Items) -> Iterator[list[Any]]:
    """Give the slots of each item, with its inputs in them."""
    base = program.slots(items.shared)
    places = [program.plan.given[name] for name in items.params]
    if len(places) == 1:
        (only,) = places
        for (value,) in items.columns():
            slots = base.copy()
            slots[only] = value
            yield slots
        return
    for values in items.columns():
        slots = base.copy()
        for place, value in zip(places, values, strict=True):
            slots[place] = value
        yield slots


def rows_result(
    names: Sequence[str],
    rows: Sequence[Any],
    failures: Mapping[int, Ended],
    completed: Callable[[dict[str, Any], int, str], RunResult],
    duration_ms: float,
    items: Items,
    graph: Graph,
) -> MapResult:
    """Give a batch's result over rows of outputs; `completed(values, index, run_id)` builds the result of one item."""
    batch_id = new_run_id()
    first = int(batch_id[4:], 16)

    def values_of(index: int) -> dict[str, Any]:
        return failures[index].values if index in failures else dict(zip(names, rows[index], strict=True))

    def build(index: int) -> RunResult:
        if index in failures:
            return failures[index].result()
        return completed(values_of(index), index, f"run-{(first ^ (index + 1) * _SPREAD) & _MASK:012x}")

    status: Callable[[int], RunStatus] | RunStatus = RunStatus.COMPLETED
    if failures:
        status = lambda index: RunStatus.FAILED if index in failures else RunStatus.COMPLETED  # noqa: E731  # one expression, used once
    results = LazyResults(len(rows), build, status=status, values=values_of)
    return MapResult(results, batch_id, duration_ms, items.params, items.mode, graph.name)


def _reader(program: Program) -> Callable[[list[Any]], tuple[Any, ...]]:
    slots = [slot for _, slot in program.outputs]
    if len(slots) == 1:
        only = slots[0]
        return lambda row: (row[only],)
    return itemgetter(*slots) if slots else lambda _: ()
