"""AsyncRunner: what is ready runs at once, within one budget; interrupts pause a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from hypergraph._text import fix
from hypergraph.engine.begin import Lineage
from hypergraph.engine.delegation import is_handed_on, take_signal
from hypergraph.engine.mapping import items_of
from hypergraph.engine.requests import Flow, Together
from hypergraph.engine.run import Ended, Session
from hypergraph.engine.storing import annotated_types
from hypergraph.runners.async_driver import MOST_TASKS, AsyncDriver, Running
from hypergraph.runners.async_events import EventPump, EventStream
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
from hypergraph.runners.calls import MapCall, map_call_flow, map_result, refuse_too_many, run_call_flow, run_result
from hypergraph.runners.direct import NO_LINEAGE, can_be_mapped, plain_inputs, plain_names
from hypergraph.runners.direct_async import async_program_of
from hypergraph.runners.direct_async_map import async_items, async_map
from hypergraph.runners.listening import dispatcher_of
from hypergraph.runners.termination import ends_in_order

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend
    from hypergraph.engine.mapping import Items
    from hypergraph.graph import Graph
    from hypergraph.records import Checkpoint
    from hypergraph.results import MapResult, RunResult
    from hypergraph.runners.direct_async import AsyncProgram

__all__ = ["AsyncRunner"]

_CAPABILITIES = RunnerCapabilities(
    supports_async_nodes=True,
    supports_streaming=True,
    returns_coroutine=True,
    supports_interrupts=True,
    supports_checkpointing=True,
)


class AsyncRunner(BaseRunner):
    """Runs graphs concurrently: asynchronous and synchronous nodes, interrupts, one budget for everything.

    Args:
        cache: result cache for nodes with `cache=True`.
        checkpointer: keeps every step. `run()` is always stored then, `map()` when it is given a `workflow_id`.
        show_progress: show progress bars for every call.
        sync_nodes: "inline" runs synchronous nodes on the event loop; "thread" moves them to threads, so that one that blocks does not
            hold its siblings. Context variables are carried over.
    """

    def __init__(
        self,
        cache: CacheBackend | None = None,
        checkpointer: Any = None,
        show_progress: bool = False,
        sync_nodes: Literal["inline", "thread"] = "inline",
    ) -> None:
        super().__init__()
        if sync_nodes not in ("inline", "thread"):
            raise ValueError(f"Invalid sync_nodes: {sync_nodes!r}." + fix("Use one of: 'inline', 'thread'"))
        self.cache = cache
        self.checkpointer = checkpointer
        self.show_progress = show_progress
        self.sync_nodes = sync_nodes
        self._once: Running = {}

    @property
    def capabilities(self) -> RunnerCapabilities:
        """Everything but distribution; calls return coroutines."""
        return _CAPABILITIES

    async def run(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None = None,
        *,
        select: Any = UNSET,
        on_missing: str = "ignore",
        entrypoint: Any = UNSET,
        max_iterations: int | None = None,
        max_concurrency: int | None = None,
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
            values: inputs by name or address, and answers to interrupts by their response key; keyword inputs are merged with them.
            on_missing: what to do when a selected output was not produced: "ignore", "warn" or "error".
            max_iterations: most passes of one cyclic region (1000 by default).
            max_concurrency: most nodes at once, nested graphs and their items included.
            error_handling: "raise" lets a node's exception through; "continue" returns a failed result with what was finished.
            event_processors: who is told what happens; `AsyncEventProcessor`s are awaited.
            checkpoint, workflow_id, override_workflow, fork_from, retry_from, take_over: lineage, as on `SyncRunner.run`.
            show_progress: show progress bars for this call.

        Returns:
            The outputs in the graph's scope, the status (COMPLETED, PAUSED, STOPPED, FAILED), and the log.

        Raises:
            MissingInputError: a required input was not given.
            IncompatibleRunnerError: the graph needs another runner.
            TypeError: an answer does not fit its interrupt; the run stays paused.
            ValueError: an option or an input that cannot be meant.
        """
        check_options(
            error_handling=error_handling,
            on_missing=on_missing,
            select=select,
            entrypoint=entrypoint,
            max_iterations=max_iterations,
            max_concurrency=max_concurrency,
        )
        if self._unwatched(event_processors, show_progress) and (workflow_id, checkpoint, fork_from, retry_from) == NO_LINEAGE:
            # Nothing but the values is asked for: no id to stop it by, nobody to tell, nowhere to store.
            plain = plain_inputs(values, input_values)
            program = async_program_of(graph, cached=self.cache is not None)
            if program is not None and program.fits(plain):
                return await program.run(plain, keep_going=error_handling == "continue", limit=max_concurrency)
        given = merge_inputs(graph, values, input_values)
        check_capabilities("AsyncRunner", self.capabilities, graph)
        pump = self._pump(event_processors, show_progress)
        session = self._session(pump, stored=self.checkpointer is not None, graph=graph)
        session.max_iterations = max_iterations or DEFAULT_MAX_ITERATIONS
        session.keep_going = error_handling == "continue"
        session.take_over = take_over
        lineage = Lineage(workflow_id, checkpoint, override_workflow, fork_from, retry_from)
        driver = self._driver(max_concurrency)
        with ends_in_order(session.stored, session.signal.request, asyncio.current_task()):
            async with pump:
                ended: Ended = await driver.drive(run_call_flow(self, session, graph, given, lineage))
        return run_result(graph, ended, error_handling=error_handling, on_missing=on_missing)

    async def map(  # type: ignore[override]
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
        max_concurrency: int | None = None,
        error_handling: str = "raise",
        event_processors: Sequence[Any] | None = None,
        workflow_id: str | None = None,
        retry_from: str | None = None,
        only: Sequence[int] | None = None,
        take_over: bool = False,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> MapResult:
        """Execute a graph once per item, concurrently; results keep the order of items.

        Arguments are those of `SyncRunner.map`, and `max_concurrency`: most nodes at once over all items. Without it a fan-out beyond
        10,000 items is refused.

        Raises:
            ValueError: unequal lengths under "zip", an unknown name, too many items without a limit.
        """
        call = MapCall(
            map_over, map_mode, clone, error_handling == "continue", workflow_id, retry_from, only,
            most=MOST_TASKS if max_concurrency is None else None,
        )  # fmt: skip
        check_options(
            error_handling=error_handling,
            on_missing=on_missing,
            select=select,
            entrypoint=entrypoint,
            max_iterations=max_iterations,
            max_concurrency=max_concurrency,
        )
        if self._unwatched(event_processors, show_progress):
            plain = self._plain_batch(graph, values, input_values, call, max_concurrency)
            if plain is not None:
                return await async_map(*plain, graph, keep_going=call.keep_going, workers=max_concurrency or MOST_TASKS)
        session, pump, given = self._map_session(graph, values, input_values, call, event_processors, show_progress)
        session.max_iterations = max_iterations or DEFAULT_MAX_ITERATIONS
        session.take_over = take_over
        driver = self._driver(max_concurrency)
        with ends_in_order(session.stored, session.signal.request, asyncio.current_task()):
            async with pump:
                ended = await driver.drive(map_call_flow(self, session, graph, given, call))
        return map_result(graph, ended, call, on_missing=on_missing)

    async def map_iter(
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
        max_concurrency: int | None = None,
        error_handling: str = "raise",
        event_processors: Sequence[Any] | None = None,
        workflow_id: str | None = None,
        retry_from: str | None = None,
        only: Sequence[int] | None = None,
        take_over: bool = False,
        show_progress: bool | None = None,
        **input_values: Any,
    ) -> AsyncIterator[tuple[int, RunResult]]:
        """Execute a graph once per item and give `(index, result)` as items end, keeping nothing; closing it stops the rest."""
        check_options(
            error_handling=error_handling,
            on_missing=on_missing,
            select=select,
            entrypoint=entrypoint,
            max_iterations=max_iterations,
            max_concurrency=max_concurrency,
        )
        places: dict[int, int] = {}
        call = MapCall(
            map_over, map_mode, clone, error_handling == "continue", workflow_id, retry_from, only,
            sink=lambda index, item: places.__setitem__(id(item), index),
            most=MOST_TASKS if max_concurrency is None else None,
        )  # fmt: skip
        if self._unwatched(event_processors, show_progress):
            plain = self._plain_batch(graph, values, input_values, call, max_concurrency)
            if plain is not None:
                items = async_items(*plain, keep_going=call.keep_going, workers=max_concurrency or MOST_TASKS)
                async with aclosing(items):
                    async for pair in items:
                        yield pair
                return
        session, pump, given = self._map_session(graph, values, input_values, call, event_processors, show_progress)
        session.max_iterations = max_iterations or DEFAULT_MAX_ITERATIONS
        session.take_over = take_over
        driver = self._driver(max_concurrency)
        flow = map_call_flow(self, session, graph, given, call)
        with ends_in_order(session.stored, session.signal.request, asyncio.current_task()):
            async with pump:
                async for item in _items(driver, flow, session):
                    index = places.pop(id(item))
                    yield index, run_result(graph, item, error_handling=error_handling, on_missing=on_missing)

    @asynccontextmanager
    async def iter(self, graph: Graph, values: Mapping[str, Any] | None = None, **options: Any) -> AsyncIterator[EventStream]:
        """Run a graph and read its events as they come: `async with runner.iter(graph, x=1) as events: async for event in events: ...`.

        After the events, `events.result` is what `run()` would have returned. Leaving early cancels the run.
        """
        stream = EventStream()
        listeners = [*(options.pop("event_processors", None) or ()), stream]
        task = asyncio.create_task(self.run(graph, values, event_processors=listeners, **options))
        stream.follow(task)
        try:
            yield stream
        finally:
            await stream.leave()

    async def forecast(
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

        session = self._session(EventPump(None), stored=self.checkpointer is not None, graph=graph)
        lineage = Lineage(workflow_id, checkpoint, override_workflow, fork_from, retry_from)
        return await self._driver(None).drive(forecast_flow(session, graph, dict(values or {}), lineage))

    def _plain_batch(
        self, graph: Graph, values: Mapping[str, Any] | None, keywords: Mapping[str, Any], call: MapCall, limit: int | None
    ) -> tuple[AsyncProgram, Items] | None:
        """Give the program and the items of a batch that needs no conversation."""
        if (call.workflow_id, call.clone, call.only, call.retry_from) != (None, False, None, None):
            return None
        plain, names = plain_inputs(values, keywords), plain_names(call.map_over)
        program = async_program_of(graph, cached=self.cache is not None)
        # A budget is for nodes: where an item has no two of them at once, it is one for items.
        if program is None or (limit is not None and program.wide) or not program.fits(plain) or not can_be_mapped(names, plain):
            return None
        items = items_of(plain, names, call.map_mode)
        refuse_too_many(items, call)
        return program, items

    def _unwatched(self, processors: Sequence[Any] | None, show_progress: bool | None) -> bool:
        shown = self.show_progress if show_progress is None else show_progress
        return self.checkpointer is None and self.sync_nodes == "inline" and not processors and not shown and not is_handed_on()

    def _driver(self, limit: int | None) -> AsyncDriver:
        return AsyncDriver(self.checkpointer, limit, threads=self.sync_nodes == "thread", once=self._once)

    def _pump(self, processors: Sequence[Any] | None, show_progress: bool | None) -> EventPump:
        return EventPump(dispatcher_of(processors, self.show_progress if show_progress is None else show_progress))

    def _session(self, pump: EventPump, *, stored: bool, graph: Graph) -> Session:
        if stored:
            self.checkpointer.trust(annotated_types(graph))
        return Session(
            "AsyncRunner",
            emit=pump.emit,
            cache=self.cache,
            stored=stored,
            actor=this_user() if stored else None,
            durable=stored and is_durable(self.checkpointer),
            signal=take_signal(),
            sequential=False,
        )

    def _map_session(
        self,
        graph: Graph,
        values: Mapping[str, Any] | None,
        input_values: Mapping[str, Any],
        call: MapCall,
        event_processors: Sequence[Any] | None,
        show_progress: bool | None,
    ) -> tuple[Session, EventPump, dict[str, Any]]:
        given = merge_inputs(graph, values, input_values)
        check_capabilities("AsyncRunner", self.capabilities, graph)
        stored = self.checkpointer is not None and (call.workflow_id is not None or call.retry_from is not None)
        pump = self._pump(event_processors, show_progress)
        session = self._session(pump, stored=stored, graph=graph)
        session.keep_going = call.keep_going
        return session, pump, given


async def _items(driver: AsyncDriver, flow: Flow, session: Session) -> AsyncIterator[Any]:
    """Carry a batch's flow, giving its items as they end; closed early, the batch ends as stopped."""
    pending: Any = None
    try:
        request = flow.send(None)
        while True:
            try:
                if type(request) is Together:
                    pending = None
                    async for item in driver.stream(request):
                        yield item
                else:
                    pending = await driver.drive(_one(request))
            except GeneratorExit:
                session.signal.request()
                await driver.drive(_rest(flow))
                raise
            except BaseException as error:
                request = flow.throw(error)
            else:
                request = flow.send(pending)
    except StopIteration:
        return


def _one(request: Any) -> Flow:
    return (yield request)


def _rest(flow: Flow) -> Flow:
    try:
        request = flow.send(None)
        while True:
            request = flow.send((yield request))
    except StopIteration as stop:
        return stop.value
