"""Which revision of its repository a file belongs to, read from git's own small files: no program is started for it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

__all__ = ["revision_of"]

_DIGEST: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST: Final = 4 << 20


def revision_of(place: Path) -> str | None:
    """Give the commit that is checked out around a file or folder; None outside a repository, or where git keeps it in a way unknown here.

    What was changed since that commit is not looked up: the run's code hashes tell whether its graph is the same.

    Args:
        place: a file or folder.
    """
    with contextlib.suppress(OSError, ValueError):
        for folder in (place, *place.parents):
            if (folder / ".git").exists():
                return _head(folder / ".git")
    return None


def _head(git: Path) -> str | None:
    if git.is_file():
        # A worktree or a submodule: the file names the folder.
        git = (git.parent / _text(git).removeprefix("gitdir:").strip()).resolve()
    head = _text(git / "HEAD")
    if not head.startswith("ref:"):
        return _digest(head)
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    shared = (git / _text(common)).resolve() if common.is_file() else git
    for folder in (git, shared):
        if (folder / name).is_file():
            return _digest(_text(folder / name))
    for line in _text(shared / "packed-refs").splitlines():
        digest, _, packed = line.partition(" ")
        if packed == name:
            return _digest(digest)
    return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST).decode("utf-8", "replace").strip()


def _digest(text: str) -> str | None:
    return text if _DIGEST.fullmatch(text) else None
