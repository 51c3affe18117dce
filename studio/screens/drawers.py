"""Drawers: what the studio did, what is wrong, and what it finds on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from studio.messages import Copy, Go
from studio.screens.sheet import Sheet, Summary
from studio.widgets.figures import moment
from studio.widgets.line import Line, wrap
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.problems import Problem
    from studio.services.studio import Studio

__all__ = ["CommandLogDrawer", "DoctorDrawer", "ProblemsDrawer"]


class Drawer(Sheet["Problem"]):
    """Text that slides over the screen; it gives the run that something is to be done about, where there is one."""

    DEFAULT_CSS = """
    Drawer { align: center bottom; }
    Drawer > #sheet { width: 100%; max-width: 100%; height: 60%; padding: 0 1; margin-bottom: 1; }
    Drawer Summary, Drawer LineView { height: 1fr; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", "close", show=False, id="sheet.close-drawer")]

    @property
    def studio(self) -> Studio:
        """The services."""
        found: Studio = self.app.studio  # type: ignore[attr-defined]  # our app has it
        return found

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the text."""
        yield Summary()

    def on_mount(self) -> None:
        """Fill it."""
        for summary in self.query(Summary):
            summary.show(self.lines)
            summary.focus()

    def lines(self, width: int) -> list[Line]:
        """Write the text for a width."""
        raise NotImplementedError(f"{type(self).__name__} has to write its lines for {width} cells")


class CommandLogDrawer(Drawer):
    """What the studio did, as Python that runs as it stands."""

    TITLE: ClassVar[str | None] = "What the studio did, as Python"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy", "copy all", id="yank.log", tooltip="Copy everything")]

    def lines(self, width: int) -> list[Line]:
        """One act after the other, the newest last."""
        lines = []
        for entry in self.studio.command_log():
            lines.append(Line(moment(entry.at), "faint").add(f"  {entry.verb}", "strong").add(f"  {entry.outcome}", "muted"))
            lines += [Line("          ").add(text, "accent") for text in wrap(entry.python, max(10, width - 10))]
        return lines or [Line("Nothing yet. Every launch, fork, answer and stop appears here.", "muted")]

    def action_copy(self) -> None:
        """Copy everything."""
        self.post_message(Copy("\n".join(entry.python for entry in self.studio.command_log() if entry.python), "What was done, as Python,"))


class DoctorDrawer(Drawer):
    """What the studio finds on this machine."""

    TITLE: ClassVar[str | None] = "Doctor"

    def lines(self, width: int) -> list[Line]:
        """One finding a line."""
        lines = []
        for name, good, detail in self.studio.doctor():
            line = Line("ok    " if good else "look  ", "completed" if good else "warning").add(name, "strong", width=22).add(" ")
            for text in wrap(detail, max(10, width - 30)):
                lines.append(line.add(text))
                line = Line(" " * 29)
        return lines


class _ProblemList(LineView):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "go there", id="look.open-problem", tooltip="Go to what is wrong")]

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems

    def row_count(self) -> int:
        return max(1, len(self.problems))

    def row(self, index: int, width: int) -> Line:
        if not self.problems:
            return Line(" Nothing is wrong.", "completed")
        problem = self.problems[index]
        return Line(" ! ", "warning").add(problem.title, "strong").add("  ").add(problem.detail, "muted").cut(width)


class ProblemsDrawer(Drawer):
    """What is wrong, and where to go."""

    DEFAULT_CSS = """
    ProblemsDrawer #detail { height: 6; border-top: solid $rule; }
    """

    TITLE: ClassVar[str | None] = "Problems"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give the list."""
        yield _ProblemList(list(getattr(self.app, "problems", self.studio.problems)()))
        detail = Summary(id="detail")
        detail.can_focus = False
        yield detail

    def on_mount(self) -> None:
        """Start at the first."""
        found = self.query_one(_ProblemList)
        found.focus()
        self.query_one("#detail").display = bool(found.problems)
        self.query_one("#detail", Summary).show(self.lines)

    def lines(self, width: int) -> list[Line]:
        """All of the problem under the cursor, of which the list has no room for more than the beginning."""
        found = self.query_one(_ProblemList)
        if found.cursor >= len(found.problems):
            return []
        problem = found.problems[found.cursor]
        parts = [part for line in (problem.title, *problem.detail.splitlines()) for part in wrap(line, max(10, width - 1))]
        return [Line(part, "strong" if not number else "text") for number, part in enumerate(parts)]

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """Say all of another one."""
        if isinstance(message.view, _ProblemList):
            self.query_one("#detail", Summary).show(self.lines)

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Go to what is wrong."""
        problems = self.query_one(_ProblemList).problems
        if not problems:
            return
        problem = problems[message.index]
        if getattr(problem, "run", ""):
            self.dismiss(problem)
        elif problem.address:
            self.app.post_message(Go(problem.address))
            self.dismiss(None)
