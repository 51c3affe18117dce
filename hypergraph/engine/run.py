"""What one run is made of: the session that a whole tree of runs shares, the run itself, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypergraph.engine.journal import record_of
from hypergraph.engine.state import State
from hypergraph.records import Journal, RunStatus, StepRecord

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend
    from hypergraph.engine.journal import Line
    from hypergraph.graph import Graph
    from hypergraph.plan import Op, Plan
    from hypergraph.results import PauseInfo, RunResult
    from hypergraph.runlog import RunLog

__all__ = ["Ended", "Origin", "Run", "Session", "StopSignal"]


class StopSignal:
    """A stop that was asked for, seen by a run and by everything below it."""

    __slots__ = ("info", "requested")

    def __init__(self) -> None:
        self.requested = False
        self.info: Any = None

    def request(self, info: Any = None) -> None:
        """Ask for the stop; asking again changes nothing."""
        if not self.requested:
            self.info = info
            self.requested = True


class Session:
    """What a tree of runs has in common: who listens, what is stored, and which options hold.

    Attributes:
        runner: name of the runner, for messages.
        emit: takes an event, or None when nobody listens.
        cache: the result cache, or None.
        stored: a store keeps this tree.
        signal: the stop signal.
        max_iterations: limit of passes of one cyclic region.
        keep_going: error_handling is "continue".
        sequential: the driver runs one thing at a time, in order.
        answering: answers to interrupts were given: those that got none pause again unasked.
        take_over: a living owner is to be displaced.
        actor: who started the run.
        durable: a step that cannot be stored ends the run; otherwise it is noted, and the run is not stored as completed.
        unsaved: (run id, message) of each step that could not be stored.
    """

    __slots__ = (
        "_last_stamp", "_perf_zero", "_wall_zero", "actor", "answering", "cache", "durable", "emit", "keep_going", "max_iterations",
        "runner", "sequential", "signal", "stored", "take_over", "unsaved",
    )  # fmt: skip

    def __init__(
        self,
        runner: str,
        *,
        emit: Callable[[Any], None] | None = None,
        cache: CacheBackend | None = None,
        stored: bool = False,
        signal: StopSignal | None = None,
        max_iterations: int = 1000,
        keep_going: bool = False,
        sequential: bool = True,
        take_over: bool = False,
        actor: str | None = None,
        durable: bool = False,
    ) -> None:
        self.durable = durable
        self.unsaved: list[tuple[str, str]] = []
        self.runner = runner
        self.emit = emit
        self.cache = cache
        self.stored = stored
        self.signal = signal or StopSignal()
        self.max_iterations = max_iterations
        self.keep_going = keep_going
        self.sequential = sequential
        self.answering = False
        self.take_over = take_over
        self.actor = actor
        self._perf_zero = time.perf_counter()
        self._wall_zero = time.time()
        self._last_stamp: datetime | None = None

    def unsaved_of(self, run_id: str) -> tuple[str, ...]:
        """Give what could not be stored of a run and of its children, each message once."""
        if not self.unsaved:
            return ()
        below = run_id + "/"
        return tuple(dict.fromkeys(text for owner, text in self.unsaved if owner == run_id or owner.startswith(below)))

    def wall(self, perf: float) -> float:
        """Turn a reading of `time.perf_counter()` into Unix seconds that never go back."""
        return self._wall_zero + (perf - self._perf_zero)

    def stamp(self) -> datetime:
        """Give the present moment, later than every stamp before it, whatever the clock does."""
        moment = datetime.now(UTC)
        if self._last_stamp is not None and moment <= self._last_stamp:
            moment = self._last_stamp + timedelta(microseconds=1)
        self._last_stamp = moment
        return moment

    def after(self, last: datetime | None) -> None:
        """Make every later stamp come after this moment."""
        if last is not None and (self._last_stamp is None or last > self._last_stamp):
            self._last_stamp = last


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run starts from when it does not start from nothing.

    Attributes:
        resumes: the stored run goes on under its own id; otherwise it is a fork or a retry.
        journal: the steps that are restored, and what the runs whose steps they are began with.
        edits: values that were changed in a snapshot.
        source_id, source_superstep: where it comes from, for a fork or retry.
        retry_of, retry_index: the same, for a retry.
        lost_claims: how many owners went away without ending the run.
        foreign: the source is not in this store: what is still good of its values goes into the fork's seed.
    """

    resumes: bool
    journal: Journal
    edits: Mapping[str, Any] = field(default_factory=dict)
    source_id: str | None = None
    source_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    changes: Mapping[str, tuple[Any, Any]] | None = None
    lost_claims: int = 0
    foreign: bool = False


