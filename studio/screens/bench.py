"""The bench: one node alone, with the inputs that a run recorded or with edited ones, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from studio.screens.forecast import ChangeList
from studio.screens.sheet import Sheet, Summary
from studio.widgets.figures import took
from studio.widgets.line import Line, rule, wrap
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.bench import BenchView
    from studio.model.run_view import NodeView
    from studio.services.studio import Studio

__all__ = ["BenchSheet"]

_TIMES: Final = 3
_MOST_LINES: Final = 6


class BenchSheet(Sheet[None]):
    """Run a node again, as often as one likes; the run that it comes from is not touched.

    Args:
        studio: runs it.
        run_id, superstep: the run and moment whose inputs are taken.
        node: the node as the run has it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "act", "run it", id="sheet.act", tooltip="Run the node three times, in a process of its own"),
    ]

    def __init__(self, studio: Studio, run_id: str, node: NodeView, superstep: int | None) -> None:
        super().__init__()
        self._studio = studio
        self._where = run_id, node.path, superstep
        self._given = node
        self._edits: dict[str, str] = {}
        self._found: BenchView | None = None
        self._busy = False

    def title_text(self) -> str:
        """Name the node and its run."""
        return f"Bench {self._where[1]} of {self._where[0]}"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the inputs, the field to change them in, and what came of it."""
        rows = [(value.name, value.origin, value.kind, value.preview) for value in self._given.inputs]
        yield ChangeList(rows, self._edits)
        field = Input(id="value", compact=True)
        field.display = False
        yield field
        summary = Summary(id="summary")
        summary.can_focus = not rows
        yield summary

    def on_mount(self) -> None:
        """Show the inputs; nothing runs before enter."""
        changes = self.query_one(ChangeList)
        changes.display = bool(changes.row_count())
        (changes if changes.display else self.query_one(Summary)).focus()
        self._show()

    def _show(self) -> None:
        summary = self.query_one(Summary)
        summary.show(self._lines)
        summary.refresh(layout=True)

    def _lines(self, width: int) -> list[Line]:
        lines = [Line()]
        found = self._found
        if self._busy:
            lines.append(Line(" running…", "running"))
        elif found is None:
            said = (
                "Runs this node alone, three times, in a process that is thrown away. "
                "The run is not touched; side effects of the node happen."
            )
            lines += [Line(" ").add(text, "muted") for text in wrap(said, width - 2)]
        elif found.problem is not None:
            lines += [Line(" ").add(text, "error") for text in wrap(found.problem, width - 2)[:_MOST_LINES]]
        else:
            lines.append(rule("Recorded", width))
            lines += self._result(took(found.recorded_seconds), found.recorded, "muted", width)
            for number, (seconds, text, same) in enumerate(found.rows, 1):
                verdict = "the same" if same else "differs" if same is False else "cannot be compared"
                lines.append(
                    rule(f"Run {number}: {verdict}", width, role="completed" if same else "failed" if same is False else "unknown")
                )
                lines += self._result(took(seconds), text, "text", width)
        end = Line(" enter", "key").add(" run it   ").add("e", "key").add(" edit input   ").add("esc", "key").add(" leave")
        return [*lines, Line(), end]

    @staticmethod
    def _result(time: str, text: str, role: str, width: int) -> list[Line]:
        parts = wrap(text, max(10, width - 11))[:_MOST_LINES]
        return [Line(" ").add(time if not index else "", "muted", width=8).add(" ").add(part, role) for index, part in enumerate(parts)]

    def on_change_list_edit(self) -> None:
        """Open the field on the input."""
        name = self.query_one(ChangeList).name_here
        given = next((value for value in self._given.inputs if value.name == name), None)
        if given is None:
            return
        field = self.query_one("#value", Input)
        field.placeholder = f"{given.name}: {given.kind}"
        field.value = self._edits.get(given.name, given.preview)
        field.display = True
        field.focus()

    def on_change_list_cleared(self) -> None:
        """Take a change back."""
        changes = self.query_one(ChangeList)
        self._edits.pop(changes.name_here or "", None)
        changes.rows_changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the field only commits it."""
        event.stop()
        changes = self.query_one(ChangeList)
        if changes.name_here is not None:
            self._edits[changes.name_here] = event.value
        event.input.display = False
        changes.rows_changed()
        changes.focus()

    def action_leave(self) -> None:
        """Leave the field, else the sheet."""
        field = self.query_one("#value", Input)
        if field.display:
            field.display = False
            self.query_one(ChangeList).focus()
        else:
            self.dismiss(None)

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Enter runs it."""
        if type(message) is LineView.Opened:
            self.action_act()

    def action_act(self) -> None:
        """Run the node."""
        if not self._busy:
            self._busy = True
            self._show()
            self.run_worker(self._run())

    async def _run(self) -> None:
        run_id, node, superstep = self._where
        try:
            self._found = await self._studio.bench(run_id, node, superstep, times=_TIMES, edits=dict(self._edits))
        finally:
            self._busy = False
        self._show()
