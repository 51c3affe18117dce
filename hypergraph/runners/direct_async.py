"""Straight programs on an event loop: a chain is awaited inline, and tasks are made only where two or more nodes are ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.entries import Entry, EntryJournal
from hypergraph.engine.logs import log_of
from hypergraph.engine.run import Ended, Run, Session
from hypergraph.engine.steps import fail
from hypergraph.engine.straight import MISSING, plain_call, prefilled, store_of
from hypergraph.events.ids import new_run_id
from hypergraph.plan import Op, Plan, plan_of
from hypergraph.records import RunStatus
from hypergraph.results import RunResult
from hypergraph.runners.crew import Crew

if TYPE_CHECKING:
    from hypergraph.graph import Graph
    from hypergraph.runlog import RunLog

__all__ = ["AsyncProgram", "async_program_of"]

AWAIT_ONE, CALL_ONE, AWAIT, CALL, GENERATOR, ASYNC_GENERATOR = range(6)

Instruction = tuple[int, Any, Any, Any]
"""One node: kind, function, argument slot(s), and its result slot or what takes a result apart."""

Failures = dict[int, Exception]
"""What nodes raised, by place."""


class _Part:
    """Nodes of a program: those of one layer that run together, or some that run one after the other.

    Attributes:
        together: they run together.
        first: place of the first one.
        code: one instruction per node.
        ops: their operations.
    """

    __slots__ = ("code", "first", "ops", "together")

    def __init__(self, together: bool, first: int, ops: list[Op]) -> None:
        self.together = together
        self.first = first
        self.ops = ops
        self.code: list[Instruction] = [_instruction(op) for op in ops]


class AsyncProgram:
    """A straight plan of plain synchronous and asynchronous nodes.

    Attributes:
        template, required, free: as in `straight.Program`.
        ops: all operations in the order in which they start, layer by layer; an operation's number here is its *place*.
        parts: how they are run.
        wide: some of them run together.
        names: what a run returns.

    The *times* of a run are one flat row: for nodes one after the other the moment before the first and that after each, for nodes
    that ran together start and end of each, zero for one that did not get to its end.
    """

    __slots__ = ("_outputs", "free", "graph", "names", "ops", "parts", "plan", "required", "template", "wide")

    def __init__(self, graph: Graph, plan: Plan, filled: tuple[list[Any], frozenset[str], frozenset[str]]) -> None:
        self.graph = graph
        self.plan = plan
        self.template, self.required, self.free = filled
        self.ops: tuple[Op, ...] = tuple(plan.sequence)
        self.parts = _parts(self.ops)
        self.wide = any(part.together for part in self.parts)
        self._outputs = tuple((name, slots[-1]) for name, slots in plan.outputs)
        self.names = tuple(name for name, _ in plan.outputs)

    def fits(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether these inputs are plainly what the program needs."""
        keys = inputs.keys()
        return self.required <= keys <= self.free

    def slots(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Give fresh slots with the inputs in them."""
        slots = self.template.copy()
        given = self.plan.given
        for name, value in inputs.items():
            slots[given[name]] = value
        return slots

    def values(self, slots: list[Any]) -> dict[str, Any]:
        """Read the outputs of a completed run off the slots, by name."""
        return {name: slots[slot] for name, slot in self._outputs}

    def row(self, slots: list[Any]) -> tuple[Any, ...]:
        """Read the outputs of a completed run off the slots."""
        return tuple([slots[slot] for _, slot in self._outputs])

    async def run(self, inputs: Mapping[str, Any], *, keep_going: bool, limit: int | None) -> RunResult:
        """Run once from these inputs; under `keep_going` a node's exception is part of the result."""
        slots = self.slots(inputs)
        times: list[float] = []
        failures = await self.execute(slots, times, keep_going=keep_going, limit=limit)
        if not failures:
            return self.completed(self.values(slots), times)
        ended = self.failed(slots, times, failures)
        if not keep_going:
            assert ended.error is not None
            raise ended.error
        return ended.result()

    async def execute(self, slots: list[Any], times: list[float], *, keep_going: bool, limit: int | None) -> Failures:
        """Run all nodes over these slots, and note their times. A failure ends it after the layer that it is in."""
        for part in self.parts:
            if part.together:
                layer = _Layer(part, slots, keep_going)
                failures = await layer.run(limit)
                times += layer.times
            else:
                failures = await _one_by_one(part, slots, times, keep_going)
            if failures:
                return failures
        return {}

    def completed(self, values: dict[str, Any], times: Sequence[float], run_id: str | None = None) -> RunResult:
        """Give a completed result whose log is built when it is read."""

        def log() -> RunLog:
            return log_of(self.graph.name, result.run_id, _spent(times), EntryJournal(partial(self._entries, times), {}))

        result = RunResult(values, RunStatus.COMPLETED, run_id, log=log)
        return result

    def failed(self, slots: list[Any], times: Sequence[float], failures: Failures) -> Ended:
        """Say how a run ended in which nodes failed; the first of them in the order of nodes ends it."""
        run = Run(Session("direct"), self.graph, self.plan, new_run_id(), inputs={})
        entries = list(self._entries(times))
        number = {entry[0].index: number for number, entry in enumerate(entries)}
        run.journal = EntryJournal(lambda: entries, {number[self.ops[place].index]: error for place, error in failures.items()})
        for line in run.journal:
            if line.error is not None:
                fail(run, line, line.error)
        values = {name: slots[slot] for name, slot in self._outputs if slots[slot] is not MISSING}
        return Ended(run, RunStatus.FAILED, values, duration_ms=_spent(times), error=failures[min(failures)])

    def _entries(self, times: Sequence[float]) -> Iterator[Entry]:
        here = 0
        for part in self.parts:
            if here >= len(times):
                return
            if not part.together:
                here += 1
            for op in part.ops:
                if part.together:
                    if times[here + 1]:
                        yield op, op.layer, times[here], times[here + 1], None
                    here += 2
                elif here < len(times):
                    yield op, op.layer, times[here - 1], times[here], None
                    here += 1


def _spent(times: Sequence[float]) -> float:
    """Give the milliseconds that a run took."""
    return (max(times) - times[0]) * 1000 if times else 0.0


async def _one_by_one(part: _Part, slots: list[Any], times: list[float], keep_going: bool) -> Failures:
    """Run nodes one after the other; the first failure ends it, under `keep_going` when the others of its layer have run."""
    failures: Failures = {}
    before = len(times)
    times.append(perf_counter())
    code = part.code
    while (error := await _inline(code, slots, times)) is not None:
        done = len(times) - before - 1
        failures[part.first + done - 1] = error
        if not keep_going:
            break
        layer = part.ops[done - 1].layer
        code = [one for one, op in zip(part.code[done:], part.ops[done:], strict=True) if op.layer == layer]
    return failures


async def _inline(code: Sequence[Instruction], slots: list[Any], times: list[float]) -> Exception | None:
    """Run nodes one after the other; gives what the first failure raised, which ends it."""
    clock, stamp = perf_counter, times.append
    try:
        for kind, func, args, outs in code:
            if kind == AWAIT_ONE:
                slots[outs] = await func(slots[args])
            elif kind == CALL_ONE:
                slots[outs] = func(slots[args])
            else:
                value = func(*[slots[slot] for slot in args])
                if kind == AWAIT:
                    value = await value
                elif kind != CALL:
                    value = await _drained(kind, value)
                if type(outs) is int:
                    slots[outs] = value
                else:
                    outs(slots, value)
            stamp(clock())
    except Exception as error:
        stamp(clock())
        return error
    return None


async def _drained(kind: int, pieces: Any) -> list[Any]:
    return [piece async for piece in pieces] if kind == ASYNC_GENERATOR else list(pieces)


class _Layer(Crew):
    """The nodes of one layer, run together.

    Attributes:
        times: start and end of each node, two by two.
    """

    __slots__ = ("_failures", "_keep_going", "_part", "_slots", "times")

    def __init__(self, part: _Part, slots: list[Any], keep_going: bool) -> None:
        super().__init__()
        self.times = [0.0] * (2 * len(part.code))
        self._part = part
        self._slots = slots
        self._keep_going = keep_going
        self._failures: Failures = {}

    async def run(self, limit: int | None) -> Failures:
        """Run them, no more than `limit` at once; the first failure cancels the rest unless the run is to keep going."""
        code = self._part.code
        if limit is None or limit >= len(code):
            await self.work([self._work((pair,)) for pair in enumerate(code)])
        else:
            queue = enumerate(code)
            await self.work([self._work(queue) for _ in range(limit)])
        return self._failures

    async def _work(self, nodes: Iterable[tuple[int, Instruction]]) -> None:
        slots, times, clock = self._slots, self.times, perf_counter
        try:
            for number, (kind, func, args, outs) in nodes:
                began = clock()
                try:
                    if kind == AWAIT_ONE:
                        slots[outs] = await func(slots[args])
                    else:
                        value = func(slots[args]) if kind == CALL_ONE else func(*[slots[slot] for slot in args])
                        if kind == AWAIT:
                            value = await value
                        elif kind >= GENERATOR:
                            value = await _drained(kind, value)
                        if type(outs) is int:
                            slots[outs] = value
                        else:
                            outs(slots, value)
                except Exception as error:
                    self._failures[self._part.first + number] = error
                times[2 * number] = began
                times[2 * number + 1] = clock()
                if self._failures and not self._keep_going:
                    self.enough()
                    return
        except BaseException as error:
            self.escape(error)
            raise
        self.leave()


def async_program_of(graph: Graph, *, cached: bool) -> AsyncProgram | None:
    """Give the graph's asynchronous program, or None when its plan is of another kind. `cached`: a result cache is in use."""
    plan = plan_of(graph)
    key = "async program, cache in use" if cached else "async program"
    if key not in plan.derived:
        plan.derived[key] = _compile(graph, plan, cached)
    found: AsyncProgram | None = plan.derived[key]
    return found


def _compile(graph: Graph, plan: Plan, cached: bool) -> AsyncProgram | None:
    if not plan.straight or not all(op.kind == "function" and plain_call(op, cached) for op in plan.ops):
        return None
    if any(len(argument.slots) > 1 for op in plan.ops for argument in op.args):
        return None
    filled = prefilled(plan)
    return AsyncProgram(graph, plan, filled) if filled is not None else None


def _parts(ops: Sequence[Op]) -> list[_Part]:
    """Divide the operations: a layer in which something can wait beside something else runs together, all others one by one."""
    groups: list[tuple[bool, list[Op]]] = []
    for _, members in groupby(ops, key=lambda op: op.layer):
        layer = list(members)
        together = len(layer) > 1 and any(op.node.is_async for op in layer)
        if not together and groups and not groups[-1][0]:
            groups[-1][1].extend(layer)
        else:
            groups.append((together, layer))
    firsts = accumulate((len(inside) for _, inside in groups), initial=0)
    return [_Part(together, first, inside) for (together, inside), first in zip(groups, firsts, strict=False)]


def _instruction(op: Op) -> Instruction:
    node: Any = op.node
    func = node.code.func
    args = tuple(argument.slots[-1] for argument in op.args)
    outs = op.outs[0] if len(op.outs) == 1 else store_of(op)
    if node.is_generator:
        return ASYNC_GENERATOR if node.is_async else GENERATOR, func, args, outs
    if len(args) == 1 and len(op.outs) == 1:
        return AWAIT_ONE if node.is_async else CALL_ONE, func, args[0], outs
    return AWAIT if node.is_async else CALL, func, args, outs
