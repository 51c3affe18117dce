"""Straight programs: a plan without gates, cycles and pauses, as one tight loop over slots.

Where nobody watches (no listener, no store, no cache in use), a driver may run such a plan directly. It is the same plan in the same
order, so no rule stands here a second time: a program knows calls and slots. Whatever is not plain (a missing input, an unknown
name, a default to be copied) makes it step aside, and the conversation of `flows` takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.journal import FAILED, Line
from hypergraph.engine.logs import log_of
from hypergraph.engine.run import Ended, Run, Session
from hypergraph.engine.steps import fail
from hypergraph.events.ids import new_run_id
from hypergraph.plan import BOUND, COPIED_DEFAULT, INNER, NO_FALLBACK, Op, Plan, plan_of
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from array import array

    from hypergraph.graph import Graph
    from hypergraph.runlog import RunLog

__all__ = ["MISSING", "Program", "plain_call", "plain_op", "prefilled", "program_of", "store_of"]


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<no value>"


MISSING = _Missing()

ONE_TO_ONE, PLAIN, GENERATOR, NESTED = 0, 1, 2, 3


class InnerError(Exception):
    """Carries the exception of an inner graph's node outwards, without taking part in it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Program:
    """A straight plan, ready to be run.

    Attributes:
        plan: the plan it was made from.
        template: the slots with bound and default values in them.
        required, free: names that must, and that may be given.
        code: per operation (kind, function, argument slots, result slots).
        outputs: (name, slot) of what a run returns.
        hidden, inner: from which slot on, and where per nested operation, the times of inner runs are kept.
    """

    __slots__ = ("code", "free", "graph", "hidden", "inner", "names", "ops", "outputs", "plan", "required", "template")

    def __init__(self, graph: Graph, plan: Plan, template: list[Any], required: frozenset[str], free: frozenset[str]) -> None:
        self.graph = graph
        self.plan = plan
        self.hidden = len(template)
        nested = [op for op in plan.sequence if op.node.code is None]
        self.inner = {op.index: self.hidden + number for number, op in enumerate(nested)}
        self.template = [*template, *(None for _ in nested)]
        self.required = required
        self.free = free
        self.ops: tuple[Op, ...] = tuple(plan.sequence)
        self.code = tuple(_instruction(op, self.inner.get(op.index, -1)) for op in self.ops)
        self.outputs = tuple((name, slots[-1]) for name, slots in plan.outputs)
        self.names = tuple(name for name, _ in self.outputs)

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

    def execute(self, slots: list[Any], times: list[float] | array[float]) -> BaseException | None:
        """Run all operations over these slots; `times` gets the moment after each. Gives the exception that ended it, or None."""
        clock = perf_counter
        stamp = times.append
        stamp(clock())
        try:
            for kind, func, args, outs in self.code:
                if kind == ONE_TO_ONE:
                    slots[outs] = func(slots[args])
                elif kind == PLAIN:
                    result = func(*[slots[slot] for slot in args])
                    if type(outs) is int:
                        slots[outs] = result
                    else:
                        outs(slots, result)
                elif kind == GENERATOR:
                    outs(slots, list(func(*[slots[slot] for slot in args])))
                else:
                    func(slots)
                stamp(clock())
        except Exception as error:
            stamp(clock())
            return error.error if type(error) is InnerError else error
        return None

    def values(self, slots: list[Any]) -> dict[str, Any]:
        """Read the outputs off the slots."""
        return {name: slots[slot] for name, slot in self.outputs}

    def done(self, slots: list[Any]) -> dict[str, Any]:
        """Read those outputs off the slots that are there already."""
        return {name: slots[slot] for name, slot in self.outputs if slots[slot] is not MISSING}

    def journal(self, times: Sequence[float], error: BaseException | None, inner: Sequence[Any] = ()) -> list[Line]:
        """Write the lines of a run that went by these times; `inner` are the hidden slots."""
        lines: list[Line] = []
        count = len(times) - 1
        for place in range(count):
            op = self.ops[place]
            line = Line(op, op.layer, place, (1,) * len(op.args), ())
            line.started, line.ended = times[place], times[place + 1]
            if error is not None and place == count - 1:
                line.status, line.error = FAILED, error
            hidden = self.inner.get(op.index)
            if hidden is not None and inner and inner[hidden - self.hidden] is not None:
                line.inner = _inner_log(op, *inner[hidden - self.hidden])
            lines.append(line)
        return lines

    def _place(self, slots: Sequence[Any], times: Sequence[float]) -> tuple[tuple[str, ...], Graph, Line]:
        """Find where a run failed: the names of the nested graphs around, the graph itself, and the line."""
        path: list[str] = []
        program, hidden, spent = self, slots[self.hidden :], times
        while True:
            op = program.ops[len(spent) - 2]
            line = Line(op, op.layer, 0, (0,) * len(op.args), ())
            place = program.inner.get(op.index)
            kept = hidden[place - program.hidden] if place is not None else None
            inner = program_of(op.node.graph, cached=False) if kept is not None else None  # type: ignore[attr-defined]
            if kept is None or inner is None:
                return tuple(path), program.graph, line
            path.append(op.name)
            program, hidden, spent = inner, kept[3], kept[1]

    def ended(self, session: Session, run_id: str, slots: list[Any], times: list[float], error: BaseException | None) -> Ended:
        """Say how a run ended that did not go well."""
        run = Run(session, self.graph, self.plan, run_id, inputs={})
        run.journal = self.journal(times, error, slots[self.hidden :])
        if error is not None:
            run.path, run.graph, line = self._place(slots, times)
            fail(run, line, error)
            run.path, run.graph = (), self.graph
        status = RunStatus.COMPLETED if error is None else RunStatus.FAILED
        return Ended(run, status, self.done(slots), duration_ms=(times[-1] - times[0]) * 1000, error=error)


