"""Event logs: NDJSON, format 1. One worker writes one; anyone reads, by byte offset, also while it grows.

The first line is the claim: {"k": "claim", "format": 1, "run", "c", "n": 0, "t", "pid", "start", "host", ...}. `studio.model.facts`
says what the other lines hold. Each line has its number `n`; a line without an end is not there yet.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["FORMAT", "LogReader", "LogWriter", "read_claim"]

FORMAT: Final = 1
_EVERY: Final = 0.03
_SOON: Final = 0.003
_CHUNK: Final = 4 << 20
_MOST_BYTES: Final = 2 << 30

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class LogWriter:
    """Appends lines. What is urgent is written at once, the rest every 30 ms by a thread; safe to call from any thread.

    Args:
        path: the file, which exists.
        claim: its number, which stands in every line.
    """

    def __init__(self, path: Path, claim: int) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._claim = claim
        self._pid = os.getpid()
        self._number = 0
        self._size = 0
        self._waiting: list[str] = []
        self._written = 0.0
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._thread.start()

    def put(self, line: dict[str, Any], *, urgent: bool = False) -> None:
        """Append one line; `c` and `n` are filled in. Text that is not valid Unicode is written with replacements."""
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                # In a forked child nothing here is ours.
                return
            line["c"] = self._claim
            line["n"] = self._number
            self._number += 1
            self._waiting.append(_encode(line))
            if urgent:
                now = time.monotonic()
                if now - self._written > _SOON:
                    self._flush(now)
                    return
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._flush(time.monotonic())

    def _flush(self, now: float) -> None:
        self._written = now
        if not self._waiting:
            return
        data = ("\n".join(self._waiting) + "\n").encode("utf-8", "replace")
        self._waiting.clear()
        if self._size > _MOST_BYTES:
            # A log that no disk could hold is no help to anyone; the store has what counts.
            return
        self._size += len(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            # A full disk costs the log, not the run. A half line is ended, so that what follows can be read.
            self._waiting.insert(0, "")

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            time.sleep(_EVERY)
            self.flush()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            if self._closed:
                return
            self._flush(time.monotonic())
            self._closed = True
            os.close(self._descriptor)
        self._wake.set()


class LogReader:
    """Reads what is new in an event log since the last time.

    Args:
        path: the file.
        offset: where to begin.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset

    def read(self, most: int = _CHUNK) -> list[dict[str, Any]]:
        """Give the new lines, about `most` bytes of them; lines that are no JSON objects are left out."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size <= self.offset:
                    return []
                file.seek(self.offset)
                data = file.read(most)
                end = data.rfind(b"\n") + 1
                while not end and len(data) == most:
                    # One line longer than a chunk.
                    most *= 2
                    file.seek(self.offset)
                    data = file.read(most)
                    end = data.rfind(b"\n") + 1
        except FileNotFoundError:
            return []
        self.offset += end
        return list(_parsed(data[:end]))


def _parsed(data: bytes) -> Iterator[dict[str, Any]]:
    loads: Callable[[str], Any] = json.loads
    for raw in data.decode("utf-8", "replace").split("\n"):
        if not raw:
            continue
        try:
            line = loads(raw)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("k"), str) and isinstance(line.get("n"), int) and isinstance(line.get("c"), int):
            yield line


def read_claim(path: Path) -> dict[str, Any] | None:
    """Give the first line of an event log, None when it is not there yet or of another format."""
    try:
        with path.open("rb") as file:
            head = file.readline(1 << 20)
    except OSError:
        return None
    if not head.endswith(b"\n"):
        return None
    first = next(_parsed(head), None)
    return first if first is not None and first["k"] == "claim" and first.get("format") == FORMAT else None
