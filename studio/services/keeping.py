"""A worker's parent: it waits for the worker's end and writes down how that came, for nobody else can know it later.

Only the parent of a process is told its exit code or the signal that ended it, and a studio may be gone by then. So each worker is a
child of a small process that has loaded nothing, is killed together with it, and has one line to write.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

__all__ = ["keep", "tell_exit"]

_PR_SET_PDEATHSIG: Final = 1
_NUMBER: Final = 1 << 52
"""Behind every line of the worker."""
_TAIL: Final = 64 << 10


def keep(events: Path, descriptor: int) -> None:
    """Go on as a child; the parent stays behind, and ends when the child has.

    Args:
        events: the claim's event log, which gets a last line when the child could not write its own.
        descriptor: gives the order; the child reads it.
    """
    parent = os.getpid()
    memory = _killed_for_memory()
    child = os.fork()
    if not child:
        _end_with(parent)
        return
    # The child would wait for an end of the order that never comes.
    os.close(descriptor)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    signal.signal(signal.SIGTERM, hand_on)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError):
        tell_exit(events, code, memory=code == -signal.SIGKILL and _killed_for_memory() > memory)
    os._exit(code if code >= 0 else 128 - code)


def _end_with(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def tell_exit(events: Path, code: int, *, memory: bool = False, actor: str = "") -> None:
    """Write down how a worker ended, unless it closed its event log itself.

    Args:
        events: the claim's event log.
        code: the exit code, or the signal's number with a minus.
        memory: the system killed something for want of memory while the worker ran.
        actor: who killed it.
    """
    last = _tail(events).rstrip(b"\n").rpartition(b"\n")[2]
    if last.startswith((b'{"k":"end"', b'{"k":"exit"')):
        return
    line: dict[str, Any] = {"k": "exit", "r": "", "code": code, "c": int(events.stem), "n": _NUMBER, "t": time.time()}
    if memory:
        line["memory"] = True
    if actor:
        line["actor"] = actor
    # A line that was cut off ends here; no reader takes it for one.
    data = b"\n" + json.dumps(line, separators=(",", ":")).encode() + b"\n"
    file = os.open(events, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, data)
    finally:
        os.close(file)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read()


def _killed_for_memory() -> int:
    """Give how many processes the system has killed for want of memory since it started; 0 where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text("ascii").splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0
