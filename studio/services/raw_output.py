"""What goes past Python, straight to file descriptor 1 or 2, lands in the claim's own files; here it is read back into the event log."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from studio.services.output import Place

__all__ = ["RawOutput", "raw_lines", "raw_path"]

_EVERY: Final = 0.05
_CHUNK: Final = 256 << 10
_HALF_LINE: Final = 16 << 10
_LONGEST: Final = 4_000
_LARGEST: Final = 10 << 20
_STREAMS: Final = (("stdout", "out"), ("stderr", "err"))


def raw_path(folder: Path, claim: int, stream: str) -> Path:
    """Give the file that a worker's descriptor leads to."""
    return folder / f"{claim}.{dict(_STREAMS)[stream]}"


def raw_lines(path: Path, stream: str, offset: int, *, last: bool = False) -> tuple[list[dict[str, Any]], int]:
    """Give the lines of a file from an offset on, and the offset after them; a half line waits, unless it is the last one."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(_CHUNK)
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    if last or (not end and len(data) >= _HALF_LINE):
        end = len(data)
    if not end:
        return [], offset
    text = data[:end].decode("utf-8", "replace").removesuffix("\n")
    after = offset + end
    lines = [
        {"k": "log", "r": "", "stream": stream, "text": line.rstrip("\r").rpartition("\r")[2][:_LONGEST], "raw": after}
        for line in text.split("\n")
    ]
    return lines, after


class RawOutput:
    """Follows both files in a thread.

    Args:
        folder, claim: whose files.
        put: takes a line of the event log.
        hide: takes secrets out of a text.
        alone: gives a number that changes with every start and end of a node, and the one node that runs now, if it is one.
    """

    def __init__(
        self,
        folder: Path,
        claim: int,
        put: Callable[[dict[str, Any]], None],
        hide: Callable[[str], str],
        alone: Callable[[], tuple[int, Place | None]] = lambda: (0, None),
    ) -> None:
        self._files = {stream: raw_path(folder, claim, stream) for stream, _ in _STREAMS}
        self._offsets = dict.fromkeys(self._files, 0)
        self._put = put
        self._hide = hide
        self._alone = alone
        self._seen = alone()[0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="studio-raw-output", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._stop.wait(_EVERY):
            self._read()

    def _read(self, *, last: bool = False) -> None:
        changes, place = self._alone()
        if changes != self._seen:
            # Between this look and the one before another node may have written it.
            self._seen, place = changes, None
        for stream, path in self._files.items():
            self._make_room(path, stream)
            while True:
                lines, after = raw_lines(path, stream, self._offsets[stream], last=last)
                if after == self._offsets[stream]:
                    break
                self._offsets[stream] = after
                for line in lines:
                    line["text"] = self._hide(line["text"])
                    if place is not None:
                        line |= {"r": place.run, "path": place.path, "s": place.superstep, "probably": True}
                        if place.items:
                            line["m"] = list(place.items)
                    self._put(line)

    def _make_room(self, path: Path, stream: str) -> None:
        """Begin anew when the file is large: its end goes to the log, the rest is left out. Whoever writes appends."""
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            if size <= _LARGEST:
                return
            lines, _ = raw_lines(path, stream, max(self._offsets[stream], size - _CHUNK))
            os.truncate(path, 0)
            self._offsets[stream] = 0
            for line in [{"k": "log", "r": "", "stream": stream, "text": "… run output left out …"}, *lines]:
                line["raw"] = 0
                line["text"] = self._hide(line["text"])
                self._put(line)

    def close(self) -> None:
        """Read the rest."""
        self._stop.set()
        self._thread.join(1.0)
        self._read(last=True)
