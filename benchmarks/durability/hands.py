"""The harness's side of a server: start a child, listen to it, strike it, and learn how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

__all__ = ["Child", "Hand", "Hands"]

ROOT = Path(__file__).parents[2]
# Nothing here takes a second; what takes this long is stuck.
PATIENCE = 60.0
T = TypeVar("T")


class Stuck(Exception):  # noqa: N818  # it is a finding
    """A child did not end."""


class Child:
    """A child of a server, from its start to its end.

    Attributes:
        pid: its process id, which stays its own until the hand is used again.
        status: how it ended: 0, or minus the signal.
        answer: what it said at its end; {} when it said nothing.
        said: what it said before.
        killed_at: when it was killed, by the machine's clock.
        starved: seconds that its threads had been ready to run by then, and had not been let.
    """

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self.started = time.monotonic()
        self.pid = int(hand.line(PATIENCE).removeprefix("pid "))
        self.status: int | None = None
        self.answer: dict[str, Any] = {}
        self.said: list[str] = []
        self.killed_at = 0.0
        self.starved = 0.0

    def signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        if self.status is None:
            os.kill(self.pid, number)

    def listen(self, seconds: float) -> bool:
        """Take the next thing that it says; False when it says nothing for so long."""
        try:
            line = self._hand.line(seconds)
        except TimeoutError:
            return False
        if line.startswith("end "):
            self.status = int(line[4:])
        elif line.startswith("="):
            self.answer = json.loads(line[1:])
        else:
            self.said.append(line)
        return True

    def hear(self, number: int) -> bool:
        """Wait until it has said so many things; False when it ended before."""
        while len(self.said) < number and self.status is None:
            if not self.listen(PATIENCE):
                raise Stuck
        return len(self.said) >= number

    def kill_after(self, seconds: float) -> bool:
        """Kill it at a moment, counted from now; False when it ended before."""
        until = time.monotonic() + seconds
        while self.status is None and (left := until - time.monotonic()) > 0:
            self.listen(left)
        if self.status is not None:
            return False
        self.starved = _starved(self.pid)
        self.killed_at = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        self.end()
        return self.status == -signal.SIGKILL

    def end(self, patience: float = PATIENCE) -> dict[str, Any]:
        """Wait for its end and give what it said of it.

        Raises:
            Stuck: it does not end; it was killed.
        """
        until = time.monotonic() + patience
        while self.status is None:
            if not self.listen(max(until - time.monotonic(), 0)) and time.monotonic() > until:
                os.kill(self.pid, signal.SIGCONT)
                os.kill(self.pid, signal.SIGKILL)
                while self.status is None:
                    self.listen(PATIENCE)
                raise Stuck
        return self.answer


def _starved(pid: int) -> float:
    """Tell how long a process waited for a processor."""
    waited = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        # It may end meanwhile.
        with contextlib.suppress(OSError, IndexError):
            waited += int(thread.read_text(encoding="ascii").split()[1])
    return waited / 1e9


class Hand:
    """A server, which has one child at a time."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.durability.server"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._rest = b""
        self._child: Child | None = None

    def start(self, **order: Any) -> Child:
        """Start a child; the one before it has ended."""
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(order, default=str).encode() + b"\n")
        self._child = Child(self)
        return self._child

    def line(self, seconds: float) -> str:
        """Read a line.

        Raises:
            TimeoutError: there was none for so long.
        """
        assert self._server.stdout is not None
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._server.stdout], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            data = os.read(self._server.stdout.fileno(), 65536)
            if not data:
                raise RuntimeError("a server of the harness ended")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """End the server, and its child if that still lives."""
        assert self._server.stdin is not None
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._server.stdin.close()
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()


class Hands:
    """Some servers, and threads that work with them side by side.

    Args:
        number: how many children live at once.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._free: queue.SimpleQueue[Hand] = queue.SimpleQueue()
        self._all = [Hand() for _ in range(number)]
        self._taking = threading.Lock()
        for one in self._all:
            self._free.put(one)

    @contextmanager
    def some(self, number: int = 1) -> Iterator[list[Hand]]:
        """Have some servers to oneself."""
        # One taker at a time: two who wait for what the other holds would wait for ever.
        with self._taking:
            hands = [self._free.get() for _ in range(number)]
        try:
            yield hands
        finally:
            for one in hands:
                self._free.put(one)

    def side_by_side(self, rounds: Iterator[Callable[[], T]] | list[Callable[[], T]]) -> Iterator[T]:
        """Do rounds, as many at once as there are servers; give their results as they were ordered."""
        with ThreadPoolExecutor(self.number) as pool:
            yield from pool.map(lambda one: one(), rounds)

    def close(self) -> None:
        """End all servers."""
        for one in self._all:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
