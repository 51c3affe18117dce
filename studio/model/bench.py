"""One node alone, several times, with the inputs that a run recorded."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BenchView"]


@dataclass(frozen=True, slots=True)
class BenchView:
    """What came of running one node again.

    Attributes:
        node: its path.
        inputs: what it was given: (name, kind, text).
        rows: per run how many seconds it took, what it gave or raised, and whether that is what was recorded (None where that cannot
            be told).
        recorded: what the run recorded, as text.
        recorded_seconds: how long it took then.
        problem: why it cannot be run alone, or None.
    """

    node: str
    inputs: tuple[tuple[str, str, str], ...] = ()
    rows: tuple[tuple[float, str, bool | None], ...] = ()
    recorded: str = ""
    recorded_seconds: float | None = None
    problem: str | None = None
