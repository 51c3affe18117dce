"""Beginning what was decided: refused where nothing may change, checked where values do not fit, started, and written down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from studio.model.graph_view import GraphView
from studio.model.refusals import module_words, refusal_words
from studio.services.acts import Acts
from studio.services.launcher import Launcher, LaunchError
from studio.services.module_host import HostError
from studio.services.order import Order
from studio.services.project import Project
from studio.services.studio_db import Entry, StudioDb

__all__ = ["READ_ONLY", "Beginning", "Outcome"]

READ_ONLY: Final = "This studio is read-only: it changes nothing."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an act came out.

    Attributes:
        ok: it was done, or is on its way.
        message: a sentence for the reader.
        run_id: the run to look at now.
        python: the same as Python.
        claim: number of the worker that was started, 0 for none.
        problems: input -> what is wrong with it.
    """

    ok: bool = True
    message: str = ""
    run_id: str = ""
    python: str = ""
    claim: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)


class Beginning:
    """Starts workers.

    Args:
        db: the checkpoint database, existing or not.
        launcher: starts the processes.
        project: builds values once before, in a module's own process.
        acts: knows who acts, and which ids are taken.
        notes: where acts are written down.
        read_only: nothing is started.
    """

    def __init__(self, db: Path, launcher: Launcher, project: Project, acts: Acts, notes: StudioDb, *, read_only: bool) -> None:
        self._db = db
        self._launcher = launcher
        self._project = project
        self._acts = acts
        self._notes = notes
        self._read_only = read_only

    def begin(self, order: Order, graph: GraphView | None, verb: str, python: str, *, checked: Mapping[str, str] | None = None) -> Outcome:
        """Start a worker, and write that down; also what was refused. Blocks as long as the module takes to check the values.

        Args:
            order: what to do.
            graph: the graph as it is loaded.
            verb: what the reader calls it.
            python: the same as Python.
            checked: texts that have to be built once before.
        """
        outcome = self._refusal() or self._owned(order) or self._unfit(order, checked or {}) or self._started(order, python)
        detail = {"verb": order.verb, "graph": order.graph, "code_hash": graph.code_hash if graph is not None else ""}
        said = "started" if outcome.ok else outcome.message
        self._notes.record(Entry(time.time(), self._acts.actor, verb, order.run_id, said, python), detail)
        return outcome

    def _refusal(self) -> Outcome | None:
        return Outcome(ok=False, message=READ_ONLY) if self._read_only else None

    def _owned(self, order: Order) -> Outcome | None:
        """Say who runs a run already: the library would refuse it too, after a worker had been started for nothing."""
        worker = self._launcher.worker(order.run_id)
        who = str(self._launcher.about(order.run_id).get("order", {}).get("actor") or "") if worker is not None else ""
        if worker is not None and not worker.has_ended:
            by = f", started by {who}" if who else ""
            said = f"{order.run_id} is running already: process {worker.pid} of this machine{by}."
            return Outcome(ok=False, message=refusal_words(said, "WorkflowAlreadyRunningError"))
        run = self._acts.history.run(order.run_id)
        if worker is not None or run is None or run.owner is None or str(run.status) != "active" or run.interrupted:
            return None
        since = run.owner.since.astimezone().strftime("%H:%M:%S")
        by = f", for {run.actor}" if run.actor else ""
        said = f"{order.run_id} is running already: process {run.owner.pid} on {run.owner.host} since {since}{by}."
        return Outcome(ok=False, message=refusal_words(said, "WorkflowAlreadyRunningError"))

    def _unfit(self, order: Order, texts: Mapping[str, str]) -> Outcome | None:
        if not texts:
            return None
        question = {
            "do": "check",
            "target": asdict(order.target),
            "graph": order.graph,
            "texts": dict(texts),
            "map_over": list(order.map_over),
            "stored": order.runner != "DaftRunner",
        }
        try:
            problems = self._project.ask(order.target, question)["problems"]
        except HostError as error:
            return Outcome(ok=False, message=module_words(order.target.text, str(error)), problems=error.problems)
        if not problems:
            return None
        said = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        return Outcome(ok=False, message=said, problems=problems)

    def _started(self, order: Order, python: str) -> Outcome:
        try:
            self._db.parent.mkdir(parents=True, exist_ok=True)
            worker = self._launcher.start(order)
        except (LaunchError, OSError) as error:
            return Outcome(ok=False, message=str(error))
        self._acts.took(order.run_id)
        return Outcome(ok=True, run_id=order.run_id, python=python, claim=worker.claim)
