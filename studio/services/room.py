"""Whether a store can take another run: looked at before anything is started, without writing a byte."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

__all__ = ["room_for"]

_LEAST: Final = 4 << 20
_LITTLE: Final = 200 << 20


def room_for(db: Path) -> tuple[bool | None, str] | None:
    """Give what speaks against writing to a store: (not at all, or a warning; a sentence), None when nothing does.

    Args:
        db: the checkpoint database, existing or not.
    """
    folder = db.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return False, f"{folder} is no folder, so {db.name} cannot be made there."
    if db.exists() and not os.access(db, os.W_OK):
        return False, f"{db.name} may only be read: change its permissions, or name another one with --db."
    if not os.access(folder, os.W_OK):
        return False, f"Nothing may be written in {folder}: change its permissions, or name another database with --db."
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    if free < _LEAST:
        return False, f"The disk of {db.name} is full: {free >> 10:,} KB are free."
    return (None, f"Only {free >> 20:,} MB are free on the disk of {db.name}.") if free < _LITTLE else None
