"""In a worker: what nodes print and log becomes lines of the event log that say which node wrote them."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

__all__ = ["Output", "Place", "now_in"]

_LONGEST: Final = 4_000
_HELD: Final = 64 << 10


class Place(NamedTuple):
    """The node that the present code belongs to: its run, its path, its superstep, and the batches around it."""

    run: str
    path: str
    superstep: int
    items: tuple[Any, ...] = ()


_place: ContextVar[Place | None] = ContextVar("studio_place", default=None)


def now_in(place: Place | None) -> None:
    """Say which node the code that follows belongs to."""
    _place.set(place)


class Output:
    """Stands in for standard output, standard error and the root logger.

    Args:
        put: takes a line of the event log.
        hide: takes secrets out of a text.
    """

    def __init__(self, put: Callable[[dict[str, Any]], None], hide: Callable[[str], str]) -> None:
        self._put = put
        self._hide = hide

    def install(self) -> None:
        """Take over; raw descriptors are left as they are."""
        sys.stdout = _Stream(self, "stdout", sys.__stdout__)
        sys.stderr = _Stream(self, "stderr", sys.__stderr__)

    def listen(self) -> None:
        """Hear the root logger, unless the user's module has set it up itself: then it writes to standard error, which is heard."""
        root = logging.getLogger()
        if not root.handlers:
            root.addHandler(_Handler(self))

    def flush(self) -> None:
        """Write unfinished lines."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Stream):
                stream.finish()

    def line(self, stream: str, text: str, place: Place | None, level: str | None = None) -> None:
        """Write one line."""
        text = self._hide(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
        line: dict[str, Any] = {"k": "log", "r": place.run if place is not None else "", "stream": stream, "text": text}
        if place is not None:
            line["path"], line["s"] = place.path, place.superstep
            if place.items:
                line["m"] = list(place.items)
        if level is not None:
            line["level"] = level
        self._put(line)


class _Stream(io.TextIOBase):
    """A text stream whose lines are tagged. What one node writes never ends up in another one's line."""

    def __init__(self, output: Output, name: str, raw: Any) -> None:
        self._output = output
        self._name = name
        self._raw = raw
        self._parts: dict[Place | None, str] = {}
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a constant here
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # a constant here
        return "replace"

    @property
    def buffer(self) -> Any:
        return self._raw.buffer

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        place = _place.get()
        with self._lock:
            whole = self._parts.pop(place, "") + text
            *lines, rest = whole.split("\n")
            if len(rest) > _HELD:
                lines.append(rest)
                rest = ""
            if rest:
                self._parts[place] = rest
        for line in lines:
            # A progress bar writes over itself; what it showed last is what it says.
            self._output.line(self._name, line.rstrip("\r").rpartition("\r")[2], place)
        return len(text)

    def flush(self) -> None:
        return

    def finish(self) -> None:
        with self._lock:
            parts, self._parts = self._parts, {}
        for place, text in parts.items():
            self._output.line(self._name, text.rstrip("\r").rpartition("\r")[2], place)


class _Handler(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        place = _place.get()
        for line in text.splitlines():
            self._output.line("stderr" if record.levelno >= logging.WARNING else "log", line, place, record.levelname)
