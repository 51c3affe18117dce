"""From the log lines of a run to what a screen shows: streamed pieces are joined to the text that they are pieces of."""

from __future__ import annotations

from typing import Any, Final

from studio.model.facts import Line
from studio.model.run_view import LogLine

__all__ = ["LogLines"]

_MOST: Final = 50_000
_LONGEST: Final = 400


class LogLines:
    """Makes log lines of facts; what grows at its end is gone on with, so that each line is made once."""

    def __init__(self) -> None:
        self._taken: tuple[Line, ...] = ()
        self._made: list[LogLine] = []
        self._gone = 0
        self._open: dict[tuple[Any, ...], int] = {}
        self._given: tuple[LogLine, ...] = ()

    def of(self, logs: tuple[Line, ...]) -> tuple[LogLine, ...]:
        """Give the lines on the screen for those of the event log."""
        if logs is self._taken:
            return self._given
        start = self._continued(logs)
        if start is None:
            self._made, self._open, self._gone, start = [], {}, 0, 0
        for line in logs[start:]:
            if line["k"] == "chunk":
                self._stream(line)
            else:
                # Written past Python while this node alone ran: most likely by it.
                text = f"(probably) {line['text']}" if line.get("probably") else line["text"]
                self._made.append(LogLine(line["t"], line.get("path") or line.get("node"), line.get("stream", "stdout"), text))
        surplus = len(self._made) - _MOST
        if surplus > 0:
            del self._made[:surplus]
            self._gone += surplus
        self._taken, self._given = logs, tuple(self._made)
        return self._given

    def _continued(self, logs: tuple[Line, ...]) -> int | None:
        """Give where the new lines begin, None when the known ones are not all there any more, or in another order."""
        if not self._taken:
            return 0
        last = self._taken[-1]
        at = next((place for place in range(len(logs) - 1, -1, -1) if logs[place] is last), None)
        if at is None or at >= len(self._taken) or logs[0] is not self._taken[len(self._taken) - 1 - at]:
            return None
        return at + 1

    def _stream(self, line: Line) -> None:
        """Go on with what a node streams: a piece is seldom a line."""
        who = line.get("path") or line.get("node")
        key = line["c"], line.get("r"), line.get("s"), who, *(line.get("m") or ())
        first, *further = line["text"].split("\n")
        at = self._open.get(key, -1) - self._gone
        if at >= 0 and len(self._made[at].text) + len(first) <= _LONGEST:
            before = self._made[at]
            self._made[at] = LogLine(before.at, who, "chunk", before.text + first)
        elif first or not further:
            self._made.append(LogLine(line["t"], who, "chunk", first))
            self._open[key] = len(self._made) - 1 + self._gone
        for text in further[:-1]:
            self._made.append(LogLine(line["t"], who, "chunk", text))
        if further and further[-1]:
            self._made.append(LogLine(line["t"], who, "chunk", further[-1]))
            self._open[key] = len(self._made) - 1 + self._gone
        elif further:
            # The line has ended; what comes next begins another one.
            self._open.pop(key, None)
