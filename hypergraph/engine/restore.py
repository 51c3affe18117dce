"""Bring a state back from stored steps: the same fold as in a living run, then what was changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_value
from hypergraph.engine.journal import ABSENT, COMPLETED, Line
from hypergraph.nodes import END
from hypergraph.records import StepRecord, StepStatus

if TYPE_CHECKING:
    from hypergraph.engine.run import Run
    from hypergraph.engine.state import State
    from hypergraph.plan import Op

__all__ = ["changed_inputs", "restore", "same"]


def restore(run: Run) -> None:
    """Fill a run's state: stored inputs, restored steps, edits, then the inputs given now. Only what really differs makes stale."""
    state, origin = run.state, run.origin
    if origin is None:
        state.give(run.inputs)
        return
    state.give(origin.inputs)
    steps = sorted(origin.steps, key=_place)
    run.session.after(steps)
    for step in steps:
        _replay(run, step)
    if steps:
        run.superstep = steps[-1].superstep + 1
        run.index = max(step.index for step in steps) + 1
        run.first = run.superstep
    if origin.resumes:
        run.kept = len(steps)
    else:
        run.inherited = {op.index: state.runs[op.index] for op in run.plan.ops if state.runs[op.index]}
    for name, value in origin.edits.items():
        _edit(state, name, value)
    for name, value in changed_inputs(origin.inputs, run.inputs).items():
        slot = run.plan.given.get(name)
        if slot is not None:
            state.write(slot, value)
            _force(state, slot)
    if not run.session.answering:
        run.waiting = {}


def changed_inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Give the inputs that are new, or differ from what was stored."""
    return {name: value for name, value in new.items() if name not in old or not same(old[name], value)}


def same(one: Any, other: Any) -> bool:
    """Tell whether two values have the same stored form."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    digest = hash_value(one)
    return bool(digest) and digest == hash_value(other)


def _place(step: StepRecord) -> tuple[int, int]:
    return step.superstep, step.index


def _replay(run: Run, step: StepRecord) -> None:
    op = run.plan.by_name.get(step.node_name)
    if step.status is not StepStatus.COMPLETED or step.partial:
        run.attempts[step.node_name] = run.attempts.get(step.node_name, 0) + 1
        if step.status is StepStatus.PAUSED and op is not None and op.kind == "interrupt":
            run.waiting[step.node_name] = step
        return
    run.attempts.pop(step.node_name, None)
    run.waiting.pop(step.node_name, None)
    if op is None or not set(step.values or ()) <= set(op.node.data_outputs):
        # Another graph, or a narrower scope: what this node made counts as given.
        run.state.give(step.values or {})
        return
    run.state.apply(_line(run.state, op, step))


def _line(state: State, op: Op, step: StepRecord) -> Line:
    versions = tuple(step.input_versions.get(argument.name, 0) for argument in op.args)
    line = Line(op, step.superstep, step.index, versions, state.seen(op))
    line.status = COMPLETED
    values = step.values or {}
    line.values = tuple(values.get(name, ABSENT) for name in op.node.data_outputs)
    line.decision = _decision(step.decision)
    return line


def _decision(stored: str | list[str] | None) -> Any:
    if isinstance(stored, list):
        return [END if one == "END" else one for one in stored]
    return END if stored == "END" else stored


def _edit(state: State, name: str, value: Any) -> None:
    """Put a changed value where the old one was; its producer is kept, whatever reads it is stale."""
    slots = [slot for op in state.plan.ops for output, slot in zip(op.node.data_outputs, op.outs, strict=True) if output == name]
    found = state.newest(tuple(slots)) if slots else -1
    slot = found if found >= 0 else (slots[0] if slots else state.plan.given.get(name, -1))
    if slot >= 0:
        state.write(slot, value)
        _force(state, slot)


def _force(state: State, slot: int) -> None:
    """Let the gated readers of a changed value run once more inside their cycle, although no gate names them."""
    for op in _readers(state.plan.ops, slot):
        if op.gates and state.runs[op.index] and state.plan.regions[op.region].cyclic:
            state.forced.add(op.index)


def _readers(ops: Iterable[Op], slot: int) -> Iterable[Op]:
    return (op for op in ops if any(slot in argument.slots for argument in op.args))
