"""Past and present runs, newest first; children fold below their parent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message

from studio.theme import state_glyph, state_role
from studio.widgets.figures import ago, count, took
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.run_view import RunRow

__all__ = ["RunList"]

_WORDS: Final = {"completed": "done", "active": "running"}
_AHEAD: Final = 50
_COMPACT: Final = 56
_SORTED: Final = 1_000
_ORDERS: Final[dict[str, Callable[[RunRow], Any] | None]] = {
    "newest": None,
    "longest": lambda row: -(row.seconds or 0.0),
    "most failed": lambda row: (-row.errors, row.state != "failed"),
    "by state": lambda row: row.state,
    "by graph": lambda row: row.graph,
    "by name": lambda row: row.id,
}


class RunList(LineView):
    """One row a run.

    Args:
        more: gives the rows after one, when the reader comes near the end; an empty list at the end.
        children: gives the rows inside a run.
        picks: rows can be picked.
        asks: rows that are missing are asked for by a message, and come later; `more` and `children` are not called.
    """

    header_rows: ClassVar[int] = 1

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="look.open-run", tooltip="Open this run"),
        Binding("space", "pick", "pick", show=False, id="look.pick", tooltip="Pick this run, to act on several at once"),
        Binding("l,right", "unfold", "Unfold", show=False, id="look.unfold", tooltip="Show the runs inside this one"),
        Binding("h,left", "fold", "Fold", show=False, id="look.fold", tooltip="Hide the runs inside this one"),
    ]

    class Wanted(Message):
        """Rows are missing: those after one, or those inside a run."""

        def __init__(self, after: RunRow | None = None, inside: str = "") -> None:
            self.after = after
            self.inside = inside
            super().__init__()

    def __init__(
        self,
        more: Callable[[RunRow], Sequence[RunRow]],
        children: Callable[[str], Sequence[RunRow]],
        *,
        id: str | None = None,  # noqa: A002  # textual's own name
        picks: bool = False,
        asks: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._asks = asks
        self._inside: dict[str, Sequence[RunRow]] = {}
        self._picks = picks
        self._marks: set[str] = set()
        self.order = "newest"
        self.cut_off = False
        self._more = more
        self._children = children
        self._rows: list[tuple[int, RunRow]] = []
        self._opened: set[str] = set()
        self._complete = False
        self._now = 0.0

    @property
    def wanted(self) -> int:
        """How many rows have to be shown anew: those that are loaded, or as many as are sorted."""
        return self.loaded if _ORDERS[self.order] is None else max(self.loaded, _SORTED)

    @property
    def opened(self) -> tuple[str, ...]:
        """The runs that are unfolded."""
        return tuple(self._opened)

    def show(self, rows: Sequence[RunRow], now: float, inside: Mapping[str, Sequence[RunRow]] | None = None) -> None:
        """Show the first rows; those that were loaded behind them stay.

        Args:
            rows: the first rows; of a list that asks, all that are `wanted`.
            now: Unix seconds.
            inside: the rows inside those runs that are unfolded, of a list that asks.
        """
        here = self.run_here
        fresh = list(rows)
        order = _ORDERS[self.order]
        wanted = self.wanted
        self._inside = dict(inside or {})
        while not self._asks and fresh and len(fresh) < wanted:
            further = self._more(fresh[-1])
            if not further:
                break
            fresh += further
        self._now = now
        self.cut_off = order is not None and len(fresh) >= wanted
        if order is not None:
            fresh.sort(key=order)
        # What comes behind the sorted rows has no place among them.
        self._complete = order is not None
        self._marks &= {row.id for row in fresh}
        self._rows = []
        for row in fresh:
            self._rows.append((0, row))
            if row.id in self._opened:
                self._rows += [(1, child) for child in self._known_inside(row.id)]
        self.rows_changed()
        if here is not None:
            self.move_to(next((at for at, (_, row) in enumerate(self._rows) if row.id == here.id), self.cursor), quiet=True)

    def _known_inside(self, run_id: str) -> Sequence[RunRow]:
        return self._inside.get(run_id, ()) if self._asks else self._children(run_id)

    def add(self, after: RunRow, rows: Sequence[RunRow]) -> None:
        """Put rows behind the last one, which they were asked for after; none at all are the end."""
        last = next((row for depth, row in reversed(self._rows) if depth == 0), None)
        if last is None or last.id != after.id or self._complete:
            # The list was shown anew meanwhile.
            return
        self._complete = not rows
        if rows:
            self._rows += [(0, row) for row in rows]
            self.rows_changed()

    def add_inside(self, run_id: str, rows: Sequence[RunRow]) -> None:
        """Unfold a run whose rows were asked for."""
        at = next((place for place, (depth, row) in enumerate(self._rows) if row.id == run_id and not depth), None)
        if at is None or not rows or run_id in self._opened:
            return
        self._opened.add(run_id)
        self._inside[run_id] = rows
        self._rows[at + 1 : at + 1] = [(1, child) for child in rows]
        self.rows_changed()
        if self.cursor > at:
            self.move_to(self.cursor + len(rows), quiet=True)

    @property
    def loaded(self) -> int:
        """How many runs are in the list."""
        return sum(1 for depth, _ in self._rows if not depth)

    def next_order(self) -> None:
        """Sort in another way, from the next `show` on."""
        names = list(_ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]

    @property
    def picked(self) -> list[RunRow]:
        """The runs that are picked, in the order of the list."""
        return [row for depth, row in self._rows if not depth and row.id in self._marks] if self._marks else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rows are picked only where something can be done to them."""
        del parameters
        return action != "pick" or self._picks

    def action_pick(self) -> None:
        """Pick the run under the cursor, or no longer; a run inside another is picked with it."""
        row = self.run_here
        if row is not None and not self._rows[self.cursor][0]:
            self._marks ^= {row.id}
            self.rows_changed()
            self.move_to(self.cursor + 1, quiet=True)
            self.post_message(self.Moved(self, self.cursor))
            self.screen.refresh_bindings()

    def unpick(self) -> None:
        """Pick none."""
        self._marks.clear()
        self.rows_changed()

    @property
    def run_here(self) -> RunRow | None:
        """The run under the cursor."""
        return self._rows[self.cursor][1] if self.cursor < len(self._rows) else None

    def watch_cursor(self, old: int, new: int) -> None:
        """Load more when the end comes near."""
        super().watch_cursor(old, new)
        if not self._complete and self._rows and new >= len(self._rows) - _AHEAD:
            last = next(row for depth, row in reversed(self._rows) if depth == 0)
            if self._asks:
                self.post_message(self.Wanted(after=last))
                return
            further = self._more(last)
            self._complete = not further
            if further:
                self._rows += [(0, row) for row in further]
                self.rows_changed()

    def action_unfold(self) -> None:
        """Show the runs inside."""
        row = self.run_here
        if row is None or row.id in self._opened or self._rows[self.cursor][0]:
            return
        if self._asks:
            self.post_message(self.Wanted(inside=row.id))
            return
        inside = self._children(row.id)
        if inside:
            self._opened.add(row.id)
            self._rows[self.cursor + 1 : self.cursor + 1] = [(1, child) for child in inside]
            self.rows_changed()

    def action_fold(self) -> None:
        """Hide the runs inside, or those beside this one."""
        at = self.cursor
        while at > 0 and self._rows[at][0]:
            at -= 1
        if not self._rows or self._rows[at][1].id not in self._opened:
            return
        self._opened.discard(self._rows[at][1].id)
        end = at + 1
        while end < len(self._rows) and self._rows[end][0]:
            end += 1
        del self._rows[at + 1 : end]
        self.rows_changed()
        self.move_to(at)

    def row_count(self) -> int:
        """One for each run that was loaded."""
        return len(self._rows)

    def _columns(self, width: int) -> tuple[int, int]:
        names = max(16, min(40, width // 3)) if width >= 90 else max(14, width // 4)
        graph = max(10, min(20, width // 6)) if width >= 90 else 0
        return names, graph

    def header(self, number: int, width: int) -> Line:
        """Name the columns."""
        del number
        if width < _COMPACT:
            return Line(" runs", "faint")
        names, graph = self._columns(width)
        line = Line("   ").add("run", "faint", width=names).add("  ").add("state", "faint", width=13).add(" ")
        if graph:
            line.add("graph", "faint", width=graph).add(" ")
        return line.add("started", "faint", width=10).add("took", "faint", width=8, right=True).add("  ").add("why", "faint").cut(width)

    def plain_row(self, index: int) -> Line:
        """Say one run in words."""
        _, row = self._rows[index]
        facts = [
            "picked" if row.id in self._marks else "",
            _WORDS.get(row.state, row.state),
            row.graph,
            ago(row.started, self._now),
            row.cause,
        ]
        return Line(f"{row.id}: {', '.join(fact for fact in facts if fact)}")

    def row(self, index: int, width: int) -> Line:
        """Draw one run."""
        depth, row = self._rows[index]
        names, graph = self._columns(width)
        ascii_only = getattr(self.app, "ascii_only", False)
        mark = ">" if row.id in self._marks and not depth else " "
        if width < _COMPACT:
            line = (
                Line(mark, "accent" if mark != " " else "text")
                .add("  " * depth)
                .add(state_glyph(row.state, ascii_only=ascii_only), state_role(row.state))
                .add(f" {row.id}")
            )
            return line.right(Line(ago(row.started, self._now), "faint").add(" "), width)
        fold = ("▾" if row.id in self._opened else "▸") if row.children and not depth else " "
        line = (
            Line(mark, "accent" if mark != " " else "text")
            .add(fold if not ascii_only else ("-" if row.id in self._opened else "+") if row.children and not depth else " ", "faint")
            .add(" ")
        )
        line.add("  " * depth + (row.id.rpartition("/")[2] if depth else row.id), "strong" if not depth else "text", width=names).add("  ")
        glyph = state_glyph(row.state, ascii_only=ascii_only)
        line.add(f"{glyph} {_WORDS.get(row.state, row.state)}", state_role(row.state), width=13).add(" ")
        if graph:
            line.add(row.graph, "muted", width=graph).add(" ")
        line.add(ago(row.started, self._now), "muted", width=10)
        line.add(took(row.seconds), "muted", width=8, right=True).add("  ")
        if row.children:
            line.add(f"{count(row.children)} items", "accent").add("  ")
        if row.errors and row.children:
            line.add(f"{count(row.errors)} failed", "error").add("  ")
        return line.add(row.cause, "error" if row.state == "failed" and not row.children else "accent").cut(width)
