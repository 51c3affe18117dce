"""Acts on runs that exist: each is foretold, and written down when it is done or refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from studio.model.about import About, ending_code
from studio.model.act import Act
from studio.model.refusals import module_words
from studio.services import looking
from studio.services.beginning import READ_ONLY, Outcome
from studio.services.forecasts import code_words, refused_forecast, told_forecast
from studio.services.module_host import HostError
from studio.services.session import Session
from studio.services.studio_db import Entry

if TYPE_CHECKING:
    from studio.model.forecast import Forecast

__all__ = ["Operating"]


class Operating(Session):
    """Forks, retries, resumes, stops, and runs that are given up."""

    async def forecast(self, act: Act) -> Forecast:
        """Tell what an act would keep and run again; nothing is called or written."""
        return await asyncio.to_thread(self._forecast, act)

    def _forecast(self, act: Act) -> Forecast:
        try:
            order, graph = self.acts.act_order(act)
        except LookupError as error:
            return refused_forecast(str(error.args[0]))
        code = self.acts.code(order, graph, path=self.store_path)
        if order.batch:
            return looking.batch_forecast(self.history, act.run_id, order, graph, code)
        try:
            found = self.project.ask(order.target, {"do": "forecast", "order": asdict(order)})
        except HostError as error:
            return refused_forecast(module_words(order.target.text, str(error)), order, code)
        return told_forecast(self.history, act, order, graph, code, found)

    async def perform(self, act: Act) -> Outcome:
        """Fork, retry or resume."""

        def work() -> Outcome:
            try:
                order, graph = self.acts.act_order(act)
            except LookupError as error:
                return Outcome(ok=False, message=str(error.args[0]))
            return self._beginning.begin(order, graph, act.kind, self.acts.code(order, graph, path=self.store_path).line)

        return await asyncio.to_thread(work)

    def editable(self, run_id: str, name: str, preview: str) -> str:
        """Give a value as a text that can be edited, the preview where it has none."""
        return looking.editable_text(self.history, run_id, name, self._graph_of_run(run_id), preview)

    def mark(self, run_id: str) -> str | None:
        """Mark a run; gives the run that was marked before, which ends the marking."""
        first, self._marked = self._marked, None if self._marked is not None else run_id
        return first

    # Ending.

    async def about_ending(self, run_id: str, verb: Literal["stop", "kill"]) -> About:
        """Tell how the code stands of a run that is to be stopped or killed, and what does the same."""
        return await asyncio.to_thread(self._about_ending, run_id, verb)

    def _about_ending(self, run_id: str, verb: Literal["stop", "kill"]) -> About:
        words, same = code_words(self.history, run_id, self._graph_of_run(run_id))
        code = ending_code(verb, self.store_path, run_id)
        return About(words, same, code.line, code.script)

    async def stop(self, run_id: str) -> Outcome:
        """Ask a run to stop."""
        return await self._end(run_id, "stop", lambda: self.launcher.stop(run_id, actor=self.acts.actor))

    async def kill(self, run_id: str) -> Outcome:
        """End a run's process."""
        return await self._end(run_id, "kill", lambda: self.launcher.kill(run_id, actor=self.acts.actor))

    async def _end(self, run_id: str, verb: Literal["stop", "kill"], work: Callable[[], tuple[bool, str]]) -> Outcome:
        if self.read_only:
            return Outcome(ok=False, message=READ_ONLY)
        ok, message = await asyncio.to_thread(work)
        self._noted(verb, run_id, message, ending_code(verb, self.store_path, run_id).line)
        return Outcome(ok=ok, message=message)

    def _noted(self, verb: str, run_id: str, said: str, python: str = "") -> bool:
        return self._notes.record(Entry(time.time(), self.acts.actor, verb, run_id, said, python))

    # Runs that are given up.

    def is_lost(self, run_id: str) -> bool:
        """Tell whether a run was marked as lost."""
        return run_id in self._notes.lost()

    async def mark_lost(self, run_id: str, *, lost: bool = True) -> Outcome:
        """Hide a run that nobody runs, or show it again. Only the studio's own notes change: the store is not touched.

        Args:
            run_id: the run.
            lost: False takes the mark back.
        """
        if self.read_only:
            return Outcome(ok=False, message=READ_ONLY)

        def work() -> Outcome:
            run = self.history.run(run_id)
            if lost and (run is None or not run.interrupted):
                return Outcome(ok=False, message=f"{run_id} is not without a process any more: there is nothing to mark.")
            if not self._notes.mark_lost(run_id, self.acts.actor, lost=lost):
                return Outcome(ok=False, message="The studio's own notes cannot be written: nothing was marked.")
            self._lost_changes += 1
            self._noted("mark as lost" if lost else "take back the mark", run_id, "done: the store is as it was")
            said = "is marked as lost: Runs shows it with the filter lost." if lost else "is shown again."
            return Outcome(message=f"{run_id} {said}")

        return await asyncio.to_thread(work)
