"""What a run would do, told without calling anything: the engine's own restore and readiness rules, over values nobody knows.

The plan is walked twice. Once gates that would run choose nothing, and questions get no answer: what runs then, runs in any case.
Once gates choose everything, and questions are answered: what does not run even then, never does. In between lies what a decision
settles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hypergraph._text import quoted
from hypergraph.engine.begin import Lineage, begin_flow
from hypergraph.engine.journal import Line
from hypergraph.engine.readiness import LayerWalk
from hypergraph.engine.requests import Flow
from hypergraph.engine.restore import restore
from hypergraph.plan import Op, Plan

if TYPE_CHECKING:
    from hypergraph.engine.run import Run, Session
    from hypergraph.engine.state import State
    from hypergraph.graph import Graph

__all__ = ["Forecast", "NodeForecast", "forecast_flow"]

Verdict = Literal["kept", "runs", "unknown", "skipped"]


class NodeForecast(NamedTuple):
    """What would become of one node.

    Attributes:
        verdict: "kept" (its stored result stands), "runs", "unknown" (a gate or an answer decides), "skipped".
        reason: why, in a sentence.
        at_least: how often it runs at least.
        at_most: how often it runs at most; None in a loop that a gate ends.
    """

    verdict: Verdict
    reason: str
    at_least: int
    at_most: int | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a call to `run()` would do.

    Attributes:
        nodes: node name -> `NodeForecast`, in the graph's node order.
        new_id: the workflow id that the run would have; an id that would be made up is only an example.
        refusal: the exception that the call would raise, or None.
    """

    nodes: Mapping[str, NodeForecast] = field(default_factory=dict)
    new_id: str | None = None
    refusal: Exception | None = None


def forecast_flow(session: Session, graph: Graph, values: Mapping[str, Any], lineage: Lineage) -> Flow:
    """Tell what a call would do; returns a `Forecast`. Only reading operations are asked of the store."""
    try:
        run: Run = yield from begin_flow(session, graph, values, lineage)
    except Exception as refusal:
        return Forecast(refusal=refusal)
    restore(run)
    before = [bool(count) for count in run.state.runs]
    sure = _Walk(run, generous=False)
    sure.go()
    other: Run = yield from begin_flow(session, graph, values, lineage)
    restore(other)
    perhaps = _Walk(other, generous=True)
    perhaps.go()
    nodes = {op.name: _verdict(run.plan, op, before[op.index], sure, perhaps) for op in run.plan.ops}
    return Forecast(nodes, run.workflow_id, None)


class _Walk:
    """One walk over a plan in which every value that a node makes is unknown."""

    def __init__(self, run: Run, *, generous: bool) -> None:
        self.run = run
        self.state: State = run.state
        self.generous = generous
        self.reasons: dict[int, str] = {}
        self.asked: list[str] = []
        self.gates: list[str] = []

    def go(self) -> None:
        superstep = self.run.superstep
        for layer in self.run.plan.layers:
            walk = LayerWalk(self.state, layer, len(self.run.plan.ops) + 2)
            while ready := [op for op in walk.ready() if not (self.generous and op.index in self.reasons)]:
                paused = False
                lines = []
                for op in ready:
                    self.reasons.setdefault(op.index, self._why(op))
                    if op.kind == "interrupt" and not self._answered(op):
                        self.asked.append(op.name)
                        paused = True
                        if not self.generous:
                            continue
                    lines.append(self._line(op, superstep))
                for line in lines:
                    self.state.apply(line)
                superstep += 1
                if paused and not self.generous:
                    return

    def _answered(self, op: Op) -> bool:
        return all(name in self.run.answers for name in op.node.data_outputs)

    def _line(self, op: Op, superstep: int) -> Line:
        versions = tuple(self.state.versions[slot] if (slot := self.state.newest(argument.slots)) >= 0 else 0 for argument in op.args)
        line = Line(op, superstep, 0, versions, self.state.seen(op))
        line.values = (None,) * len(op.outs)
        if op.kind == "gate":
            self.gates.append(op.name)
            line.decision = list(op.targets) if self.generous else None
        return line

    def _why(self, op: Op) -> str:
        state = self.state
        if not state.runs[op.index]:
            return "it has not run yet"
        consumed = state.consumed[op.index]
        newer = [
            argument.name
            for position, argument in enumerate(op.args)
            if (slot := state.newest(argument.slots)) >= 0 and state.versions[slot] > consumed[position]
        ]
        return f"{quoted(newer)} is new for it" if newer else "what goes before it runs again"


def _verdict(plan: Plan, op: Op, ran: bool, sure: _Walk, perhaps: _Walk) -> NodeForecast:
    loops = plan.regions[op.region].cyclic
    if op.index in sure.reasons:
        return NodeForecast("runs", sure.reasons[op.index], 1, None if loops else 1)
    if op.index in perhaps.reasons:
        deciders = _deciders(plan, op, {*sure.gates, *sure.asked, *perhaps.gates, *perhaps.asked})
        reason = f"{quoted(deciders)} decides" if deciders else "what goes before it decides"
        return NodeForecast("unknown", reason, 0, None if loops else 1)
    if ran:
        return NodeForecast("kept", "nothing is new for it", 0, 0)
    return NodeForecast("skipped", "no gate chooses it" if op.gates else "one of its inputs never comes", 0, 0)


def _deciders(plan: Plan, op: Op, open_: set[str]) -> list[str]:
    """Give the nearest gates and questions on which it hangs whether an operation runs."""
    own = [plan.ops[gate].name for gate in op.gates if plan.ops[gate].name in open_]
    return own or sorted(open_)[:3]
