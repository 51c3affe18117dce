"""Writing a run's event log: one JSON line a fact, appended by the one worker that serves the claim."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

__all__ = ["EventLog"]

_EVERY: Final = 0.03
_AT_ONCE: Final = 0.004
_HEAD_BYTES: Final = 8 << 20
_TAIL_LINES: Final = 4_000
_FULL_BYTES: Final = 64 << 20

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=repr).encode


class EventLog:
    """The log of one claim. Lines may come from any thread; their order is that in which they came.

    What begins is written at once, for a node may end its process; the rest follows within 30 ms. Of what nodes print, the first 8 MB and
    the last lines are kept.

    Args:
        path: the file; lines are appended.
        claim: the claim's number, which each line carries.
    """

    def __init__(self, path: Path, claim: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._claim = claim
        self._number = 0
        self._queue: deque[dict[str, Any]] = deque()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._written = 0.0
        self._printed = 0
        self._bytes = 0
        self._tail: deque[dict[str, Any]] = deque(maxlen=_TAIL_LINES)
        self._left_out = 0
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="studio-event-log", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """True when values are no longer shown, because the log is large already."""
        return self._bytes > _FULL_BYTES

    def put(self, line: dict[str, Any], *, at_once: bool = False, soon: bool = False) -> None:
        """Append a line; it gets the claim, a number and, where it has none, the time."""
        with self._lock:
            line["c"] = self._claim
            line["n"] = self._number
            self._number += 1
            if "t" not in line:
                line["t"] = time.time()
            self._queue.append(line)
        if at_once or soon:
            # The beginning of a node is on the disk before the node can end its process. In batches several share one write.
            if at_once or time.monotonic() - self._written > _AT_ONCE:
                self.flush()
            else:
                self._wake.set()

    def put_printed(self, line: dict[str, Any]) -> None:
        """Append a line that a node printed or streamed, as long as there is room for it."""
        with self._lock:
            if self._printed > _HEAD_BYTES:
                if len(self._tail) == _TAIL_LINES:
                    self._left_out += 1
                line["t"] = time.time()
                self._tail.append(line)
                return
            self._printed += len(line["text"]) + 80
        self.put(line)

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            self._written = time.monotonic()
            with self._lock:
                lines, self._queue = self._queue, deque()
            if not lines:
                return
            data = ("\n".join(map(_encode, lines)) + "\n").encode("ascii", "replace")
            self._bytes += len(data)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]

    def _go_on(self) -> None:
        while not self._closed.is_set():
            if self._wake.wait(_EVERY):
                self._wake.clear()
                # Several beginnings within a few milliseconds share one write.
                time.sleep(_AT_ONCE)
            with contextlib.suppress(OSError):
                self.flush()

    def close(self) -> None:
        """Write everything, the last printed lines too, and let go of the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._wake.set()
        self._thread.join(1.0)
        with self._lock:
            tail, self._tail = self._tail, deque(maxlen=_TAIL_LINES)
        if self._left_out:
            self.put({"k": "log", "r": "", "stream": "stderr", "text": f"… {self._left_out} lines left out …"})
        for line in tail:
            self.put(line)
        with contextlib.suppress(OSError):
            self.flush()
            os.close(self._file)
