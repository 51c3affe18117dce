"""SIGTERM and Ctrl-C while a stored run goes on: what has finished is stored and the workflow given up, then the signal has its way.

By default the system ends a process at once on SIGTERM: steps that wait to be written (up to 50 ms under durability "async", all of them
under "exit") are lost, and the run reads as interrupted only because its owner is gone. And on Ctrl-C Python raises KeyboardInterrupt
wherever it happens to be, which may be between the end of a node and its way into the store. So while a stored run is active in the main
thread, and only where the signal would do just that, it stops the run, and interrupts at once nothing but the function of a node. Then
SIGTERM gets its default back and is sent again, so that whoever waits for the process sees that the signal ended it, and Ctrl-C raises
KeyboardInterrupt out of the run. A handler of the user's own always stays, whether it was there before or comes meanwhile (as that of
`asyncio.run` for Ctrl-C, which cancels the run); other threads have no say in signals and are left alone. A second signal does not wait.
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
    """The runs of the main thread that want an orderly end on one signal. There is one per process, as there is one handler per process.

    Args:
        number: the signal.
        usual: the handler that this one stands in for.
    """

    def __init__(self, number: signal.Signals, usual: Any) -> None:
        self.number = number
        self.usual = usual
        self.runs: list[_Entry] = []
        self.came = False
        self.owed = False
        self.pid = 0

    def enter(self, entry: _Entry) -> bool:
        """Take part; False where the signal is not ours to handle."""
        if self.pid != os.getpid():
            # A forked child has its parent's entries, and none of its runs.
            self.runs, self.came, self.owed, self.pid = [], False, False, os.getpid()
        present = signal.getsignal(self.number)
        if present != self.handle:
            if present is not self.usual:
                return False
            signal.signal(self.number, self.handle)
        self.runs.append(entry)
        return True

    def leave(self, entry: _Entry) -> None:
        """Take no part any more; the last one to leave puts the usual handler back, and lets the signal have its way if it came."""
        if self.pid != os.getpid():
            return
        self.runs.remove(entry)
        if self.runs:
            return
        owed, self.came, self.owed = self.owed, False, False
        if signal.getsignal(self.number) == self.handle:
            signal.signal(self.number, self.usual)
            if owed:
                signal.raise_signal(self.number)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """End what runs: awaited runs by cancelling their tasks, blocking ones by a stop, and by an exception where a node holds them."""
        tasks = [entry.task for entry in self.runs if entry.task is not None and not entry.task.done()]
        blocking = [entry for entry in self.runs if entry.task is None]
        if self.came or self.pid != os.getpid() or not (tasks or blocking):
            signal.signal(self.number, self.usual)
            signal.raise_signal(self.number)
            return
        self.came = self.owed = True
        for task in tasks:
            task.cancel()
            # A loop that sleeps does not look by itself.
            task.get_loop().call_soon_threadsafe(_nothing)
        for entry in blocking:
            entry.stop()
        # Anywhere else in a run something that has finished may be on its way to the store.
        if blocking and blocking[-1] is self.runs[-1] and _in_a_node(frame):
            if self.number == signal.SIGINT:
                # Raised here, it is not owed any more.
                self.owed = False
                raise KeyboardInterrupt
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
            # Nodes are called from these floors; what the store calls belongs to the store, a store of the user's own as well.
            called = module.startswith(("hypergraph.runners.", "hypergraph.engine."))
            return inside and called and frame.f_code.co_name != "ask"
        inside, frame = True, frame.f_back
    return False


_WATCHES = (_Watch(signal.SIGTERM, signal.SIG_DFL), _Watch(signal.SIGINT, signal.default_int_handler))


@contextmanager
def ends_in_order(stored: bool, stop: Callable[[], object], task: asyncio.Task[Any] | None = None) -> Iterator[None]:
    """Let a run that is stored end in order on SIGTERM and Ctrl-C.

    Args:
        stored: whether there is anything to keep; nothing happens without.
        stop: asks the run to stop.
        task: the task that awaits the run; None for a run that blocks its thread.
    """
    if not stored or threading.current_thread() is not threading.main_thread():
        yield
        return
    entry = _Entry(stop, task)
    watches = [watch for watch in _WATCHES if watch.enter(entry)]
    try:
        yield
    finally:
        for watch in reversed(watches):
            watch.leave(entry)


def _nothing() -> None:
    return
