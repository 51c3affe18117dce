"""One step: read the arguments, call the node (or the cache, or nothing), and write the line that says how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine import reports
from hypergraph.engine.journal import ABSENT, COMPLETED, FAILED, PAUSED, Line, error_text
from hypergraph.engine.nested import nested_step
from hypergraph.engine.observing import observed
from hypergraph.engine.requests import Ask, Call, Flow, Outcome
from hypergraph.exceptions import WorkflowAlreadyRunningError
from hypergraph.nodes import NodeContext
from hypergraph.results import PauseInfo

if TYPE_CHECKING:
    from hypergraph.engine.run import Run
    from hypergraph.plan import Op
    from hypergraph.records import StepRecord

__all__ = ["fail", "step_flow", "store_step"]


def step_flow(run: Run, op: Op, superstep: int, index: int) -> Flow:
    """Execute one operation; returns its line, or None when a stop came first. The line is stored as soon as it is there."""
    session = run.session
    if session.signal.requested and not run.finishes:
        return None
    line = Line(op, superstep, index, (), ())
    if run.origin is not None:
        line.attempt += run.attempts.pop(op.name, 0)
        if superstep == run.first:
            line.attempt += run.origin.lost_claims
    values: list[Any] = []
    failure: BaseException | None = None
    try:
        values, line.versions, line.waits = run.state.collect(op)
    except Exception as error:
        failure = error
        line.versions, line.waits = (0,) * len(op.args), run.state.seen(op)
    if session.emit is not None:
        reports.node_started(run, line, values)
    line.started = perf_counter()
    if failure is not None:
        fail(run, line, failure)
    elif op.plain:
        # The rule: nothing to be looked up or arranged. It goes without a flow of its own, which would cost as much as the rest.
        code: Any = op.node.code
        func = code.func if session.emit is None else observed(run, line, code)
        _settle(run, line, (yield Call(func, values, None, code.is_async, code.is_generator)))
    elif op.kind == "graph":
        yield from nested_step(run, line, values)
    elif op.kind == "interrupt":
        yield from _interrupt_step(run, line, values)
    else:
        raw, raised = yield from _invoke(run, line, values)
        _settle(run, line, Outcome(raw, raised))
    line.ended = perf_counter()
    if session.signal.requested and line.status is COMPLETED:
        line.partial = True
    if session.stored:
        record = run.record(line)
        yield from store_step(run, record)
        if session.emit is not None:
            reports.node_ended(run, line, record)
    elif session.emit is not None:
        reports.node_ended(run, line, None)
    run.finished.append(line)
    return line


def store_step(run: Run, record: StepRecord) -> Flow:
    """Have a step stored. A store that fails ends the run only where steps have to be durable; otherwise it is told at the end."""
    unsaved = run.session.unsaved
    if unsaved and any(run_id == record.run_id for run_id, _ in unsaved):
        # After a step that is missing no other is stored: a journal with a hole cannot be gone on with.
        return
    try:
        yield Ask("save_step", record)
    except WorkflowAlreadyRunningError:
        raise
    except Exception as error:
        if run.session.durable:
            raise
        run.session.unsaved.append((record.run_id, error_text(error)))


def fail(run: Run, line: Line, error: BaseException) -> None:
    """End a line with an exception, which gets a note that says where it was raised."""
    line.status = FAILED
    line.error = error
    note = f"Raised in node {run.node_path(line.op.name)!r}" + (f" of graph {run.graph.name!r}" if run.graph.name else "")
    if note not in getattr(error, "__notes__", ()) and line.op.kind != "graph":
        try:
            error.add_note(note)
        except Exception:
            # An exception class may refuse attributes; the note is a help, not a need.
            return


def _settle(run: Run, line: Line, outcome: Outcome) -> None:
    """Put into the line what a function or a gate gave."""
    if outcome.error is not None:
        fail(run, line, outcome.error)
        return
    node: Any = line.op.node
    try:
        if line.op.kind == "gate":
            line.decision = node.decide(outcome.value)
            line.values = ()
        else:
            line.values = node.unpack(outcome.value)
    except Exception as wrong:
        fail(run, line, wrong)


def _invoke(run: Run, line: Line, values: Sequence[Any]) -> Flow:
    """Get a node's raw return value; returns (value, error)."""
    node: Any = line.op.node
    code = node.code
    cache = run.session.cache if node.cache else None
    key = ""
    if cache is not None:
        key = _cache_key(line.op, values)
        if key:
            hit, value = cache.get(key)
            if hit:
                line.cached = True
                if run.session.emit is not None:
                    reports.cache_hit(run, line, key)
                return value, None
    try:
        if code.simple:
            args: Sequence[Any] = values
            kwargs = None
        else:
            args, kwargs = code.arrange(values, _context(run, line) if code.context_param is not None else None)
    except Exception as error:
        return None, error
    outcome = yield Call(observed(run, line, code), args, kwargs, awaits=code.is_async, drains=code.is_generator, once=key or None)
    if outcome.error is not None:
        return None, outcome.error
    if outcome.shared and cache is not None:
        hit, value = cache.get(key)
        if hit:
            # A copy of its own: what two steps share, neither may change for the other.
            line.cached = True
            if run.session.emit is not None:
                reports.cache_hit(run, line, key)
            return value, None
    if key and cache is not None and outcome.value is not None:
        cache.set(key, outcome.value)
    elif key and cache is not None and line.op.kind != "interrupt":
        cache.set(key, None)
    return outcome.value, None


def _context(run: Run, line: Line) -> NodeContext:
    op = line.op
    signal = run.session.signal

    def stream(chunk: Any) -> None:
        if run.session.emit is not None and not signal.requested:
            reports.chunk(run, line, chunk)

    return NodeContext(f"{run.stored_id}/{op.name}/{run.turn(op)}", lambda: signal.requested, stream)


def _cache_key(op: Op, values: Sequence[Any]) -> str:
    from hypergraph.engine.caching import cache_key

    return cache_key(op.node, values)


def _interrupt_step(run: Run, line: Line, values: Sequence[Any]) -> Flow:
    """Use the answer that was given, else ask the handler, else pause."""
    node: Any = line.op.node
    outputs = node.data_outputs
    if outputs and all(name in run.answers for name in outputs):
        line.values = tuple(run.answers.pop(name) for name in outputs)
        run.waiting.discard(node.name)
        return
    if node.name in run.waiting:
        run.waiting.discard(node.name)
        _pause(line, values)
        return
    raw, error = yield from _invoke(run, line, values)
    if error is not None:
        fail(run, line, error)
    elif raw is None:
        _pause(line, values)
    else:
        spread = node.spread(raw)
        line.values = tuple(spread.get(name, ABSENT) for name in outputs)


def _pause(line: Line, values: Sequence[Any]) -> None:
    node: Any = line.op.node
    by_name = {argument.name: value for argument, value in zip(line.op.args, values, strict=True)}
    line.status = PAUSED
    line.pauses = (
        PauseInfo(
            node_name=node.name,
            output_param=node.data_outputs[0] if node.data_outputs else "",
            value=values[0] if values else None,
            output_params=tuple(node.data_outputs) if len(node.data_outputs) > 1 else None,
            values=by_name if len(by_name) > 1 else None,
            answer_type=node.answer_type,
            inputs=by_name,
        ),
    )
