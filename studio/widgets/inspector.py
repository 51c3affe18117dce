"""The inspector: one node of a run, with its inputs, output, error and logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from studio.theme import state_glyph, state_role
from studio.widgets.figures import moment, took
from studio.widgets.line import Line, rule, wrap
from studio.widgets.line_view import LineView
from studio.widgets.traceback_text import own_frames

if TYPE_CHECKING:
    from studio.model.run_view import NodeView, RunView, ValueView

__all__ = ["Inspector", "run_lines"]

_MOST_LOGS: Final = 400
_WORDS: Final = {"completed": "done", "skipped": "not taken"}


@dataclass(frozen=True, slots=True)
class _Entry:
    line: Line
    value: str | None = None


class Inspector(LineView):
    """What is known of the node that the cursor is on; enter on a value opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open value", id="look.open-value", tooltip="Open the value under the cursor as a tree"),
    ]

    cursor_needs_focus: ClassVar[bool] = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id)
        self._entries: list[_Entry] = []
        self._shown: tuple[RunView | None, str | None, float] = (None, None, 0.0)
        self._made_for = -1

    def show(self, view: RunView, path: str | None, now: float) -> None:
        """Show a node of a run; None for the run itself.

        Args:
            view: the run.
            path: the node.
            now: the moment that running durations end at.
        """
        fresh = self._shown[1] != path or self._shown[0] is None or self._shown[0].id != view.id
        self._shown = view, path, now
        self._made_for = -1
        if fresh:
            self.scroll_to(y=0, animate=False)
            self.move_to(0, quiet=True)
        self.rows_changed()

    @property
    def value_here(self) -> str | None:
        """Name of the value under the cursor."""
        return self._entries[self.cursor].value if self.cursor < len(self._entries) else None

    @property
    def plain(self) -> str:
        """All text, for tests and copying."""
        self._make()
        return "\n".join(entry.line.plain for entry in self._entries)

    def _make(self) -> None:
        width = self.row_width
        if not width or width == self._made_for:
            return
        self._made_for = width
        view, path, now = self._shown
        if view is None:
            self._entries = []
            return
        node = view.nodes.get(path) if path is not None else None
        if node is None:
            self._entries = [_Entry(line) for line in run_lines(view, width, path)]
        else:
            self._entries = self._node(view, node, width, now)

    def row_count(self) -> int:
        """As many as were made."""
        self._make()
        return len(self._entries)

    def row(self, index: int, width: int) -> Line:
        """Give one line."""
        del width
        return self._entries[index].line

    # A node.

    def _node(self, view: RunView, node: NodeView, width: int, now: float) -> list[_Entry]:
        ascii_only = getattr(self.app, "ascii_only", False)
        entries = [_Entry(self._title(node, width, now, ascii_only=ascii_only)), _Entry(self._facts(node, width))]
        if node.error:
            entries += self._error(node, width)
        elif view.error and not any(other.error for other in view.nodes.values()):
            # No node says why: what ended the run came from outside them.
            entries.append(_Entry(rule("Error of the run", width, role="failed")))
            entries += [_Entry(Line(" ").add(text, "error")) for text in wrap(view.error, max(10, width - 2))[:12]]
        entries.append(_Entry(rule("Inputs", width)))
        nothing = f" as in {node.origin}" if node.state == "kept" and node.origin else " none"
        entries += self._values(node.inputs, width) or [_Entry(Line(nothing, "faint"))]
        entries.append(_Entry(rule("Decision" if node.decision else "Output", width)))
        if node.decision:
            entries.append(_Entry(Line(" → ", "accent").add(node.decision, "strong")))
        elif node.outputs:
            entries += self._values(node.outputs, width)
        elif node.state == "paused" and any(pause.node == node.path for pause in view.pauses):
            entries.append(_Entry(Line(" waits for an answer: press ", "paused").add("a", "key").add(" to give it", "paused")))
        else:
            words = "none" if node.state in {"completed", "cached", "kept"} else "not produced" if node.ended else "not produced yet"
            line = Line(f" {words}", "faint")
            if node.typical:
                line.add(f"   typical {node.typical}", "faint")
            entries.append(_Entry(line.cut(width)))
        logs = [log for log in view.logs if log.node == node.path][-_MOST_LOGS:]
        if logs:
            entries.append(_Entry(rule("Logs", width)))
            for log in logs:
                first = Line(" ").add(moment(log.at), "faint").add(" ")
                for text in wrap(log.text, max(10, width - 11)):
                    entries.append(_Entry(first.add(text, "warning" if log.stream == "stderr" else "text")))
                    first = Line(" " * 10)
        return entries

    def _title(self, node: NodeView, width: int, now: float, *, ascii_only: bool) -> Line:
        words = _WORDS.get(node.state, node.state)
        state = Line(state_glyph(node.state, ascii_only=ascii_only) + " " + words, state_role(node.state))
        if node.started is not None and node.state != "cached":
            end = node.ended if node.ended is not None else now
            state.add(f" {took(max(0.0, end - node.started))}", "muted")
        return Line(" ").add(node.path, "title").right(state.add(" "), width)

    def _facts(self, node: NodeView, width: int) -> Line:
        facts = []
        if node.attempt > 1 or node.state in {"running", "failed"}:
            facts.append(f"attempt {node.attempt}")
        if node.turns > 1:
            facts.append(f"turn {node.turns}")
        if node.superstep is not None:
            facts.append(f"superstep {node.superstep}")
        if node.started is not None:
            facts.append(f"at {moment(node.started, milliseconds=True)} {node.started_kind}")
        if node.origin:
            facts.append(f"from {node.origin}" if node.state == "kept" else node.origin)
        if node.child_run:
            facts.append("enter opens its own run")
        return Line(" ").add(" · ".join(facts) or "has not started", "muted").cut(width)

    def _error(self, node: NodeView, width: int) -> list[_Entry]:
        entries = [_Entry(rule("Error", width, role="failed"))]
        entries += [_Entry(Line(" ").add(text, "error")) for text in wrap(node.error or "", max(10, width - 2))[:12]]
        if node.traceback:
            entries += [_Entry(Line(" ").add(text, "muted")) for text in wrap(own_frames(node.traceback), max(10, width - 2), limit=400)]
        return entries

    def _values(self, values: tuple[ValueView, ...], width: int) -> list[_Entry]:
        names = min(max((len(value.name) for value in values), default=0), max(8, width // 4))
        entries = []
        for value in values:
            line = Line(" ").add(value.name, "strong", width=names).add("  ").add(value.kind, "type")
            if value.preview:
                line.add("  ").add(value.preview)
            entries.append(
                _Entry(
                    line.right(Line(" ← ", "faint").add(value.origin, "muted").add(" "), width) if value.origin else line.cut(width),
                    value.name,
                )
            )
        return entries


def run_lines(view: RunView, width: int, path: str | None = None) -> list[Line]:
    """Say what is known of a run as a whole, or of a node that has not been reached."""
    lines = []
    if path is not None:
        lines += [Line(" ").add(path, "title"), Line(" has not been reached" if view.live else " was not reached", "muted"), Line()]
    lines.append(rule("Run", width))
    facts = [
        ("run", view.id),
        ("graph", view.graph_name),
        ("runner", view.runner),
        ("started", moment(view.started)),
        ("code", view.code_note.removeprefix("code ")),
        ("who", view.actor),
    ]
    lines += [Line(" ").add(name, "muted", width=9).add(text).cut(width) for name, text in facts if text]
    if view.error:
        lines.append(rule("Error", width, role="failed"))
        lines += [Line(" ").add(text, "error") for text in wrap(view.error, max(10, width - 2))[:12]]
    lines.append(rule("Inputs", width))
    if not view.inputs:
        lines.append(Line(" none given", "faint"))
    for value in view.inputs:
        lines.append(Line(" ").add(value.name, "strong", width=14).add(" ").add(value.kind, "type").add("  ").add(value.preview).cut(width))
    return lines
