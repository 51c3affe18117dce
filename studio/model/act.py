"""What somebody decided to make from a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Act", "ActKind"]

ActKind = Literal["fork", "retry", "resume"]


@dataclass(frozen=True, slots=True)
class Act:
    """A fork, a retry or a resume.

    Attributes:
        kind: which of them.
        run_id: the source.
        superstep: the moment that it starts from, None for the end.
        edits: name of an input or value -> text of the new one.
        only: of a batch, the numbers of the items that are meant; None for all that did not complete.
    """

    kind: ActKind
    run_id: str
    superstep: int | None = None
    edits: Mapping[str, str] = field(default_factory=dict)
    only: tuple[int, ...] | None = None
