"""What was copied last, in a file: whether a terminal took it can never be known."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["keep_clip"]


def keep_clip(text: str) -> Path | None:
    """Write a copied text into the studio's folder, for the user alone.

    Args:
        text: what was copied.

    Returns:
        The file; None where nothing can be written.
    """
    import platformdirs

    folder = Path(platformdirs.user_state_path("hypergraph"))
    fresh = folder / f"clip.txt.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        fresh.replace(folder / "clip.txt")
    except OSError:
        return None
    return folder / "clip.txt"
