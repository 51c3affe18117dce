"""Warnings that point at the user's line, however deep in the library they are found out."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_user"]


def warn_user(message: str) -> None:
    """Issue a UserWarning as if the first caller outside of the library had done it."""
    level = 1
    frame = sys._getframe(1)  # noqa: SLF001  # warnings offers no such search before Python 3.12
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(message, UserWarning, stacklevel=level + 1)


def _inside(module: str) -> bool:
    # A cached property stands in functools between its reader and its function.
    return module == "hypergraph" or module.startswith("hypergraph.") or module == "functools"
