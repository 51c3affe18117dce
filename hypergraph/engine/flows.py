"""A run as a conversation: what happens from the first superstep to the last, whoever performs it.

`run_flow` is the whole policy of one run. It yields `Call`, `Together` and `Ask` and gets their answers; it never does anything
itself. A node's exception, a pause and a stop are values on the way; only what ends the conversation from outside (Ctrl-C, a
cancelled task, a store that fails) is thrown into it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from hypergraph.engine import reports
from hypergraph.engine.journal import COMPLETED, FAILED, PAUSED, Line, error_text
from hypergraph.engine.readiness import LayerWalk, frontier
from hypergraph.engine.regions import reachable
from hypergraph.engine.requests import Ask, Flow, Together
from hypergraph.engine.restore import restore
from hypergraph.engine.run import Ended
from hypergraph.engine.steps import step_flow
from hypergraph.engine.storing import new_run, pause_records
from hypergraph.engine.stretches import stretch_flow
from hypergraph.exceptions import CheckpointError, InfiniteLoopError, WorkflowAlreadyRunningError
from hypergraph.records import RunStatus, WorkflowStatus

if TYPE_CHECKING:
    from hypergraph.engine.run import Run
    from hypergraph.plan import Op, Region
    from hypergraph.results import PauseInfo

__all__ = ["run_flow"]


class _Progress:
    """How a run stands while it goes on."""

    __slots__ = ("error", "pauses", "status")

    def __init__(self) -> None:
        self.status = RunStatus.COMPLETED
        self.error: BaseException | None = None
        self.pauses: tuple[PauseInfo, ...] = ()


def run_flow(run: Run) -> Flow:
    """Run one graph from its inputs (or from what it was restored from) to its end; returns an `Ended`."""
    started = perf_counter()
    session = run.session
    if session.stored:
        yield Ask("begin", new_run(run))
    if session.emit is not None:
        reports.run_started(run)
    progress = _Progress()
    try:
        restore(run)
        yield from _layers(run, progress)
    except (CheckpointError, WorkflowAlreadyRunningError) as error:
        # The journal can no longer be kept: the run ends here, and what is stored stays stored.
        _apply_finished(run)
        progress.status, progress.error, progress.pauses = RunStatus.FAILED, error, ()
    except BaseException as error:
        # Thrown in from outside, or by the store: what has finished is kept, and the run can be gone on with.
        _apply_finished(run)
        progress.error = error
        progress.status = RunStatus.FAILED if isinstance(error, Exception) else RunStatus.STOPPED
        yield from _close(run, progress, started)
        raise
    return (yield from _close(run, progress, started))


def _close(run: Run, progress: _Progress, started: float) -> Flow:
    """Store and report how the run ended; returns the `Ended`."""
    session = run.session
    duration_ms = (perf_counter() - started) * 1000
    errors: tuple[str, ...] = ()
    if session.stored:
        # Where all went well nothing failed, and no line needs to be looked at.
        failed = 0 if progress.status is RunStatus.COMPLETED else sum(1 for line in run.journal if line.status is FAILED)
        unsaved = session.unsaved_of(run.stored_id)
        text = error_text(progress.error) if progress.error is not None else next(iter(unsaved), None)
        # Never stored as completed where a step is missing.
        status = RunStatus.FAILED if unsaved and progress.status is RunStatus.COMPLETED else progress.status
        try:
            errors = yield Ask(
                "finish",
                run.stored_id,
                WorkflowStatus(status.value),
                duration_ms=duration_ms,
                node_count=run.kept + len(run.journal),
                error_count=failed,
                pauses=pause_records(progress.pauses),
                error=text,
            )
            errors = (*unsaved, *(errors or ()))
        except Exception as error:
            if progress.status is RunStatus.COMPLETED and (session.durable or isinstance(error, WorkflowAlreadyRunningError)):
                progress.status, progress.error = RunStatus.FAILED, error
            else:
                errors = (*unsaved, error_text(error))
    ended = Ended(
        run,
        progress.status,
        run.state.outputs(),
        duration_ms=duration_ms,
        error=progress.error,
        pauses=progress.pauses,
        store_errors=tuple(errors or ()),
    )
    if session.emit is not None:
        reports.run_ended(run, ended)
    return ended


def _layers(run: Run, progress: _Progress) -> Flow:
    """Walk the plan layer by layer until everything is quiet, or something ends the run."""
    plan = run.plan
    runaway: list[Region] = []
    blocked: set[int] = set()
    done = frontier(run.state) if run.origin is not None else (yield from stretch_flow(run))
    if run.finished:
        _judge(run, progress)
        if progress.status is not RunStatus.COMPLETED:
            return
    for layer in plan.layers[done:]:
        regions = tuple(region for region in layer if region.index not in blocked) if blocked else layer
        walk = LayerWalk(run.state, regions, run.session.max_iterations)
        while True:
            if run.stopping:
                progress.status = RunStatus.STOPPED
                if run.session.emit is not None:
                    reports.stop_requested(run)
                return
            ready = walk.ready()
            if not ready:
                break
            first = _begin_superstep(run, ready)
            if len(ready) == 1:
                yield from step_flow(run, ready[0], run.superstep - 1, first)
            else:
                yield _side_by_side(run, ready, first)
            _judge(run, progress)
            if progress.status is not RunStatus.COMPLETED:
                return
        if walk.runaway:
            runaway += walk.runaway
            blocked |= reachable(plan, walk.runaway)
    if runaway:
        names = [op.name for op in runaway[0].ops]
        progress.status = RunStatus.FAILED
        progress.error = InfiniteLoopError(run.session.max_iterations, names)


def _begin_superstep(run: Run, ready: list[Op]) -> int:
    """Give the place in the journal from which on these operations stand, and tell that they start."""
    number, first = run.superstep, run.index
    run.superstep = number + 1
    run.index = first + len(ready)
    if run.session.emit is not None:
        reports.superstep_started(run, number, ready)
    return first


def _side_by_side(run: Run, ready: list[Op], first: int) -> Together:
    session = run.session
    flows = [step_flow(run, op, run.superstep - 1, first + place) for place, op in enumerate(ready)]
    return Together(flows, until=_failed if session.sequential or not session.keep_going else None)


def _failed(line: Line | None) -> bool:
    return line is not None and line.status is FAILED


def _judge(run: Run, progress: _Progress) -> None:
    """Apply the superstep's lines, in node order, and say how the run stands."""
    pauses: list[PauseInfo] = []
    for line in _apply_finished(run):
        if line.status is COMPLETED:
            continue
        if line.status is FAILED and progress.error is None:
            progress.status = RunStatus.FAILED
            progress.error = line.error
        elif line.status is PAUSED:
            pauses += line.pauses
    if pauses and progress.status is RunStatus.COMPLETED:
        progress.status = RunStatus.PAUSED
        progress.pauses = tuple(pauses)


def _apply_finished(run: Run) -> list[Line]:
    finished = run.finished
    if len(finished) > 1:
        finished.sort(key=_by_index)
    run.journal += finished
    apply = run.state.apply
    for line in finished:
        apply(line)
    run.finished = []
    return finished


def _by_index(line: Line) -> int:
    return line.index
