"""Straight programs with an audience: the loop of `straight`, and around each call the events that a run reports.

Which events there are, what is in them and in which order they come is for `flows` and `steps` to say; tests hold the two together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from hypergraph.engine import reports
from hypergraph.engine.entries import Entry, EntryJournal
from hypergraph.engine.journal import Line
from hypergraph.engine.run import Ended, Run, Session
from hypergraph.engine.steps import fail
from hypergraph.engine.straight import store_of
from hypergraph.events.ids import new_run_id, span_source
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.engine.straight import Program
    from hypergraph.plan import Op

__all__ = ["watched_run"]


_Node = tuple["Op", str, tuple[str, ...], Any, tuple[int, ...], bool, Any]
"""One operation, ready to be called and told about: its name, inputs, function, argument slots, whether it is a generator, and its
result slot or what takes a result apart."""

_Layers = list[tuple[tuple[str, ...], list[_Node]]]


def _node(op: Op) -> _Node:
    node: Any = op.node
    args = tuple(argument.slots[-1] for argument in op.args)
    return op, op.name, tuple(node.inputs), node.code.func, args, node.is_generator, op.outs[0] if len(op.outs) == 1 else store_of(op)


def watched_run(program: Program, given: Mapping[str, Any], session: Session) -> Ended:
    """Run a program without nested graphs once, and tell `session.emit` about it."""
    run = Run(session, program.graph, program.plan, new_run_id(), inputs=given)
    layers: _Layers | None = program.plan.derived.get("watched")
    if layers is None:
        layers = program.plan.derived["watched"] = _layers(program.ops)
    slots = program.slots(given)
    journey = _Journey(run)
    started = perf_counter()
    reports.run_started(run)
    status = RunStatus.COMPLETED
    error: BaseException | None = None
    try:
        error = journey.go(layers, slots)
        status = RunStatus.FAILED if error is not None else status
    except BaseException as stopped:
        status, error = RunStatus.STOPPED, stopped
        raise
    finally:
        failures = {-1: error} if status is RunStatus.FAILED and error is not None else {}
        run.journal = EntryJournal(partial(_entries, program.ops, journey.times), failures, journey.spans)
        ended = Ended(run, status, program.done(slots), duration_ms=(perf_counter() - started) * 1000, error=error)
        reports.run_ended(run, ended)
    return ended


def _layers(ops: Sequence[Op]) -> _Layers:
    found: _Layers = []
    for _, members in groupby(ops, key=lambda op: op.layer):
        nodes = [_node(op) for op in members]
        found.append((tuple(name for _, name, *_ in nodes), nodes))
    return found


def _entries(ops: Sequence[Op], times: Sequence[float]) -> Iterator[Entry]:
    for number in range(len(times) // 2):
        op = ops[number]
        yield op, op.layer, times[2 * number], times[2 * number + 1], None


class _Journey:
    """One run.

    Attributes:
        times: start and end of each node that has ended, two by two.
        spans: the ids of their events.
    """

    __slots__ = ("_emit", "_run", "spans", "times")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._emit: Callable[[Any], None] = run.session.emit or _nobody
        self.times = array("d")
        self.spans: list[str] = []

    def go(self, layers: _Layers, slots: list[Any]) -> Exception | None:
        """Run layer by layer; gives what a node raised, which ends it."""
        run, emit, spans, stamp = self._run, self._emit, self.spans, self.times.append
        run_id, parent, workflow_id, item, graph = run.run_id, run.span_id, run.workflow_id, run.item_index, run.graph.name
        layer_starts, starts, ends = reports.makers()
        clock, now, new_span = perf_counter, time, span_source()
        for superstep, (names, nodes) in enumerate(layers):
            emit(layer_starts(run_id, new_span(), parent, workflow_id, item, now(), graph, superstep, names))
            for op, name, ports, func, places, drains, outs in nodes:
                args = [slots[slot] for slot in places]
                inputs = {ports[0]: args[0]} if len(ports) == 1 else dict(zip(ports, args, strict=True))
                span = new_span()
                emit(starts(run_id, span, parent, workflow_id, item, now(), name, graph, superstep, inputs))
                began = clock()
                try:
                    value = list(func(*args)) if drains else func(*args)
                    if type(outs) is int:
                        slots[outs] = value
                    else:
                        outs(slots, value)
                except Exception as error:
                    self._failed(op, superstep, began, span, error)
                    return error
                ended = clock()
                stamp(began)
                stamp(ended)
                spans.append(span)
                spent = (ended - began) * 1000
                emit(ends(run_id, span, parent, workflow_id, item, now(), name, graph, superstep, spent, False, (), None))
        return None

    def _failed(self, op: Op, superstep: int, began: float, span: str, error: Exception) -> None:
        line = Line(op, superstep, len(self.spans), (), ())
        line.span_id, line.started, line.ended = span, began, perf_counter()
        self.times.extend((line.started, line.ended))
        self.spans.append(span)
        fail(self._run, line, error)
        reports.node_ended(self._run, line, None)


def _nobody(event: Any) -> None:
    pass
