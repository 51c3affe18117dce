"""Bring a state back from stored steps: the same fold as in a living run, then what was changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_value
from hypergraph.engine.journal import ABSENT, COMPLETED, PAUSED
from hypergraph.nodes import END
from hypergraph.records import CheckpointLink

if TYPE_CHECKING:
    from hypergraph.engine.run import Origin, Run
    from hypergraph.engine.state import State
    from hypergraph.plan import Op, Plan
    from hypergraph.records import BriefStep, Journal

__all__ = ["changed_inputs", "folded", "good_values", "restore", "same"]


def restore(run: Run) -> None:
    """Fill a run's state: stored inputs, restored steps, edits, then the inputs given now. Only what really differs makes stale.

    Along a line of forks each one's inputs and seed come between its source's steps and its own, as they did when it ran: so versions
    are what they were then.
    """
    state, origin = run.state, run.origin
    if run.restored:
        return
    run.restored = True
    if origin is None:
        state.give(run.inputs)
        return
    journal = origin.journal
    line = journal.line
    if not origin.resumes:
        line = (*line, CheckpointLink(None, {**journal.inputs, **run.inputs}, origin.edits, 0))
    run.session.after(journal.last)
    known: Mapping[str, Any] = {}
    place = 0
    for number, link in enumerate(line):
        if number == len(line) - 1 and number:
            run.inherited = {index: runs for index, runs in enumerate(state.runs) if runs}
        _take_up(state, link, known if number else None)
        _replay(run, sorted(journal.steps[place : place + link.steps], key=_place))
        place += link.steps
        known = link.inputs
    if journal.steps:
        run.superstep = max(journal.steps, key=_superstep)[0] + 1
        run.index = max(journal.steps, key=_index)[1] + 1
        run.first = run.superstep
    if origin.resumes:
        run.kept = line[-1].steps
    if not run.session.answering:
        run.waiting.clear()


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
        made = tuple(left.pop(name, ABSENT) for name in op.node.data_outputs)
        state.advance(op, 0, versions, state.seen(op), made, None)
    for name, value in left.items():
        _edit(state, name, value)


def good_values(plan: Plan, origin: Origin, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of a snapshot that are still good: edits, and what does not depend on an edit or on a changed input.

    They are the seed of a fork whose source is not in its store, since nothing else of the source is there when the fork is resumed.
    """
    values = {**folded(origin.journal), **origin.edits}
    changed = {*origin.edits, *changed_inputs(origin.journal.inputs, inputs)}
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


def folded(journal: Journal) -> dict[str, Any]:
    """Give the values that a journal folds into: along a line of forks each one's seed between its source's steps and its own."""
    values: dict[str, Any] = {}
    place = 0
    for link in journal.line:
        values.update(link.seed)
        for _, _, _, _, _, _, made, _ in journal.steps[place : place + link.steps]:
            values.update(made or {})
        place += link.steps
    return values


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


_superstep, _index, _place = itemgetter(0), itemgetter(1), itemgetter(0, 1)

_Ports = tuple["Op", tuple[str, ...], tuple[int, ...], tuple[str, ...]]
"""What replaying asks of an operation: its inputs, the names that count their versions (-1: none), and its outputs."""


def _ports(plan: Plan) -> dict[str, _Ports]:
    found: dict[str, _Ports] | None = plan.derived.get("ports")
    if found is None:
        named = plan.slot_names
        found = plan.derived["ports"] = {
            op.name: (
                op,
                tuple(argument.name for argument in op.args),
                tuple(named[argument.slots[0]] if argument.slots else -1 for argument in op.args),
                tuple(op.node.data_outputs),
            )
            for op in plan.ops
        }
    return found


def _replay(run: Run, steps: Sequence[BriefStep]) -> None:
    """Fold steps into a run's state, in their order."""
    state, attempts, waiting = run.state, run.attempts, run.waiting
    ports, counters, advance = _ports(run.plan), state.counters, state.advance
    for superstep, _, name, status, turn, seen, values, decision in steps:
        known = ports.get(name)
        if status is not COMPLETED:
            attempts[name] = attempts.get(name, 0) + 1
            if status is PAUSED and known is not None and known[0].kind == "interrupt":
                waiting.add(name)
            continue
        if attempts or waiting:
            attempts.pop(name, None)
            waiting.discard(name)
        made = None if known is None else _made(values, known[3])
        if known is None or made is None:
            # Another graph, or a narrower scope: what this node made counts as given.
            state.give(values or {})
            continue
        op, arguments, counts, _ = known
        if len(arguments) == 1:
            versions: tuple[int, ...] = (seen.get(arguments[0], 0),)
            behind = counts[0] >= 0 and versions[0] > counters[counts[0]]
        else:
            versions = tuple([seen.get(argument, 0) for argument in arguments])
            behind = any(count >= 0 and version > counters[count] for count, version in zip(counts, versions, strict=True))
        if behind:
            # A store that keeps the latest steps alone, or no inputs, lacks what came before: its versions are counted on to.
            for count, version in zip(counts, versions, strict=True):
                if count >= 0:
                    counters[count] = max(counters[count], version)
        advance(op, superstep, versions, state.seen(op) if op.waits else (), made, _decision(decision) if decision is not None else None)
        if turn > 1:
            # Such a store lacks earlier turns, too.
            state.runs[op.index] = max(state.runs[op.index], run.inherited.get(op.index, 0) + turn)


def _made(values: Mapping[str, Any] | None, outputs: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Give what a step made, by output; None when there is something that is none of its outputs."""
    if not values:
        return (ABSENT,) * len(outputs)
    if len(outputs) == 1 and len(values) == 1:
        return (values[outputs[0]],) if outputs[0] in values else None
    return tuple([values.get(output, ABSENT) for output in outputs]) if all(name in outputs for name in values) else None


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
