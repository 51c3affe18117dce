"""Guided programs: plans with gates and gate-driven rings, as one tight loop over slots; the counterpart of `straight` for loops.

A *ring* is a cyclic region in which the round order is a single file: its entry point, then nodes that each read something made
in this round, then the gate that sends the work back to the entry point or lets it go. In such a region the rules of readiness come
down to "one after the other, again while the gate says so", and that is all that is done here. Every other plan is left to `flows`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.entries import Entry, EntryJournal
from hypergraph.engine.regions import reachable
from hypergraph.engine.run import Ended, Run, Session
from hypergraph.engine.steps import fail
from hypergraph.engine.straight import MISSING, plain_op, prefilled, store_of
from hypergraph.exceptions import InfiniteLoopError
from hypergraph.plan import NO_FALLBACK, Op, Plan, Region, plan_of
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["Guided", "guided_of"]


class _Instruction:
    """One operation, ready to be called over slots."""

    __slots__ = ("again", "args", "decide", "func", "gates", "generator", "op", "out", "store")

    def __init__(self, op: Op) -> None:
        node: Any = op.node
        self.op = op
        self.func = node.code.func
        # On its first run an entry point reads what was given, afterwards what came round.
        self.args = [argument.slots[-1] for argument in op.args]
        self.again = [argument.slots[0] for argument in op.args]
        self.generator = node.is_generator
        self.gates = op.gates
        self.decide = node.decide if op.kind == "gate" else None
        self.out = op.outs[0] if op.kind == "function" and len(op.outs) == 1 else -1
        self.store = store_of(op) if op.kind == "function" and len(op.outs) != 1 else None


class Guided:
    """A plan of plain nodes, gates and rings.

    Attributes:
        template, required, free: as in `straight.Program`.
        layers: per layer its instructions; a ring is a list of its own.
    """

    __slots__ = ("free", "graph", "layers", "plan", "required", "template")

    def __init__(self, graph: Graph, plan: Plan, filled: tuple[list[Any], frozenset[str], frozenset[str]]) -> None:
        self.graph = graph
        self.plan = plan
        self.template, self.required, self.free = filled
        self.layers = [
            [[_Instruction(op) for op in region.ops] for region in layer]
            if layer[0].cyclic
            else [[_Instruction(op)] for op in sorted((region.ops[0] for region in layer), key=_by_index)]
            for layer in plan.layers
        ]

    def fits(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether these inputs are plainly what the program needs."""
        keys = inputs.keys()
        return self.required <= keys <= self.free

    def run(self, inputs: Mapping[str, Any], run_id: str, max_iterations: int) -> Ended:
        """Run once from these inputs."""
        slots = self.template.copy()
        given = self.plan.given
        for name, value in inputs.items():
            slots[given[name]] = value
        journey = _Journey(self, slots, max_iterations)
        started = perf_counter()
        error = journey.go()
        duration_ms = (perf_counter() - started) * 1000
        run = Run(Session("direct"), self.graph, self.plan, run_id, inputs=inputs)
        failed = journey.failed and error is not None
        run.journal = EntryJournal(partial(_entries, journey.notes), {-1: error} if failed and error is not None else {})
        if failed and error is not None:
            fail(run, run.journal[-1], error)
        values = {name: slots[slot] for name, places in self.plan.outputs for slot in places if slots[slot] is not MISSING}
        status = RunStatus.COMPLETED if error is None else RunStatus.FAILED
        return Ended(run, status, values, duration_ms=duration_ms, error=error)


class _Journey:
    """One run of a guided program."""

    __slots__ = ("_decisions", "_max", "_program", "_slots", "failed", "notes", "superstep")

    def __init__(self, program: Guided, slots: list[Any], max_iterations: int) -> None:
        self._program = program
        self._slots = slots
        self._max = max_iterations
        self._decisions: dict[int, Any] = {}
        self.notes: list[Entry | _Laps] = []
        self.superstep = 0
        self.failed = False

    def go(self) -> BaseException | None:
        plan = self._program.plan
        blocked: set[int] = set()
        runaway: Region | None = None
        try:
            for layer in self._program.layers:
                first = layer[0][0].op
                if plan.regions[first.region].cyclic:
                    if first.region not in blocked and not self._ring(layer[0]):
                        runaway = runaway or plan.regions[first.region]
                        blocked |= reachable(plan, [plan.regions[first.region]])
                else:
                    self._side_by_side(layer, blocked)
        except _NodeFailedError as stopped:
            self.failed = True
            return stopped.error
        if runaway is not None:
            return InfiniteLoopError(self._max, [op.name for op in runaway.ops])
        return None

    def _side_by_side(self, layer: Sequence[Sequence[_Instruction]], blocked: set[int]) -> None:
        slots, decisions, ran = self._slots, self._decisions, False
        for (one,) in layer:
            op = one.op
            if blocked and op.region in blocked:
                continue
            if one.gates and not any(decisions.get(gate) == op.name for gate in one.gates):
                continue
            args = [slots[slot] for slot in one.args]
            if any(value is MISSING for value in args):
                continue
            ran = True
            self._call(one, args)
        if ran:
            self.superstep += 1

    def _ring(self, ring: Sequence[_Instruction]) -> bool:
        """Go round until the gate lets go; False when the limit of passes is reached first."""
        slots, clock = self._slots, perf_counter
        limit, passes = self._max, 0
        start = ring[0].op.name
        first = True
        if any(slots[slot] is MISSING for slot in ring[0].args):
            return True
        laps = _Laps(self.superstep, tuple(one.op for one in ring))
        self.notes.append(laps)
        stamp = laps.times.append
        one = ring[0]
        try:
            stamp(clock())
            while True:
                for one in ring:
                    if passes >= limit:
                        return False
                    passes += 1
                    value = one.func(*[slots[slot] for slot in (one.args if first else one.again)])
                    if one.decide is not None:
                        decision = one.decide(value)
                    elif one.out >= 0 and not one.generator:
                        slots[one.out] = value
                    else:
                        self._put(one, list(value) if one.generator else value)
                    stamp(clock())
                    first = False
                if decision != start:
                    self._decisions[one.op.index] = laps.decision = decision
                    laps.left = True
                    return True
        except Exception as error:
            stamp(clock())
            raise _NodeFailedError(error) from None
        finally:
            self.superstep += len(laps.times) - 1

    def _call(self, one: _Instruction, args: list[Any]) -> None:
        began = perf_counter()
        decision = None
        try:
            value = one.func(*args)
            if one.decide is not None:
                decision = self._decisions[one.op.index] = one.decide(value)
            else:
                self._put(one, list(value) if one.generator else value)
        except Exception as error:
            self.notes.append((one.op, self.superstep, began, perf_counter(), None))
            raise _NodeFailedError(error) from None
        self.notes.append((one.op, self.superstep, began, perf_counter(), decision))

    def _put(self, one: _Instruction, value: Any) -> None:
        if one.out >= 0:
            self._slots[one.out] = value
        elif one.store is not None:
            one.store(self._slots, value)


