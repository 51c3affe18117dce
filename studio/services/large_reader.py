"""The process that builds large values for the studio, bounded in time and memory, and gives pages of them."""

from __future__ import annotations

import json
import os
import select
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from studio.model.preview import LargeValue
from studio.services.history import History
from studio.services.opening import find_value, opened_at

__all__ = ["serve"]

_IDLE: Final = 60.0


def serve(db: str, cpu_seconds: float, memory: int) -> int:
    """Answer questions on stdin until it closes, or nobody asks for a minute; the value that was asked for last is kept."""
    _bound_memory(memory)
    built: set[bytes] = set()
    history = History(Path(db), built=built)
    kept: tuple[Any, Any] = (None, None)
    # Not through a buffer: what it holds is not seen by select.
    pending = b""
    while select.select([0], [], [], _IDLE)[0]:
        part = os.read(0, 1 << 16)
        if not part:
            break
        pending += part
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            question = json.loads(line)
            _bound_time(cpu_seconds)
            try:
                if kept[0] != question["value"]:
                    kept = (None, None)
                    kept = question["value"], _found(history, built, question["value"])
                found = opened_at(kept[1], question["path"], secrets=question["secrets"], revealed=question["revealed"])
                node: dict[str, Any] | None = asdict(found)
            except MemoryError:
                kept, node = (None, None), None
            os.write(1, json.dumps({"id": question["id"], "node": node}).encode() + b"\n")
    return 0


def _found(history: History, built: set[bytes], value: list[Any]) -> Any:
    """Build one value, and none of the other large ones of its run."""
    built.clear()
    found = find_value(history, *value)
    if type(found) is LargeValue:
        built.add(found.digest)
        found = find_value(history, *value)
    return found


def _bound_memory(most: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _bound_time(seconds: float) -> None:
    """End this process when its next answer takes more of a processor than this: the signal has no handler."""
    import signal

    signal.setitimer(signal.ITIMER_PROF, seconds)
