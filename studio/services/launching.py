"""From a form to a run: drafts, plans, and the launch itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from studio.model.graph_view import GraphView, InputField
from studio.model.plan import with_mapped
from studio.model.secrets import is_secret
from studio.services import looking, planning
from studio.services.acts import shown_plan
from studio.services.beginning import Outcome
from studio.services.room import room_for
from studio.services.session import Session

if TYPE_CHECKING:
    from studio.model.plan import LaunchPlan

__all__ = ["Launching"]


class Launching(Session):
    """What the place Launch asks for."""

    def check_text(self, given: InputField, text: str, *, mapped: bool) -> str | None:
        """Give what is wrong with the text of an input, None when nothing is."""
        return planning.check_text(given, text, mapped=mapped)

    def draft(self, graph: str) -> dict[str, str]:
        """Give the texts that a form begins with: those of a run that is to be made again, else the last ones that were typed."""
        return self._prefilled.pop(graph, None) or self._notes.draft("launch", graph)

    def is_prefilled(self, graph: str) -> bool:
        """Tell whether the next form of a graph begins with the inputs of a run."""
        return graph in self._prefilled

    def keep_draft(self, graph: str, texts: Mapping[str, str]) -> None:
        """Keep what was typed, without secrets."""
        self._notes.keep_draft("launch", graph, {name: text for name, text in texts.items() if not is_secret(name, self.settings.secrets)})

    def prefill(self, run_id: str) -> None:
        """Let the next form of a run's graph begin with that run's inputs."""
        run = self.history.run(run_id)
        if run is not None:
            graph = self.project.graph(run.graph_name or "")
            texts = looking.input_texts(self.history, run, graph)
            self._prefilled[graph.name if graph is not None else run.graph_name or ""] = with_mapped(
                texts, (run.config or {}).get("map_over") or ()
            )

    def plan(
        self,
        graph: GraphView,
        *,
        texts: Mapping[str, str],
        runner: str,
        run_id: str | None = None,
        map_over: tuple[str, ...] = (),
        map_mode: str = "zip",
        on_error: str = "continue",
        at_once: int | None = None,
    ) -> LaunchPlan:
        """Give what a form amounts to."""
        name = run_id or self.acts.next_id(graph.name)
        plan = planning.make_plan(
            graph,
            texts=texts,
            runner=runner,
            run_id=name,
            free=self.acts.is_free(name),
            map_over=map_over,
            map_mode=map_mode,
            on_error=on_error,
            at_once=(self.settings.at_once if at_once is None else at_once)
            if runner == "AsyncRunner" and (map_over or graph.maps)
            else None,
            store=self.store_path,
            changed=any(view.target == graph.target and view.state == "changed" for view in self.project.modules()),
            room=room_for(self._db),
        )
        return shown_plan(plan, self.acts.code(self.acts.launch_order(graph, plan), graph, path=self.store_path))

    async def launch(self, plan: LaunchPlan) -> Outcome:
        """Start a run; its values are built once before, so that what does not fit is said here."""
        graph = self.project.graph(plan.graph)
        if graph is None:
            return Outcome(ok=False, message=f"The graph {plan.graph!r} is not loaded any more.")
        wrong = next((text for good, text in plan.checks if good is False), None)
        if wrong is not None:
            return Outcome(ok=False, message=wrong, problems=plan.problems)
        order = self.acts.launch_order(graph, plan)
        outcome = await asyncio.to_thread(self._beginning.begin, order, graph, "launch", plan.python, checked=plan.texts)
        if outcome.ok:
            self._notes.keep_draft("launch", plan.graph, {})
        return outcome
