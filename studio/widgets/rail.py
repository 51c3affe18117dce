"""The rail: one row a node, with lanes, shape, name, state, duration, Gantt bar and head of the output.

It is the graph, the task table and the timeline in one list. It costs one row a node and never re-flows while a run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.message import Message

from hypergraph.viz.rail import ASCII, UNICODE, RailRow, rail_rows
from studio.model.states import UNFINISHED
from studio.theme import state_glyph, state_role
from studio.widgets.figures import bar, took
from studio.widgets.graph_text import lanes
from studio.widgets.line import Line, clip
from studio.widgets.line_view import LineView
from studio.widgets.rail_notes import given_note, inside_note, label_of, time_axis, whole

if TYPE_CHECKING:
    from hypergraph.viz.scene import Scene
    from studio.model.run_view import NodeView, RunView

__all__ = ["Rail"]

_WORDS: Final = {"completed": "done", "skipped": "not taken", "waiting": "waiting", "input": "in"}
_STATE_WIDTH: Final = 13
_DURATION_WIDTH: Final = 7
_LEAST_GANTT: Final = 14
_WORDS_FROM: Final = 60
_LEAST_NOTE: Final = 10
_TURNS_WIDTH: Final = 5
_MOST_ROWS_WITH_INPUTS: Final = 150


class Rail(LineView):
    """A run's nodes in topological order."""

    header_rows: ClassVar[int] = 1

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="look.open", tooltip="Open the node: its values, its child run, its turns"),
        Binding("l,right", "unfold", "unfold", show=False, id="look.unfold", tooltip="Show the inside of a nested graph"),
        Binding("h,left", "fold", "fold", show=False, id="look.fold", tooltip="Hide the inside of a nested graph"),
        Binding("i", "inputs", "inputs", show=False, id="look.inputs", tooltip="Show the run's inputs as rows"),
        Binding("plus", "scale(2.0)", "Longer bars", show=False, id="look.scale-up", tooltip="Stretch the Gantt bars"),
        Binding("minus", "scale(0.5)", "Shorter bars", show=False, id="look.scale-down", tooltip="Shrink the Gantt bars"),
    ]

    class Touched(Message):
        """The user moved the cursor: it no longer follows the running node."""

    def __init__(self, *, gantt: bool = False, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self.gantt = gantt
        self.follow = True
        self._view: RunView | None = None
        self._rows: list[RailRow] = []
        self._scene: Scene | None = None
        self._opened: set[str] = set()
        self._inputs = False
        self._used: tuple[str, ...] = ()
        self._scale = 1.0
        self._left = 0
        self._names = 0
        self._related: frozenset[str] = frozenset()
        self._ancestors: Mapping[str, frozenset[str]] = {}
        self._span = 1.0

    # Data.

    def show(self, view: RunView, span: float) -> None:
        """Show a run as it stands.

        Args:
            view: the run.
            span: seconds from its start that the Gantt column shows.
        """
        before, self._view = self._view, view
        stretched, self._span = self._span != max(span, 0.001), max(span, 0.001)
        if view.scene is not self._scene or before is None or before.id != view.id:
            self._scene = view.scene
            self._lay_out()
        elif (self.gantt and stretched) or (before.live, before.past, before.state) != (view.live, view.past, view.state):
            # A run that has ended says of nodes that have not changed that they were not reached.
            self.rows_changed()
        else:
            for index, row in enumerate(self._rows):
                node = view.nodes.get(row.path)
                # What runs has a clock that goes on.
                if before.nodes.get(row.path) is not node or (node is not None and node.state == "running"):
                    self.refresh_row(index)
        if self.follow:
            self._follow()

    def _lay_out(self) -> None:
        here = self.path
        ascii_only = getattr(self.app, "ascii_only", False)
        self._rows = (
            []
            if self._scene is None
            else rail_rows(self._scene, opened=self._opened, inputs=self._inputs or self._used, glyphs=ASCII if ascii_only else UNICODE)
        )
        self._left = max((len(row.lanes) for row in self._rows), default=0) + 2
        # Where there are loops, how often a node ran stands behind its name.
        turns = _TURNS_WIDTH if any(row.kind == "loop" for row in self._rows) else 0
        self._names = max((cell_len(row.label) + 2 * row.indent + 1 + turns for row in self._rows if row.kind != "loop"), default=4)
        self._relate()
        self.rows_changed()
        if here is not None:
            self.go_to(here, quiet=True)

    def _relate(self) -> None:
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        if row is None:
            self._related = frozenset()
            return
        above = {row.path}
        for other in reversed(self._rows):
            if other.path in above and other.kind != "loop":
                above.update(other.parents)
        below = {row.path}
        for other in self._rows:
            if other.kind != "loop" and below.intersection(other.parents):
                below.add(other.path)
        self._related = frozenset(above | below) - {row.path}

    @property
    def path(self) -> str | None:
        """The node that the cursor is on."""
        return self._rows[self.cursor].path if self.cursor < len(self._rows) else None

    @property
    def here(self) -> RailRow | None:
        """The row that the cursor is on."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def go_to(self, path: str, *, quiet: bool = False) -> bool:
        """Bring the cursor to a node, or to the folded graph that holds it."""
        wanted = path
        while wanted:
            for index, row in enumerate(self._rows):
                if row.path == wanted and row.kind != "loop":
                    self.move_to(index, quiet=quiet)
                    return wanted == path
            wanted = wanted.rpartition("/")[0]
        return False

    def find(self, text: str, step: int) -> bool:
        """Go to a node whose path has a text in it, folded ones too."""
        paths = [node.path for node in self._scene.walk()] if self._scene is not None else []
        hits = [path for path in paths if text.lower() in path.lower()]
        if not hits:
            return False
        self.follow = False
        here = self.path
        if step == 0:
            self.reveal(here if here in hits else hits[0])
        else:
            order = {path: at for at, path in enumerate(paths)}
            at = order.get(here or "", -1)
            further = [path for path in hits if (order[path] > at if step > 0 else order[path] < at)]
            self.reveal((further[0] if step > 0 else further[-1]) if further else hits[0 if step > 0 else -1])
        return True

    def reveal(self, path: str) -> None:
        """Unfold whatever holds a node, and go there."""
        parts = path.split("/")
        holders = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if not holders <= self._opened:
            self._opened |= holders
            self._lay_out()
        self.go_to(path)

    def _follow(self) -> None:
        if self._view is None:
            return
        nodes = self._view.nodes
        for state in ("failed", "interrupted", "paused", "running"):
            found = [path for path, node in nodes.items() if node.state == state]
            if not found:
                continue
            deepest = max(found, key=lambda path: path.count("/"))
            if state in {"failed", "interrupted"}:
                # Once: the reader sees the node that failed, and may go elsewhere.
                self.follow = False
                self.reveal(deepest)
            else:
                self.go_to(deepest)
            return

    def watch_cursor(self, old: int, new: int) -> None:
        """Light what the node depends on and what depends on it."""
        self._relate()
        self._painted.clear()
        self.refresh()
        super().watch_cursor(old, new)

    def action_move(self, step: int) -> None:
        """Move, and stop following."""
        self.follow = False
        self.post_message(self.Touched())
        super().action_move(step)
        self._show_used()

    def action_jump(self, index: int) -> None:
        """Go to an end, and stop following."""
        self.follow = False
        self.post_message(self.Touched())
        super().action_jump(index)
        self._show_used()

    def _show_used(self) -> None:
        """Show the inputs that the node under the cursor reads, as rows; the cursor stays where it is on the screen."""
        row, scene = self.here, self._scene
        if self._inputs or row is None or scene is None or row.kind in {"input", "loop"} or len(self._rows) > _MOST_ROWS_WITH_INPUTS:
            return
        top = row.path.partition("/")[0]
        used = tuple(given.name for given in scene.inputs if top in given.consumers)
        if used != self._used:
            self._used, before = used, self.cursor
            self._lay_out()
            if (further := self.cursor - before) and self.max_scroll_y > 0:
                self.scroll_to(y=self.scroll_y + further, animate=False, force=True)

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """Move or open, and stop following; a click on a fold mark folds."""
        self.follow = False
        self.post_message(self.Touched())
        super().clicked(index, column, again=again)

    def action_unfold(self) -> None:
        """Show the inside of the nested graph."""
        row = self.here
        if row is not None and row.fold == "folded":
            self._opened.add(row.path)
            self._lay_out()

    def action_fold(self) -> None:
        """Hide the inside of the nested graph that the cursor is on or in."""
        row = self.here
        if row is None:
            return
        path = row.path if row.fold == "open" else row.path.rpartition("/")[0]
        if path in self._opened:
            self._opened.discard(path)
            self._lay_out()
            self.go_to(path)

    def action_inputs(self) -> None:
        """Show or hide the run's inputs."""
        self._inputs = not self._inputs
        self._lay_out()

    def action_scale(self, factor: float) -> None:
        """Stretch or shrink the bars."""
        self._scale = min(max(self._scale * factor, 1.0), 64.0)
        self.rows_changed()

    # Drawing.

    def row_count(self) -> int:
        """One for each node that is not folded away."""
        return len(self._rows)

    def row_background(self, index: int) -> str | None:
        """What the cursor's node depends on, or feeds, stands out."""
        return "related-row" if self._rows[index].path in self._related else None

    def _columns(self, width: int) -> tuple[int, int, int, int]:
        """Give the widths of name, state, Gantt and output."""
        state = _STATE_WIDTH if width >= _WORDS_FROM else 2
        name = min(self._names, max(12, width // 3))
        rest = width - self._left - name - state - _DURATION_WIDTH - 3
        if not self.gantt:
            return name, state, 0, max(0, rest)
        head = rest // 2 if rest >= 2 * _LEAST_GANTT + 8 else 0
        return name, state, max(0, rest - head - (1 if head else 0)), head

    def header(self, number: int, width: int) -> Line:
        """Draw the names of the columns, and the time axis."""
        del number
        name, state, gantt, head = self._columns(width)
        line = Line().to(self._left).add("node", "faint", width=name).add(" ").add("state" if state > 2 else "", "faint", width=state)
        line.add("time", "faint", width=_DURATION_WIDTH, right=True).add("  ")
        if gantt >= _LEAST_GANTT:
            span = self._span / self._scale
            line.extend(time_axis(span, gantt))
        if head:
            line.add(" ")
            line.add("output", "faint")
        return line.cut(width)

    def row(self, index: int, width: int) -> Line:
        """Draw one node."""
        row = self._rows[index]
        node = self._view.nodes.get(row.path) if self._view is not None else None
        state = "input" if row.kind == "input" else node.state if node is not None else "waiting"
        role = state_role(state)
        lit = {*self._related, self.path or ""}
        line = lanes(row, Line(" "), lit=lit, role=role).to(self._left)
        name, state_width, gantt, head = self._columns(width)
        if row.kind == "loop":
            return line.add("  " * row.indent + row.label, "muted").cut(width)
        ascii_only = getattr(self.app, "ascii_only", False)
        turns = f" {'x' if ascii_only else chr(215)}{node.turns}" if node is not None and node.turns > 1 else ""
        quiet = state in {"waiting", "skipped"}
        label = clip("  " * row.indent + label_of(self._view, row, node), name - len(turns)) + turns
        line.add(label, "faint" if state == "skipped" else "muted" if quiet else "text", width=name).add(" ")
        glyph = state_glyph(state, ascii_only=ascii_only)
        word = self._word(state) if state_width > 2 else ""
        line.add(f"{glyph} {word}" if word else glyph, role, width=state_width)
        line.add(self._duration(node, state), "running" if state == "running" else "muted", width=_DURATION_WIDTH, right=True).add("  ")
        if gantt:
            tells = not head and self._tells(row, node)
            line.extend(self._bar(node, role, gantt, lambda room: self._head(row, node, room) if tells else Line()))
        if head:
            line.add(" ")
            line.extend(self._head(row, node, head))
        return line.cut(width)

    def _word(self, state: str) -> str:
        view = self._view
        if state == "waiting" and view is not None and not view.live and not view.past and view.state in UNFINISHED:
            return "not reached"
        return _WORDS.get(state, state)

    def _tells(self, row: RailRow, node: NodeView | None) -> bool:
        """Say whether a row has more to say than its bar: it stands beside the bar where it has no column."""
        return row.kind in {"gate", "input"} or (row.fold == "folded" and not whole(node)) or (node is not None and bool(node.error))

    def plain_row(self, index: int) -> Line:
        """Say one node in words."""
        row = self._rows[index]
        node = self._view.nodes.get(row.path) if self._view is not None else None
        if row.kind == "loop":
            return Line(row.path).add(f" {row.label.strip('└` ')}")
        state = "input" if row.kind == "input" else node.state if node is not None else "waiting"
        facts = [self._word(state), self._duration(node, state).rstrip("…")]
        if node is not None and node.error:
            facts.append(node.error)
        elif node is not None and node.decision:
            facts.append(f"chose {node.decision}")
        elif node is not None:
            facts += [f"{value.name} {value.kind}" for value in node.outputs]
        # What was cached took no time: the same word stands for both.
        return Line(f"{row.path}: {', '.join(dict.fromkeys(fact for fact in facts if fact))}")

    def _duration(self, node: NodeView | None, state: str) -> str:
        if node is None or node.started is None:
            return "cached" if state == "cached" else ""
        if state == "cached":
            return "cached"
        if state == "running":
            return took(max(0.0, self._now() - node.started)) + ("..." if getattr(self.app, "ascii_only", False) else "…")
        if node.ended is None:
            return ""
        least = "" if not node.at_least else ">" if getattr(self.app, "ascii_only", False) else "≥"
        return least + took(max(0.0, node.ended - node.started))

    def _now(self) -> float:
        assert self._view is not None
        return (self._view.started or 0.0) + self._span

    def _bar(self, node: NodeView | None, role: str, width: int, beside: Callable[[int], Line]) -> Line:
        line = Line()
        view = self._view
        if node is None or node.started is None or view is None or view.started is None:
            return line.extend(beside(width)).cut(width).to(width)
        end = node.ended if node.ended is not None else self._now()
        ascii_only = getattr(self.app, "ascii_only", False)
        span = self._span / self._scale
        space, drawn = bar(node.started - view.started, end - view.started, span, width, ascii_only=ascii_only)
        role = role if role != "completed" else "bar"
        before, after = len(space) - 1, width - len(space) - len(drawn) - 1
        note = beside(max(before, after, 0))
        if note.plain.strip() and (max(before, after) >= _LEAST_NOTE or not note.plain.rstrip().endswith("…")):
            if after >= before:
                return line.add(space).add(drawn, role).add(" ").extend(note).cut(width).to(width)
            return line.extend(note).cut(before).to(len(space)).add(drawn, role).to(width)
        return line.add(space).add(drawn, role).to(width)

    def _head(self, row: RailRow, node: NodeView | None, width: int) -> Line:
        line = Line()
        if row.kind == "input":
            return given_note(self._view, row, width)
        if node is not None and node.error:
            line.add(node.error, "error")
        elif row.fold == "folded" and node is not None and not whole(node):
            return inside_note(self._view, row, node, width, ascii_only=getattr(self.app, "ascii_only", False))
        elif node is not None and node.decision:
            line.add(f"→ {node.decision}", "accent")
        elif node is not None and node.outputs:
            for value in node.outputs:
                if line.cells:
                    line.add("  ")
                line.add(f"{value.name}: ", "muted").add(value.kind, "type").add(f" {value.preview}" if value.preview else "", "text")
                if line.cells >= width:
                    break
        elif row.kind in {"gate", "input"} or node is None or node.state in {"waiting", "skipped"}:
            line.add(row.detail, "faint")
        return line.cut(width)
