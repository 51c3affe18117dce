"""The modules that were asked for, and the graphs in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from studio.theme import state_glyph, state_role
from studio.widgets.figures import ago, counted, short_path
from studio.widgets.graph_text import loading_words
from studio.widgets.line import Line
from studio.widgets.line_view import LineView

if TYPE_CHECKING:
    from studio.model.graph_view import GraphView, ModuleView
    from studio.model.run_view import RunRow

__all__ = ["GraphList"]

_STATES: Final = {
    "loading": ("running", "loading"),
    "broken": ("failed", "cannot be loaded"),
    "changed": ("paused", "changed on disk, u reload"),
}


class GraphList(LineView):
    """One row a module, one row a graph below it; a broken module stays."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "launch", id="look.open", tooltip="Fill in this graph's inputs")]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._rows: list[tuple[ModuleView, GraphView | None]] = []
        self._last: dict[str, RunRow] = {}
        self._now = 0.0
        self._touched = False
        self._names = 0

    def show(self, modules: Sequence[ModuleView], last: dict[str, RunRow], now: float) -> None:
        """Show modules, and each graph's last run."""
        here = self.here if self._touched else None
        rows: list[tuple[ModuleView, GraphView | None]] = []
        for module in modules:
            rows.append((module, None))
            rows += [(module, graph) for graph in module.graphs]
        self._names = max((len(graph.name) for _, graph in rows if graph is not None), default=0)
        self._rows, self._last, self._now = rows, last, now
        self.rows_changed()
        if here is not None:
            key = here[0].target, here[1].name if here[1] else None
            self.move_to(
                next((at for at, (module, graph) in enumerate(rows) if (module.target, graph.name if graph else None) == key), self.cursor)
            )
        else:
            # Until somebody moves, the cursor waits on the first graph that can be launched.
            self.move_to(next((at for at, (_, graph) in enumerate(rows) if graph is not None), 0))

    @property
    def here(self) -> tuple[ModuleView, GraphView | None] | None:
        """What the cursor is on."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def action_move(self, step: int) -> None:
        """Move; from now on the cursor stays where it is put."""
        self._touched = True
        super().action_move(step)

    def action_jump(self, index: int) -> None:
        """Go to an end; from now on the cursor stays where it is put."""
        self._touched = True
        super().action_jump(index)

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """Move or open; from now on the cursor stays where it is put."""
        self._touched = True
        super().clicked(index, column, again=again)

    def find(self, name: str) -> bool:
        """Bring the cursor to a graph."""
        for index, (_, graph) in enumerate(self._rows):
            if graph is not None and graph.name == name:
                self._touched = True
                self.move_to(index)
                return True
        return False

    def row_count(self) -> int:
        """One for each module and graph."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw a module or a graph."""
        module, graph = self._rows[index]
        return self._module_row(module, width) if graph is None else self._graph_row(graph, width)

    def plain_row(self, index: int) -> Line:
        """Say a module or a graph in words."""
        module, graph = self._rows[index]
        if graph is None:
            state = _STATES.get(module.state)
            said = loading_words(module, self._now) if module.state == "loading" else state[1] if state else ""
            return Line(f"{module.target}: {said or counted(len(module.graphs), 'graph')}")
        needs = [field.name for field in graph.inputs if field.required]
        last = self._last_of(graph)
        ran = f"{last.state} {ago(last.started, self._now)}" if last is not None else "not run yet"
        needed = f"needs {', '.join(needs)}" if needs else "needs nothing"
        return Line(f"{graph.name}: {needed}, {ran}")

    def _last_of(self, graph: GraphView) -> RunRow | None:
        return self._last.get(graph.scene.name or graph.name)

    def _module_row(self, module: ModuleView, width: int) -> Line:
        ascii_only = getattr(self.app, "ascii_only", False)
        line = Line(" ").add("▾ " if not ascii_only else "- ", "faint").add(short_path(module.target, width // 2), "strong")
        state = _STATES.get(module.state)
        if state is None:
            return line.right(Line(counted(len(module.graphs), "graph") + " ", "muted"), width)
        role, words = state
        if module.state == "loading":
            words = loading_words(module, self._now)
        return line.right(Line(f"{state_glyph(role, ascii_only=ascii_only)} {words} ", role), width)

    def _graph_row(self, graph: GraphView, width: int) -> Line:
        line = Line("     ").add(graph.name, "title", width=max(8, min(self._names, width // 3))).add("  ")
        line.add(counted(graph.node_count, "node"), "muted", width=10)
        needs = [field.name for field in graph.inputs if field.required]
        if width >= 60:
            line.add("needs " + ", ".join(needs) if needs else "needs nothing", "muted")
        last = self._last_of(graph)
        if last is None:
            return line.right(Line("not run yet ", "faint"), width)
        glyph = state_glyph(last.state, ascii_only=getattr(self.app, "ascii_only", False))
        return line.right(Line(" ").add(glyph, state_role(last.state)).add(f" {ago(last.started, self._now)} ", "muted"), width)
