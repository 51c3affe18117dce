"""Stretches: the straight beginning of a stored run as one tight loop, each step handed to the store as it ends.

The rules of readiness say nothing new where plain nodes follow each other and nothing stands in between: no gate, no cycle, no
nested graph, nobody who listens, nothing to restore. There a step costs more in conversation than in work, so a driver may run such nodes
in a loop over slots, and the store gets what it needs of each step without a record being built. The first step that is not plain in its
outcome (an exception, a stop) goes the general way, and so does all that comes after the stretch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hypergraph.engine.entries import Entry, EntryJournal
from hypergraph.engine.journal import COMPLETED, Line
from hypergraph.engine.requests import Flow
from hypergraph.engine.steps import fail, store_step
from hypergraph.plan import COPIED_DEFAULT, INNER, NO_FALLBACK, Op, Plan

if TYPE_CHECKING:
    from hypergraph.engine.run import Run

__all__ = [
    "ASYNC_GENERATOR", "AWAIT", "AWAIT_ONE", "GENERATOR", "ONE", "Stretch", "StretchCode", "StretchStep", "Trail", "Unfinished",
    "run_stretch", "stretch_flow",
]  # fmt: skip

ONE, AWAIT_ONE, MANY, AWAIT, GENERATOR, ASYNC_GENERATOR = range(6)


class StretchStep(NamedTuple):
    """What is known of a step before it runs, as a store needs it."""

    node_name: str
    node_type: str
    superstep: int
    number: int
    input_versions: dict[str, int]
    outputs: tuple[str, ...]


class Trail(Protocol):
    """Where a store takes the steps of a stretch."""

    @property
    def crowded(self) -> bool:
        """True when so much waits to be written that the run should wait too."""
        ...

    @property
    def last(self) -> datetime | None:
        """When the last step that was taken was completed."""
        ...

    def take(self, place: int, values: tuple[Any, ...], started: float, ended: float) -> None:
        """Keep the step at this place, with its values and readings of `time.perf_counter()`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StretchCode:
    """A stretch, compiled for runs that are given these inputs.

    Attributes:
        ops: its operations, in order.
        layers: how many layers of the plan it covers.
        code: per operation (kind, function, argument slots, result slots, node).
        steps: what is known of each step beforehand.
        constants: bound and default values, which stand behind the plan's slots.
        awaits: some operation is asynchronous.
        whole: it is the whole plan.
    """

    ops: tuple[Op, ...]
    layers: int
    code: tuple[tuple[int, Any, Any, Any, Any], ...]
    steps: tuple[StretchStep, ...]
    constants: tuple[Any, ...]
    awaits: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A step that ended, but not plainly: it raised, or a stop was asked for while it ran."""

    values: tuple[Any, ...] | None
    error: BaseException | None
    started: float
    ended: float


@dataclass(slots=True, eq=False)
class Stretch:
    """The request: run this; the answer is an `Unfinished`, None when all went well, or NotImplemented when the driver cannot.

    Attributes:
        slots: the values, the constants behind them.
        times: start and end of each step that was kept, two by two.
        trail: where the steps went.
    """

    run: Run
    code: StretchCode
    slots: list[Any]
    times: list[float] = field(default_factory=list)
    trail: Trail | None = None

    @property
    def stopping(self) -> bool:
        """True when no further step may start."""
        return self.run.session.signal.requested


def stretch_flow(run: Run) -> Flow:
    """Run the stretch that a run begins with; returns how many layers of the plan are done by it."""
    stretch = _stretch_of(run)
    if stretch is None:
        return 0
    try:
        answer = yield stretch
    except BaseException:
        _settle(stretch)
        raise
    if answer is NotImplemented:
        return 0
    _settle(stretch)
    count = len(stretch.times) // 2
    if answer is not None:
        yield from _unfinished(stretch, count, answer)
    elif count == len(stretch.code.ops):
        return stretch.code.layers
    # All before this one's layer are done.
    return stretch.code.steps[count].superstep


def _unfinished(stretch: Stretch, place: int, ended: Unfinished) -> Flow:
    """Write the line of a step that did not end plainly, and have it stored."""
    run = stretch.run
    line = _line(stretch, place)
    line.started, line.ended, line.values = ended.started, ended.ended, ended.values
    if ended.error is not None:
        fail(run, line, ended.error)
    if run.session.signal.requested and line.status is COMPLETED:
        line.partial = True
    run.superstep = line.superstep + 1
    run.index += 1
    yield from store_step(run, run.record(line))
    run.finished.append(line)


def _stretch_of(run: Run) -> Stretch | None:
    """Give the stretch that a run begins with, when there is one worth the name."""
    session = run.session
    if run.origin is not None or session.emit is not None or not session.stored:
        return None
    derived = run.plan.derived
    key = ("stretch", session.sequential, frozenset(run.inputs))
    if key not in derived:
        derived[key] = _compile(run.plan, run, session.sequential)
    code: StretchCode | None = derived[key]
    return Stretch(run, code, [*run.state.values, *code.constants]) if code is not None else None


def _compile(plan: Plan, run: Run, sequential: bool) -> StretchCode | None:
    known = {slot for slot, version in enumerate(run.state.versions) if version}
    ops: list[Op] = []
    code: list[tuple[int, Any, Any, Any, Any]] = []
    steps: list[StretchStep] = []
    constants: list[Any] = []
    layers = 0
    for layer in plan.layers:
        members = sorted((region.ops[0] for region in layer), key=_by_index)
        if any(region.cyclic for region in layer) or (len(members) > 1 and not sequential):
            break
        if not all(_plain(op, known) for op in members):
            break
        for op in members:
            slots, versions = _arguments(op, known, constants, len(run.state.values))
            code.append(_instruction(op, slots))
            steps.append(StretchStep(op.name, op.node.node_type, layers, len(ops), versions, tuple(op.node.data_outputs)))
            ops.append(op)
        known.update(slot for op in members for slot in op.outs)
        layers += 1
    # A name that is written twice has more than one version, which the general way counts.
    written = [slot for op in ops for slot in op.outs]
    names = [plan.slot_names[slot] for slot in (*written, *(slot for slot in plan.given.values() if run.state.versions[slot]))]
    if len(ops) < 2 or len(set(names)) < len(names):
        return None
    awaits = any(op.node.is_async for op in ops)
    return StretchCode(tuple(ops), layers, tuple(code), tuple(steps), tuple(constants), awaits, layers == len(plan.layers))


def _by_index(op: Op) -> int:
    return op.index


def _plain(op: Op, known: set[int]) -> bool:
    if op.kind != "function" or not op.plain or op.gates or op.waits or op.emits or op.order_preds or getattr(op.node, "batch", False):
        return False
    for argument in op.args:
        if len(argument.slots) > 1 or argument.shared:
            return False
        if not known.issuperset(argument.slots or (-1,)) and (
            argument.fallback in (NO_FALLBACK, COPIED_DEFAULT) or argument.value is INNER
        ):
            return False
    return True


def _arguments(op: Op, known: set[int], constants: list[Any], first: int) -> tuple[tuple[int, ...], dict[str, int]]:
    slots: list[int] = []
    versions: dict[str, int] = {}
    for argument in op.args:
        if argument.slots and argument.slots[0] in known:
            slots.append(argument.slots[0])
            versions[argument.name] = 1
        else:
            slots.append(first + len(constants))
            constants.append(argument.value)
    return tuple(slots), versions


def _instruction(op: Op, slots: tuple[int, ...]) -> tuple[int, Any, Any, Any, Any]:
    node: Any = op.node
    func = node.code.func
    if node.is_generator:
        return ASYNC_GENERATOR if node.is_async else GENERATOR, func, slots, op.outs, node
    if len(slots) == 1 and len(op.outs) == 1:
        return AWAIT_ONE if node.is_async else ONE, func, slots[0], op.outs[0], node
    return AWAIT if node.is_async else MANY, func, slots, op.outs, node


def run_stretch(stretch: Stretch, trail: Trail) -> Unfinished | None:
    """Run a stretch of synchronous nodes."""
    slots, signal, clock, take, kept = stretch.slots, stretch.run.session.signal, perf_counter, trail.take, stretch.times
    for place, (kind, func, args, outs, node) in enumerate(stretch.code.code):
        if stretch.stopping:
            return None
        started = clock()
        try:
            if kind == ONE:
                value = slots[outs] = func(slots[args])
                values: tuple[Any, ...] = (value,)
            else:
                result = func(*[slots[slot] for slot in args])
                values = node.unpack(list(result) if kind == GENERATOR else result)
        except Exception as error:
            return Unfinished(None, error, started, clock())
        ended = clock()
        if signal.requested:
            return Unfinished(values, None, started, ended)
        take(place, values, started, ended)
        if kind != ONE:
            for slot, value in zip(outs, values, strict=True):
                slots[slot] = value
        kept += (started, ended)
    return None


def _settle(stretch: Stretch) -> None:
    """Move the run on by the steps of a stretch that were kept."""
    run, code = stretch.run, stretch.code
    state, count = run.state, len(stretch.times) // 2
    if code.whole and count == len(code.ops) and not run.journal:
        _settle_whole(stretch)
    else:
        for place in range(count):
            line = _line(stretch, place)
            line.started, line.ended = stretch.times[2 * place : 2 * place + 2]
            line.values = tuple([stretch.slots[slot] for slot in line.op.outs])
            run.journal.append(line)
            state.apply(line)
    run.index += count
    if count:
        run.superstep = code.steps[count - 1].superstep + 1
    if stretch.trail is not None:
        run.session.after(stretch.trail.last)


def _settle_whole(stretch: Stretch) -> None:
    """As applying each line: there is nothing to come that would ask for more than values, and lines are written when they are read."""
    run, code = stretch.run, stretch.code
    state = run.state
    values, versions, counters, names, slots = state.values, state.versions, state.counters, run.plan.slot_names, stretch.slots
    for op in code.ops:
        state.runs[op.index] = 1
        for slot in op.outs:
            values[slot] = slots[slot]
            versions[slot] = 1
            counters[names[slot]] = 1
    run.journal = EntryJournal(partial(_entries, code, stretch.times), {}, count=len(code.ops))


def _entries(code: StretchCode, times: list[float]) -> Iterator[Entry]:
    for place, op in enumerate(code.ops):
        yield op, code.steps[place].superstep, times[2 * place], times[2 * place + 1], None


def _line(stretch: Stretch, place: int) -> Line:
    """Give the line of a step of which nothing is known yet but what went into it."""
    op, step = stretch.code.ops[place], stretch.code.steps[place]
    return Line(op, step.superstep, step.number, tuple([step.input_versions.get(argument.name, 0) for argument in op.args]), ())
