"""The boxes view of a run: a cursor that goes from box to box, and the node with k edges around it where not all fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from studio.widgets.boxes import Boxes, draw_boxes
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.run_view import RunView

__all__ = ["BoxPane"]

_MOST_HOPS: Final = 9
_HIGH: Final = 3


class BoxPane(LineView):
    """A graph as boxes."""

    has_cursor: ClassVar[bool] = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="look.open-box", tooltip="Go to this node on the rail, with its values beside"),
        Binding("right,l", "go(1, 0)", "Box at the right", show=False, id="look.box-right", tooltip="Go to a box at the right"),
        Binding("left,h", "go(-1, 0)", "Box at the left", show=False, id="look.box-left", tooltip="Go to a box at the left"),
        Binding("down,j", "go(0, 1)", "Box below", show=False, id="look.box-down", tooltip="Go to a box below"),
        Binding("up,k", "go(0, -1)", "Box above", show=False, id="look.box-up", tooltip="Go to a box above"),
        Binding("plus", "hops(1)", "more around", id="look.hops-more", tooltip="Show one edge more around the node"),
        Binding("minus", "hops(-1)", "less around", id="look.hops-less", tooltip="Show one edge less around the node"),
        Binding("x", "whole", "whole or focus", id="look.whole", tooltip="Show only what is around the node, or the whole graph"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._view: RunView | None = None
        self._drawn = Boxes([], {}, whole=True)
        self._drawn_for = -1
        self._hops = 1
        self._whole = True
        self.path: str | None = None
        """The node that the cursor is on."""

    def show(self, view: RunView, here: str | None) -> None:
        """Show the graph of a run.

        Args:
            view: the run.
            here: the node to be at when nothing was chosen here.
        """
        fresh = self._view is None or self._view.id != view.id
        self._view = view
        if self.path is None or fresh:
            self.path = (here or "").partition("/")[0] or (
                view.scene.nodes[0].path if view.scene is not None and view.scene.nodes else None
            )
        self._anew()

    def go_to(self, path: str | None) -> None:
        """Be at a node."""
        self.path = (path or "").partition("/")[0] or self.path
        self._anew()

    def _anew(self) -> None:
        self._drawn_for = -1
        self.rows_changed()

    def _ensure(self) -> None:
        width = self.row_width
        if not width or width == self._drawn_for or self._view is None or self._view.scene is None:
            return
        self._drawn_for = width
        ascii_only = getattr(self.app, "ascii_only", False)
        self._drawn = draw_boxes(
            self._view.scene, self._view.nodes, self.path, width, hops=self._hops, whole=self._whole, ascii_only=ascii_only
        )

    @property
    def plain(self) -> str:
        """All text, for tests and copying."""
        self._ensure()
        return "\n".join(line.plain for line in self._drawn.lines)

    def row_count(self) -> int:
        """As many as were drawn."""
        self._ensure()
        return len(self._drawn.lines)

    def row(self, index: int, width: int) -> Line:
        """Give one line."""
        del width
        return self._drawn.lines[index]

    def action_go(self, right: int, down: int) -> None:
        """Go to the nearest box in a direction."""
        self._ensure()
        at = self._drawn.places.get(self.path or "")
        if at is None:
            return
        best: tuple[float, str] | None = None
        for path, (x, y, _) in self._drawn.places.items():
            ahead = (x - at[0]) * right + (y - at[1]) * down
            # What lies straight ahead is nearer than what lies aside.
            aside = abs(y - at[1]) * 2 if right else abs(x - at[0])
            if ahead > 0 and (best is None or ahead + 2 * aside < best[0]):
                best = ahead + 2 * aside, path
        if best is not None:
            self._choose(best[1])

    def _choose(self, path: str) -> None:
        self.path = path
        self._anew()
        self._ensure()
        place = self._drawn.places.get(path)
        if place is not None and not self.scroll_y <= place[1] <= self.scroll_y + max(1, self.size.height - _HIGH):
            self.scroll_to(y=max(0, place[1] - 1), animate=False, force=True)
        self.post_message(self.Moved(self, 0))

    def action_hops(self, step: int) -> None:
        """Show more or less around the node."""
        self._hops = min(max(1, self._hops + step), _MOST_HOPS)
        self._anew()

    def action_whole(self) -> None:
        """Show only what is around the node, or the whole graph where it fits."""
        self._whole = not self._whole
        self._anew()

    def action_move(self, step: int) -> None:
        """Go to the box above or below."""
        self.action_go(0, step)

    def action_jump(self, index: int) -> None:
        """Go to the first or the last box."""
        self._ensure()
        order = sorted(self._drawn.places, key=lambda path: (self._drawn.places[path][0], self._drawn.places[path][1]))
        if order:
            self._choose(order[0 if index == 0 else -1])

    def action_open(self) -> None:
        """Go to the node."""
        if self.path is not None:
            self.post_message(self.Opened(self, 0))

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """A click goes to a box; one on the box where the cursor is opens it."""
        del again
        for path, (x, y, size) in self._drawn.places.items():
            if x <= column < x + size and y <= index < y + _HIGH:
                if path == self.path:
                    self.action_open()
                else:
                    self._choose(path)
                return
