"""Is a process the one that we mean? A number alone does not say: numbers are given out again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["is_running", "start_of"]


def start_of(pid: int) -> str:
    """Give a text that names the moment a process began; "" when there is none of that number, or it only waits to be collected."""
    try:
        data = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _asked(pid)
    # The name stands in brackets and may hold anything; what counts comes after the last one.
    fields = data[data.rfind(")") + 2 :].split()
    return "" if fields[0] in {"Z", "X"} else f"{_boot()}:{fields[19]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8]
    except OSError:
        return ""


def _asked(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    state, _, start = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()


def is_running(pid: int, start: str) -> bool:
    """Tell whether the process that began then still runs."""
    if not pid or not start:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return start_of(pid) == start
    return start_of(pid) == start
