"""Reading event logs by byte offset, also while they grow; an unfinished last line is left for the next time."""

from __future__ import annotations

import gc
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
    "run+": {"r", "t"},
    "run-": {"r", "t", "status"},
    "node+": {"r", "t", "s", "node"},
    "node-": {"r", "t", "s", "node", "status"},
    "log": {"t", "text"},
    "chunk": {"t", "text"},
}
_NOTHING: Final[frozenset[str]] = frozenset()
_BEGAN: Final = '{"k":"node+"'
_IN_ITEM: Final = '"m":['


class LogReader:
    """Reads what is new in a file of JSON lines since the last time.

    Args:
        path: the file, existing or not.
        offset: where to begin.
        inside: False leaves out which nodes began inside the items of batches: of items it counts how they end, and where they fail.
    """

    def __init__(self, path: Path, offset: int = 0, *, inside: bool = True) -> None:
        self.path = path
        self.offset = offset
        self._inside = inside

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
        texts = [text for text in data[:end].decode("utf-8", "replace").split("\n") if text]
        if not self._inside:
            texts = [text for text in texts if not (text.startswith(_BEGAN) and _IN_ITEM in text)]
        return [line for line in _parsed(texts) if _is_line(line)]


def _parsed(texts: list[str]) -> list[Any]:
    """Parse many lines at once, in a third of the time that one after the other takes; a broken one costs the others nothing."""
    going = gc.isenabled()
    # A hundred thousand dicts that all stay would be looked through again and again for cycles that they cannot have.
    gc.disable()
    try:
        found = json.loads(f"[{','.join(texts)}]")
        if len(found) == len(texts):
            return list(found)
    except (ValueError, RecursionError):
        pass
    finally:
        if going:
            gc.enable()
    return list(_one_by_one(texts))


def _one_by_one(texts: list[str]) -> Iterator[Any]:
    for text in texts:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            continue


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    yield from (line for line in _one_by_one([text for text in data.decode("utf-8", "replace").split("\n") if text]) if _is_line(line))


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict):
        return False
    kind = line.get("k")
    if not isinstance(kind, str) or not isinstance(line.get("c"), int) or not isinstance(line.get("n"), int):
        return False
    return line.keys() >= _NEEDS.get(kind, _NOTHING)


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
