"""A value as a tree whose branches are asked for when they are opened: a gigabyte costs what is on the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.model.value_view import PAGE
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.value_view import ValueNode

__all__ = ["ValueTree"]


@dataclass(slots=True)
class _Branch:
    depth: int
    key: str
    path: tuple[str, ...]
    kind: str
    preview: str
    branches: bool
    opened: bool = False
    note: str = field(default="")


class ValueTree(LineView):
    """One row a part of the value.

    Args:
        ask: called with the path of a branch that is to be opened; the screen answers with `fill`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,l,right", "unfold", "unfold", id="look.unfold", tooltip="Show what is inside"),
        Binding("h,left", "fold", "fold", show=False, id="look.fold", tooltip="Hide what is inside"),
    ]

    def __init__(self, ask: Callable[[tuple[str, ...]], None], *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._ask = ask
        self._rows: list[_Branch] = []

    def start(self, name: str, node: ValueNode) -> None:
        """Show the root, opened."""
        self._rows = [_Branch(0, name, (), node.kind, node.preview, bool(node.children), opened=True)]
        self.fill((), node)

    def fill(self, path: tuple[str, ...], node: ValueNode) -> None:
        """Show what is inside a branch."""
        at = next((index for index, row in enumerate(self._rows) if row.path == path), None)
        if at is None:
            return
        row = self._rows[at]
        page = _is_page(path)
        depth, base = (row.depth, path[:-1]) if page else (row.depth + 1, path)
        inside = [_Branch(depth, child.key, (*base, child.key), child.kind, child.preview, child.branches) for child in node.children]
        if node.more:
            said = f"{node.more:,} more" + (": enter shows the next" if node.after else " not shown")
            inside.append(_Branch(depth, "…", (*base, node.after or "…"), "", said, branches=False))
        if page:
            # The row that stood for what was not shown makes room for it.
            self._rows[at : at + 1] = inside
        else:
            row.opened = True
            self._rows[at + 1 : at + 1] = inside
        self.rows_changed()

    @property
    def path(self) -> tuple[str, ...]:
        """Path of the part under the cursor."""
        return self._rows[self.cursor].path if self._rows else ()

    def action_unfold(self) -> None:
        """Open the branch under the cursor."""
        row = self._rows[self.cursor] if self._rows else None
        if row is not None and (_is_page(row.path) or (row.branches and not row.opened)):
            self._ask(row.path)

    def action_open(self) -> None:
        """A click opens like a key."""
        self.action_unfold()

    def action_fold(self) -> None:
        """Close the branch under the cursor, or the one that it is in."""
        at = self.cursor
        if not self._rows:
            return
        if not self._rows[at].opened:
            depth = self._rows[at].depth
            while at > 0 and self._rows[at].depth >= depth:
                at -= 1
        row = self._rows[at]
        end = at + 1
        while end < len(self._rows) and self._rows[end].depth > row.depth:
            end += 1
        del self._rows[at + 1 : end]
        row.opened = False
        self.rows_changed()
        self.move_to(at)

    def row_count(self) -> int:
        """One for each part that is not folded away."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw one part."""
        row = self._rows[index]
        ascii_only = getattr(self.app, "ascii_only", False)
        mark = " " if not row.branches else ("-" if row.opened else "+") if ascii_only else ("▾" if row.opened else "▸")
        line = Line(" " + "  " * row.depth).add(mark, "faint").add(" ").add(row.key, "strong").add("  ")
        return line.add(row.kind, "type").add("  ").add(row.preview).cut(width)


def _is_page(path: tuple[str, ...]) -> bool:
    return bool(path) and path[-1].startswith(PAGE)
