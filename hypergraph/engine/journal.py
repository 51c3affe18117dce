"""One line per finished step. State, result, log, events and checkpoints are folds of these lines.

A `Line` is the engine's own form of a step: numbers instead of names, and no record, log entry or event built before somebody
asks for one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypergraph._text import error_text
from hypergraph.nodes import END
from hypergraph.records import StepRecord, StepStatus

if TYPE_CHECKING:
    from hypergraph.plan import Op
    from hypergraph.results import PauseInfo
    from hypergraph.runlog import MapLog, RunLog

__all__ = ["ABSENT", "COMPLETED", "FAILED", "PAUSED", "Line", "decision_text", "error_text", "error_type", "record_of"]


class _Absent:
    """Stands for an output that a step did not bring about."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT = _Absent()

COMPLETED, FAILED, PAUSED = StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.PAUSED


class Line:
    """How one step ended.

    Attributes:
        op: the operation.
        superstep, index: its place in the journal.
        status: COMPLETED, FAILED or PAUSED.
        versions: per argument the version that was consumed, 0 for a bound or default value.
        waits: per `wait_for` name the version that was seen.
        values: per data output its value or ABSENT; None when there are none at all.
        decision: a gate's decision, as it made it.
        started, ended: readings of `time.perf_counter()`, in seconds.
        error: the exception.
        pauses: the questions, of a paused step.
        inner: gives the log of a nested run, when there is one.
        child_run_id: id of the nested run.
        partial: a stop was asked for while it ran.
        attempt: 1 for the first try of this turn.
    """

    __slots__ = (
        "attempt", "cached", "child_run_id", "decision", "ended", "error", "index", "inner", "op",
        "partial", "pauses", "span_id", "started", "status", "superstep", "values", "versions", "waits",
    )  # fmt: skip

    def __init__(self, op: Op, superstep: int, index: int, versions: tuple[int, ...], waits: tuple[int, ...]) -> None:
        self.op = op
        self.superstep = superstep
        self.index = index
        self.versions = versions
        self.waits = waits
        self.status = COMPLETED
        self.values: tuple[Any, ...] | None = None
        self.decision: Any = None
        self.started = 0.0
        self.ended = 0.0
        self.error: BaseException | None = None
        self.cached = False
        self.pauses: tuple[PauseInfo, ...] = ()
        self.inner: Callable[[], RunLog | MapLog | None] | None = None
        self.child_run_id: str | None = None
        self.partial = False
        self.attempt = 1
        self.span_id = ""

    @property
    def duration_ms(self) -> float:
        """Give the time between start and end, in milliseconds; a cached step took none."""
        return 0.0 if self.cached else max((self.ended - self.started) * 1000, 0.0)

    def outputs(self) -> dict[str, Any]:
        """Give what the step brought about, by output name."""
        if self.values is None:
            return {}
        return {name: value for name, value in zip(self.op.node.data_outputs, self.values, strict=True) if value is not ABSENT}


def decision_text(decision: Any) -> str | list[str] | None:
    """Give a gate's decision as it is stored and reported: END reads "END"."""
    if decision is None:
        return None
    if isinstance(decision, (list, tuple)):
        return [str(one) if one is not END else "END" for one in decision]
    return "END" if decision is END else str(decision)


def error_type(error: BaseException) -> str:
    """Give the fully qualified name of an exception's class ("ValueError", "package.module.CustomError")."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def record_of(line: Line, run_id: str, completed_at: datetime, started_at: float, turn: int) -> StepRecord:
    """Build the stored form of a line. `completed_at` is stamped by the run, so that it never goes back within a workflow."""
    op = line.op
    error = line.error
    # By position, in the order of its fields: it is made for every step.
    return StepRecord(
        run_id,
        line.superstep,
        op.name,
        line.index,
        line.status,
        {arg.name: version for arg, version in zip(op.args, line.versions, strict=True) if version},
        line.outputs() if line.status is COMPLETED else None,
        line.duration_ms,
        line.cached,
        decision_text(line.decision),
        error_text(error) if error is not None else None,
        op.node.node_type,
        completed_at,
        completed_at,
        line.child_run_id,
        line.partial,
        line.attempt,
        datetime.fromtimestamp(started_at, UTC),
        error_type(error) if error is not None else None,
        _traceback(error) if error is not None else None,
        turn,
    )
