"""Logs of a run: the last lines, growing at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.widgets.figures import moment
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.run_view import LogLine

__all__ = ["LogView"]


class LogView(LineView):
    """One row a line; it stays at the end until the reader moves up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go to node", id="look.open-log", tooltip="Go to the node that wrote this line"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._logs: tuple[LogLine, ...] = ()
        self._wanted = ""

    def show(self, logs: tuple[LogLine, ...], wanted: str = "") -> None:
        """Show log lines; those without the wanted text are left out."""
        if wanted:
            logs = tuple(log for log in logs if wanted.lower() in log.text.lower() or wanted == log.node)
        if logs == self._logs and wanted == self._wanted:
            return
        at_end = self.cursor >= len(self._logs) - 1
        self._logs, self._wanted = logs, wanted
        self.rows_changed()
        if at_end:
            self.move_to(len(logs) - 1, quiet=True)

    @property
    def node_here(self) -> str | None:
        """Who wrote the line under the cursor."""
        return self._logs[self.cursor].node if self.cursor < len(self._logs) else None

    def row_count(self) -> int:
        """One for each line."""
        return len(self._logs)

    def row(self, index: int, width: int) -> Line:
        """Draw one line."""
        log = self._logs[index]
        names = max(10, min(20, width // 5))
        line = (
            Line(" ")
            .add(moment(log.at), "faint")
            .add("  ")
            .add(log.node or "run output", "link" if log.node else "faint", width=names)
            .add("  ")
        )
        return line.add(log.text, "warning" if log.stream == "stderr" else "text").cut(width)
