"""Questions that wait, and their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from studio.model.forms import check
from studio.services.beginning import Outcome
from studio.services.session import Session

if TYPE_CHECKING:
    from studio.model.pause_view import PauseView

__all__ = ["Answering"]


class Answering(Session):
    """What the place Inbox asks for."""

    @property
    def waiting(self) -> int:
        """How many questions wait; looked up at most every half second."""
        if time.monotonic() - self._waiting[0] > 0.5:
            self.pauses()
        return len(self._waiting[1])

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
        """Keep what was typed."""
        self._notes.keep_draft("answer", run_id, texts)

    async def answer(self, run_id: str, given: Mapping[str, str]) -> Outcome:
        """Answer a run's questions. The answer is built and checked first; a refused one leaves the run paused."""

        def work() -> Outcome:
            try:
                order, graph = self.acts.answer_order(run_id, given)
            except LookupError as error:
                return Outcome(ok=False, message=str(error.args[0]))
            code = self.acts.code(order, graph, path=self.store_path)
            outcome = self._beginning.begin(order, graph, "answer", code.line, checked=given)
            if outcome.ok:
                self._notes.keep_draft("answer", run_id, {})
                return Outcome(ok=True, message=f"{run_id} goes on.", run_id=run_id, python=code.line)
            return outcome

        return await asyncio.to_thread(work)
