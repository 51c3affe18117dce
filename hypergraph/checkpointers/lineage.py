"""The tree of forks and retries that a run stands in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypergraph._text import plural
from hypergraph.checkpointers.tables import html_table
from hypergraph.records import Run, StepRecord

__all__ = ["LineageRow", "LineageView", "rows_of_tree"]


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One run in a tree.

    Attributes:
        lane: the line that is drawn before it ("├─ ").
        run: the run.
        depth: its distance from the root.
        is_selected: True for the run that was asked about.
    """

    lane: str
    run: Run
    depth: int
    is_selected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give the row as JSON-safe primitives."""
        return {"lane": self.lane, "run": self.run.to_dict(), "depth": self.depth, "is_selected": self.is_selected}


class LineageView(list[LineageRow]):
    """A tree of forks and retries, root first.

    Args:
        rows: the rows, in the order in which they are drawn.
        selected_run_id: the run that was asked about.
        root_run_id: the oldest one.
        steps_by_run: steps by run id, where they were asked for.
    """

    def __init__(
        self,
        rows: Iterable[LineageRow] = (),
        *,
        selected_run_id: str,
        root_run_id: str,
        steps_by_run: Mapping[str, list[StepRecord]] | None = None,
    ) -> None:
        super().__init__(rows)
        self.selected_run_id = selected_run_id
        self.root_run_id = root_run_id
        self.steps_by_run = dict(steps_by_run or {})

    def to_dict(self) -> dict[str, Any]:
        """Give the tree as JSON-safe primitives."""
        return {
            "selected_run_id": self.selected_run_id,
            "root_run_id": self.root_run_id,
            "rows": [row.to_dict() for row in self],
            "steps_by_run": {run_id: [step.to_dict() for step in steps] for run_id, steps in self.steps_by_run.items()},
        }

    def _line(self, row: LineageRow) -> str:
        run = row.run
        kind = " (retry)" if run.retry_of is not None else " (fork)" if run.forked_from is not None else ""
        at = f" @{run.fork_superstep}" if run.fork_superstep is not None else ""
        steps = self.steps_by_run.get(run.id)
        figures = plural(run.node_count, "step")
        if steps is not None:
            cached = sum(1 for step in steps if step.cached)
            failed = sum(1 for step in steps if step.error is not None)
            figures = f"{plural(len(steps), 'step')} cached={cached} failed={failed}"
        mark = " <selected>" if row.is_selected else ""
        state = f"{run.status.value}, interrupted" if run.interrupted else run.status.value
        return f"{row.lane}{run.id}{kind}{at} | {state} | {figures}{mark}"

    def __repr__(self) -> str:
        head = f"LineageView: {self.selected_run_id} (root={self.root_run_id}), {plural(len(self), 'run')}"
        return "\n".join([head, *(f"  {self._line(row)}" for row in self)])

    def _repr_html_(self) -> str:
        return html_table(f"LineageView: {self.selected_run_id} (root={self.root_run_id})", ("run",), [(self._line(row),) for row in self])


def rows_of_tree(runs: Iterable[Run], root: str, selected: str) -> list[LineageRow]:
    """Give the rows of a tree: each run above its forks and retries, which come in the order in which they were made."""
    by_id = {run.id: run for run in runs}
    children: dict[str, list[Run]] = {}
    for run in sorted(by_id.values(), key=lambda one: one.created_at):
        source = parent_of(run)
        if source is not None and source in by_id and run.id != root:
            children.setdefault(source, []).append(run)
    rows: list[LineageRow] = []
    # A stack, since a line of forks may be longer than Python's own.
    stack = [(by_id[root], 0, "", "")]
    while stack:
        run, depth, lead, branch = stack.pop()
        rows.append(LineageRow(lead + branch, run, depth, run.id == selected))
        below = children.get(run.id, [])
        inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for place, child in reversed(list(enumerate(below))):
            stack.append((child, depth + 1, inner, "└─ " if place == len(below) - 1 else "├─ "))
    return rows


def parent_of(run: Run) -> str | None:
    """Give the run that this one was forked from, or retries."""
    return run.forked_from if run.forked_from is not None else run.retry_of