class Run:
    """One run of one graph: its state, its journal, and its place among other runs.

    Attributes:
        answers: answers to interrupts that have not been used yet, by address.
        origin: what it was restored from, or None.
        waiting: names of interrupts that were paused before and for which no answer came: they pause again unasked.
        finished: lines of the present superstep, not applied yet.
        attempts: node -> tries of its present turn that came to nothing before this run began.
        inherited: operation -> runs that a fork took over from its source.
        restored: its state has been filled.
        kept: how many steps of its own the run had already stored when it was resumed.
        first: the superstep that this run began with.
        finishes: the run goes on after a stop (`complete_on_stop`).
        path: names of the GraphNodes around it.
    """

    __slots__ = (
        "answers", "attempts", "finished", "finishes", "first", "graph", "index", "inherited", "inputs", "item_index", "journal",
        "kept", "origin", "parent_span", "parent_workflow_id", "path", "plan", "restored", "run_id", "session", "span_id", "state",
        "superstep", "waiting", "workflow_id",
    )  # fmt: skip

    def __init__(
        self,
        session: Session,
        graph: Graph,
        plan: Plan,
        run_id: str,
        *,
        inputs: Mapping[str, Any],
        answers: dict[str, Any] | None = None,
        workflow_id: str | None = None,
        parent_span: str | None = None,
        parent_workflow_id: str | None = None,
        item_index: int | None = None,
        origin: Origin | None = None,
        path: tuple[str, ...] = (),
        finishes: bool = False,
    ) -> None:
        self.session = session
        self.graph = graph
        self.plan = plan
        self.run_id = run_id
        self.workflow_id = workflow_id
        self.span_id = ""
        self.parent_span = parent_span
        self.parent_workflow_id = parent_workflow_id
        self.item_index = item_index
        self.inputs = inputs
        self.answers = answers if answers is not None else {}
        self.origin = origin
        self.path = path
        self.finishes = finishes
        self.state = State(plan)
        self.journal: Any = []
        self.finished: list[Line] = []
        self.superstep = 0
        self.index = 0
        self.inherited: dict[int, int] = {}
        self.kept = 0
        self.restored = False
        self.first = 0
        self.attempts: dict[str, int] = {}
        self.waiting: set[str] = set()

    @property
    def stopping(self) -> bool:
        """True when nothing new may start."""
        return self.session.signal.requested and not self.finishes

    @property
    def stored_id(self) -> str:
        """The id that steps are stored under."""
        return self.workflow_id or self.run_id

    def turn(self, op: Op) -> int:
        """Give the number of the operation's present run within this workflow, from 1."""
        return self.state.runs[op.index] - self.inherited.get(op.index, 0) + 1

    def record(self, line: Line) -> StepRecord:
        """Build a line's stored form."""
        return record_of(line, self.stored_id, self.session.stamp(), self.session.wall(line.started), self.turn(line.op))

    def node_path(self, name: str) -> str:
        """Give a node's name with the GraphNodes around it: "outer/inner/node"."""
        return "/".join((*self.path, name))


class Ended:
    """How a run ended, in the engine's own terms; `result()` is what the caller gets."""

    __slots__ = ("duration_ms", "error", "graph_name", "journal", "pauses", "run_id", "status", "store_errors", "values", "workflow_id")

    def __init__(
        self,
        run: Run,
        status: RunStatus,
        values: dict[str, Any],
        *,
        duration_ms: float,
        error: BaseException | None = None,
        pauses: tuple[PauseInfo, ...] = (),
        store_errors: tuple[str, ...] = (),
    ) -> None:
        self.run_id = run.run_id
        self.workflow_id = run.workflow_id
        self.graph_name = run.graph.name
        self.journal = run.journal
        self.status = status
        self.values = values
        self.duration_ms = duration_ms
        self.error = error
        self.pauses = pauses
        self.store_errors = store_errors

    def log(self) -> RunLog:
        """Fold the journal into a log."""
        from hypergraph.engine.logs import log_of

        return log_of(self.graph_name, self.run_id, self.duration_ms, self.journal)

    def result(self) -> RunResult:
        """Build the caller's result."""
        from hypergraph.results import RunResult

        return RunResult(
            self.values,
            self.status,
            run_id=self.run_id,
            workflow_id=self.workflow_id,
            error=self.error,
            pause=self.pauses[0] if self.pauses else None,
            pauses=self.pauses,
            log=self.log,
            checkpoint_ok=not self.store_errors,
            checkpoint_errors=self.store_errors,
        )
