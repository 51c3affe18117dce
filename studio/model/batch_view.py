"""A batch: one byte an item, and its failures by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BatchView", "FailureGroup", "ItemView"]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one kind.

    Attributes:
        count: how many items.
        node, error_type, message: what they have in common; numbers and quoted parts of the message are left out of the comparison.
        shared: inputs that all of them have and few others ("host=slow.example 29/29").
        first: number of the first of them.
        items: the numbers of all of them.
    """

    count: int
    node: str
    error_type: str
    message: str
    shared: str
    first: int
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item: its inputs in one line, its nodes with their states, what ended it, and how many seconds its nodes took."""

    inputs: str
    nodes: tuple[tuple[str, str], ...] = ()
    error: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BatchView:
    """The items of a batch.

    Attributes:
        states: one byte an item, an index into `ITEM_STATES`.
        counts: state -> number of items.
        rate: items ended per second, lately.
        eta: seconds until the last one, at that rate; 0 where nothing can be said.
        groups: failures by kind, the most frequent first.
        id: the batch's run.
        runs: item -> its run, where that is not simply its number.
    """

    states: bytes
    counts: Mapping[str, int]
    rate: float = 0.0
    eta: float = 0.0
    groups: tuple[FailureGroup, ...] = ()
    id: str = ""
    runs: Mapping[int, str] = field(default_factory=dict)

    def run_of(self, number: int) -> str:
        """Give the run of an item."""
        return self.runs.get(number, f"{self.id}/{number}")
