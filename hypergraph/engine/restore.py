"""Bring a state back from stored steps: the same fold as in a living run, then what was changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_value
from hypergraph.engine.journal import ABSENT, COMPLETED, Line
from hypergraph.nodes import END
from hypergraph.records import CheckpointLink, StepRecord, StepStatus

if TYPE_CHECKING:
    from hypergraph.engine.run import Origin, Run
    from hypergraph.engine.state import State
    from hypergraph.plan import Op, Plan

__all__ = ["changed_inputs", "good_values", "restore", "same"]


def restore(run: Run) -> None:
    """Fill a run's state: stored inputs, restored steps, edits, then the inputs given now. Only what really differs makes stale.

    Along a line of forks each one's inputs and seed come between its source's steps and its own, as they did when it ran: so versions
    are what they were then.
    """
    state, origin = run.state, run.origin
    if origin is None:
        state.give(run.inputs)
        return
    line = origin.line or (CheckpointLink(origin.source_id, origin.inputs, {}, len(origin.steps)),)
    if not origin.resumes:
        line = (*line, CheckpointLink(None, {**line[-1].inputs, **run.inputs}, origin.edits, 0))
    run.session.after(origin.steps)
    known: Mapping[str, Any] = {}
    place = 0
    for number, link in enumerate(line):
        if number == len(line) - 1 and number:
            run.inherited = {op.index: state.runs[op.index] for op in run.plan.ops if state.runs[op.index]}
        _take_up(state, link, known if number else None)
        for step in sorted(origin.steps[place : place + link.steps], key=_place):
            _replay(run, step)
        place += link.steps
        known = link.inputs
    if origin.steps:
        run.superstep = max(step.superstep for step in origin.steps) + 1
        run.index = max(step.index for step in origin.steps) + 1
        run.first = run.superstep
    if origin.resumes:
        run.kept = line[-1].steps
    if not run.session.answering:
        run.waiting = {}


def _take_up(state: State, link: CheckpointLink, known: Mapping[str, Any] | None) -> None:
    """Begin a run as it began: with its inputs, and with the values that it took up in place of its source's."""
    if known is None:
        state.give(link.inputs)
        _settle(state, link.seed)
        return
    _settle(state, link.seed)
    for name, value in changed_inputs(known, link.inputs).items():
        slot = state.plan.given.get(name)
        if slot is not None:
            state.write(slot, value)
            _force(state, slot)


def _settle(state: State, seed: Mapping[str, Any]) -> None:
    """Put values where they belong. Whose producer has not run counts as made by it, from the inputs as they are: it is kept."""
    left = dict(seed)
    for op in state.plan.ops if seed else ():
        names = [name for name in op.node.data_outputs if name in left]
        if not names or state.runs[op.index]:
            continue
        versions = tuple(max((state.versions[slot] for slot in argument.slots), default=0) for argument in op.args)
        line = Line(op, 0, 0, versions, state.seen(op))
        line.status = COMPLETED
        line.values = tuple(left.pop(name, ABSENT) for name in op.node.data_outputs)
        state.apply(line)
    for name, value in left.items():
        _edit(state, name, value)


def good_values(plan: Plan, origin: Origin, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of a snapshot that are still good: edits, and what does not depend on an edit or on a changed input.

    They are the seed of a fork whose source is not in its store, since nothing else of the source is there when the fork is resumed.
    """
    values: dict[str, Any] = {}
    for link in origin.line:
        values.update(link.seed)
    for step in origin.steps:
        values.update(step.values or {})
    values.update(origin.edits)
    changed = {*origin.edits, *changed_inputs(origin.inputs, inputs)}
    stale: set[int] = set()
    open_ = [plan.given[name] for name in changed if name in plan.given]
    open_ += [slot for op in plan.ops for name, slot in zip(op.node.data_outputs, op.outs, strict=True) if name in changed]
    while open_:
        for op in _readers(plan.ops, open_.pop()):
            if op.index not in stale:
                stale.add(op.index)
                open_ += op.outs
    spoilt = {name for op in plan.ops if op.index in stale for name in op.node.data_outputs}
    return {name: value for name, value in values.items() if name in origin.edits or name not in spoilt}


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


_place = attrgetter("superstep", "index")


def _replay(run: Run, step: StepRecord) -> None:
    op = run.plan.by_name.get(step.node_name)
    if step.status is not StepStatus.COMPLETED or step.partial:
        run.attempts[step.node_name] = run.attempts.get(step.node_name, 0) + 1
        if step.status is StepStatus.PAUSED and op is not None and op.kind == "interrupt":
            run.waiting[step.node_name] = step
        return
    if run.attempts or run.waiting:
        run.attempts.pop(step.node_name, None)
        run.waiting.pop(step.node_name, None)
    values = step.values or {}
    outputs: tuple[str, ...] = op.node.data_outputs if op is not None else ()
    if op is None or not set(values).issubset(outputs):
        # Another graph, or a narrower scope: what this node made counts as given.
        run.state.give(values)
        return
    line = _line(run.state, op, step, tuple([values.get(name, ABSENT) for name in outputs]))
    _catch_up(run.state, line)
    run.state.apply(line)
    if step.child_run_id is not None:
        run.state.runs[op.index] = max(run.state.runs[op.index], _turn_of(step.child_run_id, step.node_name))


def _catch_up(state: State, line: Line) -> None:
    """Count versions on to what a step had read: a store that keeps the latest steps alone, or no inputs, lacks what came before."""
    counters, slot_names = state.counters, state.plan.slot_names
    for argument, version in zip(line.op.args, line.versions, strict=True):
        if version and argument.slots:
            name = slot_names[argument.slots[0]]
            counters[name] = max(counters[name], version)


def _turn_of(child_run_id: str, name: str) -> int:
    """Read from a child's id how often its GraphNode had run: "w/inner", "w/inner/2", "w/mapped/turn-2"."""
    last = child_run_id.rpartition("/")[2]
    turn = last.removeprefix("turn-") if last != name else ""
    return int(turn) if turn.isdecimal() else 1


def _line(state: State, op: Op, step: StepRecord, values: tuple[Any, ...]) -> Line:
    seen = step.input_versions
    line = Line(op, step.superstep, step.index, tuple([seen.get(argument.name, 0) for argument in op.args]), state.seen(op))
    line.values = values
    if step.decision is not None:
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
