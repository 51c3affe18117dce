"""Questions that wait, and their answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hypergraph.exceptions import CheckpointError
from studio.model.about import About
from studio.model.forms import check
from studio.model.rows import state_of
from studio.model.secrets import is_secret
from studio.services.beginning import Outcome
from studio.services.forecasts import code_words
from studio.services.session import Session

if TYPE_CHECKING:
    from studio.model.pause_view import PauseView

__all__ = ["Answering"]


_WAITING_EVERY: Final = 0.5


class Answering(Session):
    """What the place Inbox asks for."""

    @property
    def waiting(self) -> int:
        """How many questions wait, as was known last; looked up beside the screen at most every half second."""
        if time.monotonic() - self._waiting[0] > _WAITING_EVERY and not self._looking.locked():
            threading.Thread(target=self._look_for_questions, name="studio-questions", daemon=True).start()
        return len(self._waiting[1])

    def _look_for_questions(self) -> None:
        if self._looking.acquire(blocking=False):
            try:
                with contextlib.suppress(CheckpointError, OSError, LookupError):
                    self.pauses()
            finally:
                self._looking.release()

    def pauses(self) -> tuple[PauseView, ...]:
        """Give the questions that wait, oldest first."""
        found = tuple(map(self._told, self.history.pauses(self._spec_of)))
        if found == self._waiting[1]:
            found = self._waiting[1]
        self._waiting = time.monotonic(), found
        return found

    def check_answer(self, pause: PauseView, name: str, text: str) -> str | None:
        """Give what is wrong with an answer, None when nothing is."""
        spec = dict(pause.asks).get(name)
        return None if spec is None else check(spec, text)

    def draft_answer(self, run_id: str, name: str) -> str:
        """Give the answer that was typed but not given."""
        return self._notes.draft("answer", run_id).get(name, "")

    def keep_answer_draft(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Keep what was typed, without secrets."""
        kept = {name: text for name, text in texts.items() if not is_secret(name, self.settings.secrets)}
        self._notes.keep_draft("answer", run_id, kept)

    async def about_answer(self, pause: PauseView, given: Mapping[str, str]) -> About:
        """Tell how things stand with a question before it is answered: the code, the run, and what does the same."""
        return await asyncio.to_thread(self._about_answer, pause, given)

    def _about_answer(self, pause: PauseView, given: Mapping[str, str]) -> About:
        try:
            order, graph = self.acts.answer_order(pause.run_id, given)
        except LookupError as error:
            return About(problem=str(error.args[0]))
        words, same = code_words(self.history, pause.run_id, graph)
        code = self.acts.code(order, graph, path=self.store_path)
        return About(words, same, code.line, code.script, self._settled(pause.run_id, pause))

    async def answer(self, run_id: str, given: Mapping[str, str], *, asked: PauseView | None = None) -> Outcome:
        """Answer a run's questions. The answer is built and checked first; a refused one leaves the run paused.

        Args:
            run_id: the run.
            given: response key -> text of the answer.
            asked: the question as it was shown; one that was answered meanwhile is not answered again.
        """

        def work() -> Outcome:
            try:
                order, graph = self.acts.answer_order(run_id, given)
            except LookupError as error:
                return Outcome(ok=False, message=str(error.args[0]))
            settled = self._settled(run_id, asked)
            if settled is not None:
                return Outcome(ok=False, message=settled)
            code = self.acts.code(order, graph, path=self.store_path)
            outcome = self._beginning.begin(order, graph, "answer", code.line, checked=given)
            if outcome.ok:
                self._notes.keep_draft("answer", run_id, {})
                return replace(outcome, message=f"{run_id} goes on.", python=code.line)
            return outcome

        return await asyncio.to_thread(work)

    def _settled(self, run_id: str, asked: PauseView | None) -> str | None:
        """Say that a question does not wait any more, or that the run asks another one by now; None where it still waits."""
        run = self.history.run(run_id)
        if run is None:
            return f"No run is named {run_id!r} in this store any more."
        if str(run.status) == "paused":
            waits = {(pause.node, pause.since) for pause in self.history.pauses() if pause.run_id == run_id}
            if asked is None or (asked.node, asked.since) in waits:
                return None
            return f"{run_id} was answered meanwhile{self._answered_by(run_id)}, and asks something else now. Your draft is kept."
        return f"{run_id} does not wait any more{self._answered_by(run_id)}: it is {state_of(run)}. Nothing was given."

    def _answered_by(self, run_id: str) -> str:
        order = self.launcher.about(run_id).get("order", {})
        return f" (answered by {order['actor']})" if order.get("verb") == "answer" and order.get("actor") else ""
