"""The Items tab of a batch: the grid, the kinds of failure, and one item in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from studio.theme import state_glyph, state_role
from studio.widgets.failure_list import FailureList
from studio.widgets.figures import count, took
from studio.widgets.item_grid import ItemGrid
from studio.widgets.line import Line, wrap
from studio.widgets.lines import LinesPane
from studio.widgets.traceback_text import own_frames

if TYPE_CHECKING:
    from studio.model.batch_view import BatchView, ItemView

__all__ = ["BatchPane", "batch_counts", "batch_pace"]

_SHOWN = ("completed", "failed", "paused", "running", "waiting", "cached", "stopped")
_ALWAYS = frozenset({"completed", "failed"})


def batch_counts(batch: BatchView, room: int, *, ascii_only: bool = False) -> Line:
    """Say how many items stand how: what matters most first, as much as there is room for."""
    line = Line()
    for state in _SHOWN:
        number = batch.counts.get(state, 0)
        text = f"{state_glyph(state, ascii_only=ascii_only)}{count(number)}"
        if (number or state in _ALWAYS) and line.cells + len(text) + 1 < room:
            line.add(" " if line.cells else "").add(text, state_role(state))
    return line


def batch_pace(batch: BatchView) -> Line:
    """Say how fast items end, lately, and how long the others will take at that rate."""
    line = Line(f"{batch.rate:.0f}/s" if batch.rate >= 10 else f"{batch.rate:.1f}/s", "muted") if batch.rate else Line()
    return line.add(f" · ETA {took(round(batch.eta))}", "muted") if batch.eta else line


class BatchPane(Vertical):
    """Grid, kinds, item.

    Args:
        item: gives one item of the batch, None when it is not there yet.
    """

    DEFAULT_CSS = """
    BatchPane { height: 1fr; }
    BatchPane ItemGrid { height: auto; max-height: 50%; min-height: 1; }
    BatchPane FailureList { height: auto; max-height: 30%; border-top: solid $rule; }
    BatchPane LinesPane { height: 1fr; border-top: solid $rule; }
    """

    def __init__(self, item: Callable[[int], ItemView | None]) -> None:
        super().__init__(id="items")
        self._item = item

    def compose(self) -> ComposeResult:
        """Set the three below one another."""
        yield ItemGrid(id="grid")
        yield FailureList(id="kinds")
        yield LinesPane(id="item")

    def show(self, batch: BatchView) -> None:
        """Show a batch as it stands."""
        self.query_one(ItemGrid).show(batch.states)
        kinds = self.query_one(FailureList)
        kinds.display = bool(batch.groups)
        kinds.show(batch.groups)
        self.show_item()

    def show_item(self) -> None:
        """Show the item under the cursor."""
        grid = self.query_one(ItemGrid)
        number, picked = grid.item_here, len(grid.picked)
        found = self._item(number) if number is not None else None
        ascii_only = getattr(self.app, "ascii_only", False)

        def lines(width: int) -> list[Line]:
            if number is None:
                return [Line(" no items", "muted")]
            head = Line(f" {count(picked)} picked ", "accent") if picked else Line()
            head.add(f" #{count(number)}", "title")
            if found is None:
                state = grid.state_here
                return [head.add("  has not started" if state == "waiting" else f"  {state}, nothing of it is stored yet", "muted")]
            head.add("  ").add(found.inputs, "text").cut(max(20, width - 30))
            for name, state in found.nodes:
                head.add("   ").add(name, "muted").add(f" {state_glyph(state, ascii_only=ascii_only)}", state_role(state))
            if found.seconds:
                head.add(f"   {took(found.seconds)}", "muted")
            out = [head.cut(width)]
            for text in wrap(own_frames(found.error), max(10, width - 3), limit=60) if found.error else ():
                out.append(Line("   ").add(text, "error"))
            return out

        self.query_one("#item", LinesPane).show(lines)

    def on_item_grid_chosen(self, event: ItemGrid.Chosen) -> None:
        """Another item has the cursor."""
        event.stop()
        self.show_item()

    def go_to_kind(self) -> None:
        """Go to the first item of the kind under the cursor."""
        kind = self.query_one(FailureList).here
        if kind is not None:
            grid = self.query_one(ItemGrid)
            grid.item = kind.first
            grid.focus()
