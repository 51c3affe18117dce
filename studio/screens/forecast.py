"""The sheet before a fork, a retry or a resume: what is changed, what is kept, what runs again and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from studio.messages import Copy
from studio.model.act import Act, ActKind
from studio.screens.sheet import Sheet, Summary
from studio.widgets.figures import counted, took
from studio.widgets.line import Line, wrap
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.forecast import Forecast
    from studio.model.run_view import RunView
    from studio.services.studio import Studio

__all__ = ["ForecastSheet"]

_VERBS: Final = {"fork": "Fork and watch", "retry": "Retry and watch", "resume": "Resume and watch"}
_TITLES: Final = {"fork": "Fork", "retry": "Retry", "resume": "Resume"}


class ChangeList(LineView):
    """The inputs and values that can be changed, each with what it is and what it will be."""

    DEFAULT_CSS = """
    ChangeList { height: auto; max-height: 9; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "do it", id="sheet.act-here", tooltip="Make the new run, and watch it"),
        Binding("e", "edit", "edit value", id="form.edit", tooltip="Change the value under the cursor"),
        Binding("delete", "clear", "Undo change", show=False, id="form.undo", tooltip="Take back the change under the cursor"),
    ]

    class Edit(LineView.Opened):
        """A value is to be edited."""

    class Cleared(LineView.Opened):
        """A change is taken back."""

    def __init__(self, rows: list[tuple[str, str, str, str]], edits: dict[str, str]) -> None:
        super().__init__(id="changes")
        self._rows = rows
        self._edits = edits

    @property
    def name_here(self) -> str | None:
        """The name under the cursor."""
        return self._rows[self.cursor][0] if self._rows else None

    def row_count(self) -> int:
        """One for each value."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw a value: what it is, what it will be."""
        name, where, kind, preview = self._rows[index]
        line = Line(" ").add(name, "strong", width=min(20, max(10, width // 4))).add(" ").add(kind, "type", width=12).add(" ")
        if name in self._edits:
            line.add(preview, "faint", width=min(20, max(6, width // 5))).add(" → ", "accent").add(self._edits[name], "strong")
        else:
            line.add(preview, "muted")
        return line.right(Line(" ").add(where, "faint").add(" "), width)

    def action_edit(self) -> None:
        """Edit the value under the cursor."""
        if self._rows:
            self.post_message(self.Edit(self, self.cursor))

    def action_clear(self) -> None:
        """Take back the change under the cursor."""
        if self._rows:
            self.post_message(self.Cleared(self, self.cursor))

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """A click chooses, a second one edits."""
        del column
        self.move_to(index)
        if again:
            self.action_edit()


class ForecastSheet(Sheet[Act]):
    """What would be made from a run.

    Args:
        studio: asked for the forecast.
        kind: "fork", "retry" or "resume".
        view: the source.
        superstep: the moment to start from, None for the end.
        only: of a batch, the items that are meant; None for all that did not complete.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "act", "do it", id="sheet.act", tooltip="Make the new run, and watch it"),
        Binding("f4", "edit_in_full", "Edit in full", show=False, id="form.edit-in-full", tooltip="Edit the value in $EDITOR"),
        Binding(
            "n",
            "other_way",
            "in place / new run",
            id="form.other-way",
            tooltip="Of a batch: heal it in place, or make a new batch of these items",
        ),
        Binding("y", "copy", "copy python", id="yank.python", tooltip="Copy the Python of this act"),
    ]

    def __init__(self, studio: Studio, kind: ActKind, view: RunView, superstep: int | None, *, only: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self._only = only
        self._studio = studio
        self._kind = kind
        self._view = view
        self._superstep = superstep
        self._edits: dict[str, str] = {}
        self._forecast: Forecast | None = None
        self._problem: str | None = None

    def title_text(self) -> str:
        """Name the act and its object."""
        at = f" at superstep {self._superstep}" if self._superstep is not None else ""
        if self._only is not None:
            at = f", {counted(len(self._only), 'item')}"
        return f"{_TITLES[self._kind]} {self._view.id}{at}"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the values to change, the field to change them in, and the forecast."""
        rows = [] if self._kind == "resume" else self._rows()
        rows = rows if self._view.batch is None else []
        yield ChangeList(rows, self._edits)
        field = Input(id="value", compact=True)
        field.display = False
        yield field
        summary = Summary(id="summary")
        summary.can_focus = not rows
        yield summary

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [(value.name, "input", value.kind, value.preview) for value in self._view.inputs]
        given = {name for name, *_ in rows}
        graphs = {graph.name: graph for module in self._studio.modules() for graph in module.graphs}
        if (graph := graphs.get(self._view.graph_name)) is not None:
            left = (field for field in graph.inputs if field.name not in given)
            rows += [(field.name, "default", field.type.label, field.default or "") for field in left]
        if self._kind == "fork":
            rows += [
                (value.name, path, value.kind, value.preview)
                for path, node in self._view.nodes.items()
                if "/" not in path
                for value in node.outputs
            ]
        return rows

    def on_mount(self) -> None:
        """Ask what would happen."""
        changes = self.query_one(ChangeList)
        changes.display = bool(changes.row_count())
        (changes if changes.display else self.query_one(Summary)).focus()
        self._ask()

    def _act(self) -> Act:
        return Act(self._kind, self._view.id, self._superstep, dict(self._edits), self._only)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a batch can be healed in place or made anew."""
        del parameters
        return not (action == "other_way" and (self._view.batch is None or self._kind == "fork"))

    def action_other_way(self) -> None:
        """Heal the batch in place, or make a new one of its items."""
        self._kind = "retry" if self._kind == "resume" else "resume"
        self.query_one("#sheet").border_title = self.title_text()
        self._ask()

    def _ask(self) -> None:
        self._forecast = None
        self.query_one(Summary).show(self._lines)
        self._answer()

    @work(exclusive=True)
    async def _answer(self) -> None:
        self._forecast = await self._studio.forecast(self._act())
        for summary in self.query(Summary):
            summary.show(self._lines)
            summary.refresh(layout=True)

    def _lines(self, width: int) -> list[Line]:
        forecast = self._forecast
        if forecast is None:
            return [Line(), Line(" looking at what would run again…", "muted")]
        # What stands in the way comes first: below the forecast nobody would see it on a small screen.
        problem = (
            [Line(" ").add(part, "error") for part in wrap(forecast.problem or "", max(10, width - 2))[:6]] if forecast.problem else []
        )
        lines = [*problem, Line()]
        facts = [
            ("Code", forecast.code, "text" if forecast.same_code else "warning"),
            ("Kept", ", ".join(forecast.kept) or "nothing", "completed" if forecast.kept else "muted"),
            ("Run again", ", ".join(forecast.again) or "nothing", "running" if forecast.again else "muted"),
            ("", forecast.reason, "muted"),
            ("Caution", forecast.caution, "warning"),
            ("Takes", _takes(forecast), "text"),
            ("Effects", ", ".join(forecast.effects) or "none declared", "warning" if forecast.effects else "muted"),
            ("Run id" if self._kind == "resume" else "New id", forecast.new_id, "strong"),
        ]
        for name, text, role in facts:
            for index, part in enumerate(wrap(text, max(10, width - 13))[:4]) if text else ():
                lines.append(Line(" ").add(name if index == 0 else "", "muted", width=11).add(part, role))
        lines += [
            Line(),
            *(
                Line(" ").add("python" if index == 0 else "", "muted", width=11).add(part, "accent")
                for index, part in enumerate(wrap(forecast.python, max(10, width - 13))[:4])
            ),
        ]
        lines.append(Line())
        end = Line(" enter", "key").add(f" {_VERBS[self._kind]}   ")
        if self._view.batch is not None and self._kind != "fork":
            end.add("n", "key").add(" new batch instead   " if self._kind == "resume" else " in place instead   ")
        elif self._kind != "resume":
            end.add("e", "key").add(" edit value   ")
        return [*lines, end.add("y", "key").add(" copy python   ").add("esc", "key").add(" leave")]

    # Editing.

    def on_change_list_edit(self) -> None:
        """Open the field on the value."""
        name = self.query_one(ChangeList).name_here
        row = next((row for row in self._rows() if row[0] == name), None)
        if row is None:
            return
        field = self.query_one("#value", Input)
        field.border_title = None
        field.placeholder = f"{row[0]}: {row[2]}"
        text = self._edits.get(row[0], self._studio.editable(self._view.id, row[0], row[3]))
        if "\n" in text:
            # One line of a field would lose the others.
            self._edit_in_full(row[0], text)
            return
        field.value = text
        field.display = True
        field.focus()

    def action_edit_in_full(self) -> None:
        """Open an editor on the value under the cursor."""
        name = self.query_one(ChangeList).name_here
        row = next((row for row in self._rows() if row[0] == name), None)
        if row is not None:
            field = self.query_one("#value", Input)
            known = self._edits.get(row[0]) or self._studio.editable(self._view.id, row[0], row[3])
            self._edit_in_full(row[0], field.value if field.display else known)

    def _edit_in_full(self, name: str, text: str) -> None:
        from studio.screens.editor import edit_text

        def kept(after: str) -> None:
            self._commit(name, after)

        edit_text(self.app, name, text, kept)

    def _commit(self, name: str, text: str) -> None:
        self._edits[name] = text
        self.query_one("#value", Input).display = False
        changes = self.query_one(ChangeList)
        changes.rows_changed()
        changes.focus()
        self._ask()

    def on_change_list_cleared(self) -> None:
        """Take a change back."""
        self._edits.pop(self.query_one(ChangeList).name_here or "", None)
        self.query_one(ChangeList).rows_changed()
        self._ask()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the field only commits it."""
        event.stop()
        name = self.query_one(ChangeList).name_here
        if name is not None:
            self._commit(name, event.value)

    def action_leave(self) -> None:
        """Leave the field, else the sheet."""
        field = self.query_one("#value", Input)
        if field.display:
            field.display = False
            self.query_one(ChangeList).focus()
            return
        self.dismiss(None)

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Enter performs the act."""
        if type(message) is LineView.Opened:
            self.action_act()

    def action_act(self) -> None:
        """Make the new run."""
        if self._forecast is None or self._forecast.problem:
            self.app.bell()
            return
        self.dismiss(self._act())

    def action_copy(self) -> None:
        """Copy the Python."""
        if self._forecast is not None:
            self.post_message(Copy(self._forecast.script, "The Python"))


def _takes(forecast: Forecast) -> str:
    if not forecast.again:
        return "no time: nothing runs"
    return f"about {took(forecast.seconds)}" if forecast.seconds is not None else "unknown: no history of these nodes"
