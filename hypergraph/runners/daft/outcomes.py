"""What the caller gets: the first failing item's exception, or results that are built when they are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph.exceptions import MissingInputError
from hypergraph.records import RunStatus
from hypergraph.results import LazyResults, MapResult, RunResult
from hypergraph.runners.daft.rows import noted

if TYPE_CHECKING:
    from hypergraph.graph import Graph
    from hypergraph.runners.daft.parcels import Outcome

__all__ = ["map_result", "missing_result", "run_result"]


def run_result(outcome: Outcome, error_handling: str) -> RunResult:
    """Give the result of a run of one row."""
    failure = outcome.failures.get(0)
    if failure is None:
        return RunResult(dict(outcome.values(0)), RunStatus.COMPLETED)
    if error_handling == "raise" or not isinstance(failure.error, Exception):
        raise failure.error
    return RunResult(failure.values, RunStatus.FAILED, error=failure.error)


class _Columns(LazyResults):
    """Results whose outputs are there as columns already."""

    __slots__ = ("_outcome",)

    def __init__(self, outcome: Outcome) -> None:
        failures = outcome.failures
        status: Any = RunStatus.COMPLETED
        if failures:
            status = lambda index: RunStatus.FAILED if index in failures else RunStatus.COMPLETED  # noqa: E731  # one expression, used once
        super().__init__(outcome.count, self._result, status=status, values=outcome.values)
        self._outcome = outcome

    def _result(self, index: int) -> RunResult:
        failure = self._outcome.failures.get(index)
        if failure is None:
            return RunResult(dict(self._outcome.values(index)), RunStatus.COMPLETED)
        return RunResult(failure.values, RunStatus.FAILED, error=failure.error)

    def column(self, name: str, default: Any) -> list[Any]:
        """Give one output of all items."""
        return self._outcome.column(name, default)


def map_result(
    outcome: Outcome, graph_name: str | None, params: Sequence[str], mode: str, run_id: str, duration_ms: float, error_handling: str
) -> MapResult:
    """Give the result of a batch, or raise what its first failing item raised."""
    # What is no Exception, like SystemExit, is never a result.
    fatal = [number for number, failure in outcome.failures.items() if not isinstance(failure.error, Exception)]
    if fatal or (outcome.failures and error_handling == "raise"):
        first = min(fatal or outcome.failures)
        raise noted(outcome.failures[first].error, f"Item {first} of the batch")
    return MapResult(_Columns(outcome), run_id, duration_ms, params, mode, graph_name)


def missing_result(graph: Graph, params: Sequence[str], mode: str, count: int, missing: Sequence[str], given: Sequence[str]) -> MapResult:
    """Give the result of a batch that did not start: it has no items, or each of them lacks an input."""
    if not count:
        return MapResult((), None, 0, params, mode, graph.name)
    values: Mapping[str, Any] = {}
    failed = [RunResult(dict(values), RunStatus.FAILED, error=MissingInputError(missing, given)) for _ in range(count)]
    from hypergraph.events import new_run_id

    return MapResult(failed, new_run_id(), 0, params, mode, graph.name)
