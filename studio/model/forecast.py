"""What a fork, a retry or a resume would keep and run again."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Forecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The blast radius of an act.

    Attributes:
        code: how the code stands against the run's, in words.
        same_code: True when it is the same.
        kept, again: nodes whose results stand, and nodes that run ("judge, perhaps" where a decision settles it).
        reason: why they run.
        seconds: how long that took before; None where it is not known.
        effects: nodes among them that are declared to have side effects.
        new_id: the id of the new run.
        python, script: the same as Python.
        problem: why it cannot be done, or None.
        caution: what speaks against it, "" where nothing does.
    """

    code: str = ""
    same_code: bool = True
    kept: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    reason: str = ""
    seconds: float | None = None
    effects: tuple[str, ...] = ()
    new_id: str = ""
    python: str = ""
    script: str = ""
    problem: str | None = None
    caution: str = ""
