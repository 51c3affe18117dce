"""What was found, a line for each experiment, with what was promised and whether it held."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["Row", "as_json", "busy", "heading", "line", "verdict"]


@dataclass
class Row:
    """One line of the table.

    Attributes:
        experiment: what was done.
        what: to which shape, with which runner and durability.
        number: how often.
        seen: what came of it, in words.
        promise: what has to come of it, in words.
        broken: promises that were not kept, in words.
        figures: the numbers behind the words.
        seconds: how long it took.
    """

    experiment: str
    what: str
    number: int
    seen: str
    promise: str
    broken: Sequence[str] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def busy() -> bool:
    """Tell whether others take the machine, so that times say more about them than about us; they are shown then, and not judged."""
    return os.getloadavg()[0] > 3 * (os.cpu_count() or 1)


def heading() -> str:
    """Give the table's first line."""
    return f"{'experiment':15}{'what':26}{'times':>6}  {'seen':76}{'promise':34}"


def line(row: Row) -> str:
    """Give a line of the table, and what was broken below it."""
    text = f"{row.experiment:15}{row.what:26}{row.number:>6}  {row.seen:76}{row.promise:34}{'BROKEN' if row.broken else 'held'}"
    return "\n".join([text, *(f"{'':15}! {one}" for one in list(dict.fromkeys(row.broken))[:8])])


def verdict(rows: Sequence[Row]) -> str:
    """Say how it went, over all."""
    broken = [row for row in rows if row.broken]
    seconds = sum(row.seconds for row in rows)
    said = f"{len(rows)} experiments in {seconds / 60:.1f} minutes: "
    return said + (f"{len(broken)} broke a promise" if broken else "every promise held")


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Give everything, with what it was found on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "rows": [asdict(row) for row in rows],
    }
