"""The runs that came from one another, each with what was changed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LineageRow"]


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One run of a family.

    Attributes:
        lanes: the lines that are drawn before it.
        kind: how it came about: "", "fork @3", "retry 1".
        cause: what was changed, or how it failed.
        note: what else is worth saying ("inherits 5 steps").
        seconds: how long it took.
        selected: True for the run that was asked about.
        error: of a failed run, the class of what ended it.
    """

    id: str
    lanes: str
    state: str
    kind: str
    cause: str
    note: str = ""
    seconds: float | None = None
    selected: bool = False
    error: str = ""
