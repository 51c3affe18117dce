"""Reading event logs by byte offset, also while they grow; an unfinished last line is left for the next time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["LogReader", "claims_in", "last_line", "read_claim"]

_CHUNK: Final = 4 << 20
_LONGEST_LINE: Final = 64 << 20
_TAIL: Final = 64 << 10
_NEEDS: Final = {
    "run+": ("r", "t"),
    "run-": ("r", "t", "status"),
    "node+": ("r", "t", "s", "node"),
    "node-": ("r", "t", "s", "node", "status"),
    "log": ("t", "text"),
    "chunk": ("t", "text"),
}


class LogReader:
    """Reads what is new in a file of JSON lines since the last time.

    Args:
        path: the file, existing or not.
        offset: where to begin.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset

    def read(self, most: int = _CHUNK) -> list[dict[str, Any]]:
        """Give the new lines, about `most` bytes of them; what is no line of an event log is left out."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size <= self.offset:
                    return []
                while True:
                    file.seek(self.offset)
                    data = file.read(most)
                    end = data.rfind(b"\n") + 1
                    if end or len(data) < most:
                        break
                    if most > _LONGEST_LINE:
                        # No line of ours is that long.
                        end = len(data)
                        break
                    most *= 2
        except OSError:
            return []
        self.offset += end
        return list(_lines(data[:end]))


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for raw in data.split(b"\n"):
        if not raw:
            continue
        try:
            line = json.loads(raw.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and _is_line(line):
            yield line


def _is_line(line: dict[str, Any]) -> bool:
    kind = line.get("k")
    if not isinstance(kind, str) or not isinstance(line.get("c"), int) or not isinstance(line.get("n"), int):
        return False
    return all(name in line for name in _NEEDS.get(kind, ()))


def claims_in(folder: Path) -> list[int]:
    """Give the numbers of a run's claims, oldest first."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
    return sorted(int(name[:-7]) for name in names if name.endswith(".events") and name[:-7].isdigit())


def read_claim(path: Path) -> dict[str, Any] | None:
    """Give the line that opens an event log; None when it is not there yet, or of a format that we do not know."""
    try:
        with path.open("rb") as file:
            head = file.readline(1 << 20)
    except OSError:
        return None
    first = next(_lines(head), None) if head.endswith(b"\n") else None
    return first if first is not None and first["k"] == "claim" and first.get("format") == 1 else None


def last_line(path: Path) -> dict[str, Any]:
    """Give the last line of an event log; {} when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            tail = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        found = json.loads(tail)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
