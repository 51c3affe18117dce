"""Progress as lines, for logs and pipes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from hypergraph._text import duration, shorten
from hypergraph.events._places import Place
from hypergraph.events.types import RunEndEvent
from hypergraph.records import RunStatus

__all__ = ["Lines"]

_MILESTONES = (10, 25, 50, 75, 100)


def _one_line(text: str) -> str:
    """Make a text of somebody else's safe to print: one line, no control characters."""
    return shorten("".join(char if char.isprintable() else " " for char in text), 200)


def _passed(place: Place) -> Iterator[int]:
    """Give the milestones that a batch has reached with its newest item."""
    total = place.total or 1
    for percent in _MILESTONES:
        if (place.done - 1) * 100 < percent * total <= place.done * 100:
            yield percent


def _verdict(place: Place, event: RunEndEvent) -> str:
    name, failed = place.name, event.batch_failed_items or place.failed
    if event.status == RunStatus.FAILED:
        return f"✗ {name} failed: {_one_line(event.error or f'{failed} of {place.total} items failed')}"
    if event.status == RunStatus.PARTIAL:
        return f"◐ {name} completed with failures ({failed} of {place.total} items failed)"
    if event.status == RunStatus.COMPLETED:
        return f"✓ {name} completed! ({duration(event.duration_ms)})"
    return f"{'⏸' if event.status == RunStatus.PAUSED else '■'} {name} {event.status}"


class Lines:
    """Writes a line per node, and per milestone of a batch."""

    def run_started(self, place: Place) -> None:
        """Say nothing: the first node does."""

    def run_ended(self, place: Place, event: RunEndEvent) -> None:
        """Say how a top-level run or batch ended; a nested one ends with its node."""
        if place.depth == 0:
            self._write(place, _verdict(place, event))

    def item_ended(self, place: Place, *, failed: bool) -> None:
        """Say which milestone a batch has passed."""
        if place.quiet:
            return
        for percent in _passed(place):
            count = f", {place.failed} failed" if place.failed else ""
            self._write(place, f"◈ {place.name} {percent}% ({place.done}/{place.total}{count})")

    def node_started(self, place: Place, name: str) -> None:
        """Say that a node starts, unless it is part of a batch."""
        if not place.quiet and place.total is None:
            self._write(place, f"▶ {name} started")

    def node_ended(self, place: Place, name: str, status: str, spent: float | None, text: str = "") -> None:
        """Say how a node ended, unless it is part of a batch."""
        if place.quiet or place.total is not None:
            return
        if status == "failed":
            line = f"✗ {name} FAILED: {_one_line(text)}"
        elif status == "paused":
            line = f"⏸ {name} waits for {text!r}"
        else:
            line = f"✓ {name} completed ({'cached' if status == 'cached' else duration(spent)})"
        self._write(place, line)

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, place: Place, line: str) -> None:
        out = sys.stdout
        if out is None:  # a windowed program on some systems has none
            return
        text = f"[{time.strftime('%H:%M:%S')}] {'  ' * place.depth}{line}\n"
        encoding = getattr(out, "encoding", None) or "utf-8"
        out.write(text.encode(encoding, "replace").decode(encoding))
        out.flush()
