"""A journal in short: what a direct run notes of each step, from which lines are written when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph.engine.journal import FAILED, Line

if TYPE_CHECKING:
    from hypergraph.plan import Op

__all__ = ["Entry", "EntryJournal"]

Entry = tuple["Op", int, float, float, Any]
"""One executed step: operation, superstep, start, end, decision."""


class EntryJournal(Sequence[Line]):
    """Lines that are written when somebody reads them.

    Args:
        entries: gives the executed steps, in order.
        failures: number of a step (negative ones count from the end) -> what it raised.
        spans: the ids of the steps' events, in the same order, where somebody listened.
        count: how many steps there are, where that is known without writing them.
    """

    __slots__ = ("_count", "_entries", "_failures", "_lines", "_spans")

    def __init__(
        self,
        entries: Callable[[], Iterable[Entry]],
        failures: Mapping[int, BaseException],
        spans: Sequence[str] = (),
        count: int | None = None,
    ) -> None:
        self._count = count
        self._entries = entries
        self._failures = failures
        self._spans = spans
        self._lines: list[Line] | None = None

    def _written(self) -> list[Line]:
        if self._lines is None:
            self._lines = [_line(index, *entry) for index, entry in enumerate(self._entries())]
            for number, error in self._failures.items():
                failed = self._lines[number]
                failed.status, failed.error, failed.decision = FAILED, error, None
            for line, span in zip(self._lines, self._spans, strict=False):
                line.span_id = span
        return self._lines

    def __len__(self) -> int:
        return len(self._written()) if self._count is None else self._count

    def __getitem__(self, index: Any) -> Any:
        return self._written()[index]


def _line(index: int, op: Op, superstep: int, started: float, ended: float, decision: Any) -> Line:
    line = Line(op, superstep, index, (1,) * len(op.args), ())
    line.started, line.ended, line.decision = started, ended, decision
    line.values = ()
    return line