class _NodeFailedError(Exception):
    """Carries a node's exception out of the loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class _Laps:
    """The way round a ring. Its order is known, and its gate sent the work back each time but the last: only the times are kept."""

    __slots__ = ("decision", "left", "ops", "superstep", "times")

    def __init__(self, superstep: int, ops: tuple[Op, ...]) -> None:
        self.superstep = superstep
        self.ops = ops
        self.times = array("d")
        self.decision: Any = None
        self.left = False

    def entries(self) -> Iterator[Entry]:
        """Give the executed steps, in order."""
        ops, times, start = self.ops, self.times, self.ops[0].name
        for number in range(len(times) - 1):
            op = ops[number % len(ops)]
            decision = None
            if op.kind == "gate":
                decision = self.decision if self.left and number == len(times) - 2 else start
            yield op, self.superstep + number, times[number], times[number + 1], decision


def _entries(notes: Iterable[Entry | _Laps]) -> Iterator[Entry]:
    for note in notes:
        if isinstance(note, _Laps):
            yield from note.entries()
        else:
            yield note


def guided_of(graph: Graph, *, cached: bool) -> Guided | None:
    """Give the graph's guided program, or None when its plan is of another kind. `cached`: a result cache is in use."""
    plan = plan_of(graph)
    key = "guided, cache in use" if cached else "guided"
    if key not in plan.derived:
        plan.derived[key] = _compile(graph, plan, cached)
    found: Guided | None = plan.derived[key]
    return found


def _compile(graph: Graph, plan: Plan, cached: bool) -> Guided | None:
    if plan.straight or not plan.ops or not all(_fit(op, cached) for op in plan.ops):
        return None
    for layer in plan.layers:
        rings = [region for region in layer if region.cyclic]
        if rings and (len(layer) > 1 or not _is_ring(rings[0])):
            return None
    for op in plan.ops:
        cyclic = plan.regions[op.region].cyclic
        if any(len(argument.slots) > (2 if cyclic and op.starts else 1) for argument in op.args):
            return None
        if any(argument.fallback != NO_FALLBACK and plan.given.get(argument.name) not in argument.slots for argument in op.args):
            # Whether it reads its producer or falls back hangs on a gate.
            return None
        if not cyclic and op.gates and plan.has_entrypoints and not all(gate_layer < op.layer for gate_layer in _layers_of(plan, op)):
            return None
    filled = prefilled(plan)
    return Guided(graph, plan, filled) if filled is not None else None


def _layers_of(plan: Plan, op: Op) -> list[int]:
    return [plan.ops[gate].layer for gate in op.gates]


def _fit(op: Op, cached: bool) -> bool:
    if op.kind == "gate":
        node: Any = op.node
        return node.code.simple and not node.multi_target and not (cached and node.cache) and not op.emits and not op.waits
    return op.kind == "function" and plain_op(op, cached) and not op.waits and not op.emits


def _is_ring(region: Region) -> bool:
    """Tell whether a region is a single file from its entry point to the one gate that may send the work back."""
    ops = region.ops
    start, gate = ops[0], ops[-1]
    if gate.kind != "gate" or any(op.kind == "gate" for op in ops[:-1]) or not start.entry or len(ops) < 2:
        return False
    if start.gates != (gate.index,) or not getattr(gate.node, "default_open", False) or gate.gates:
        return False
    seen = 0
    for op in ops:
        if op.before != seen or (op is not start and (op.gates or op.starts)):
            return False
        if op is not start and not any(argument.live & seen for argument in op.args):
            return False
        seen |= op.bit
    return True


def _by_index(op: Op) -> int:
    return op.index
