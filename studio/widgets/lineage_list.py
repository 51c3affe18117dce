"""Lineage: one row a run, with lanes, state, and the cause that made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.theme import state_glyph, state_role
from studio.widgets.figures import took
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.lineage_view import LineageRow

__all__ = ["LineageList"]

_WORDS = {"completed": "done"}


class LineageList(LineView):
    """The runs that came from one another; the newest at the bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open run", id="look.open-run", tooltip="Open this run"),
        Binding(
            "h,left",
            "fold(True)",
            "Fold retries",
            show=False,
            id="look.fold-retries",
            tooltip="Fold failed retries that follow one another",
        ),
        Binding("l,right", "fold(False)", "Unfold retries", show=False, id="look.unfold-retries", tooltip="Show every retry"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._rows: tuple[LineageRow, ...] = ()
        self._groups: list[tuple[LineageRow, ...]] = []
        self._folded = False

    def show(self, rows: Sequence[LineageRow], here: str) -> None:
        """Show a family of runs, with the cursor on one of them."""
        fresh = tuple(rows)
        if fresh == self._rows:
            return
        same = [row.id for row in fresh] == [row.id for row in self._rows]
        at = self.run_here if same else here
        self._rows = fresh
        self._arrange(at)

    def _arrange(self, here: str | None) -> None:
        self._groups = _grouped(self._rows) if self._folded else [(row,) for row in self._rows]
        self.rows_changed()
        self.move_to(next((at for at, group in enumerate(self._groups) if any(row.id == here for row in group)), 0), quiet=True)

    def action_fold(self, folded: bool) -> None:
        """Fold failed retries that follow one another into one row, or show each."""
        if folded != self._folded:
            here, self._folded = self.run_here, folded
            self._arrange(here)

    @property
    def run_here(self) -> str | None:
        """The run under the cursor."""
        return self._groups[self.cursor][-1].id if self.cursor < len(self._groups) else None

    def row_count(self) -> int:
        """One for each run."""
        return len(self._groups)

    def row(self, index: int, width: int) -> Line:
        """Draw one run."""
        group = self._groups[index]
        row = group[-1]
        lanes = max(len(one.lanes) for one in self._rows) + 1
        names = min(max(len(one.id) for one in self._rows), max(12, width // 3))
        line = Line(" ").add(row.lanes, "lane", width=lanes)
        if len(group) > 1:
            return line.add(_folded_words(group), "muted").cut(width)
        line.add(row.id, "strong" if row.selected else "text", width=names).add("  ")
        glyph = state_glyph(row.state, ascii_only=getattr(self.app, "ascii_only", False))
        line.add(f"{glyph} {_WORDS.get(row.state, row.state)}", state_role(row.state), width=13).add(" ")
        line.add(row.kind, "muted").add("  " if row.kind else "").add(row.cause, "accent")
        notes = " · ".join(note for note in (row.note, row.error if row.kind else "") if note)
        end = Line("  ").add(notes if width >= 76 else "", "muted").add("  " if notes and width >= 76 else "")
        end.add(took(row.seconds), "faint").add(" ")
        return line.right(end, width)


def _grouped(rows: Sequence[LineageRow]) -> list[tuple[LineageRow, ...]]:
    """Put failed retries that follow one another together."""
    groups: list[list[LineageRow]] = []
    for row in rows:
        fails = row.state == "failed" and row.kind.startswith("retry")
        before = groups[-1][-1] if groups else None
        if fails and before is not None and before.state == "failed" and before.kind.startswith("retry"):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [tuple(group) for group in groups]


def _folded_words(group: Sequence[LineageRow]) -> str:
    kinds = Counter(row.error or "unknown" for row in group)
    if len(kinds) == 1:
        return f"… {len(group)} failed retries, all {next(iter(kinds))}"
    return f"… {len(group)} failed retries: {', '.join(f'{kind} {number}' for kind, number in kinds.most_common())}"
