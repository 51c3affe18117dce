"""The asynchronous driver: an await for a call, tasks for what runs together, an awaited write for the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from hypergraph.engine.requests import Ask, Call, Flow, Outcome, Together
from hypergraph.engine.stretches import Stretch
from hypergraph.runners.crew import dismiss, streamed
from hypergraph.runners.stretching import run_async_stretch
from hypergraph.runners.sync_driver import call_node

__all__ = ["MOST_TASKS", "AsyncDriver"]

Running: TypeAlias = "dict[tuple[int, str], asyncio.Future[Outcome]]"
"""Cached calls that are being made: loop and cache key -> what they will come to."""

MOST_TASKS = 10_000
"""No more tasks than this are made for one request, whatever it holds."""


class AsyncDriver:
    """Performs what flows ask for on the running event loop.

    The budget is taken around calls only: a parent that waits for its child holds nothing that the child needs. Tasks are made
    where two or more flows run together; a chain is awaited inline.

    Args:
        store: the checkpointer's async face, or None.
        limit: most calls at once, over the whole tree; None for no limit.
        threads: run synchronous functions in threads.
        once: cached calls that are being made, over all runs of one runner.
    """

    __slots__ = ("_budget", "_limit", "_once", "_store", "_threads")

    def __init__(self, store: Any, limit: int | None, *, threads: bool = False, once: Running | None = None) -> None:
        self._store = store
        self._limit = limit
        self._budget = asyncio.Semaphore(limit) if limit is not None else None
        self._threads = threads
        self._once: Running = once if once is not None else {}

    async def drive(self, flow: Flow) -> Any:
        """Carry a flow to its end and give what it returns.

        A cancellation that arrives while the store is writing waits for the write, so that what finished is never half kept.
        """
        cancelled: BaseException | None = None
        try:
            request = flow.send(None)
            while True:
                try:
                    if type(request) is Ask:
                        answer, late = await self._ask(request)
                        cancelled = cancelled or late
                    elif cancelled is not None:
                        error, cancelled = cancelled, None
                        raise error
                    elif type(request) is Call:
                        simple = self._budget is None and request.once is None
                        answer = await (self._perform(request) if simple else self._call(request))
                    elif type(request) is Stretch:
                        answer = await self._stretch(request)
                    else:
                        assert isinstance(request, Together)
                        answer = None
                        await self._together(request)
                except BaseException as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as stop:
            if cancelled is not None:
                raise cancelled from None
            return stop.value

    async def _stretch(self, stretch: Stretch) -> Any:
        open_trail = None if self._threads else getattr(self._store, "open_trail", None)
        trail = open_trail(stretch.run.stored_id, stretch.code.steps, stretch.run.session.wall(0.0)) if open_trail is not None else None
        if trail is None:
            return NotImplemented
        stretch.trail = trail
        return await run_async_stretch(stretch, trail, self._store.flush, self._budget)

    async def _call(self, call: Call) -> Outcome:
        if call.once is not None:
            return await self._shared(call)
        return await self._perform(call) if call.free else await self._budgeted(call)

    async def _budgeted(self, call: Call) -> Outcome:
        if self._budget is None:
            return await self._perform(call)
        async with self._budget:
            return await self._perform(call)

    async def _perform(self, call: Call) -> Outcome:
        func, args, kwargs = call.func, call.args, call.kwargs or {}
        try:
            if not call.awaits:
                if self._threads:
                    return await asyncio.to_thread(call_node, call)
                return call_node(call)
            if call.drains:
                return Outcome([piece async for piece in func(*args, **kwargs)])
            return Outcome(await func(*args, **kwargs))
        except Exception as error:
            return Outcome(None, error)

    async def _shared(self, call: Call) -> Outcome:
        """Let concurrent calls with one cache key run once."""
        assert call.once is not None
        # A future belongs to the loop that it was made on.
        key = (id(asyncio.get_running_loop()), call.once)
        running = self._once.get(key)
        if running is not None:
            outcome = await asyncio.shield(running)
            if outcome.error is None:
                return Outcome(outcome.value, shared=True)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._once[key] = future
        try:
            outcome = await self._budgeted(call)
        except BaseException as error:
            future.set_result(Outcome(None, error))
            raise
        finally:
            if self._once.get(key) is future:
                del self._once[key]
        future.set_result(outcome)
        return outcome

    async def _ask(self, request: Ask) -> tuple[Any, BaseException | None]:
        """Put one question to the store; returns (answer, cancellation that came meanwhile)."""
        if request.operation == "save_step":
            offer = getattr(self._store, "offer_step", None)
            if offer is not None:
                # A store that writes behind the run takes a step at once: no task, no turn of the loop.
                waits = offer(*request.args)
                return (None, None) if waits is None else await self._unbroken(waits)
        return await self._unbroken(getattr(self._store, request.operation)(*request.args, **request.kwargs))

    async def _unbroken(self, operation: Any) -> tuple[Any, BaseException | None]:
        task = asyncio.ensure_future(operation)
        late: BaseException | None = None
        while True:
            try:
                return await asyncio.shield(task), late
            except asyncio.CancelledError as error:
                if task.cancelled():
                    raise
                late = error
                if task.done():
                    return task.result(), late

    async def _together(self, request: Together, each: Callable[[Any], Awaitable[None]] | None = None) -> None:
        """Run flows together: a fixed set of workers pulls them, one after the other, from one iterator."""
        flows = request.flows
        if isinstance(flows, list) and len(flows) == 1 and each is None:
            await self.drive(flows[0])
            return
        await _Crew(self, request, each).run(min(MOST_TASKS, self._limit or MOST_TASKS))

    def stream(self, request: Together) -> AsyncIterator[Any]:
        """Run flows together and give each result as it ends; no more of them wait than may run at once."""
        return streamed(lambda put: self._together(request, each=put), self._limit or 100)


class _Crew:
    """The workers of one `Together`."""

    __slots__ = ("_driver", "_each", "_enough", "_flows", "_until", "_workers")

    def __init__(self, driver: AsyncDriver, request: Together, each: Callable[[Any], Awaitable[None]] | None) -> None:
        self._driver = driver
        self._until = request.until
        self._each = each
        self._flows = iter(request.flows)
        self._enough = False
        self._workers: list[asyncio.Task[None]] = []

    async def run(self, most: int) -> None:
        for first in self._flows:
            self._workers.append(asyncio.create_task(self._work(first)))
            if len(self._workers) >= most:
                break
        workers = self._workers
        if not workers:
            return
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            # On an error, a cancellation, or when enough has been seen: whoever still works tidies up first.
            await dismiss(workers)
        for worker in done:
            if worker.cancelled():
                if not self._enough:
                    # Nobody here did it: a node raised it, and its flow has no result.
                    raise asyncio.CancelledError
            elif (error := worker.exception()) is not None:
                raise error

    async def _work(self, flow: Flow | None) -> None:
        while flow is not None and not self._enough:
            result = await self._driver.drive(flow)
            if self._each is not None:
                await self._each(result)
            if self._until is not None and self._until(result):
                self._enough = True
                for worker in self._workers:
                    if worker is not asyncio.current_task():
                        worker.cancel()
                return
            flow = next(self._flows, None)
