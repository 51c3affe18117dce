"""The state of a run: what each slot holds, and what each operation has consumed. `State.apply` is the only way it moves on."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix
from hypergraph.engine.journal import ABSENT, COMPLETED
from hypergraph.exceptions import GraphConfigError
from hypergraph.nodes import END
from hypergraph.plan import COPIED_DEFAULT

if TYPE_CHECKING:
    from hypergraph.engine.journal import Line
    from hypergraph.plan import Argument, Op, Plan

__all__ = ["State"]

_NOTHING: frozenset[int] = frozenset()


class State:
    """Values with their versions, and the bookkeeping that readiness rests on.

    Every write bumps its name's version, also when the value is equal. A version of 0 means: nothing there yet.

    Attributes:
        values, versions: per slot.
        counters: per name its newest version.
        runs: per operation how often it has completed.
        consumed, waited: per operation the versions that its last run saw.
        last: per operation the superstep of its last run.
        decisions: gate -> the targets that it named last; END and "nothing" name none.
        pending: gate -> the targets that it named and that have not started since.
        forced: operations of cycles that a fork made stale, and which no gate has to name.
    """

    __slots__ = (
        "consumed", "counters", "decisions", "forced", "last", "pending", "plan", "ran", "runs", "values", "versions", "waited",
    )  # fmt: skip

    def __init__(self, plan: Plan) -> None:
        size = len(plan.ops)
        self.plan = plan
        self.values: list[Any] = [None] * len(plan.slot_names)
        self.versions = [0] * len(plan.slot_names)
        self.counters = [0] * len(plan.names)
        self.runs = [0] * size
        self.consumed: list[tuple[int, ...]] = [()] * size
        self.waited: list[tuple[int, ...]] = [()] * size
        self.last = [-1] * size
        self.ran: dict[int, int] = {}
        self.decisions: dict[int, frozenset[int]] = {}
        self.pending: dict[int, set[int]] = {}
        self.forced: set[int] = set()

    def write(self, slot: int, value: Any) -> None:
        """Put a value into a slot, as the newest version of its name."""
        name = self.plan.slot_names[slot]
        version = self.counters[name] + 1
        self.counters[name] = version
        self.versions[slot] = version
        self.values[slot] = value
        if self.pending:
            for gate in self.plan.gate_readers.get(slot, ()):
                # What it decided on has changed: the old decision no longer stands.
                self.pending.pop(gate, None)

    def give(self, inputs: Mapping[str, Any]) -> None:
        """Write what the caller gave."""
        for name, value in inputs.items():
            slot = self.plan.given.get(name)
            if slot is not None:
                self.write(slot, value)

    def newest(self, slots: tuple[int, ...]) -> int:
        """Give the slot that holds the newest version, or -1."""
        versions = self.versions
        if len(slots) == 1:
            slot = slots[0]
            return slot if versions[slot] else -1
        best, found = 0, -1
        for slot in slots:
            if versions[slot] > best:
                best, found = versions[slot], slot
        return found

    def collect(self, op: Op) -> tuple[list[Any], tuple[int, ...], tuple[int, ...]]:
        """Read an operation's arguments: values, their versions, and the versions of what it waited for."""
        values: list[Any] = []
        versions: list[int] = []
        held, known = self.values, self.versions
        for argument in op.args:
            slots = argument.slots
            slot = slots[0] if len(slots) == 1 else self.newest(slots)
            if slot >= 0 and known[slot]:
                values.append(held[slot])
                versions.append(known[slot])
            else:
                values.append(fallback_value(op, argument))
                versions.append(0)
        return values, tuple(versions), self.seen(op) if op.waits else ()

    def seen(self, op: Op) -> tuple[int, ...]:
        """Give the newest version of each name that an operation waits for."""
        if not op.waits:
            return ()
        return tuple(max((self.versions[slot] for slot in slots), default=0) for slots, _ in op.waits)

    def apply(self, line: Line) -> None:
        """Move on by one step, if it completed. Lines are applied superstep by superstep, in node order within one."""
        if line.status is COMPLETED:
            self.advance(line.op, line.superstep, line.versions, line.waits, line.values, line.decision)

    def advance(
        self,
        op: Op,
        superstep: int,
        versions: tuple[int, ...],
        waits: tuple[int, ...],
        values: tuple[Any, ...] | None,
        decision: Any,
    ) -> None:
        """Move on by one completed step, given as what a line says of it: the rule, for steps that are made and for stored ones."""
        number = op.index
        self.runs[number] += 1
        self.consumed[number] = versions
        self.last[number] = superstep
        outs = op.outs
        if values is None:
            pass
        elif len(outs) == 1:
            (value,) = values
            if value is not ABSENT:
                self.write(outs[0], value)
        else:
            for slot, value in zip(outs, values, strict=True):
                if value is not ABSENT:
                    self.write(slot, value)
        if op.lone:
            # Nobody asks the rest of it.
            return
        self.ran[op.region] = self.ran.get(op.region, 0) | op.bit
        self.waited[number] = waits
        self.forced.discard(number)
        for gate in op.gates:
            waiting = self.pending.get(gate)
            if waiting is not None:
                waiting.discard(number)
        for slot in op.emits:
            self.write(slot, True)
        if op.kind == "gate":
            self._decide(op, versions, decision)

    def _decide(self, op: Op, versions: tuple[int, ...], decision: Any) -> None:
        named = _targets(op, decision)
        self.decisions[op.index] = named
        stands = all(
            slot < 0 or self.versions[slot] <= version
            for slot, version in zip((self.newest(arg.slots) for arg in op.args), versions, strict=True)
        )
        if stands:
            self.pending[op.index] = set(named)
        else:
            self.pending.pop(op.index, None)

    def outputs(self) -> dict[str, Any]:
        """Give the scope's outputs that exist, in the order of the scope."""
        found: dict[str, Any] = {}
        values, versions = self.values, self.versions
        for name, slots in self.plan.outputs:
            slot = slots[0] if len(slots) == 1 else self.newest(slots)
            if slot >= 0 and versions[slot]:
                found[name] = values[slot]
        return found


def fallback_value(op: Op, argument: Argument) -> Any:
    """Give the bound or default value of an argument; a mutable default is copied for each use."""
    if argument.fallback != COPIED_DEFAULT:
        return argument.value
    try:
        return copy.deepcopy(argument.value)
    except Exception as reason:
        raise GraphConfigError(
            f"The default of {argument.name!r} of node {op.name!r} cannot be safely copied: {type(reason).__name__}: {reason}\n\n"
            "Why copying is needed:\n"
            "  A mutable default would be shared by all runs, and a change in one run would show up in the next."
            + fix(f"Share the object on purpose instead: graph.bind({argument.name}=...) with .bind(), which never copies")
        ) from reason


def _targets(op: Op, decision: Any) -> frozenset[int]:
    if decision is None or decision is END:
        return _NOTHING
    chosen: Iterable[Any] = decision if isinstance(decision, (list, tuple)) else (decision,)
    return frozenset(op.targets[one] for one in chosen if one is not END and one in op.targets)
