"""What a browser tab was looking at, so that it comes back to the same place after a lost connection."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Final

__all__ = ["recall", "remember", "tab_here"]

_VARIABLE: Final = "HYPERGRAPH_STUDIO_TAB"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_KEPT: Final = 7 * 86_400


def tab_here() -> str | None:
    """Give the id of the tab that this process draws, None in a terminal."""
    found = os.environ.get(_VARIABLE, "")
    return found if _ID.fullmatch(found) else None


def _folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_path("hypergraph")) / "tabs"


def remember(tab: str, address: str) -> None:
    """Write down where a tab is; what cannot be written is not worth a word."""
    folder = _folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = folder / f"{tab}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(address)
        fresh.replace(folder / tab)


def recall(tab: str) -> str | None:
    """Give where a tab was; notes of more than a week ago are thrown away on the way."""
    folder = _folder()
    with contextlib.suppress(OSError):
        for note in folder.iterdir():
            if time.time() - note.stat().st_mtime > _KEPT:
                note.unlink(missing_ok=True)
        return (folder / tab).read_text(encoding="utf-8")
    return None