def program_of(graph: Graph, *, cached: bool) -> Program | None:
    """Give the graph's straight program, or None when there is none. `cached`: a result cache is in use.

    It is made on first use and kept with the plan.
    """
    plan = plan_of(graph)
    key = "program, cache in use" if cached else "program"
    if key not in plan.derived:
        plan.derived[key] = _compile(graph, plan, cached)
    found: Program | None = plan.derived[key]
    return found


def _compile(graph: Graph, plan: Plan, cached: bool) -> Program | None:
    if not plan.straight or not all(plain_op(op, cached) for op in plan.ops):
        return None
    if any(len(slots) > 1 for _, slots in plan.outputs):
        # Which of several writers came last is for the state to tell: it is not the last one in node order.
        return None
    for op in plan.ops:
        if any(len(argument.slots) > 1 and argument.slots[-1] != plan.given.get(argument.name) for argument in op.args):
            return None
    filled = prefilled(plan)
    return Program(graph, plan, *filled) if filled is not None else None


def prefilled(plan: Plan) -> tuple[list[Any], frozenset[str], frozenset[str]] | None:
    """Give slots with bound and default values in them, the names that must be given, and those that may be; None for shared state."""
    template: list[Any] = [MISSING] * len(plan.slot_names)
    required: set[str] = set()
    bound: set[str] = set()
    given: set[str] = set()
    for op in plan.ops:
        for argument in op.args:
            if argument.shared:
                return None
            slot = plan.given.get(argument.name)
            if slot not in argument.slots:
                continue
            given.add(argument.name)
            if argument.fallback in (NO_FALLBACK, COPIED_DEFAULT):
                # What is copied for each use has no place in a template: it must be given here.
                required.add(argument.name)
            else:
                if argument.value is not INNER:
                    template[slot] = argument.value
                if argument.fallback == BOUND:
                    bound.add(argument.name)
    return template, frozenset(required), frozenset(given - bound)


def plain_op(op: Op, cached: bool) -> bool:
    """Tell whether an operation is a plain call (or a nested graph of plain calls)."""
    node: Any = op.node
    if op.emits and not op.outs and op.kind == "graph":
        return False
    if node.code is not None:
        return plain_call(op, cached) and not node.is_async
    if node.map_config is not None or node.runner_override is not None:
        return False
    inner = program_of(node.graph, cached=cached)
    if inner is None:
        return False
    # A default that is copied for each use has no place in the inner template either: it must come from outside.
    return not any(argument.value is INNER and node.inner_address(argument.name) in inner.required for argument in op.args)


def plain_call(op: Op, cached: bool) -> bool:
    """Tell whether an operation is a call of a function with its arguments in order, whatever its kind."""
    node: Any = op.node
    return node.code.simple and not (cached and node.cache) and not getattr(node, "batch", False)


def _instruction(op: Op, hidden: int) -> tuple[int, Any, Any, Any]:
    node: Any = op.node
    args = tuple(argument.slots[-1] for argument in op.args)
    if node.code is None:
        return NESTED, _nested(op, args, hidden), args, None
    func = node.code.func
    if node.is_generator:
        return GENERATOR, func, args, store_of(op)
    if len(op.outs) == 1:
        if len(args) == 1:
            return ONE_TO_ONE, func, args[0], op.outs[0]
        return PLAIN, func, args, op.outs[0]
    return PLAIN, func, args, store_of(op)


def _inner_log(op: Op, run_id: str, times: list[float], error: BaseException | None, inner: Sequence[Any]) -> Callable[[], RunLog]:
    graph: Any = op.node.graph  # type: ignore[attr-defined]
    program = program_of(graph, cached=False)
    assert program is not None
    return lambda: log_of(graph.name, run_id, (times[-1] - times[0]) * 1000, program.journal(times, error, inner))


def store_of(op: Op) -> Callable[[list[Any], Any], None]:
    """Give what takes a return value apart into its slots."""
    unpack = op.node.unpack  # type: ignore[attr-defined]
    outs = op.outs

    def store(slots: list[Any], result: Any) -> None:
        for slot, value in zip(outs, unpack(result), strict=True):
            slots[slot] = value

    return store


def _nested(op: Op, args: tuple[int, ...], hidden: int) -> Callable[[list[Any]], None]:
    """Give what runs an inner program over the outer slots."""
    node: Any = op.node
    inner = program_of(node.graph, cached=False)
    assert inner is not None
    into = [(outer, inner.plan.given[node.inner_address(argument.name)]) for outer, argument in zip(args, op.args, strict=True)]
    found = dict(inner.outputs)
    back = [(found[node.inner_output(name)], slot) for name, slot in zip(node.data_outputs, op.outs, strict=True)]
    template, execute, first = inner.template, inner.execute, inner.hidden

    def call(slots: list[Any]) -> None:
        inside = template.copy()
        for outer, slot in into:
            value = slots[outer]
            if value is not MISSING:
                inside[slot] = value
        times: list[float] = []
        error = execute(inside, times)
        slots[hidden] = (new_run_id(), times, error, inside[first:])
        if error is not None:
            raise InnerError(error)
        for slot, outer in back:
            slots[outer] = inside[slot]

    return call
