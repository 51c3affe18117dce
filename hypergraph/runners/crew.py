"""Tasks that end together: the last one wakes who waits, so that nobody waits for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

__all__ = ["Crew", "dismiss", "streamed"]


class Crew:
    """Some workers. Each calls `leave()` at its end, `enough()` when the others need not go on, or `escape()` with what broke it."""

    __slots__ = ("_done", "_escaped", "_left")

    def __init__(self) -> None:
        self._escaped: BaseException | None = None
        self._left = 0

    async def work(self, workers: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Run the workers as tasks until the last one has left; whoever is at work when it ends otherwise tidies up first."""
        if not workers:
            return
        loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = loop.create_future()
        self._left = len(workers)
        tasks = [loop.create_task(worker) for worker in workers]
        try:
            await self._done
        finally:
            if self._left:
                await dismiss(tasks)
        if self._escaped is not None:
            raise self._escaped

    def leave(self) -> None:
        """Say that this worker has nothing more to do."""
        self._left -= 1
        if not self._left:
            self.enough()

    def enough(self) -> None:
        """Say that nobody needs to go on."""
        if not self._done.done():
            self._done.set_result(None)

    def escape(self, error: BaseException) -> None:
        """Say what broke a worker; it counts only while the others are still wanted."""
        if not self._done.done():
            self._escaped = error
            self._done.set_result(None)


async def dismiss(workers: list[asyncio.Task[None]]) -> None:
    """Cancel those that still work, and wait until all of them have tidied up, however often one is cancelled oneself."""
    working = [worker for worker in workers if not worker.done()]
    for worker in working:
        worker.cancel()
    late: BaseException | None = None
    while working:
        try:
            await asyncio.wait(working)
        except asyncio.CancelledError as error:
            late = error
        working = [worker for worker in working if not worker.done()]
    if late is not None:
        raise late


async def streamed(fill: Callable[[Callable[[Any], Awaitable[None]]], Awaitable[Any]], size: int) -> AsyncGenerator[Any, None]:
    """Give what `fill` puts as it comes; `fill` waits while `size` of it have not been read. Closing it cancels `fill`."""
    queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=size)
    nothing = object()

    async def feed() -> None:
        try:
            await fill(queue.put)
        finally:
            # Whoever reads from a full queue is not asleep, and sees for himself that this is over.
            if not queue.full():
                queue.put_nowait(nothing)

    feeding = asyncio.create_task(feed())
    try:
        while not (feeding.done() and queue.empty()):
            found = await queue.get()
            if found is nothing:
                break
            yield found
        await feeding
    finally:
        await dismiss([feeding])
