"""Folders of finished runs go after some time: logs and live timings with them, never the history, which is in the store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from pathlib import Path

__all__ = ["tidy"]

_DAY = 86_400


def tidy(runs: Path, busy: Collection[str], *, days: int, most_bytes: int, now: float | None = None) -> list[str]:
    """Remove folders of runs that are older than some days, then the oldest until the rest takes no more than so many bytes.

    Args:
        runs: the folder that holds one folder for each run.
        busy: names of folders that have a living worker; they stay.
        days: how old they may get, counted from the last word of their workers.
        most_bytes: how much they may take together.
        now: Unix seconds.

    Returns:
        The names of the folders that went.
    """
    moment = time.time() if now is None else now
    found: list[tuple[float, int, Path]] = []
    try:
        folders = list(runs.iterdir())
    except OSError:
        return []
    for folder in folders:
        if folder.name in busy or not folder.is_dir() or folder.is_symlink():
            continue
        try:
            files = [entry.stat() for entry in folder.iterdir()]
        except OSError:
            # Another studio tidies as well.
            continue
        found.append((max((file.st_mtime for file in files), default=0.0), sum(file.st_size for file in files), folder))
    found.sort(key=lambda one: one[0])
    total = sum(size for _, size, _ in found)
    gone: list[str] = []
    for last, size, folder in found:
        if moment - last <= days * _DAY and total <= most_bytes:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= size
        gone.append(folder.name)
    return gone
