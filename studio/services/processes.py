"""Telling processes apart for good: a process id may be given to another process, together with its start time it is one of a kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["is_running", "mark_of"]

_STATE: Final = 0
_START_TIME: Final = 19
"""Places in /proc/PID/stat, counted behind the command's name."""


def mark_of(pid: int) -> str:
    """Give what tells this process from any other that had or will have its id; "" where the system does not say."""
    fields = _stat(pid)
    return "" if fields is None else f"{_boot()}:{fields[_START_TIME]}"


def is_running(pid: int, mark: str = "") -> bool:
    """Tell whether a process still runs. One that has ended and was not waited for does not."""
    if pid <= 0:
        return False
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return fields is not None and fields[_STATE] not in {"Z", "X"} and (not mark or mark_of(pid) == mark)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8]
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything, closing ones too.
    return text[text.rfind(")") + 2 :].split()
