"""SyncRunner: one thing after the other, in the caller's thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix
from hypergraph.engine.begin import Lineage
from hypergraph.engine.delegation import is_handed_on, take_signal
from hypergraph.engine.observing import can_observe
from hypergraph.engine.requests import Flow, Together
from hypergraph.engine.run import Ended, Session
from hypergraph.engine.storing import annotated_types
from hypergraph.engine.watched import watched_run
from hypergraph.runners.base import (
    DEFAULT_MAX_ITERATIONS,
    UNSET,
    BaseRunner,
    RunnerCapabilities,
    check_capabilities,
    check_options,
    is_durable,
    merge_inputs,
    this_user,
)
from hypergraph.runners.calls import MapCall, map_call_flow, map_result, run_call_flow, run_result
from hypergraph.runners.direct import (
    NO_LINEAGE,
    can_be_mapped,
    direct_items,
    direct_map,
    direct_program,
    direct_run,
    guided_run,
    plain_inputs,
    plain_names,
)
from hypergraph.runners.listening import dispatcher_of
from hypergraph.runners.sync_driver import SyncDriver
from hypergraph.runners.termination import ends_in_order

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend
    from hypergraph.engine.straight import Program
    from hypergraph.events import EventDispatcher
    from hypergraph.graph import Graph
    from hypergraph.records import Checkpoint
    from hypergraph.results import MapResult, RunResult

__all__ = ["SyncRunner"]

_CAPABILITIES = RunnerCapabilities(supports_streaming=True, supports_checkpointing=True)


class SyncRunner(BaseRunner):
    """Runs graphs of synchronous nodes, one node after the other.

    Args:
        cache: result cache for nodes with `cache=True`.
        checkpointer: keeps every step, so that a run can be resumed, forked or retried. `run()` is always stored then, `map()` when it
            is given a `workflow_id`. It needs the synchronous face (`SyncCheckpointerProtocol`).
        show_progress: show progress bars for every call.
    """

    def __init__(self, cache: CacheBackend | None = None, checkpointer: Any = None, show_progress: bool = False) -> None:
        super().__init__()
        self.cache = cache
        self.checkpointer = checkpointer
        self.show_progress = show_progress

    @property
    def capabilities(self) -> RunnerCapabilities:
        """Cycles, gates, events and checkpointing; neither async nodes nor interrupts."""
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
        checkpoint: Checkpoint | None = None,
        workflow_id: str | None = None,
        override_workflow: bool = False,
        fork_from: str | None = None,
        retry_from: str | None = None,
        take_over: bool = False,
        on_internal_override: Any = None,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> RunResult:
        """Execute a graph once.

        Args:
            graph: the graph.
            values: inputs by name or address; keyword inputs are merged with them.
            on_missing: what to do when a selected output was not produced: "ignore", "warn" or "error".
            max_iterations: most passes of one cyclic region (1000 by default).
            error_handling: "raise" lets a node's exception through; "continue" returns a failed result with what was finished.
            event_processors: who is told what happens.
            checkpoint: snapshot to start from, under a new id.
            workflow_id: id of a stored run; an existing one is resumed.
            override_workflow: fork an existing `workflow_id` under a new id in place of resuming it.
            fork_from: id of the run to fork.
            retry_from: id of the run to retry.
            take_over: displace a living owner of this workflow.
            show_progress: show progress bars for this call.

        Returns:
            The outputs in the graph's scope, the status, and the log.

        Raises:
            MissingInputError: a required input was not given.
            IncompatibleRunnerError: the graph needs another runner.
            GraphConfigError: a default cannot be copied.
            ValueError: an option or an input that cannot be meant.
        """
        check_options(
            error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=entrypoint, max_iterations=max_iterations
        )
        limit = max_iterations or DEFAULT_MAX_ITERATIONS
        shown = self.show_progress if show_progress is None else show_progress
        if self.checkpointer is None and (workflow_id, checkpoint, fork_from, retry_from) == NO_LINEAGE and not is_handed_on():
            # Nothing is stored, and nobody can ask the run to stop.
            plain = plain_inputs(values, input_values)
            program = direct_program(graph, plain, cached=self.cache is not None)
            if program is not None and not event_processors and not shown:
                return direct_run(program, plain, error_handling)
            direct = self._direct(graph, program, plain, event_processors, shown, limit)
            if direct is not None:
                return run_result(graph, direct, error_handling=error_handling, on_missing=on_missing)
        given = merge_inputs(graph, values, input_values)
        check_capabilities("SyncRunner", self.capabilities, graph)
        self._check_store()
        dispatcher = dispatcher_of(event_processors, shown)
        session = self._session(dispatcher, stored=self.checkpointer is not None, graph=graph)
        session.max_iterations = limit
        session.keep_going = error_handling == "continue"
        session.take_over = take_over
        lineage = Lineage(workflow_id, checkpoint, override_workflow, fork_from, retry_from)
        with ends_in_order(session.stored, session.signal.request):
            try:
                ended = SyncDriver(self.checkpointer).drive(run_call_flow(self, session, graph, given, lineage))
            finally:
                if dispatcher is not None:
                    dispatcher.shutdown()
        return run_result(graph, ended, error_handling=error_handling, on_missing=on_missing)

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
        workflow_id: str | None = None,
        retry_from: str | None = None,
        only: Sequence[int] | None = None,
        take_over: bool = False,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> MapResult:
        """Execute a graph once per item.

        Args:
            graph: the graph.
            values: inputs; those in `map_over` are lists, one value per item.
            map_over: the input(s) to iterate over.
            map_mode: "zip" takes the lists side by side, "product" combines every value with every other (first name slowest).
            clone: deep-copy broadcast values for each item: True for all, or their names.
            on_missing, max_iterations, event_processors, take_over, show_progress: as in `run()`.
            error_handling: "raise" stops at the first failed item; "continue" runs all and keeps failures in the result.
            workflow_id: store the batch under this id, one child run per item; on a later call completed items are restored.
            retry_from: id of a stored batch to run again as a new batch; what completed is kept.
            only: indices of the items to run; the rest is left as stored.

        Returns:
            One result per item, in the order of items.

        Raises:
            ValueError: unequal lengths under "zip", an unknown name, an option that cannot be meant.
        """
        check_options(
            error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=entrypoint, max_iterations=max_iterations
        )
        if self._unwatched(event_processors, show_progress) and (workflow_id, clone, only, retry_from) == (None, False, None, None):
            plain, names = plain_inputs(values, input_values), plain_names(map_over)
            program = direct_program(graph, plain, cached=self.cache is not None)
            if program is not None and not program.inner and can_be_mapped(names, plain):
                return direct_map(program, graph, plain, names, map_mode, keep_going=error_handling == "continue")
        call = MapCall(map_over, map_mode, clone, error_handling == "continue", workflow_id, retry_from, only)
        session, dispatcher, given = self._map_session(graph, values, input_values, call, event_processors, show_progress)
        session.max_iterations = max_iterations or DEFAULT_MAX_ITERATIONS
        session.take_over = take_over
        with ends_in_order(session.stored, session.signal.request):
            try:
                ended = SyncDriver(self.checkpointer).drive(map_call_flow(self, session, graph, given, call))
            finally:
                if dispatcher is not None:
                    dispatcher.shutdown()
        return map_result(graph, ended, call, on_missing=on_missing)

    def map_iter(
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
        workflow_id: str | None = None,
        retry_from: str | None = None,
        only: Sequence[int] | None = None,
        take_over: bool = False,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> Iterator[tuple[int, RunResult]]:
        """Execute a graph once per item and give `(index, result)` as items end, keeping nothing; closing it stops the rest.

        Arguments and errors are those of `map()`.
        """
        check_options(
            error_handling=error_handling, on_missing=on_missing, select=select, entrypoint=entrypoint, max_iterations=max_iterations
        )
        if self._unwatched(event_processors, show_progress) and (workflow_id, clone, only, retry_from) == (None, False, None, None):
            plain, names = plain_inputs(values, input_values), plain_names(map_over)
            program = direct_program(graph, plain, cached=self.cache is not None)
            if program is not None and can_be_mapped(names, plain):
                return direct_items(program, plain, names, map_mode, error_handling)
        ready: list[tuple[int, Ended]] = []
        call = MapCall(
            map_over, map_mode, clone, error_handling == "continue", workflow_id, retry_from, only,
            sink=lambda index, item: ready.append((index, item)),
        )  # fmt: skip
        session, dispatcher, given = self._map_session(graph, values, input_values, call, event_processors, show_progress)
        session.max_iterations = max_iterations or DEFAULT_MAX_ITERATIONS
        session.take_over = take_over
        flow = map_call_flow(self, session, graph, given, call)
        return self._items(flow, session, dispatcher, ready, graph, error_handling, on_missing)

    def _items(
        self,
        flow: Flow,
        session: Session,
        dispatcher: EventDispatcher | None,
        ready: list[tuple[int, Ended]],
        graph: Graph,
        error_handling: str,
        on_missing: str,
    ) -> Iterator[tuple[int, RunResult]]:
        driver = SyncDriver(self.checkpointer)
        try:
            request = flow.send(None)
            while True:
                try:
                    if type(request) is Together:
                        answer: Any = None
                        for item in request.flows:
                            # While the caller has the item, the signal is not ours: what has finished is stored by then.
                            with ends_in_order(session.stored, session.signal.request):
                                driver.drive(item)
                            index, ended = ready.pop()
                            yield index, run_result(graph, ended, error_handling=error_handling, on_missing=on_missing)
                    else:
                        answer = driver.ask(request)  # type: ignore[arg-type]
                except GeneratorExit:
                    # The caller has seen enough: end the batch as stopped.
                    session.signal.request()
                    driver.drive(_rest(flow))
                    raise
                except BaseException as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration:
            return
        finally:
            if dispatcher is not None:
                dispatcher.shutdown()

    def forecast(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None = None,
        *,
        checkpoint: Checkpoint | None = None,
        workflow_id: str | None = None,
        fork_from: str | None = None,
        retry_from: str | None = None,
        override_workflow: bool = False,
    ) -> Any:
        """Tell what `run()` with these arguments would do, without calling or writing anything; see `Forecast`."""
        from hypergraph.engine.forecast import forecast_flow

        session = self._session(None, stored=self.checkpointer is not None, graph=graph)
        lineage = Lineage(workflow_id, checkpoint, override_workflow, fork_from, retry_from)
        return SyncDriver(self.checkpointer).drive(forecast_flow(session, graph, dict(values or {}), lineage))

    def _unwatched(self, processors: Sequence[Any] | None, show_progress: bool | None) -> bool:
        shown = self.show_progress if show_progress is None else show_progress
        return self.checkpointer is None and not processors and not shown and not is_handed_on()

    def _direct(
        self, graph: Graph, program: Program | None, given: Mapping[str, Any], processors: Sequence[Any] | None, shown: bool, limit: int
    ) -> Ended | None:
        """Run a program before an audience, or a ring without one; None where the whole conversation is needed."""
        if not processors and not shown:
            return guided_run(graph, given, cached=self.cache is not None, max_iterations=limit)
        if program is None or program.inner or can_observe():
            return None
        dispatcher = dispatcher_of(processors, shown)
        if dispatcher is None:
            return None
        try:
            return watched_run(program, given, Session("SyncRunner", emit=dispatcher.teller()))
        finally:
            dispatcher.shutdown()

    def _session(self, dispatcher: EventDispatcher | None, *, stored: bool, graph: Graph) -> Session:
        if stored:
            self.checkpointer.trust(annotated_types(graph))
        return Session(
            "SyncRunner",
            emit=dispatcher.teller() if dispatcher is not None else None,
            cache=self.cache,
            stored=stored,
            actor=this_user() if stored else None,
            durable=stored and is_durable(self.checkpointer),
            signal=take_signal(),
        )

    def _map_session(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None,
        input_values: Mapping[str, Any],
        call: MapCall,
        event_processors: Sequence[Any] | None,
        show_progress: bool | None,
    ) -> tuple[Session, EventDispatcher | None, dict[str, Any]]:
        given = merge_inputs(graph, values, input_values)
        check_capabilities("SyncRunner", self.capabilities, graph)
        stored = self.checkpointer is not None and (call.workflow_id is not None or call.retry_from is not None)
        if stored:
            self._check_store()
        dispatcher = dispatcher_of(event_processors, self.show_progress if show_progress is None else show_progress)
        session = self._session(dispatcher, stored=stored, graph=graph)
        session.keep_going = call.keep_going
        return session, dispatcher, given

    def _check_store(self) -> None:
        store = self.checkpointer
        if store is not None and not all(hasattr(store, name) for name in ("create_run_sync", "save_step_sync", "update_run_status_sync")):
            raise TypeError(
                f"{type(store).__name__} does not support sync writes, which SyncRunner needs."
                + fix("Use SqliteCheckpointer or MemoryCheckpointer", "Or run with AsyncRunner")
            )


def _rest(flow: Flow) -> Flow:
    """Go on with a flow whose batch is over: answer its pending request, then let it close."""
    try:
        request = flow.send(None)
        while True:
            try:
                answer = yield request
            except BaseException as error:
                request = flow.throw(error)
            else:
                request = flow.send(answer)
    except StopIteration as stop:
        return stop.value
