"""A batch as a grid: one cell an item, in the order of the items."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from studio.model.states import ITEM_STATES
from studio.theme import state_glyph, state_role
from studio.widgets.figures import count
from studio.widgets.line import Line
from studio.widgets.line_view import LineView, is_plain

__all__ = ["ItemGrid"]

_FAILED: Final = ITEM_STATES.index("failed")


class ItemGrid(LineView):
    """Cells, with a cursor of its own."""

    has_cursor: ClassVar[bool] = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open item", id="look.open-item", tooltip="Open the run of this item"),
        Binding("right,l", "step(1)", "Next item", show=False, id="look.next-item", tooltip="Go to the next item"),
        Binding("left,h", "step(-1)", "Previous item", show=False, id="look.previous-item", tooltip="Go to the item before"),
        Binding("space", "pick", "Pick", show=False, id="look.pick", tooltip="Pick this item: R runs the picked ones again"),
        Binding("n", "failure(1)", "next ✗", id="look.next-failure", tooltip="Go to the next item that failed"),
        Binding("N", "failure(-1)", "Previous ✗", show=False, id="look.previous-failure", tooltip="Go to the failed item before"),
        Binding("f", "only_failed", "failed only", id="look.failed-only", tooltip="Leave only the items that failed"),
    ]

    item: reactive[int] = reactive(0, repaint=False)

    class Chosen(Message):
        """The cursor came to another item."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._states = b""
        self._only: list[int] | None = None
        self.picked: set[int] = set()
        self._alike: tuple[bytes, list[int] | None, list[tuple[int, int]]] = (b"", None, [])

    def show(self, states: bytes) -> None:
        """Show items by their states."""
        if states == self._states:
            return
        before, self._states = self._states, states
        self.picked = {at for at in self.picked if at < len(states)}
        if self._only is not None:
            self._only = self._failed()
        columns = self._columns
        if self._only is None and len(before) == len(states) and columns and not is_plain(self):
            for row in range(self.row_count()):
                if before[row * columns : (row + 1) * columns] != states[row * columns : (row + 1) * columns]:
                    self.refresh_row(row)
        else:
            self.rows_changed()

    def _failed(self) -> list[int]:
        return [at for at, state in enumerate(self._states) if state == _FAILED]

    @property
    def _columns(self) -> int:
        return max(1, self.row_width - 2)

    @property
    def _shown(self) -> int:
        return len(self._states) if self._only is None else len(self._only)

    @property
    def item_here(self) -> int | None:
        """Number of the item under the cursor."""
        if not self._shown:
            return None
        return self.item if self._only is None else self._only[min(self.item, len(self._only) - 1)]

    @property
    def state_here(self) -> str:
        """How the item under the cursor stands."""
        here = self.item_here
        code = self._states[here] if here is not None and here < len(self._states) else 0
        return ITEM_STATES[code] if code < len(ITEM_STATES) else "unknown"

    def row_count(self) -> int:
        """As many rows as the cells need; in the plain form one for each row of items that stand alike."""
        if is_plain(self):
            return len(self._runs)
        return -(-self._shown // self._columns)

    def row(self, index: int, width: int) -> Line:
        """Draw one row of cells."""
        columns = self._columns
        start = index * columns
        ascii_only = getattr(self.app, "ascii_only", False)
        if self._only is None:
            cells = self._states[start : start + columns]
        else:
            cells = bytes(self._states[at] for at in self._only[start : start + columns])
        line = Line(" ")
        place = start
        for (code, picked), group in groupby(self._marked(cells, start)):
            size = len(list(group))
            state = ITEM_STATES[code] if code < len(ITEM_STATES) else "unknown"
            glyph, role = "+" if picked else state_glyph(state, ascii_only=ascii_only), state_role(state)
            if place <= self.item < place + size:
                before = self.item - place
                line.add(glyph * before, role).add(glyph, f"{role} on cursor-row").add(glyph * (size - before - 1), role)
            else:
                line.add(glyph * size, role)
            place += size
        return line.cut(width)

    @property
    def _runs(self) -> list[tuple[int, int]]:
        """Where each row of items that stand alike begins, and how many they are."""
        if self._alike[0] is not self._states or self._alike[1] is not self._only:
            found: list[tuple[int, int]] = []
            states = self._states if self._only is None else [self._states[at] for at in self._only]
            at = 0
            for _, group in groupby(states):
                size = len(list(group))
                found.append((at, size))
                at += size
            self._alike = self._states, self._only, found
        return self._alike[2]

    def plain_row(self, index: int) -> Line:
        """Say how items that follow one another stand."""
        at, size = self._runs[index]
        first, last = (at, at + size - 1) if self._only is None else (self._only[at], self._only[at + size - 1])
        code = self._states[first]
        state = ITEM_STATES[code] if code < len(ITEM_STATES) else "unknown"
        picked = sum(1 for item in self.picked if first <= item <= last)
        line = Line(f"item {count(first)}: {state}" if size == 1 else f"{count(size)} items from {count(first)} to {count(last)}: {state}")
        return line.add(f", {count(picked)} picked") if picked else line

    def _row_of(self, place: int) -> int:
        if is_plain(self):
            return bisect_right(self._runs, (place, len(self._states))) - 1
        return place // self._columns

    def _marked(self, cells: bytes, start: int) -> Iterator[tuple[int, bool]]:
        if not self.picked:
            return ((code, False) for code in cells)
        numbers = self._only[start:] if self._only is not None else range(start, start + len(cells))
        return ((code, number in self.picked) for code, number in zip(cells, numbers, strict=False))

    def action_pick(self) -> None:
        """Pick the item under the cursor, or no longer."""
        if self.item_here is not None:
            self.picked ^= {self.item_here}
            self.refresh_row(self._row_of(self.item))
            self.item += 1
            self.post_message(self.Chosen())
            self.screen.refresh_bindings()

    def unpick(self) -> None:
        """Pick none."""
        self.picked.clear()
        self.rows_changed()

    def validate_item(self, item: int) -> int:
        """Stay on an item."""
        return min(max(0, item), max(0, self._shown - 1))

    def watch_item(self, old: int, new: int) -> None:
        """Show the cursor, and tell the screen."""
        self.refresh_row(self._row_of(old))
        row = self._row_of(new)
        self.refresh_row(row)
        height = max(1, self.size.height)
        if row < self.scroll_y:
            self.scroll_to(y=row, animate=False, force=True)
        elif row >= self.scroll_y + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True)
        if self.is_mounted:
            self.post_message(self.Chosen())

    def action_move(self, step: int) -> None:
        """Go a row up or down."""
        if not is_plain(self):
            self.item += step * self._columns
            return
        row = self._row_of(self.item) + step
        if 0 <= row < len(self._runs):
            self.item = self._runs[row][0]

    def action_step(self, step: int) -> None:
        """Go to the next item or the one before."""
        self.item += step

    def action_jump(self, index: int) -> None:
        """Go to the first or last item."""
        self.item = 0 if index == 0 else self._shown - 1

    def action_failure(self, step: int) -> None:
        """Go to another failed item."""
        if self._only is not None:
            self.item += step
            return
        at = self._states.find(bytes([_FAILED]), self.item + 1) if step > 0 else self._states.rfind(bytes([_FAILED]), 0, self.item)
        if at < 0:
            at = self._states.find(bytes([_FAILED])) if step > 0 else self._states.rfind(bytes([_FAILED]))
        if at >= 0:
            self.item = at

    def action_only_failed(self) -> None:
        """Leave only failed items, or show all again."""
        here = self.item_here
        self._only = self._failed() if self._only is None else None
        self.rows_changed()
        if here is not None:
            self.item = here if self._only is None else next((place for place, at in enumerate(self._only) if at >= here), 0)

    def action_open(self) -> None:
        """Open the item's run."""
        if self.item_here is not None:
            self.post_message(self.Opened(self, self.item_here))

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """A click brings the cursor; a second one opens."""
        del again
        place = self._runs[index][0] if is_plain(self) else index * self._columns + column - 1
        if place == self.item:
            self.action_open()
        else:
            self.item = place
