"""A traceback as its reader wants it: the frames of their own code; those of the library are only counted."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["own_frames"]

_FRAME: Final = re.compile(r'^ {2}File "(?P<file>[^"]*)"')
_LIBRARY: Final = re.compile(r"[/\\]hypergraph[/\\](?:runners|engine|nodes|graph)[/\\]")


def own_frames(text: str) -> str:
    """Leave the library's frames out of a traceback, and say how many they were."""
    kept: list[str] = []
    hidden = 0
    skipping = False
    for line in text.splitlines():
        frame = _FRAME.match(line)
        if frame is not None:
            skipping = _LIBRARY.search(frame["file"]) is not None
            hidden += skipping
        elif not line.startswith("    "):
            skipping = False
        if not skipping:
            kept.append(line)
    if hidden and any(_FRAME.match(line) for line in kept):
        kept.insert(1, f"  … {hidden} frame{'' if hidden == 1 else 's'} of the library")
        return "\n".join(kept)
    return text
