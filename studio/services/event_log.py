"""Writing a run's event log: one JSON line a fact, appended by the one worker that serves the claim."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

__all__ = ["EventLog"]

_EVERY: Final = 0.03
_AT_ONCE: Final = 0.004
_HEAD_BYTES: Final = 8 << 20
_TAIL_BYTES: Final = 2 << 20
_TAIL_EVERY: Final = 1.0
_FULL_BYTES: Final = 64 << 20

_BETWEEN: Final = '},{"k":'
_BROKEN: Final = '}\n{"k":'

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=repr).encode


class EventLog:
    """The log of one claim. Lines may come from any thread; their order is that in which they came.

    What begins is written at once, for a node may end its process; the rest follows within 30 ms. Of what nodes print, the first 8 MB and
    the last 2 MB are kept; the latter stand in a file of their own until the end, written every second.

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
        self._beside = path.with_suffix(".tail")
        self._tail: deque[dict[str, Any]] = deque()
        self._tail_bytes = 0
        self._tail_written = 0.0
        self._tail_fresh = False
        self._gap: dict[str, Any] | None = None
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
            self._sign(line)
            self._queue.append(line)
        if at_once or soon:
            # The beginning of a node is on the disk before the node can end its process. In batches several share one write.
            if at_once or time.monotonic() - self._written > _AT_ONCE:
                self.flush()
            else:
                self._wake.set()

    def _sign(self, line: dict[str, Any]) -> None:
        line["c"] = self._claim
        line["n"] = self._number
        self._number += 1
        if "t" not in line:
            line["t"] = time.time()

    def put_printed(self, line: dict[str, Any]) -> None:
        """Append a line that a node printed or streamed, as long as there is room for it."""
        size = len(line["text"]) + 80
        with self._lock:
            if self._printed > _HEAD_BYTES:
                self._keep_last(line, size)
                return
            self._printed += size
        self.put(line)

    def _keep_last(self, line: dict[str, Any], size: int) -> None:
        if self._gap is None:
            # Its number stands before all that follows.
            self._gap = {"k": "log", "r": "", "stream": "stderr", "text": ""}
            self._sign(self._gap)
        self._sign(line)
        self._tail.append(line)
        self._tail_bytes += size
        self._tail_fresh = True
        while self._tail_bytes > _TAIL_BYTES and len(self._tail) > 1:
            self._tail_bytes -= len(self._tail.popleft()["text"]) + 80
            self._left_out += 1

    def _last_lines(self) -> list[dict[str, Any]]:
        with self._lock:
            if self._gap is None:
                return []
            gap = [{**self._gap, "text": f"… {self._left_out} lines left out …"}] if self._left_out else []
            return [*gap, *self._tail]

    def _write_beside(self) -> None:
        """Write the last lines where they are found while the run goes on, and after a kill."""
        if not self._tail_fresh or time.monotonic() - self._tail_written < _TAIL_EVERY:
            return
        self._tail_fresh, self._tail_written = False, time.monotonic()
        fresh = self._beside.with_suffix(".tail.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_encoded(self._last_lines()))
        fresh.replace(self._beside)

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            self._written = time.monotonic()
            with self._lock:
                lines, self._queue = self._queue, deque()
            if not lines:
                return
            data = _encoded(lines)
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
                self._write_beside()

    def settle(self) -> None:
        """Put the last printed lines where the others are; the log's own last line comes after them."""
        lines = self._last_lines()
        with self._lock:
            # Numbered already: they are written as they stand.
            self._queue.extend(lines)
            self._tail.clear()
            self._gap = None
            self._tail_fresh = False

    def close(self) -> None:
        """Write everything, the last printed lines too, and let go of the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._wake.set()
        self._thread.join(1.0)
        self.settle()
        with contextlib.suppress(OSError):
            self.flush()
            os.close(self._file)
            self._beside.unlink(missing_ok=True)


def _encoded(lines: Iterable[dict[str, Any]]) -> bytes:
    """Give lines as they are written: all in one go, which costs a quarter less than one after the other."""
    lines = list(lines)
    text = _encode(lines)[1:-1]
    # Each line begins so, and no text in one can have it: its quotes are escaped.
    if text.count(_BETWEEN) == len(lines) - 1:
        text = text.replace(_BETWEEN, _BROKEN)
    else:
        text = "\n".join(map(_encode, lines))
    return f"{text}\n".encode("ascii", "replace")
