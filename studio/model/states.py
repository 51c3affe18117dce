"""The words for how a run, a node or an item stands; every screen, log and fold uses these."""

from __future__ import annotations

from typing import Final

__all__ = ["ENDED", "ITEM_STATES", "STATES", "UNFINISHED", "item_code"]

STATES: Final = (
    "waiting",
    "input",
    "running",
    "completed",
    "cached",
    "kept",
    "failed",
    "paused",
    "stopped",
    "partial",
    "skipped",
    "interrupted",
    "unknown",
)

ITEM_STATES: Final = ("waiting", "running", "completed", "cached", "failed", "paused", "stopped", "partial", "skipped")
"""A batch's items travel as one byte each: an index into this."""

ENDED: Final = frozenset({"completed", "cached", "kept", "failed", "paused", "stopped", "partial", "interrupted"})
"""States in which nothing happens any more."""

UNFINISHED: Final = frozenset({"failed", "stopped", "interrupted", "partial"})
"""States of a run that ended before all of its nodes were reached."""

_CODES: Final = {state: code for code, state in enumerate(ITEM_STATES)}


def item_code(state: str) -> int:
    """Give the byte of an item's state; what is not known waits."""
    return _CODES.get("stopped" if state == "interrupted" else state, 0)
