"""Runs: the history, a filter over it, and a preview of what the cursor is on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from hypergraph.exceptions import CheckpointError
from studio.addresses import Target, compare_address, run_address, runs_address
from studio.messages import Go
from studio.screens.bulk import act_on_each, stop_each
from studio.screens.operate import RunActs
from studio.theme import state_glyph, state_role
from studio.widgets.figures import count, counted
from studio.widgets.input_form import FieldInput
from studio.widgets.inspector import run_lines
from studio.widgets.line import Line, rule, wrap
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane
from studio.widgets.rail_text import rail_lines
from studio.widgets.run_list import RunList

if TYPE_CHECKING:
    from studio.model.act import ActKind
    from studio.model.run_view import RunRow, RunView

__all__ = ["RunsScreen"]

_EVERY: Final = 1.0
_QUIET: Final = 0.08
_PAGE: Final = 200
_UNDONE: Final = frozenset({"failed", "paused", "stopped", "interrupted", "partial"})
_ANY: Final = _UNDONE | {"completed", "running"}
_MEANT: Final[dict[str, frozenset[str]]] = {
    "stop": frozenset({"running"}), "kill": frozenset({"running"}), "resume": _UNDONE, "answer": frozenset({"paused"}),
    "lost": frozenset({"interrupted"}), "retry": _UNDONE | {"completed"}, "fork": _ANY, "again": _ANY, "mark": _ANY, "yank": _ANY,
    "export": _ANY, "bench": frozenset(),
}  # fmt: skip
_HINT: Final = "words, or: failed  paused  lost  graph:rag  since:1d  id:rag-7  value:x"


class RunsScreen(RunActs):
    """All runs of this store."""

    MODE = "runs"
    PANES = ("#runs", "#preview")

    DEFAULT_CSS = """
    RunsScreen #body { layout: vertical; }
    RunsScreen #left { height: 3fr; }
    RunsScreen #runs { height: 1fr; }
    RunsScreen #filter { display: none; height: 1; }
    RunsScreen #filter.-shown { display: block; }
    RunsScreen #preview { height: 2fr; border-top: solid $rule; }
    RunsScreen.-wide #body, RunsScreen.-huge #body { layout: horizontal; }
    RunsScreen.-wide #left, RunsScreen.-huge #left { width: 7fr; height: 1fr; }
    RunsScreen.-wide #preview, RunsScreen.-huge #preview { width: 5fr; height: 1fr; border-top: none; border-left: solid $rule; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "find", key_display="/", id="look.filter", tooltip="Leave only some runs"),
        Binding("o", "sort", "Sort", show=False, id="look.sort", tooltip="Sort: newest, longest, most failed, by state, graph, name"),
        Binding("f", "failed_only", "failed only", id="look.failed-only", tooltip="Leave only the runs that failed"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._filter = ""
        self._view: RunView | None = None
        self._timer: Timer | None = None
        self._moved = 0.0
        self._token: object = None
        self._counts: Mapping[str, int] = {}
        self._shows = False
        self.answered = ""
        """The filter that the list shows; what is typed is a moment ahead of it."""
        # One reading at a time: what is typed meanwhile makes those that wait needless.
        self._reading = threading.Lock()

    def compose_body(self) -> Iterable[Widget]:
        """Give the filter, the list and the preview."""
        left = Vertical(
            FieldInput(id="filter", placeholder=_HINT, compact=True),
            RunList(_no_more, _nothing_inside, id="runs", picks=True, asks=True),
            id="left",
        )
        yield Container(left, LinesPane(id="preview"), id="body")

    def on_mount(self) -> None:
        """Look now, and again."""
        self.query_one(RunList).focus()
        self.refresh_data()
        self.set_interval(_EVERY, self.refresh_data)

    def on_screen_resume(self) -> None:
        """Look at once when the place is entered."""
        if self.is_mounted:
            self.refresh_data()

    def show_address(self, target: Target) -> None:
        """Show the runs that a filter leaves."""
        self.query_one("#filter", Input).value = target.rest[0]
        self.query_one("#filter").add_class("-shown")

    @property
    def address(self) -> str:
        """The runs that the filter leaves."""
        return runs_address(self._filter) if self._filter else "hg:runs"

    # Data.

    def refresh_data(self) -> None:
        """Take over what the store holds now. Keys are heard meanwhile, however long that takes."""
        if self.is_current:
            self._look(self._filter)
            self._bars()

    @work(exclusive=True, group="look")
    async def _look(self, text: str) -> None:
        runs = next(iter(self.query(RunList)), None)
        if runs is None:
            # The studio is being closed.
            return
        try:
            found = await asyncio.to_thread(self._found, text, self._token, runs.wanted, runs.opened)
            if found is None and self.studio.trouble and runs.row_count():
                self.say_once(self.studio.trouble)
                return
        except (CheckpointError, OSError) as error:
            self.say_once(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return
        self.said = ""
        if found is not None and text == self._filter and runs.is_attached:
            self._token, rows, inside = found
            self._shows = bool(rows)
            self.answered = text
            self._take(rows, inside)
            self._bars()

    def _found(
        self, text: str, known: object, wanted: int, opened: Sequence[str]
    ) -> tuple[object, list[RunRow], dict[str, Sequence[RunRow]]] | None:
        """Read as many rows as are shown; in a thread. None where nothing has changed, or something else is typed by now."""
        with self._reading:
            if text != self._filter:
                return None
            token = text, self.studio.history_token()
            if token == known or (self.studio.trouble and self._shows):
                # What was seen last stays while the store cannot be read.
                return None
            rows = self.studio.runs(text, None, _PAGE)
            while rows and len(rows) < wanted and text == self._filter:
                further = self.studio.runs(text, rows[-1], _PAGE)
                if not further:
                    break
                rows += further
            return token, rows, {run_id: self.studio.children(run_id, _PAGE) for run_id in opened}

    async def on_run_list_wanted(self, message: RunList.Wanted) -> None:
        """Rows are missing: read them."""
        self._add(message.after, message.inside)

    @work(exclusive=True, group="more")
    async def _add(self, after: RunRow | None, inside: str) -> None:
        text, runs = self._filter, self.query_one(RunList)
        if after is not None:
            rows = await asyncio.to_thread(self.studio.runs, text, after, _PAGE)
            if text == self._filter and runs.is_attached:
                runs.add(after, rows)
            return
        found = await asyncio.to_thread(self.studio.children, inside, _PAGE)
        if runs.is_attached:
            runs.add_inside(inside, found)

    def _take(self, rows: Sequence[RunRow], inside: Mapping[str, Sequence[RunRow]]) -> None:
        self.query_one(RunList).show(rows, self.now, inside)
        if len(rows) < _PAGE and all(row.key is None for row in rows):
            self._counts = Counter(row.state for row in rows)
        else:
            self._count(self._filter)
        self._preview_soon()

    @work(exclusive=True, group="count")
    async def _count(self, text: str) -> None:
        # Of a long history the rows are there long before they are counted.
        await asyncio.sleep(_QUIET)
        counts = await asyncio.to_thread(self.studio.counts, text)
        if text == self._filter and self.query(RunList):
            self._counts = counts
            self._bars()

    def _bars(self) -> None:
        counts = self._counts
        ascii_only = getattr(self.app, "ascii_only", False)
        right = Line()
        for state in ("running", "interrupted", "failed", "partial", "paused", "stopped", "completed"):
            if counts.get(state):
                right.add(f"{state_glyph(state, ascii_only=ascii_only)}{count(counts[state])} ", state_role(state))
        right.add(f" {counted(sum(counts.values()), 'run')}", "muted")
        left = Line("runs", "strong")
        if self._filter:
            left.add("  only ", "muted").add(self._filter, "accent")
        runs = self.query_one(RunList)
        if runs.order != "newest":
            left.add(f"  {runs.order}", "accent").add(f" of the newest {count(runs.loaded)}" if runs.cut_off else "", "warning")
        if runs.picked:
            left.add(f"  {count(len(runs.picked))} picked", "accent")
        self.status(left, right)

    @property
    def view(self) -> RunView | None:
        """The run under the cursor. What a key means right after a move is read at once."""
        row = self.query_one(RunList).run_here
        if row is None:
            return None
        if self._view is None or self._view.id != row.id:
            self._view = self.studio.peek(row.id)
        return self._view

    @property
    def _is_read(self) -> bool:
        row = self.query_one(RunList).run_here
        return row is None or (self._view is not None and self._view.id == row.id)

    @property
    def node(self) -> str | None:
        """No node is chosen in a list of runs."""
        return None

    # Preview.

    def _preview_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_QUIET, self._preview)

    def _preview(self) -> None:
        self._show_preview()

    @work(exclusive=True, group="preview")
    async def _show_preview(self) -> None:
        runs = next(iter(self.query(RunList)), None)
        if runs is None:
            return
        row = runs.run_here
        preview = self.query_one("#preview", LinesPane)
        if row is None:
            preview.show(self._nothing, keep_place=False)
            return
        try:
            view = await asyncio.to_thread(self.studio.peek, row.id)
        except (CheckpointError, OSError) as error:
            self.say_once(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return
        here = runs.run_here
        if here is None or here.id != row.id or not preview.is_attached:
            return
        self._view = view
        self.refresh_bindings()
        if view is None:
            preview.show(lambda _width: [Line(" This run is no longer in the store.", "muted")], keep_place=False)
            return
        ascii_only = getattr(self.app, "ascii_only", False)
        preview.show(
            lambda width: [Line(" ").add(view.id, "title"), *rail_lines(view, width, ascii_only=ascii_only), *run_lines(view, width)],
            keep_place=False,
        )

    def _nothing(self, width: int) -> list[Line]:
        if self.studio.trouble:
            return [Line(), *(Line("  ").add(text, "error") for text in wrap(self.studio.trouble, width - 4))]
        if self._filter:
            said = f"No run fits {self._filter!r}. Press esc in the filter to see all."
            return [Line(), *(Line("  ").add(text, "muted") for text in wrap(said, width - 4))]
        lines = [
            Line(),
            Line("  No run yet", "title"),
            Line(),
            Line("  Launch a graph from Graphs (1), or use this store from your own code:", "muted"),
            Line(),
        ]
        lines.append(rule("", width))
        return [*lines[:-1], Line(f"    AsyncRunner(checkpointer=SqliteCheckpointer({self.studio.store_path!r}))", "accent").cut(width)]

    # Moving.

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """The cursor came to another run."""
        if not isinstance(message.view, RunList):
            return
        self._bars()
        # A key right after a single move means the run that the cursor is on now; only a cursor that runs through the list is waited for.
        moved, self._moved = self._moved, time.monotonic()
        if self._moved - moved > _QUIET:
            self._preview()
        else:
            self._preview_soon()

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Open the run."""
        row = self.query_one(RunList).run_here
        if isinstance(message.view, RunList) and row is not None:
            self.post_message(Go(run_address(row.id)))

    def action_filter(self) -> None:
        """Type what the runs have to fit."""
        field = self.query_one("#filter", Input)
        field.add_class("-shown")
        field.focus()

    def action_sort(self) -> None:
        """Sort in the next way."""
        self.query_one(RunList).next_order()
        self._token = None
        self.refresh_data()

    # Acts on all that are picked.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """With picked runs the acts mean them, not the one under the cursor."""
        picked = self._picked() if self.is_mounted and action in {"stop", "resume", "retry", "mark"} else []
        if not picked and self.is_mounted and action in _MEANT and not self._is_read:
            # It is not read for the footer's sake: its state tells enough.
            row = self.query_one(RunList).run_here
            changes = action in self.CHANGES and self.studio.read_only
            return row is not None and not changes and row.state in _MEANT[action]
        if not picked:
            return super().check_action(action, parameters)
        if action == "mark":
            return len(picked) == 2 or super().check_action(action, parameters)
        if self.studio.read_only:
            return False
        return any((row.state == "running") is (action == "stop") for row in picked)

    def _picked(self) -> list[RunRow]:
        return self.query_one(RunList).picked

    def action_stop(self) -> None:
        """Stop the picked runs, else the one under the cursor."""
        if picked := self._picked():
            stop_each(self, picked)
        else:
            super().action_stop()

    @work(exclusive=True, group="bulk")
    async def _act_on_each(self, kind: ActKind, picked: Sequence[RunRow]) -> None:
        await act_on_each(self, kind, picked)

    def action_retry(self) -> None:
        """Retry the picked runs, else the one under the cursor."""
        if picked := self._picked():
            self._act_on_each("retry", picked)
        else:
            super().action_retry()

    def action_resume(self) -> None:
        """Resume the picked runs, else the one under the cursor."""
        if picked := self._picked():
            self._act_on_each("resume", picked)
        else:
            super().action_resume()

    def action_mark(self) -> None:
        """Compare the two that are picked, else mark the one under the cursor."""
        picked = self._picked()
        if len(picked) == 2:
            self.post_message(Go(compare_address(picked[1].id, picked[0].id)))
        else:
            super().action_mark()

    def action_failed_only(self) -> None:
        """Leave only failed runs, or all again."""
        field = self.query_one("#filter", Input)
        words = field.value.split()
        field.value = " ".join([word for word in words if word != "failed"] if "failed" in words else ["failed", *words])
        field.set_class(bool(field.value), "-shown")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter at each key."""
        self._filter = event.value.strip()
        self.refresh_data()

    def on_input_submitted(self) -> None:
        """Enter goes to the list."""
        self.query_one(RunList).focus()

    def action_back(self) -> None:
        """Leave the filter, else the place."""
        field = self.query_one("#filter", Input)
        if self._picked() and not field.has_focus:
            self.query_one(RunList).unpick()
            self._bars()
            self.refresh_bindings()
        elif field.has_focus or field.value:
            field.value = ""
            field.remove_class("-shown")
            self.query_one(RunList).focus()
        else:
            super().action_back()


def _no_more(_after: RunRow) -> Sequence[RunRow]:
    return ()


def _nothing_inside(_run_id: str) -> Sequence[RunRow]:
    return ()
