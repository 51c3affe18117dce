"""The words that the engine, the stores and the studio share: steps, runs, checkpoints.

Everything here is plain, frozen data. The engine writes `StepRecord`s, a store keeps them, every view of a run is a fold of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from hypergraph._quick import Late, quick
from hypergraph._text import duration, plural

__all__ = [
    "BriefStep",
    "Checkpoint",
    "CheckpointLink",
    "Journal",
    "NewRun",
    "Owner",
    "PauseRecord",
    "Run",
    "RunStatus",
    "StepRecord",
    "StepStatus",
    "WorkflowStatus",
    "brief_of",
    "journal_of",
]


class RunStatus(StrEnum):
    """How a run ended, as its caller sees it."""

    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    STOPPED = "stopped"
    PARTIAL = "partial"


class WorkflowStatus(StrEnum):
    """How a stored run stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    PARTIAL = "partial"
    COMPLETED = "completed"
    FAILED = "failed"


class StepStatus(StrEnum):
    """How one step ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"


def now() -> datetime:
    """Give the present moment, UTC-aware."""
    return datetime.now(UTC)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return str(value) if type(value) not in (bool, int, float, str, type(None)) else value
    return repr(value)


@quick
@dataclass(frozen=True, slots=True, repr=False)
class StepRecord(Late):
    """One finished step of one run: the journal's only kind of line.

    Attributes:
        run_id: the run that the step belongs to.
        superstep: number of the superstep, running on through resumes and forks.
        node_name: the node, at its own graph's scope.
        index: position of the step in the run's journal, running on like `superstep`.
        status: how it ended.
        input_versions: input address -> version that the step consumed (versions start at 1).
        values: outputs by name; None when the step produced none because it failed or paused.
        duration_ms: time between start and end, in milliseconds.
        cached: True when a cache answered in the node's place.
        decision: what a gate decided: a target's name, "END", or a list of them.
        error: type and text of the exception of a failed step.
        node_type: class name of the node ("FunctionNode").
        child_run_id: the run of the inner graph, for a GraphNode.
        partial: True when a stop was asked for while the step ran; it runs again on resume.
        attempt: 1 for the first try of this node's turn.
        error_type: fully qualified name of the exception's class.
        traceback: the formatted traceback.
        turn: number of this run of the node within its workflow, from 1; tries of one turn share it, and no two turns ever do.
    """

    run_id: str
    superstep: int
    node_name: str
    index: int
    status: StepStatus
    input_versions: Mapping[str, int]
    values: Mapping[str, Any] | None = None
    duration_ms: float = 0.0
    cached: bool = False
    decision: str | list[str] | None = None
    error: str | None = None
    node_type: str | None = None
    created_at: datetime = field(default_factory=now)
    completed_at: datetime | None = None
    child_run_id: str | None = None
    partial: bool = False
    attempt: int = 1
    started_at: datetime | None = None
    error_type: str | None = None
    traceback: str | None = None
    turn: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON-safe primitives: status as text, times in ISO format."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def __repr__(self) -> str:
        state = "cached" if self.cached else self.status.value
        parts = [state, duration(self.duration_ms), f"superstep {self.superstep}"]
        if self.decision is not None:
            parts.append(f"-> {self.decision}")
        if self.attempt > 1:
            parts.append(f"attempt {self.attempt}")
        if self.error:
            parts.append(f"error: {self.error}")
        return f"Step [{self.index}] {self.node_name} | " + " | ".join(parts)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs a workflow at the moment: process id, host, since when, which ownership epoch it is, and when it was last heard of."""

    pid: int
    host: str
    since: datetime
    epoch: int = 1
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """A question that waits for its answer, as it is stored.

    Attributes:
        node_name: path of the interrupt ("inner/approval").
        response_keys: output name -> name under which the answer is passed, at the outermost graph's scope.
        values: all input values of the interrupt, by input name.
        answer_type: the handler's return annotation without None, as text; None when there is none.
        choices: the admissible answers where the annotation lists them (bool, Literal, Enum), as text.
    """

    node_name: str
    response_keys: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)
    answer_type: str | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Run(Late):
    """One stored run, without its steps.

    Attributes:
        id: its workflow id.
        status: how it stands. An ACTIVE run whose owner is gone reads `interrupted`.
        node_count, error_count: steps executed, and those of them that failed.
        parent_run_id: the run or batch that it is part of.
        forked_from, fork_superstep, retry_of, retry_index: where it comes from.
        config: hashes, options, graph reference.
        interrupted: derived when read: ACTIVE, but nobody runs it.
        owner: who runs it now.
        pauses: the questions that wait.
        changes: input or value name -> (old, new), for a fork.
        actor: who started it.
        error: type and text of what ended a failed run.
        lost_claims: for an interrupted run, how many owners went away since its last recorded step.
        last_owner: for an interrupted run, who ran it last, where that is known.
    """

    id: str
    status: WorkflowStatus
    graph_name: str | None = None
    duration_ms: float | None = None
    node_count: int = 0
    error_count: int = 0
    parent_run_id: str | None = None
    forked_from: str | None = None
    fork_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    config: Mapping[str, Any] | None = None
    created_at: datetime = field(default_factory=now)
    completed_at: datetime | None = None
    interrupted: bool = False
    owner: Owner | None = None
    pauses: tuple[PauseRecord, ...] = ()
    changes: Mapping[str, tuple[Any, Any]] | None = None
    actor: str | None = None
    error: str | None = None
    lost_claims: int = 0
    last_owner: Owner | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the run as JSON-safe primitives."""
        plain: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in {"owner", "last_owner"} and value is not None:
                value = {one.name: getattr(value, one.name) for one in fields(value)}
            elif item.name == "pauses":
                value = [{one.name: getattr(pause, one.name) for one in fields(pause)} for pause in value]
            plain[item.name] = _plain(value)
        return plain

    def __repr__(self) -> str:
        name = f" ({self.graph_name})" if self.graph_name else ""
        state = f"{self.status.value}, interrupted" if self.interrupted else self.status.value
        parts = [state, duration(self.duration_ms), plural(self.node_count, "step")]
        if self.error_count:
            parts.append(plural(self.error_count, "error"))
        return f"Run: {self.id}{name} | " + " | ".join(parts)


@dataclass(frozen=True, slots=True)
class CheckpointLink:
    """One run in the line of forks that made a checkpoint.

    Attributes:
        run_id: the run.
        inputs: what it was started with, its source's inputs included.
        seed: values that it took up in place of its source's.
        steps: how many of the checkpoint's steps are its own.
    """

    run_id: str | None
    inputs: Mapping[str, Any]
    seed: Mapping[str, Any]
    steps: int


@dataclass(frozen=True, slots=True, repr=False)
class Checkpoint:
    """A run's state at one moment: what a fork or retry starts from.

    Attributes:
        values: outputs by name, the fold of `steps`.
        steps: the steps that made them.
        source_run_id, source_superstep: where it was taken.
        retry_of, retry_index: set when it was taken for a retry.
        inputs: the source's run inputs.
        edits: values changed by `with_values`.
        line: the runs whose steps these are, oldest first: each begins with its own inputs and seed, then come its steps.
    """

    values: Mapping[str, Any]
    steps: list[StepRecord]
    source_run_id: str | None = None
    source_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)
    line: tuple[CheckpointLink, ...] = ()

    def with_values(self, values: Mapping[str, Any]) -> Checkpoint:
        """Give a checkpoint in which these values are changed: their producers are kept, what reads them runs again."""
        return replace(self, values={**self.values, **values}, edits={**self.edits, **values})

    def __repr__(self) -> str:
        source = f" of {self.source_run_id}" if self.source_run_id else ""
        return f"Checkpoint{source}: {plural(len(self.values), 'value')}, {plural(len(self.steps), 'step')}"


BriefStep: TypeAlias = tuple[int, int, str, StepStatus | None, int, Mapping[str, int], Mapping[str, Any] | None, str | list[str] | None]
"""What going on needs of a step: superstep, index, node name, how it ended (None where a stop cut it short), turn, input versions, values,
decision."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A checkpoint in short: what a run goes on from. No record is built of its steps, of which there may be many.

    Attributes:
        line: as in `Checkpoint`.
        steps: the steps of that line, in brief.
        inputs, retry_of, retry_index: as in `Checkpoint`.
        last: when the last of them was completed.
    """

    line: tuple[CheckpointLink, ...]
    steps: list[BriefStep]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    retry_of: str | None = None
    retry_index: int | None = None
    last: datetime | None = None


def brief_of(step: StepRecord) -> BriefStep:
    """Give a step in brief."""
    status = None if step.partial else step.status
    return step.superstep, step.index, step.node_name, status, step.turn, step.input_versions, step.values, step.decision


def journal_of(checkpoint: Checkpoint) -> Journal:
    """Give a checkpoint in short."""
    return Journal(
        checkpoint.line or (CheckpointLink(checkpoint.source_run_id, checkpoint.inputs, {}, len(checkpoint.steps)),),
        [brief_of(step) for step in checkpoint.steps],
        checkpoint.inputs,
        checkpoint.retry_of,
        checkpoint.retry_index,
        max((step.completed_at for step in checkpoint.steps if step.completed_at is not None), default=None),
    )


@dataclass(frozen=True, slots=True)
class NewRun:
    """What the engine tells a store when a run begins or goes on; the store answers with the ownership epoch.

    Attributes:
        run_id, graph_name, parent_run_id, forked_from, fork_superstep, retry_of, retry_index, config: as in `Run`.
        inputs: the run's inputs by address; stored once, the first write wins.
        renews: these inputs take the place of the stored ones: a batch is what it was last called with.
        seed: values that differ from the source's steps (an edited or foreign checkpoint), stored once.
        sources: node name -> (hash, source text).
        changes: what a fork changed: name -> (old, new).
        actor: who started it.
        resumes: True when the row exists and the run goes on.
        take_over: displace a living owner.
        at: when it began, which may be a little before it is written.
    """

    run_id: str
    graph_name: str | None = None
    parent_run_id: str | None = None
    forked_from: str | None = None
    fork_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    config: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    changes: Mapping[str, tuple[Any, Any]] | None = None
    actor: str | None = None
    resumes: bool = False
    take_over: bool = False
    renews: bool = False
    at: datetime = field(default_factory=now)
