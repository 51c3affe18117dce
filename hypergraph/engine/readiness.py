"""Which operations may run now: the rules of readiness, once, for every runner, for resumes and for forecasts.

A layer is walked until it is quiet. What lies outside of cycles is looked at once. A cyclic region is looked at in its round
order; in one look each operation is found *live* (a gate lets it, and every argument has a value or may still get one), then
*due* (it has not run, or there is something new for it), then *ready* (nothing before it in the round is due).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypergraph.plan import NO_FALLBACK

if TYPE_CHECKING:
    from hypergraph.engine.state import State
    from hypergraph.plan import Op, Region

__all__ = ["LayerWalk", "frontier"]


def frontier(state: State) -> int:
    """Give the first layer in which something is ready, or how many there are: what a restored state has behind it is not walked again."""
    runs, versions, consumed = state.runs, state.versions, state.consumed
    layers = state.plan.layers
    for number, layer in enumerate(layers):
        for region in layer:
            op = region.ops[0]
            if op.steady and runs[op.index]:
                # Most of a long history: one look at each argument tells that nothing is new.
                args, seen = op.args, consumed[op.index]
                if len(args) == 1:
                    if not args[0].slots or versions[args[0].slots[0]] <= seen[0]:
                        continue
                elif all(not one.slots or versions[one.slots[0]] <= version for one, version in zip(args, seen, strict=True)):
                    continue
            if region_ready(state, region) if region.cyclic else _single_ready(state, op):
                return number
    return len(layers)


class LayerWalk:
    """Walks one layer: `ready()` gives the next superstep, until it gives nothing.

    Attributes:
        passes: per cyclic region how many supersteps it took part in.
        runaway: regions that were still busy after `max_iterations` passes.
    """

    __slots__ = ("_fresh", "_max", "_regions", "_state", "passes", "runaway")

    def __init__(self, state: State, regions: tuple[Region, ...], max_iterations: int) -> None:
        self._state = state
        self._regions: list[Region] = []
        self._fresh: Sequence[Op] = ()
        if len(regions) == 1 and not regions[0].cyclic:
            # A layer of one node, as in a chain: there is nothing to divide.
            self._fresh = regions[0].ops
        else:
            self._regions = [region for region in regions if region.cyclic]
            self._fresh = [region.ops[0] for region in regions if not region.cyclic]
        self._max = max_iterations
        self.passes: dict[int, int] = {}
        self.runaway: list[Region] = []

    def ready(self) -> list[Op]:
        """Give what runs next, in node order."""
        state = self._state
        found: list[Op] = []
        if self._fresh:
            found = [op for op in self._fresh if _single_ready(state, op)]
            self._fresh = ()
        for region in tuple(self._regions):
            inside = region_ready(state, region)
            if not inside:
                continue
            count = self.passes.get(region.index, 0)
            if count >= self._max:
                self._regions.remove(region)
                self.runaway.append(region)
                continue
            self.passes[region.index] = count + 1
            found += inside
        if len(found) > 1:
            found.sort(key=_by_index)
        return found


def _by_index(op: Op) -> int:
    return op.index


def _single_ready(state: State, op: Op) -> bool:
    """Tell whether an operation outside of cycles runs: all that may feed it has run, or never will."""
    if op.gates and not any(op.index in state.decisions.get(gate, ()) for gate in op.gates):
        return False
    for argument in op.args:
        if argument.fallback == NO_FALLBACK and state.newest(argument.slots) < 0:
            return False
    for slots, _ in op.waits:
        if state.newest(slots) < 0:
            return False
    return not state.runs[op.index] or _stale(state, op)


def region_ready(state: State, region: Region, passed: int = 0) -> list[Op]:
    """Give what is ready inside a cyclic region; what is in `passed` is looked past, as if nothing were new for it."""
    live = due = 0
    ready: list[Op] = []
    gates_ready: list[Op] = []
    runs = state.runs
    for op in region.ops:
        if op.gates and not _permitted(state, op):
            continue
        complete = _arguments(state, op, live)
        if complete is None:
            continue
        live |= op.bit
        if (runs[op.index] and not op.gates and not _stale(state, op)) or op.bit & passed:
            continue
        due |= op.bit
        if complete and not op.before & due:
            ready.append(op)
            if op.kind == "gate":
                gates_ready.append(op)
    if not ready:
        return ready
    ran = state.ran.get(region.index, 0)
    held_up = sum(op.bit for op in ready if runs[op.index] and op.starts and op.upstream & live & ~ran & ~op.bit)
    if held_up:
        ready = [op for op in ready if not op.bit & held_up]
        if not ready and not passed:
            # Starting points wait for what has not run yet, and that waits for them: it goes first.
            return region_ready(state, region, held_up)
    if len(ready) > 1:
        held = {target for gate in gates_ready if gate in ready for target in gate.targets.values()}
        if held:
            ready = [op for op in ready if op.index not in held or (op.entry and not runs[op.index])]
        if len(ready) > 1:
            ready = _producers_first(state, ready)
    return ready


def _producers_first(state: State, ready: list[Op]) -> list[Op]:
    """On a starting point's first run, hold it back while a ready operation is about to bring what it waits for."""
    bits = 0
    for op in ready:
        bits |= op.bit
    return [op for op in ready if state.runs[op.index] or not any(live & bits & ~op.bit for _, live in op.waits)]


