"""Tasks that end together: the last one wakes who waits, so that nobody waits for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from hypergraph.runners.async_driver import dismiss

__all__ = ["Crew"]


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
