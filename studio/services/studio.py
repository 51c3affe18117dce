"""What screens ask of the world: one object that knows the modules, the store, the workers, and who sits at the screen."""

from __future__ import annotations

import asyncio
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from studio.model.act import Act
from studio.model.forms import check
from studio.model.graph_view import GraphView, InputField, ModuleView
from studio.model.secrets import is_secret
from studio.options import DEFAULT_STORE, StudioOptions
from studio.services import looking, planning
from studio.services.actor import who
from studio.services.acts import Acts, shown_plan
from studio.services.beginning import READ_ONLY, Beginning, Outcome
from studio.services.feed import Feed, Known, peek
from studio.services.forecasts import refused_forecast, told_forecast
from studio.services.history import History
from studio.services.large_values import LargeValues
from studio.services.launcher import Launcher
from studio.services.module_host import HostError
from studio.services.noticing import problems_of
from studio.services.paths import Places
from studio.services.project import Project
from studio.services.recalling import Recalling
from studio.services.settings import Settings, load_settings
from studio.services.studio_db import Entry, StudioDb
from studio.services.unstored import Unstored, with_unstored, without

if TYPE_CHECKING:
    from studio.model.bench import BenchView
    from studio.model.diff import Comparison
    from studio.model.forecast import Forecast
    from studio.model.pause_view import PauseView
    from studio.model.plan import LaunchPlan
    from studio.model.problems import Problem
    from studio.model.run_view import RunRow, RunView
    from studio.model.type_spec import TypeSpec
    from studio.model.value_view import ValueNode

__all__ = ["Outcome", "Studio", "StudioRefused"]

T = TypeVar("T")


class StudioRefused(RuntimeError):  # noqa: N818  # the command line prints it, nobody mends it
    """The studio cannot be opened as it was asked for; the message says what to do."""