def _arguments(state: State, op: Op, live: int) -> bool | None:
    """Tell whether every argument and awaited name is there (True), may still come (False), or cannot come (None)."""
    complete = True
    for argument in op.args:
        if argument.fallback == NO_FALLBACK and state.newest(argument.slots) < 0:
            if not argument.live & live:
                return None
            complete = False
    if op.waits:
        runs = state.runs[op.index]
        waited = state.waited[op.index]
        for position, (slots, producers) in enumerate(op.waits):
            slot = state.newest(slots)
            if slot < 0:
                if not runs and op.starts and producers:
                    continue
                if not producers & live:
                    return None
                complete = False
            elif runs and producers and state.versions[slot] <= waited[position]:
                complete = False
    return complete


def _permitted(state: State, op: Op) -> bool:
    """Tell whether a gate lets this operation run: a decision names it, or a gate that has not run yet stands open."""
    if op.index in state.forced:
        return True
    pending = state.pending
    for gate in op.gates:
        named = pending.get(gate)
        if named and op.index in named:
            return True
    if state.runs[op.index] or (state.plan.has_entrypoints and not op.entry):
        return False
    return any(_open(state, gate, op.region, {op.index}) for gate in op.gates)


def _open(state: State, gate: int, region: int, seen: set[int]) -> bool:
    """Tell whether a gate that has not decided yet stands open; one on an unchosen branch does not."""
    op = state.plan.ops[gate]
    if gate in state.decisions or not getattr(op.node, "default_open", False) or gate in seen or op.region != region:
        return False
    if not op.gates:
        return True
    if any(gate in state.pending.get(one, ()) for one in op.gates):
        return True
    return any(_open(state, one, region, seen | {gate}) for one in op.gates)


def _stale(state: State, op: Op) -> bool:
    """Tell whether there is something new for an operation that has run: a newer input, a fresh signal, a predecessor's new run.

    What it wrote itself never counts; a shared name never counts by itself.
    """
    consumed = state.consumed[op.index]
    versions = state.versions
    for position, argument in enumerate(op.args):
        if argument.shared:
            continue
        slot = state.newest(argument.slots)
        if slot >= 0 and versions[slot] > consumed[position] and slot not in op.outs:
            return True
    for position, (slots, _) in enumerate(op.waits):
        slot = state.newest(slots)
        if slot >= 0 and versions[slot] > state.waited[op.index][position] and slot not in op.emits:
            return True
    last = state.last[op.index]
    return any(state.runs[one] and state.last[one] >= last for one in op.order_preds)
