"""Acts on runs that exist: each is foretold, and written down when it is done or refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from studio.model.act import Act
from studio.services import looking
from studio.services.beginning import READ_ONLY, Outcome
from studio.services.forecasts import refused_forecast, told_forecast
from studio.services.module_host import HostError
from studio.services.session import Session
from studio.services.studio_db import Entry

if TYPE_CHECKING:
    from studio.model.forecast import Forecast

__all__ = ["Operating"]


class Operating(Session):
    """Forks, retries, resumes, stops."""

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
            return refused_forecast(str(error), order, code)
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

    async def stop(self, run_id: str) -> Outcome:
        """Ask a run to stop."""
        return await self._end(run_id, "stop", lambda: self.launcher.stop(run_id, actor=self.acts.actor))

    async def kill(self, run_id: str) -> Outcome:
        """End a run's process."""
        return await self._end(run_id, "kill", lambda: self.launcher.kill(run_id, actor=self.acts.actor))

    async def _end(self, run_id: str, verb: str, work: Callable[[], tuple[bool, str]]) -> Outcome:
        if self.read_only:
            return Outcome(ok=False, message=READ_ONLY)
        ok, message = await asyncio.to_thread(work)
        self._notes.record(Entry(time.time(), self.acts.actor, verb, run_id, message, f"runner.stop({run_id!r})" if verb == "stop" else ""))
        return Outcome(ok=ok, message=message)

    def mark(self, run_id: str) -> str | None:
        """Mark a run; gives the run that was marked before, which ends the marking."""
        first, self._marked = self._marked, None if self._marked is not None else run_id
        return first
