"""The runner that turns a graph into one Daft plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.mapping import items_of
from hypergraph.events import new_run_id
from hypergraph.exceptions import MissingInputError
from hypergraph.graph._warn import warn_user
from hypergraph.runners.base import UNSET, BaseRunner, RunnerCapabilities, check_missing, check_options, mapped_names, merge_inputs
from hypergraph.runners.daft.columns import check_columns
from hypergraph.runners.daft.frames import add_outputs, input_frame, run_rows
from hypergraph.runners.daft.loading import load_daft
from hypergraph.runners.daft.outcomes import map_result, missing_result, run_result
from hypergraph.runners.daft.parcels import Depot
from hypergraph.runners.daft.refuse import refuse_graph, refuse_options
from hypergraph.runners.daft.stages import CacheOnWorkers, Job
from hypergraph.runners.daft.stateful import DaftStateful
from hypergraph.runners.daft.translate import output_hints, translate

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend
    from hypergraph.graph import Graph
    from hypergraph.results import MapResult, RunResult

__all__ = ["DaftRunner"]

_CAPABILITIES = RunnerCapabilities(
    supports_cycles=False, supports_gates=False, supports_async_nodes=True, supports_events=False, supports_distributed=True
)


class DaftRunner(BaseRunner):
    """Runs graphs without cycles, gates and interrupts as Daft plans: columnar, on all cores or on a cluster.

    Args:
        cache: result cache for nodes with `cache=True`.

    Raises:
        ImportError: daft is not installed.
    """

    def __init__(self, *, cache: CacheBackend | None = None) -> None:
        super().__init__()
        load_daft()
        self.cache = cache

    @property
    def capabilities(self) -> RunnerCapabilities:
        """Async nodes and distribution; no cycles, gates, interrupts, events or checkpoints."""
        return _CAPABILITIES

    def run(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None = None,
        *,
        select: Any = UNSET,
        on_missing: str = "ignore",
        entrypoint: Any = UNSET,
        max_iterations: int | None = None,
        error_handling: str = "raise",
        event_processors: Sequence[Any] | None = None,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> RunResult:
        """Execute a graph once, as a plan of one row.

        Args:
            graph: the graph.
            values: inputs by name or address; keyword inputs are merged with them.
            on_missing: what to do when a selected output was not produced: "ignore", "warn" or "error".
            max_iterations: accepted, without effect: there are no cycles.
            error_handling: "raise" lets a node's exception through; "continue" returns a failed result with what was finished.
            event_processors, show_progress: accepted and ignored, with a warning.

        Returns:
            The outputs in the graph's scope and the status.

        Raises:
            MissingInputError: a required input was not given.
            IncompatibleRunnerError: the graph needs another runner.
            ValueError: an option or an input that cannot be meant.
        """
        check_options(
            error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=entrypoint, max_iterations=max_iterations
        )
        given = self._given(graph, values, input_values, event_processors, show_progress)
        graph.check_inputs(given)
        missing = graph.missing_inputs(given)
        if missing:
            raise MissingInputError(missing, list(given))
        known = {name: value for name, value in given.items() if name in graph.inputs.all}
        shared = {name: value for name, value in known.items() if isinstance(value, DaftStateful)}
        columns = {name: [value] for name, value in known.items() if name not in shared}
        job = self._job(graph, columns, shared, first_only=error_handling == "raise", depot=Depot())
        daft = load_daft()
        outcome = run_rows(daft, input_frame(daft, columns, 1), job, 1)
        result = run_result(outcome, error_handling)
        if result.completed:
            check_missing(graph, result.values, on_missing)
        return result

    def map(  # type: ignore[override]
        self,
        graph: Graph,
        values: Mapping[str, Any] | None = None,
        *,
        map_over: str | Sequence[str],
        map_mode: str = "zip",
        clone: bool | Sequence[str] = False,
        select: Any = UNSET,
        on_missing: str = "ignore",
        entrypoint: Any = UNSET,
        max_iterations: int | None = None,
        error_handling: str = "raise",
        event_processors: Sequence[Any] | None = None,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> MapResult:
        """Execute a graph once per item, all items in one frame.

        Args:
            graph: the graph.
            values: inputs; those in `map_over` are lists, one value per item. The others are sent once, not once per item.
            map_over: the input(s) to iterate over.
            map_mode: "zip" takes the lists side by side, "product" combines every value with every other (first name slowest).
            clone: deep-copy broadcast values for each item: True for all, or their names.
            on_missing, max_iterations, event_processors, show_progress: as in `run()`.
            error_handling: "raise" raises what the first failing item raised, with its index in a note; "continue" keeps every good item,
                and the failures beside them.

        Returns:
            One result per item, in the order of items; results are built when they are looked at.

        Raises:
            ValueError: unequal lengths under "zip", an unknown name, an option that cannot be meant.
            IncompatibleRunnerError: the graph needs another runner.
        """
        started = perf_counter()
        check_options(
            error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=entrypoint, max_iterations=max_iterations
        )
        given = self._given(graph, values, input_values, event_processors, show_progress)
        params = mapped_names(graph, map_over)
        graph.check_inputs(given)
        missing = graph.missing_inputs(given)
        keep_going = error_handling == "continue"
        if missing and (not keep_going or any(name in params for name in missing)):
            raise MissingInputError(missing, list(given))
        items = items_of(given, params, map_mode, clone, missing=lambda name: MissingInputError([name], list(given)))
        if not items.count or missing:
            return missing_result(graph, params, map_mode, items.count, missing, list(given))
        known = graph.inputs.all
        shared = {name: value for name, value in items.shared.items() if name in known}
        columns = items.lists()
        job = self._job(graph, columns, shared, first_only=not keep_going, depot=Depot(), clone=items.clone)
        daft = load_daft()
        outcome = run_rows(daft, input_frame(daft, columns, items.count), job, items.count)
        result = map_result(outcome, graph.name, params, map_mode, new_run_id(), (perf_counter() - started) * 1000, error_handling)
        if on_missing != "ignore" and len(result):
            check_missing(graph, dict.fromkeys(job.program.names), on_missing)
        return result

    def map_dataframe(
        self,
        graph: Graph,
        dataframe: Any,
        *,
        columns: Sequence[str] | None = None,
        values: Mapping[str, Any] | None = None,
        select: Any = UNSET,
        on_missing: str = "ignore",
        error_handling: str = "raise",
        clone: bool | Sequence[str] = False,
        **input_values: Any,
    ) -> Any:
        """Execute a graph once per row of a Daft DataFrame. Nothing runs before the result is looked at.

        Args:
            graph: the graph.
            dataframe: its columns are bound to inputs by name; further ones pass through.
            columns: the columns to use and to keep; all by default.
            values: inputs that all rows share; keyword inputs are merged with them.
            on_missing: as in `run()`.
            error_handling: "raise" raises what a failing row raised; "continue" gives such a row nulls, and a line in the log.
            clone: deep-copy broadcast values for each row: True for all, or their names.

        Returns:
            A lazy `daft.DataFrame`: the columns, and one more per output.

        Raises:
            GraphConfigError: a column that does not exist, that is a broadcast value too, or that has an output's name.
            MissingInputError: a required input is neither a column nor given.
            IncompatibleRunnerError: the graph needs another runner.
        """
        check_options(error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=UNSET, max_iterations=None)
        given = self._given(graph, values, input_values, None, None)
        used = check_columns(graph, dataframe.column_names, columns, given)
        known = graph.inputs.all
        shared = {name: value for name, value in given.items() if name in known}
        check_missing(graph, dict.fromkeys(graph.scope.outputs), on_missing)
        job = self._job(graph, used, shared, first_only=error_handling == "raise", clone=clone)
        daft = load_daft()
        frame = dataframe if columns is None else dataframe.select(*columns)
        return add_outputs(daft, frame, job, output_hints(graph, daft.Series), keep_going=error_handling == "continue")

    def _given(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None,
        keywords: Mapping[str, Any],
        event_processors: Sequence[Any] | None,
        show_progress: bool | None,
    ) -> dict[str, Any]:
        refuse_options(keywords)
        given = merge_inputs(graph, values, keywords)
        refuse_graph(graph, given)
        if event_processors or show_progress:
            warn_user("DaftRunner has no events: event_processors and show_progress are ignored.")
        return given

    def _job(
        self,
        graph: Graph,
        columns: Any,
        shared: Mapping[str, Any],
        *,
        first_only: bool,
        depot: Depot | None = None,
        clone: bool | Sequence[str] = False,
    ) -> Job:
        program = translate(graph, tuple(columns), shared, clone=clone, cached=self.cache is not None, series=load_daft().Series)
        return Job(program, first_only, CacheOnWorkers(self.cache), depot)
