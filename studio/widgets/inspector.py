"""The inspector: one node of a run, with its inputs, output, error and logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from studio.theme import state_glyph, state_role
from studio.widgets.figures import count, moment, took
from studio.widgets.line import Line, rule, wrap
from studio.widgets.line_view import LineView
from studio.widgets.traceback_text import own_frames

if TYPE_CHECKING:
    from studio.model.run_view import LogLine, NodeView, RunView, ValueView

__all__ = ["Inspector", "run_lines"]

_LEAST_LOGS: Final = 2
_MOST_ERROR: Final = 12
_SMALL: Final = 9
_WORD: Final = 5
_MOST_TRIES: Final = 20
_WORDS: Final = {"completed": "done", "skipped": "not taken"}


@dataclass(frozen=True, slots=True)
class _Entry:
    line: Line
    value: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of what is said: its word where there is little room, its heading, and its lines."""

    word: str
    title: str
    entries: list[_Entry]
    role: str = "title"

    def small(self) -> list[_Entry]:
        """Give the lines with the word before the first."""
        heads = [Line(" ").add(self.word if not place else "", self.role, width=_WORD - 1) for place in range(len(self.entries))]
        return [_Entry(head.extend(entry.line), entry.value) for head, entry in zip(heads, self.entries, strict=True)]


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
        self._kept: tuple[object, str | None, list[LogLine]] = (None, None, [])

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
        # Where there is little room, headings make way for a word before each part.
        small = 0 < self.size.height <= _SMALL
        inner = width - _WORD if small else width
        entries = [_Entry(self._title(node, width, now, ascii_only=ascii_only))]
        entries += [_Entry(Line(" ").add(text, "muted")) for text in wrap(self._facts(node), max(10, width - 2))[: 1 if small else 3]]
        parts = self._error(view, node, inner)
        nothing = f" as in {node.origin}" if node.state == "kept" and node.origin else " none"
        given = self._values(node.inputs, inner) or [_Entry(Line(nothing, "faint"))]
        made = _Part("out", "Decision" if node.decision else "Output", self._made_of(view, node, inner))
        parts += [_Part("in", "Inputs", given), made]
        if node.tries:
            lines = self._tries(node, inner, small=small, ascii_only=ascii_only)
            parts.append(_Part("try", "Attempts before", [_Entry(line) for line in lines]))
        used = len(entries) + sum(len(part.entries) + (not small) for part in parts)
        if (logs := self._logs(view, node, inner, used + (not small))) is not None:
            parts.append(logs)
        if small:
            # The traceback, which is long, comes last.
            parts.sort(key=lambda part: part.word == "tb")
        for part in parts:
            entries += part.small() if small else [_Entry(rule(part.title, width, role=part.role)), *part.entries]
        return entries

    def _made_of(self, view: RunView, node: NodeView, width: int) -> list[_Entry]:
        if node.decision:
            return [_Entry(Line(" → ", "accent").add(node.decision, "strong"))]
        if node.outputs:
            return self._values(node.outputs, width)
        if node.state == "paused" and any(pause.node == node.path for pause in view.pauses):
            return [_Entry(Line(" waits for an answer: press ", "paused").add("a", "key").add(" to give it", "paused"))]
        words = "none" if node.state in {"completed", "cached", "kept"} else "not produced" if node.ended else "not produced yet"
        line = Line(f" {words}", "faint")
        if node.typical:
            line.add(f"   typical {node.typical}", "faint")
        return [_Entry(line.cut(width))]

    def _tries(self, node: NodeView, width: int, *, small: bool, ascii_only: bool) -> list[Line]:
        lines = []
        tries = node.tries[-1:] if small else node.tries[-_MOST_TRIES:]
        for number, one in enumerate(tries, start=max(1, node.attempt - len(tries))):
            line = Line(f" {number} ", "muted").add(f"{state_glyph(one.state, ascii_only=ascii_only)} ", state_role(one.state))
            line.add(f"superstep {one.superstep}", "muted").add(f" · {moment(one.ended)} · {took(one.seconds)}", "muted")
            lines.append((line.add(f" · {one.error or ''}", "error") if small else line).cut(width))
            if small:
                continue
            lines += [Line("   ").add(text, "error") for text in wrap(one.error or "", max(10, width - 4))[:3] if text]
        return lines

    def _logs(self, view: RunView, node: NodeView, width: int, used: int) -> _Part | None:
        """Give the last lines of a node, as many as there is room for: what came last is what it is at."""
        logs, whole = self._lines_of(view, node.path)
        if not logs:
            return None
        room = max(_LEAST_LOGS, self.size.height - used)
        lines: list[Line] = []
        shown = 0
        for log in reversed(logs):
            texts = wrap(log.text, max(10, width - 11))
            made = [Line(" ").add(moment(log.at), "faint").add(" ") if not place else Line(" " * 10) for place in range(len(texts))]
            role = "warning" if log.stream == "stderr" else "text"
            lines[:0] = [line.add(text, role) for line, text in zip(made, texts, strict=True)]
            shown += 1
            if len(lines) >= room:
                break
        total = f"{count(len(logs))}{'' if whole else '+'}"
        title = "Logs" if shown == len(logs) and whole else f"Logs: the last {shown} of {total}, all in the tab Logs"
        return _Part("log", title, [_Entry(line) for line in lines[-room:]])

    def _lines_of(self, view: RunView, path: str) -> tuple[list[LogLine], bool]:
        """Give the lines of a node, and whether they are all; looked up once for as long as nothing was written."""
        if self._kept[0] is not view.logs or self._kept[1] != path:
            self._kept = view.logs, path, [log for log in view.logs if log.node == path]
        return self._kept[2], not view.logs_cut

    def _title(self, node: NodeView, width: int, now: float, *, ascii_only: bool) -> Line:
        words = _WORDS.get(node.state, node.state)
        state = Line(state_glyph(node.state, ascii_only=ascii_only) + " " + words, state_role(node.state))
        if node.started is not None and node.state != "cached":
            end = node.ended if node.ended is not None else now
            least = "" if not node.at_least else "at least "
            state.add(f" {least}{took(max(0.0, end - node.started))}", "muted")
        return Line(" ").add(node.path, "title").right(state.add(" "), width)

    def _facts(self, node: NodeView) -> str:
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
        if node.state == "skipped":
            facts = ["a gate chose another way"]
        if node.at_least:
            facts.append(f"last heard of at {moment(node.ended, milliseconds=True)}")
        return " · ".join(facts) or "has not started"

    def _error(self, view: RunView, node: NodeView, width: int) -> list[_Part]:
        def lines(text: str, role: str, limit: int) -> list[_Entry]:
            return [_Entry(Line(" ").add(line, role)) for line in wrap(text, max(10, width - 2), limit=limit)]

        if node.error:
            found = [_Part("err", "Error", lines(node.error, "error", _MOST_ERROR), "failed")]
            if node.traceback:
                found.append(_Part("tb", "Traceback", lines(own_frames(node.traceback), "muted", 400)))
            return found
        if view.error and not any(other.error for other in view.nodes.values()):
            # No node says why: what ended the run came from outside them.
            return [_Part("err", "Error of the run", lines(view.error, "error", _MOST_ERROR), "failed")]
        return []

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
    given = next((one for one in view.scene.inputs if one.name == path), None) if view.scene is not None and path is not None else None
    if given is not None:
        value = next((one for one in view.inputs if one.name == path), None)
        said = (
            "input of the run" if value is not None else "input, bound to a value" if given.bound else "input, not given: its default holds"
        )
        lines += [Line(" ").add(given.name, "title"), Line(f" {said}", "muted")]
        if value is not None:
            lines.append(Line(" ").add(value.kind, "type").add(f"  {value.preview}").cut(width))
        lines += [Line(" read by ", "muted").add(", ".join(given.consumers)).cut(width), Line()]
    elif path is not None:
        lines += [Line(" ").add(path, "title"), Line(" has not been reached" if view.live else " was not reached", "muted"), Line()]
    lines.append(rule("Run", width))
    facts = [
        ("run", view.id),
        ("graph", view.graph_name),
        ("runner", view.runner),
        ("started", moment(view.started)),
        ("code", view.code_note.removeprefix("code ")),
        ("git", str(view.config.get("git_revision") or "")[:12]),
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
