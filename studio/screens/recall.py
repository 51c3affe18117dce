"""The sheet that fills a form: inputs kept under a name, of past runs, or from a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from studio.messages import Told
from studio.screens.sheet import Sheet
from studio.widgets.figures import ago
from studio.widgets.input_form import Label
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.services.recalling import Recalled, Recalling

__all__ = ["AskSheet", "RecallSheet", "RecalledList"]


class RecalledList(LineView):
    """Inputs of before, one row each.

    Args:
        graph: name of the graph.
        rows: what there is.
        now: the present moment.
        recalling: keeps, renames and forgets.
    """

    DEFAULT_CSS = """
    RecalledList { height: auto; max-height: 20; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "fill the form", id="form.fill", tooltip="Fill the form with these inputs; nothing starts"),
        Binding("e", "rename", "rename", id="form.rename", tooltip="Give what was kept another name"),
        Binding("delete", "forget", "forget", id="form.forget", tooltip="Forget what was kept under this name"),
    ]

    def __init__(self, graph: str, rows: list[Recalled], now: float, recalling: Recalling) -> None:
        super().__init__()
        self._graph = graph
        self._rows = rows
        self._now = now
        self._recalling = recalling

    @property
    def rows(self) -> list[Recalled]:
        """What there is."""
        return self._rows

    def row_count(self) -> int:
        """One for each."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw where they come from, and what they are."""
        row = self._rows[index]
        line = Line(" ").add("kept" if row.preset else "run", "accent" if row.preset else "muted", width=5)
        line.add(row.name, "strong", width=max(12, min(28, width // 4))).add("  ")
        inputs = ", ".join(
            f"{name}{' each' if name in row.mapped else ''}={text.partition(chr(10))[0]}" for name, text in row.texts.items()
        )
        line.add(inputs or "defaults alone", "text" if inputs else "muted")
        return line.right(Line(" ").add(ago(row.at, self._now), "faint").add(" "), width)

    def action_forget(self) -> None:
        """Forget what was kept under this name; a run stays what it is."""
        if self._rows and self._rows[self.cursor].preset:
            self._recalling.forget(self._graph, self._rows.pop(self.cursor).name)
            self.rows_changed()
        else:
            self.post_message(Told("This is a run, not something kept: it stays."))

    def action_rename(self) -> None:
        """Give what was kept another name."""
        row = self._rows[self.cursor] if self._rows else None
        if row is None or not row.preset:
            self.post_message(Told("This is a run, not something kept: fill the form, and keep it with w."))
            return

        def named(name: str | None) -> None:
            if name is None or name == row.name or not self._recalling.rename(self._graph, row.name, name):
                return
            # Another one of that name gave way.
            self._rows[:] = [replace(one, name=name) if one is row else one for one in self._rows if not (one.preset and one.name == name)]
            self.rows_changed()

        self.app.push_screen(AskSheet(f"Another name for {row.name}", "a name", row.name), named)


class RecallSheet(Sheet["Recalled"]):
    """Inputs to choose from.

    Args:
        graph: name of the graph.
        rows: what there is.
        now: the present moment.
        recalling: keeps, renames and forgets.
    """

    DEFAULT_CSS = """
    RecallSheet > #sheet { width: 110; }
    """

    def __init__(self, graph: str, rows: list[Recalled], now: float, recalling: Recalling) -> None:
        super().__init__()
        self._graph = graph
        self._rows = rows
        self._now = now
        self._recalling = recalling

    def title_text(self) -> str:
        """Name the graph."""
        return f"Inputs of {self._graph}"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the list."""
        if not self._rows:
            yield Label(Line("No inputs yet: none were kept (w in the form), and no run of this graph is in the store.", "muted"))
        yield RecalledList(self._graph, self._rows, self._now, self._recalling)

    def on_mount(self) -> None:
        """Start on the first."""
        self.query_one(RecalledList).focus()

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Fill the form."""
        self.dismiss(self._rows[message.index])


class AskSheet(Sheet[str]):
    """One line of text is asked for.

    Args:
        title: what for.
        hint: what the empty field says.
        text: what stands in it at first.
    """

    def __init__(self, title: str, hint: str, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._heading = title
        self._hint = hint

    def title_text(self) -> str:
        """Say what for."""
        return self._heading

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the field."""
        yield Input(self._text, placeholder=self._hint, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text; an empty one is none."""
        event.stop()
        self.dismiss(event.value.strip() or None)
