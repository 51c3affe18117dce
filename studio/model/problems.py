"""What is wrong, and where to go."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what, the details, and the address that leads there ("" for none); of a run without a process, its id."""

    title: str
    detail: str
    address: str = ""
    run: str = ""
