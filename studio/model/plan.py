"""What a filled-in form amounts to: checks, and the same as Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["LaunchPlan", "mapped_of", "with_mapped"]

_MAPPED: Final = "@each"
"""Stands among the texts of a form for what is mapped over; no input has such a name."""


def with_mapped(texts: Mapping[str, str], mapped: Iterable[str]) -> dict[str, str]:
    """Give texts with what is mapped over, as they are kept."""
    names = ",".join(mapped)
    return {**texts, _MAPPED: names} if names else dict(texts)


def mapped_of(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Give what is mapped over, of texts that were kept."""
    return tuple(name for name in texts.get(_MAPPED, "").split(",") if name)


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """A run that could be started.

    Attributes:
        texts: input -> what stands in its field.
        runner: class name of the runner.
        map_over: inputs whose elements get a run each.
        items_text: how many runs that makes, in words.
        checks: (fine, not fine or neither; sentence).
        python: the call, in one line.
        script: a whole program that does the same.
    """

    texts: Mapping[str, str]
    runner: str
    map_over: tuple[str, ...] = ()
    items_text: str = ""
    checks: tuple[tuple[bool | None, str], ...] = ()
    python: str = ""
    script: str = ""
    graph: str = ""
    run_id: str = ""
    map_mode: str = "zip"
    on_error: str = "continue"
    at_once: int | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
