"""One value: its tree, and the part under the cursor in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from studio.messages import Copy
from studio.model.secrets import HIDDEN
from studio.widgets.bars import KeyBar, StatusLine
from studio.widgets.line import Line, wrap
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane
from studio.widgets.value_tree import ValueTree

if TYPE_CHECKING:
    from studio.model.value_view import ValueNode
    from studio.services.studio import Studio

__all__ = ["ValueScreen"]

_MOST_LINES = 2_000


class ValueScreen(Screen[None]):
    """A value of a run.

    Args:
        studio: reads the value, bounded in time and size.
        run_id, node, name: which value; node None for an input of the run.
        superstep: the moment, None for the newest.
    """

    DEFAULT_CSS = """
    ValueScreen { background: $background; }
    ValueScreen #parts { layout: vertical; height: 1fr; }
    ValueScreen ValueTree { height: 1fr; }
    ValueScreen #text { height: 1fr; border-top: solid $rule; }
    ValueScreen.-wide #parts, ValueScreen.-huge #parts { layout: horizontal; }
    ValueScreen.-wide #text, ValueScreen.-huge #text { border-top: none; border-left: solid $rule; height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "leave", "back", id="look.back", tooltip="Back to the run"),
        Binding("tab", "app.focus_next", "pane", show=False, id="look.next-pane", tooltip="Go to the other pane"),
        Binding("x", "reveal", "reveal", id="look.reveal", tooltip="Show this secret; who did so is written down"),
        Binding("y", "copy", "copy", id="yank.value", tooltip="Copy the part under the cursor as text"),
    ]

    def __init__(self, studio: Studio, run_id: str, node: str | None, name: str, superstep: int | None) -> None:
        super().__init__()
        self._studio = studio
        self._where = run_id, node, name, superstep
        self._text = ""
        self._parts: dict[tuple[str, ...], ValueNode] = {}

    def compose(self) -> ComposeResult:
        """Set the tree beside the text."""
        yield StatusLine()
        yield Container(ValueTree(self._open), LinesPane(id="text"), id="parts")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for the value."""
        run_id, node, name, superstep = self._where
        left = Line(run_id, "strong").add(f" · {node or 'input'}", "muted").add(f" · {name}", "strong")
        self.query_one(StatusLine).show(left, Line(f"superstep {superstep}" if superstep is not None else "", "warning"))
        self.query_one(ValueTree).focus()
        self.query_one("#text", LinesPane).show(lambda _width: [Line(" reading…", "muted")])
        self.run_worker(self._start(name))

    async def _read(self, path: tuple[str, ...]) -> ValueNode:
        found = self._parts.get(path)
        if found is None:
            found = self._parts[path] = await self._studio.value(*self._where, path=path)
        return found

    async def _start(self, name: str) -> None:
        node = await self._read(())
        self.query_one(ValueTree).start(name, node)
        self._show(node)

    def _open(self, path: tuple[str, ...]) -> None:
        async def fill() -> None:
            self.query_one(ValueTree).fill(path, await self._read(path))

        self.run_worker(fill())

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """Show the part under the cursor in full."""
        if isinstance(message.view, ValueTree):
            self.run_worker(self._show_part(message.view.path), exclusive=True, group="part")

    async def _show_part(self, path: tuple[str, ...]) -> None:
        if path and path[-1].startswith("…"):
            # It stands for what is not shown yet.
            return
        self._show(await self._read(path))

    def _show(self, node: ValueNode) -> None:
        self._text = node.text
        self.refresh_bindings()

        def lines(width: int) -> list[Line]:
            head = Line(" ").add(node.kind, "type")
            notes = [Line(" ").add(part, "muted") for part in wrap(node.note, max(10, width - 2))] if node.note else []
            return [head, *notes, Line(), *(Line(" ").add(text) for text in wrap(node.text, max(10, width - 2), limit=_MOST_LINES))]

        self.query_one("#text", LinesPane).show(lines, keep_place=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to reveal only where something is hidden."""
        del parameters
        return action != "reveal" or (self._text == HIDDEN and not self._studio.read_only)

    async def action_reveal(self) -> None:
        """Show the secret under the cursor."""
        path = self.query_one(ValueTree).path
        found = await self._studio.reveal(*self._where, path=path)
        if found is None:
            self.app.notify("It stays hidden: that it was shown could not be written down.", severity="error", markup=False)
            return
        self._show(found)

    def action_leave(self) -> None:
        """Back to the run."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy what is shown in full."""
        self.post_message(Copy(self._text, "The value"))
