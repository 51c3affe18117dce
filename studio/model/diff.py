"""Two runs side by side: aligned by node and turn, the first difference marked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Comparison", "DiffRow"]


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One node and turn in both runs.

    Attributes:
        state_a, text_a, seconds_a, state_b, text_b, seconds_b: how it went in each.
        differs: the two are not the same.
        first: the first row that differs.
        values: (name, text in A, text in B, what differs).
    """

    path: str
    turn: int
    state_a: str
    text_a: str
    state_b: str
    text_b: str
    seconds_a: float | None
    seconds_b: float | None
    differs: bool
    first: bool
    values: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, what was changed between them, and their nodes."""

    a: str
    b: str
    state_a: str
    state_b: str
    causes: tuple[str, ...]
    rows: tuple[DiffRow, ...]
