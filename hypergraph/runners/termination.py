"""SIGTERM while a stored run goes on: what has finished is stored and the workflow given up, then the process ends by the signal.

By default the system ends a process at once on SIGTERM: steps that wait to be written (up to 50 ms under durability "async", all of them
under "exit") are lost, and the run reads as interrupted only because its owner is gone. So while a stored run is active in the main
thread, and only where SIGTERM would end the process anyway, it is turned into what Ctrl-C is to a run; then the default is put back and
the signal sent again, so that whoever waits for the process sees that the signal ended it. A handler of the user's own always stays,
whether it was there before or comes meanwhile; other threads have no say in signals and are left alone. A second SIGTERM ends at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

__all__ = ["ends_in_order"]


class Terminated(BaseException):
    """Thrown by SIGTERM into the function of a node on the main thread; at the end of the outermost run the process ends."""


class _Watch:
    """The runs of the main thread that want an orderly end. There is one per process, as there is one handler per process."""

    def __init__(self) -> None:
        self.runs: list[_Entry] = []
        self.came = False
        self.pid = 0

    def enter(self, entry: _Entry) -> bool:
        """Take part; False where the signal is not ours to handle."""
        if self.pid != os.getpid():
            # A forked child has its parent's entries, and none of its runs.
            self.runs, self.came, self.pid = [], False, os.getpid()
        present = signal.getsignal(signal.SIGTERM)
        if present != self.handle:
            if present is not signal.SIG_DFL:
                return False
            signal.signal(signal.SIGTERM, self.handle)
        self.runs.append(entry)
        return True

    def leave(self, entry: _Entry) -> None:
        """Take no part any more; the last one to leave puts the default back, and lets the process end if the signal came."""
        if self.pid != os.getpid():
            return
        self.runs.remove(entry)
        if self.runs:
            return
        came, self.came = self.came, False
        if signal.getsignal(signal.SIGTERM) == self.handle:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if came:
                os.kill(os.getpid(), signal.SIGTERM)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """End what runs: awaited runs by cancelling their tasks, blocking ones by a stop, and by an exception where a node holds them."""
        tasks = [entry.task for entry in self.runs if entry.task is not None and not entry.task.done()]
        blocking = [entry for entry in self.runs if entry.task is None]
        if self.came or self.pid != os.getpid() or not (tasks or blocking):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self.came = True
        for task in tasks:
            task.cancel()
            # A loop that sleeps does not look by itself.
            task.get_loop().call_soon_threadsafe(_nothing)
        for entry in blocking:
            entry.stop()
        # Anywhere else in a run something that has finished may be on its way to the store.
        if blocking and blocking[-1] is self.runs[-1] and _in_a_node(frame):
            raise Terminated


class _Entry:
    """A run that takes part: how it is asked to stop, and its task, or None where it blocks the thread."""

    __slots__ = ("stop", "task")

    def __init__(self, stop: Callable[[], object], task: asyncio.Task[Any] | None) -> None:
        self.stop = stop
        self.task = task


def _in_a_node(frame: FrameType | None) -> bool:
    """Tell whether it is the function of a node that runs (or what it calls), and not the engine or the store."""
    inside = False
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("hypergraph."):
            # Nodes are called from these floors; what the store calls belongs to the store.
            return inside and module.startswith(("hypergraph.runners.", "hypergraph.engine."))
        inside, frame = True, frame.f_back
    return False


_watch = _Watch()


@contextmanager
def ends_in_order(stored: bool, stop: Callable[[], object], task: asyncio.Task[Any] | None = None) -> Iterator[None]:
    """Let a run that is stored end in order on SIGTERM.

    Args:
        stored: whether there is anything to keep; nothing happens without.
        stop: asks the run to stop.
        task: the task that awaits the run; None for a run that blocks its thread.
    """
    if not stored or threading.current_thread() is not threading.main_thread():
        yield
        return
    entry = _Entry(stop, task)
    if not _watch.enter(entry):
        yield
        return
    try:
        yield
    finally:
        _watch.leave(entry)


def _nothing() -> None:
    return
