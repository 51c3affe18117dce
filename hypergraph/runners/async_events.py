"""Events on the event loop: a pump that awaits asynchronous processors in order, and a stream to read events from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from hypergraph.events import EventDispatcher
    from hypergraph.results import RunResult

__all__ = ["EventPump", "EventStream"]


class EventPump:
    """Passes a call's events on. Where a processor is asynchronous, one task awaits them in the order in which they came.

    Attributes:
        emit: takes an event, from any thread; None when nobody listens.
    """

    def __init__(self, dispatcher: EventDispatcher | None) -> None:
        self._dispatcher = dispatcher
        self._queue: asyncio.Queue[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self.emit: Callable[[Any], None] | None = None
        if dispatcher is None:
            return
        if not dispatcher.has_async:
            self.emit = dispatcher.teller()
            return
        queue: asyncio.Queue[Any] = asyncio.Queue()
        loop, home = asyncio.get_running_loop(), threading.get_ident()

        def put(event: Any) -> None:
            if threading.get_ident() == home:
                queue.put_nowait(event)
            else:
                loop.call_soon_threadsafe(queue.put_nowait, event)

        self._queue = queue
        self.emit = put

    async def __aenter__(self) -> Self:
        if self._queue is not None:
            self._task = asyncio.create_task(self._pump(self._queue))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._dispatcher is None:
            return
        if self._queue is not None and self._task is not None:
            self._queue.put_nowait(None)
            await asyncio.shield(self._task)
        await self._dispatcher.shutdown_async()

    async def _pump(self, queue: asyncio.Queue[Any]) -> None:
        assert self._dispatcher is not None
        while (event := await queue.get()) is not None:
            await self._dispatcher.emit_async(event)


class EventStream:
    """The events of one run, to be read with `async for`; afterwards `result` is the run's result."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._task: asyncio.Task[RunResult] | None = None

    def follow(self, task: asyncio.Task[RunResult]) -> None:
        """Read until this task ends."""
        self._task = task
        task.add_done_callback(lambda _: self._events.put_nowait(None))

    def on_event(self, event: Any) -> None:
        """Take in an event."""
        self._events.put_nowait(event)

    def shutdown(self) -> None:
        """Nothing is held that would have to be let go."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (event := await self._events.get()) is not None:
            yield event
        # Whoever reads once more finds the end again.
        self._events.put_nowait(None)
        assert self._task is not None
        await self._task

    @property
    def result(self) -> RunResult:
        """The run's result.

        Raises:
            RuntimeError: the run has not ended yet, or was left before its end.
        """
        if self._task is None or not self._task.done():
            raise RuntimeError("The run has not ended yet; read its events to the end first.")
        if self._task.cancelled():
            raise RuntimeError("The run was left before its end and was cancelled, so it has no result; read its events to the end.")
        return self._task.result()

    async def leave(self) -> None:
        """End the run if it still goes on."""
        task = self._task
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task])
