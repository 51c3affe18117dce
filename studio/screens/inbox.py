"""Inbox: the runs that wait for an answer."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from hypergraph.exceptions import CheckpointError
from studio.addresses import run_address
from studio.messages import Go, Told
from studio.screens.acting import carried_out
from studio.screens.answer import AnswerSheet, pause_lines
from studio.screens.base import PlaceScreen
from studio.widgets.figures import ago, counted, took
from studio.widgets.line import Line
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane

if TYPE_CHECKING:
    from studio.model.pause_view import PauseView

__all__ = ["InboxScreen"]

_EVERY: Final = 1.0


class PauseList(LineView):
    """One row a question, the oldest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open run", id="look.open-run", tooltip="Open the run that asks"),
        Binding("space", "pick", "pick", id="look.pick", tooltip="Pick this question, to answer several at once"),
    ]

    def __init__(self) -> None:
        super().__init__(id="pauses")
        self._rows: tuple[PauseView, ...] = ()
        self._now = 0.0
        self.picked: set[tuple[str, str]] = set()

    def show(self, rows: Sequence[PauseView], now: float) -> None:
        """Show the questions."""
        self._rows, self._now = tuple(rows), now
        self.picked &= {(pause.run_id, pause.node) for pause in rows}
        self.rows_changed()

    def action_pick(self) -> None:
        """Pick the question under the cursor, or no longer."""
        pause = self.here
        if pause is not None:
            self.picked ^= {(pause.run_id, pause.node)}
            self.move_to(self.cursor + 1)
            self.rows_changed()
            self.screen.refresh_bindings()

    def chosen(self) -> list[PauseView]:
        """Give the picked questions."""
        return [pause for pause in self._rows if (pause.run_id, pause.node) in self.picked]

    @property
    def here(self) -> PauseView | None:
        """The question under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def row_count(self) -> int:
        """One for each question."""
        return len(self._rows)

    def row(self, index: int, width: int) -> Line:
        """Draw one question."""
        pause = self._rows[index]
        names = max(10, min(26, width // 4))
        mark = ">" if (pause.run_id, pause.node) in self.picked else " "
        line = (
            Line(mark, "accent")
            .add(pause.run_id, "strong", width=names)
            .add("  ")
            .add(pause.node, "title", width=max(10, min(20, width // 5)))
            .add("  ")
        )
        line.add(pause.values[0].preview if pause.values else "", "text")
        asks = ", ".join(spec.label for _, spec in pause.asks)
        end = Line("  waits ", "muted").add(took(max(0.0, self._now - pause.since)) if pause.since else "", "paused")
        return line.right(end.add(f"  {asks} ", "type"), width)


class InboxScreen(PlaceScreen):
    """All questions of this store."""

    MODE = "inbox"
    PANES = ("#pauses", "#question")
    CHANGES = frozenset({"answer", "answer_all"})

    DEFAULT_CSS = """
    InboxScreen #body { layout: vertical; }
    InboxScreen #pauses { height: auto; max-height: 40%; min-height: 2; }
    InboxScreen #question { height: 1fr; border-top: solid $rule; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer", "answer", id="act.answer", tooltip="Answer this question"),
        Binding("A", "answer_all", "answer picked", id="act.answer-all", tooltip="Give one answer to all picked questions"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        """Give the questions, and the one under the cursor in full."""
        yield Container(PauseList(), LinesPane(id="question"), id="body")

    def on_mount(self) -> None:
        """Look now, and again."""
        self.query_one(PauseList).focus()
        self.refresh_data()
        self.set_interval(_EVERY, self.refresh_data)

    def on_screen_resume(self) -> None:
        """Look at once when the place is entered."""
        if self.is_mounted:
            self.refresh_data()

    def refresh_data(self) -> None:
        """Take over what waits now. Keys are heard meanwhile, however long that takes."""
        self._look()

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        try:
            pauses = await to_thread(self.studio.pauses)
        except (CheckpointError, OSError) as error:
            self.say_once(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return
        self.said = ""
        if self.query(PauseList):
            self._take(pauses)

    def _take(self, pauses: Sequence[PauseView]) -> None:
        now = self.now
        listed = self.query_one(PauseList)
        before = listed.here
        listed.display = bool(pauses)
        listed.show(pauses, now)
        oldest = min((pause.since for pause in pauses if pause.since), default=None)
        right = Line(f"oldest {ago(oldest, now)}", "muted") if oldest is not None else Line()
        self.status(Line(f"{counted(len(pauses), 'question')} to answer", "strong"), right)
        if before is not listed.here or not pauses:
            self._show_question()
            # What can be done with a question stands below it.
            self.refresh_bindings()

    def _show_question(self) -> None:
        pause = self.query_one(PauseList).here
        pane = self.query_one("#question", LinesPane)
        pane.show(self._nothing if pause is None else lambda width: pause_lines(pause, width), keep_place=False)

    def _nothing(self, width: int) -> list[Line]:
        lines = [Line(), Line("  Nothing waits for an answer", "title"), Line()]
        lines.append(
            Line("  A run that reaches an @interrupt node without an answer pauses, and its question appears here.", "muted").cut(width)
        )
        return lines

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """The cursor came to another question."""
        if isinstance(message.view, PauseList):
            self._show_question()

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Open the run that asks."""
        pause = self.query_one(PauseList).here
        if isinstance(message.view, PauseList) and pause is not None:
            self.post_message(Go(run_address(pause.run_id)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to answer where nothing waits."""
        if action == "answer_all" and not (self.is_mounted and self.query_one(PauseList).picked):
            return False
        if action == "answer" and self.is_mounted and self.query_one(PauseList).here is None:
            return False
        return super().check_action(action, parameters)

    def action_answer(self) -> None:
        """Open the form of the question."""
        pause = self.query_one(PauseList).here
        if pause is None:
            return

        def decided(given: tuple[str, dict[str, str]] | None) -> None:
            if given is not None:
                self.run_worker(self._answer(*given, pause))

        self.app.push_screen(AnswerSheet(self.studio, pause), decided)

    def action_answer_all(self) -> None:
        """Open the form of the first picked question; its answer goes to all that ask the same."""
        chosen = self.query_one(PauseList).chosen()
        if not chosen:
            return
        wanted = [spec.label for _, spec in chosen[0].asks]
        if any([spec.label for _, spec in pause.asks] != wanted for pause in chosen):
            self.post_message(Told("The picked questions take different answers; pick those that take the same.", "warning"))
            return

        def decided(given: tuple[str, dict[str, str]] | None) -> None:
            if given is not None:
                self.run_worker(self._answer_each(chosen, list(given[1].values())))

        self.app.push_screen(AnswerSheet(self.studio, chosen[0], others=len(chosen) - 1), decided)

    async def _answer_each(self, pauses: list[PauseView], answers: list[str]) -> None:
        for pause in pauses:
            await self._answer(pause.run_id, dict(zip((name for name, _ in pause.asks), answers, strict=True)), pause)

    async def _answer(self, run_id: str, given: dict[str, str], asked: PauseView) -> None:
        await carried_out(self, self.studio.answer(run_id, given, asked=asked), watch=False)
        self.refresh_data()
