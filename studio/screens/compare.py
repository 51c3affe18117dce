"""Compare: two runs side by side, and the first place where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from studio.addresses import Target, compare_address, run_address
from studio.messages import Go, Told
from studio.model.text_diff import text_diff
from studio.screens.base import PlaceScreen
from studio.theme import state_glyph, state_role
from studio.widgets.figures import took
from studio.widgets.line import Line, rule, wrap
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane

if TYPE_CHECKING:
    from studio.model.diff import Comparison, DiffRow

__all__ = ["CompareScreen"]

_SAME_LINES: Final = 8
_HOW: Final = (
    ("title", "Compare two runs"),
    ("muted", "Mark one run with c, in Runs (4) or on its own page (3)."),
    ("muted", "Then mark the other: both open here, aligned by node and turn."),
)


class DiffList(LineView):
    """One row a node and turn."""

    header_rows: ClassVar[int] = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open in B", id="look.open-run", tooltip="Open this node in the second run")
    ]

    def __init__(self) -> None:
        super().__init__(id="diff")
        self.rows: list[DiffRow] = []

    def show(self, rows: Iterable[DiffRow]) -> None:
        """Show aligned rows."""
        self.rows = list(rows)
        self.rows_changed()

    @property
    def here(self) -> DiffRow | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def row_count(self) -> int:
        """One for each node and turn."""
        return len(self.rows)

    @staticmethod
    def _columns(width: int) -> tuple[int, int]:
        names = max(12, min(24, width // 4))
        return names, max(10, (width - names - 24) // 2)

    def header(self, number: int, width: int) -> Line:
        """Name the columns."""
        del number
        names, side = self._columns(width)
        line = Line(" ").add("node", "faint", width=names).add(" ").add("A", "faint", width=side).add(" ").add("B", "faint", width=side)
        return line.right(Line("time A → B ", "faint"), width)

    def row(self, index: int, width: int) -> Line:
        """Draw one node."""
        row = self.rows[index]
        names, side = self._columns(width)
        label = f"{row.path} #{row.turn}" if row.turn > 1 else row.path
        line = Line(" ").add(label, "text" if row.differs else "muted", width=names).add(" ")
        ascii_only = getattr(self.app, "ascii_only", False)
        if row.first:
            line.add("< FIRST DIFFERENCE  " if ascii_only else "◄ FIRST DIFFERENCE  ", "warning").add(row.text_a, "error").add(
                " → ", "faint"
            ).add(row.text_b, "completed")
        else:
            for state, text in ((row.state_a, row.text_a), (row.state_b, row.text_b)):
                glyph = state_glyph(state, ascii_only=ascii_only) if state else "-"
                line.add(
                    f"{glyph} {text}" if row.differs else "= same", state_role(state or "skipped") if row.differs else "faint", width=side
                ).add(" ")
        end = Line("  ").add(took(row.seconds_a), "muted").add(" → ", "faint").add(took(row.seconds_b), "muted").add(" ")
        return line.right(end, width)


def _value_lines(before: str, after: str, width: int) -> list[Line]:
    """Draw a value of both runs: once where it is the same, line by line where it is not."""
    room = max(10, width - 7)
    if before == after:
        return [Line("   =  ", "faint").add(text, "muted") for text in wrap(before, room, limit=_SAME_LINES)]
    marks = {"-": ("   A  ", "error"), "+": ("   B  ", "completed"), " ": ("      ", "muted"), "~": ("      ", "faint")}
    found: list[Line] = []
    for line in text_diff(before, after):
        lead, role = marks[line.mark]
        for pieces in _wrapped(line.parts, room):
            drawn = Line(lead, "faint")
            for text, differs in pieces:
                drawn.add(text, role if differs or line.mark in " ~" else "text")
            found.append(drawn)
            lead = "      "
    return found


def _wrapped(parts: Iterable[tuple[str, bool]], width: int) -> Iterable[list[tuple[str, bool]]]:
    """Break a line in pieces into rows of a width, keeping what each piece is."""
    row: list[tuple[str, bool]] = []
    left = width
    for whole, differs in parts:
        text = whole
        while cell_len(text) > left:
            head = text[: max(len(set_cell_size(text, left).rstrip(" ")) if left else 0, 0 if row else 1)]
            yield [*row, (head, differs)]
            row, left, text = [], width, text[len(head) :]
        row.append((text, differs))
        left -= cell_len(text)
    yield row


class CompareScreen(PlaceScreen):
    """Two runs."""

    MODE = "compare"
    PANES = ("#diff", "#values")

    DEFAULT_CSS = """
    CompareScreen #body { layout: vertical; }
    CompareScreen #causes { height: auto; max-height: 6; border-bottom: solid $rule; }
    CompareScreen #diff { height: 3fr; }
    CompareScreen #values { height: 2fr; border-top: solid $rule; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", "next difference", id="look.next-difference", tooltip="Go to the next node that differs"),
        Binding(
            "N", "next(-1)", "Previous difference", show=False, id="look.previous-difference", tooltip="Go to the node before that differs"
        ),
        Binding("f", "only", "differences only", id="look.differences-only", tooltip="Leave out what is the same"),
        Binding("x", "swap", "swap", id="look.swap", tooltip="Exchange A and B"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[str, str] | None = None
        self._found: Comparison | None = None
        self._only = False

    def compose_body(self) -> Iterable[Widget]:
        """Give the causes, the aligned nodes and their values."""
        causes = LinesPane(id="causes")
        causes.can_focus = False
        yield Container(causes, DiffList(), LinesPane(id="values"), id="body")

    def on_mount(self) -> None:
        """Show the pair, or how to choose one."""
        self.query_one(DiffList).focus()
        self._show()
        if self._pair is not None:
            self.run_worker(self._load(), exclusive=True)

    def show_address(self, target: Target) -> None:
        """Compare two runs."""
        if len(target.rest) < 2:
            self.post_message(Told("An address of Compare names two runs: hg:compare/A/B.", "warning"))
            return
        self._pair = target.rest[0], target.rest[1]
        self.run_worker(self._load(), exclusive=True)

    @property
    def address(self) -> str:
        """The pair."""
        return "hg:compare" if self._pair is None else compare_address(*self._pair)

    async def _load(self) -> None:
        assert self._pair is not None
        try:
            self._found = await self.studio.compare(*self._pair)
        except LookupError as error:
            self.post_message(Told(str(error.args[0]), "warning"))
            return
        self._show()
        first = next((at for at, row in enumerate(self.query_one(DiffList).rows) if row.first), 0)
        self.query_one(DiffList).move_to(first)

    def _show(self) -> None:
        found, diff = self._found, self.query_one(DiffList)
        causes, values = self.query_one("#causes", LinesPane), self.query_one("#values", LinesPane)
        diff.display = values.display = found is not None
        if found is None:
            self.status(Line("compare", "strong"))
            causes.show(lambda _width: [Line(), *(Line("  ").add(text, role) for role, text in _HOW)])
            return
        ascii_only = getattr(self.app, "ascii_only", False)
        left = (
            Line("A ", "muted")
            .add(found.a, "strong")
            .add(f" {state_glyph(found.state_a, ascii_only=ascii_only)}", state_role(found.state_a))
        )
        left.add("   B ", "muted").add(found.b, "strong").add(
            f" {state_glyph(found.state_b, ascii_only=ascii_only)}", state_role(found.state_b)
        )
        differ = sum(1 for row in found.rows if row.differs)
        self.status(left, Line(f"{differ} of {len(found.rows)} differ", "muted"))
        causes.show(
            lambda width: [
                Line(" ").add("changed" if not index else "", "muted", width=10).add(text, "accent")
                for index, text in enumerate(
                    [part for cause in found.causes for part in wrap(cause, max(10, width - 12))] or ["nothing that was recorded"]
                )
            ]
        )
        diff.show(row for row in found.rows if row.differs or not self._only)
        self._show_values()

    def _show_values(self) -> None:
        row = self.query_one(DiffList).here

        def lines(width: int) -> list[Line]:
            if row is None:
                return []
            out = [rule(row.path, width)]
            for name, before, after, note in row.values:
                out.append(Line(" ").add(name, "strong", width=14).add(" ").add(note, "muted").cut(width))
                out += _value_lines(before, after, width)
            return out

        self.query_one("#values", LinesPane).show(lines, keep_place=False)

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """The cursor came to another node."""
        if isinstance(message.view, DiffList):
            self._show_values()

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Open the node in the second run."""
        row = self.query_one(DiffList).here
        if isinstance(message.view, DiffList) and row is not None and self._found is not None:
            self.post_message(Go(run_address(self._found.b, None, row.path)))

    def action_next(self, step: int) -> None:
        """Go to another difference."""
        diff = self.query_one(DiffList)
        places = [at for at, row in enumerate(diff.rows) if row.differs]
        if not places:
            self.post_message(Told("The two runs do not differ."))
            return
        further = [at for at in places if (at > diff.cursor if step > 0 else at < diff.cursor)]
        diff.move_to((further[0] if step > 0 else further[-1]) if further else places[0 if step > 0 else -1])

    def action_only(self) -> None:
        """Leave out what is the same, or show it again."""
        self._only = not self._only
        self._show()

    def action_swap(self) -> None:
        """Exchange the two runs."""
        if self._pair is not None:
            self._pair = self._pair[1], self._pair[0]
            self.run_worker(self._load(), exclusive=True)