class Studio:
    """One session.

    Args:
        options: what the command line said.
        db: the checkpoint database, existing or not.
        start: the folder that the studio was started in.
        state: the studio's own folder; None for the user's.
    """

    def __init__(self, options: StudioOptions, db: Path, start: Path, state: Path | None = None) -> None:
        self._options = options
        self.read_only = options.read_only
        self.settings: Settings = load_settings()
        self.store_path = options.db or str(db.relative_to(start) if db.is_relative_to(start) else db)
        self.store_label = db.name
        self.history = History(db)
        # Counting a long history takes longer than listing it: on a connection of its own it holds up no key.
        self._counted = History(db)
        self.launcher = Launcher(db, state, options.python, start)
        self.project = Project(options.targets, start, python=options.python)
        self.acts = Acts(
            self.project,
            self.history,
            actor=who(),
            python=options.python,
            start=start,
            hidden=self.settings.secrets,
            at_once=self.settings.at_once,
        )
        self._db = db
        self._large = LargeValues(db)
        self._notes = StudioDb(Places.of(db, state).database, read_only=self.read_only)
        self._beginning = Beginning(db, self.launcher, self.project, self.acts, self._notes, read_only=self.read_only)
        self.recalling = Recalling(self.history, self._notes, self.settings.secrets)
        self._unstored = Unstored(self.history, self.launcher)
        self._known = Known(self._scene_of, self._code_of, self._spec_of, self._told)
        self._marked: str | None = None
        self._prefilled: dict[str, dict[str, str]] = {}
        self._waiting: tuple[float, tuple[PauseView, ...]] = (0.0, ())
        self._last_runs: tuple[object, dict[str, RunRow]] = (None, {})

    @classmethod
    def open(cls, options: StudioOptions, *, start: Path | None = None, state: Path | None = None) -> Studio:
        """Open a session.

        Args:
            options: what the command line said.
            start: the start folder; None for the present one.
            state: the studio's own folder; None for the user's.

        Raises:
            StudioRefused: the database is missing and was not to be made, or is none.
        """
        start = start or Path.cwd()
        db = (start / Path(options.db).expanduser()) if options.db is not None else start / DEFAULT_STORE
        if options.db is not None and not db.exists() and not options.create:
            raise StudioRefused(
                f"There is no database {options.db}.\n\nHow to fix:\n  Check the path, or let it be made: --create\n"
                "  Without --db the studio uses .hypergraph/runs.db below this folder"
            )
        studio = cls(options, db, start, state)
        from hypergraph.exceptions import CheckpointError

        try:
            _ = studio.history.store
        except CheckpointError as error:
            raise StudioRefused(str(error)) from error
        return studio

    async def start(self) -> None:
        """Begin to load the modules, and throw away what is too old to be kept."""
        self.project.begin()
        if not self.read_only:
            tidying = partial(self.launcher.tidy, days=self.settings.keep_days, most_bytes=self.settings.keep_bytes)
            threading.Thread(target=tidying, name="studio-tidy", daemon=True).start()

    async def close(self) -> None:
        """End what only looks; runs go on."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.project.close()
        self.launcher.close()
        self._large.close()
        self.history.close()
        self._counted.close()
        self._notes.close()

    def goodbye(self) -> str:
        """Say what goes on without the studio."""
        number = sum(1 for worker in self.launcher.running() if not worker.has_ended)
        if not number:
            return ""
        own = [target for target in self._options.targets if not target.startswith("studio.examples.")]
        words = ["hypergraph", "studio", *(["--db", self._options.db] if self._options.db else []), *own]
        return f"{number} run{'s keep' if number > 1 else ' keeps'} going, reattach with: {shlex.join(words)}"

    # Graphs.

    def modules(self) -> tuple[ModuleView, ...]:
        """Give the modules; the same object as long as nothing changes."""
        return self.project.modules()

    def reload(self, target: str) -> None:
        """Load a module again."""
        self.project.reload(target)

    def last_runs(self) -> dict[str, RunRow]:
        """Give the newest run of each graph."""
        token = self.history_token()
        if self._last_runs[0] != token or not self._last_runs[1]:
            self._last_runs = token, self.history.last_runs()
        return self._last_runs[1]

    def _scene_of(self, name: str, struct: str) -> Any:
        graph = self.project.graph_like(struct) if struct else self.project.graph(name)
        return graph.scene if graph is not None else None

    def _code_of(self, name: str) -> str | None:
        graph = self.project.graph(name)
        return graph.code_hash if graph is not None else None

    def _spec_of(self, name: str, _node: str, key: str) -> TypeSpec | None:
        graph = self.project.graph(name)
        return graph.asks.get(key) if graph is not None else None

    # Launch.

    def check_text(self, given: InputField, text: str, *, mapped: bool) -> str | None:
        """Give what is wrong with the text of an input, None when nothing is."""
        return planning.check_text(given, text, mapped=mapped)

    def draft(self, graph: str) -> dict[str, str]:
        """Give the texts that a form begins with: those of a run that is to be made again, else the last ones that were typed."""
        return self._prefilled.pop(graph, None) or self._notes.draft("launch", graph)

    def keep_draft(self, graph: str, texts: Mapping[str, str]) -> None:
        """Keep what was typed, without secrets."""
        self._notes.keep_draft("launch", graph, {name: text for name, text in texts.items() if not is_secret(name, self.settings.secrets)})

    def prefill(self, run_id: str) -> None:
        """Let the next form of a run's graph begin with that run's inputs."""
        run = self.history.run(run_id)
        if run is not None:
            graph = self.project.graph(run.graph_name or "")
            self._prefilled[run.graph_name or ""] = looking.input_texts(self.history, run, graph)

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
            at_once=(at_once or self.settings.at_once) if runner == "AsyncRunner" and (map_over or graph.maps) else None,
            store=self.store_path,
            changed=any(view.target == graph.target and view.state == "changed" for view in self.project.modules()),
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

    # Runs.

    def newest_run(self) -> str | None:
        """Give the newest run."""
        return next((row.id for row in self.runs("", None, 1)), None)

    def watch(self, run_id: str) -> Feed:
        """Look at a run from now on.

        Raises:
            LookupError: there is no such run.
        """
        return Feed(self.history, self.launcher, run_id, self._known)

    def peek(self, run_id: str) -> RunView | None:
        """Give a run as the store has it, for a preview."""
        return peek(self.history, self.launcher, run_id, self._known)

    def runs(self, text: str, after: RunRow | None, limit: int) -> list[RunRow]:
        """Give a page of runs, newest first."""
        lost = self._notes.lost()
        rows = self.history.runs(text, after, limit)
        if after is None and not text:
            # The rows that a page ends with stay last: the next page begins behind them.
            rows = with_unstored(rows, self._unstored.rows())
        return without(rows, lost)

    def children(self, run_id: str, limit: int) -> list[RunRow]:
        """Give the runs inside a run."""
        return self.history.children(run_id, limit)

    def counts(self, text: str) -> dict[str, int]:
        """Count runs by state."""
        return self._counted.counts(text)

    def history_token(self) -> object:
        """Give something that changes when the history does."""
        return self.history.token(), self._unstored.token()

    # Questions.

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

    def _told(self, pause: PauseView) -> PauseView:
        return looking.with_follows(pause, self._graph_of_run(pause.run_id))

    def _graph_of_run(self, run_id: str) -> GraphView | None:
        run = self.history.run(run_id)
        return None if run is None else self.project.graph_like((run.config or {}).get("graph_struct_hash"), run.graph_name)

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

    # Acts.

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
        return await self._end(run_id, "kill", lambda: self.launcher.kill(run_id))

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

    # Looking.

    async def compare(self, a: str, b: str) -> Comparison:
        """Compare two runs.

        Raises:
            LookupError: one of them does not exist.
        """
        return await asyncio.to_thread(looking.comparison, self.history, a, b)

    async def value(self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: Sequence[str] = ()) -> ValueNode:
        """Open a value, or a part of it."""
        return await asyncio.to_thread(
            looking.open_part, self.history, self._large, run_id, node, name, superstep, path, self.settings.secrets
        )

    async def reveal(
        self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: Sequence[str] = ()
    ) -> ValueNode | None:
        """Open a value whose name says that it is secret; None where that cannot be written down."""
        entry = Entry(time.time(), self.acts.actor, "reveal", run_id, "/".join([node or "input", name, *path]), "")
        if self.read_only or not self._notes.record(entry):
            return None
        return await asyncio.to_thread(looking.open_part, self.history, self._large, run_id, node, name, superstep, path, revealed=True)

    async def bench(
        self, run_id: str, node: str, superstep: int | None = None, *, times: int = 1, edits: Mapping[str, str] | None = None
    ) -> BenchView:
        """Run one recorded node again, alone, in a process that is thrown away; the run is only read."""
        return await asyncio.to_thread(looking.benched, self.acts, run_id, node, superstep, times, edits or {})

    def yank(self, what: str, run_id: str, node: str | None, superstep: int | None) -> str:
        """Give what is to be copied, "" where there is none."""
        return looking.yanked(self.history, self.acts, what, run_id, node, superstep, store=self.store_path)

    def command_log(self) -> list[Entry]:
        """Give what this session did."""
        return self._notes.session

    def problems(self) -> list[Problem]:
        """Give what is wrong."""
        return problems_of(self.project, self.history, self.settings, self._notes)

    def doctor(self) -> list[tuple[str, bool, str]]:
        """Give what is found on this machine."""
        from studio.services.doctor import findings

        return findings(str(self._db))

    def addresses(self, *, limit: int, text: str) -> list[tuple[str, str, str]]:
        """Give graphs and runs by name, with their addresses."""
        graphs = [graph for view in self.project.modules() for graph in view.graphs]
        return looking.found_addresses(self.history, graphs, text, limit)
