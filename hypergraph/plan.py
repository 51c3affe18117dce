"""A graph, compiled once: every name a slot, every argument's source fixed, nodes in regions and layers.

Theory of operation. The active scope's edges (data, ordering and control) are condensed into strongly connected components, the
*regions*; the regions' longest-path levels are the *layers*. Layers run one after the other, so outside of a cycle a node is
looked at once: whatever has not run when its layer is quiet never will. Inside a cyclic region there is a *round order*: the
region's edges without those that lead back into its entry points. A node that stands before another in the round, and is
still due, holds it back, so that a join in a loop runs once a round and never on a mix of old and new values.

A *slot* holds what one producer wrote under one name, or what the caller gave under it. An argument reads the newest of its
candidate slots; so a consumer sees its declared producers only, and a given seed gives way to the first value of the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hypergraph.graph._components import strong_components

if TYPE_CHECKING:
    from hypergraph.graph import Graph
    from hypergraph.graph.scope import Edge, Scope
    from hypergraph.nodes import HyperNode

__all__ = ["Argument", "Op", "OpKind", "Plan", "Region", "plan_of"]

OpKind = Literal["function", "gate", "interrupt", "graph"]

NO_FALLBACK, BOUND, SHARED_DEFAULT, COPIED_DEFAULT = 0, 1, 2, 3
"""What stands in for an argument without a value: nothing, a bound value, a default, a default to be copied per use."""

_IMMUTABLE = (type(None), bool, int, float, complex, str, bytes, type, range)


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """Where one argument's value comes from.

    Attributes:
        name: the input's address at this graph's scope.
        slots: candidate slots; the newest one that holds a value is read.
        fallback: one of NO_FALLBACK, BOUND, SHARED_DEFAULT, COPIED_DEFAULT.
        value: the bound or default value.
        shared: the name is shared state, which is read but never triggers.
        live: bits of the region's operations that may still bring a value.
    """

    name: str
    slots: tuple[int, ...]
    fallback: int
    value: Any
    shared: bool
    live: int


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One node with everything the engine asks about it, in numbers.

    Attributes:
        index: position in the graph's node order.
        args: one `Argument` per input of the node.
        outs, emits: slots of its data outputs and of its emits.
        waits: per `wait_for` name the candidate slots and the live bits of its producers.
        gates: operations whose decision controls this one.
        targets: name -> index, for a gate.
        region, layer: where it runs.
        bit: its bit in the region's masks; bits follow the round order.
        before: bits of what comes before it in the round.
        upstream: bits of its direct data and ordering predecessors in the region.
        order_preds: operations whose new run makes a reader of shared state, or a node without data edges, run again.
        entry: it is a configured entry point.
        starts: it is where its region starts (a configured entry point, else where values come in).
        steady: nothing but a newer version of an argument, each of which has one source at most, makes it run again.
        lone: it is steady, and neither gates nor emits are about it: its values are all that it changes.
        plain: it is a function or a gate that is called with its arguments in order, and never answered by a cache.
    """

    index: int
    node: HyperNode
    name: str
    kind: OpKind
    args: tuple[Argument, ...]
    outs: tuple[int, ...]
    emits: tuple[int, ...]
    waits: tuple[tuple[tuple[int, ...], int], ...]
    gates: tuple[int, ...]
    targets: Mapping[str, int]
    region: int
    layer: int
    bit: int
    before: int
    upstream: int
    order_preds: tuple[int, ...]
    entry: bool
    starts: bool
    steady: bool
    lone: bool
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A strongly connected component: its operations in round order."""

    index: int
    ops: tuple[Op, ...]
    cyclic: bool
    feeds: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A compiled graph.

    Attributes:
        ops: all operations, in the graph's node order.
        by_name: node name -> operation.
        layers: the regions that run together.
        slot_names: name id of each slot; `names` are those ids' names.
        given: name -> slot for a value that the caller gives.
        outputs: per output of the scope its candidate slots.
        readers: per slot the operations that read it.
        has_entrypoints: entry points are configured.
        gate_readers: slot -> the gates that read it.
        derived: what others compile from the plan on first use, kept with it.
        straight: neither gates, cycles nor interrupts: each operation runs exactly once, in `sequence`.
    """

    ops: tuple[Op, ...]
    by_name: Mapping[str, Op]
    regions: tuple[Region, ...]
    layers: tuple[tuple[Region, ...], ...]
    names: tuple[str, ...]
    slot_names: tuple[int, ...]
    given: Mapping[str, int]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]
    has_entrypoints: bool
    straight: bool
    gate_readers: Mapping[int, tuple[int, ...]]
    derived: dict[Any, Any]

    @property
    def sequence(self) -> Iterable[Op]:
        """Give the operations in the order in which a run without cycles executes them."""
        for layer in self.layers:
            yield from sorted((op for region in layer for op in region.ops), key=_by_index)


def _by_index(op: Op) -> int:
    return op.index


def plan_of(graph: Graph) -> Plan:
    """Give the graph's plan, compiled on first use and kept with the graph."""
    plan: Plan | None = graph._plan  # noqa: SLF001  # the slot is there for the plan
    if plan is None:
        plan = _Compiler(graph.scope).compile()
        object.__setattr__(graph, "_plan", plan)
    return plan


class _Compiler:
    """Turns one scope into one plan; lives for that long only."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.nodes = scope.nodes
        self.index = {node.name: number for number, node in enumerate(scope.nodes)}
        self.names: dict[str, int] = {}
        self.slot_names: list[int] = []
        self.into: list[list[Edge]] = [[] for _ in scope.nodes]
        for edge in scope.edges:
            self.into[self.index[edge.target]].append(edge)
        self.made: dict[tuple[str, str], int] = {}
        self.given: dict[str, int] = {}

    def compile(self) -> Plan:
        self._allocate()
        members, region_of, cyclic = self._condense()
        levels, feeds = self._levels(members, region_of)
        ops: list[Op | None] = [None] * len(self.nodes)
        regions: list[Region] = []
        for number, inside in enumerate(members):
            round_order = self._round(inside) if cyclic[number] else _acyclic(inside)
            made = tuple(self._operation(one, number, levels[number], round_order) for one in round_order.order)
            for op in made:
                ops[op.index] = op
            regions.append(Region(number, made, cyclic[number], feeds[number]))
        depth = max(levels, default=-1) + 1
        layers: list[list[Region]] = [[] for _ in range(depth)]
        for region in regions:
            layers[levels[region.index]].append(region)
        done = tuple(op for op in ops if op is not None)
        return Plan(
            ops=done,
            by_name={op.name: op for op in done},
            regions=tuple(regions),
            layers=tuple(tuple(layer) for layer in layers),
            names=tuple(self.names),
            slot_names=tuple(self.slot_names),
            given=self.given,
            outputs=self._outputs(done),
            has_entrypoints=bool(self.scope.entrypoints),
            straight=not any(cyclic) and all(op.kind in ("function", "graph") for op in done),
            gate_readers=_gate_readers(done),
            derived={},
        )

    def _slot(self, name: str) -> int:
        self.slot_names.append(self.names.setdefault(name, len(self.names)))
        return len(self.slot_names) - 1

    def _allocate(self) -> None:
        for node in self.nodes:
            for name in node.outputs:
                self.made[node.name, name] = self._slot(name)
        for node in self.nodes:
            for name in node.inputs:
                if name not in self.given:
                    self.given[name] = self._slot(name)

    def _writers(self, name: str) -> tuple[int, ...]:
        slots = [self.made[node.name, name] for node in self.nodes if name in node.data_outputs]
        if name in self.scope.shared and name in self.given:
            slots.append(self.given[name])
        return tuple(slots)

    def _outputs(self, ops: Sequence[Op]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Give the slots of each output; of several writers the one that runs last comes last, whatever the order of the nodes."""
        when = {slot: (op.layer, op.bit) for op in ops for slot in op.outs}
        first = (-1, 0)
        return tuple((name, tuple(sorted(self._writers(name), key=lambda slot: when.get(slot, first)))) for name in self.scope.outputs)

    def _condense(self) -> tuple[list[list[int]], list[int], list[bool]]:
        following: list[list[int]] = [[] for _ in self.nodes]
        loops: set[int] = set()
        for edge in self.scope.edges:
            source, target = self.index[edge.source], self.index[edge.target]
            if source == target:
                loops.add(source)
            else:
                following[source].append(target)
        members = [sorted(inside) for inside in strong_components(len(self.nodes), following)]
        region_of = [0] * len(self.nodes)
        for number, inside in enumerate(members):
            for one in inside:
                region_of[one] = number
        cyclic = [len(inside) > 1 or inside[0] in loops for inside in members]
        return members, region_of, cyclic

    def _levels(self, members: Sequence[Sequence[int]], region_of: Sequence[int]) -> tuple[list[int], list[tuple[int, ...]]]:
        feeds: list[set[int]] = [set() for _ in members]
        for edge in self.scope.edges:
            source, target = region_of[self.index[edge.source]], region_of[self.index[edge.target]]
            if source != target:
                feeds[source].add(target)
        levels = [0] * len(members)
        for number in range(len(members)):
            for after in feeds[number]:
                levels[after] = max(levels[after], levels[number] + 1)
        return levels, [tuple(sorted(after)) for after in feeds]

    def _round(self, inside: Sequence[int]) -> _Round:
        """Order a cyclic region: its edges without those into its starting points; what is circular still goes by node order."""
        here = {one: place for place, one in enumerate(inside)}
        starts = self._starts(inside)
        edges = [
            (here[self.index[edge.source]], here[self.index[edge.target]], edge.kind == "control")
            for one in inside
            for edge in self.into[one]
            if self.index[edge.source] in here and edge.source != edge.target
        ]
        kept = [(source, target, control) for source, target, control in edges if inside[target] not in starts]
        group = _groups(len(inside), [(source, target) for source, target, _ in kept])
        # A control edge inside a circle only says that the gate may send the work back: it orders nothing.
        kept = [(source, target, control) for source, target, control in kept if not (control and group[source] == group[target])]
        group = _groups(len(inside), [(source, target) for source, target, _ in kept])
        final = [(source, target) for source, target, _ in kept if group[source] != group[target] or source < target]
        before_of: list[list[int]] = [[] for _ in inside]
        following: list[list[int]] = [[] for _ in inside]
        for source, target in final:
            following[source].append(target)
            before_of[target].append(source)
        order = [component[0] for component in strong_components(len(inside), following)]
        bit = {place: position for position, place in enumerate(order)}
        masks: dict[int, int] = {}
        for place in order:
            mask = 0
            for earlier in before_of[place]:
                mask |= masks[earlier] | (1 << bit[earlier])
            masks[place] = mask
        upstream = [0] * len(inside)
        for source, target, control in edges:
            if not control:
                upstream[target] |= 1 << bit[source]
        return _Round(
            order=tuple(inside[place] for place in order),
            bits={inside[place]: 1 << bit[place] for place in order},
            before={inside[place]: masks[place] for place in order},
            upstream={inside[place]: upstream[place] for place in order},
            starts=frozenset(starts),
        )

    def _starts(self, inside: Sequence[int]) -> set[int]:
        names = {self.nodes[one].name for one in inside}
        starts = {one for one in inside if self.nodes[one].name in self.scope.entrypoints}
        if not starts:
            starts = {one for one in inside if any(edge.source not in names for edge in self.into[one])} or {inside[0]}
        return starts

    def _operation(self, number: int, region: int, layer: int, order: _Round) -> Op:
        node = self.nodes[number]
        kind = _kind(node)
        starts = number in order.starts
        args = tuple(self._argument(node, name, order, starts) for name in node.inputs)
        preds = tuple(self.index[edge.source] for edge in self.into[number] if edge.kind == "ordering" and edge.source != node.name)
        alone = len(order.order) == 1 and all(edge.source != node.name for edge in self.into[number])
        waits = tuple(self._wait(node, name, order) for name in node.wait_for if (node.name, name) in self.scope.wait_producers)
        reads_edges = any(self.scope.producers.get((node.name, name)) for name in node.inputs)
        order_preds = preds if any(arg.shared for arg in args) or not reads_edges else ()
        steady = alone and not waits and not order_preds and all(len(arg.slots) < 2 and not arg.shared for arg in args)
        gates = tuple(self.index[gate] for gate in self.scope.gates_of.get(node.name, ()))
        emits = tuple(self.made[node.name, name] for name in node.outputs if name not in node.data_outputs)
        return Op(
            index=number,
            node=node,
            name=node.name,
            kind=kind,
            args=args,
            outs=tuple(self.made[node.name, name] for name in node.data_outputs),
            emits=emits,
            # What only nodes outside of the scope bring about is not waited for: they never run.
            waits=waits,
            gates=gates,
            targets={t: self.index[t] for t in getattr(node, "targets", ()) if t in self.index} if kind == "gate" else {},
            region=region,
            layer=layer,
            bit=order.bits[number],
            before=order.before[number],
            upstream=order.upstream[number],
            order_preds=order_preds,
            entry=node.name in self.scope.entrypoints,
            starts=starts,
            steady=steady,
            lone=steady and kind != "gate" and not emits and not gates,
            plain=kind in ("function", "gate") and node.code is not None and node.code.simple and not node.cache,
        )

    def _argument(self, node: HyperNode, name: str, order: _Round, starts: bool) -> Argument:
        shared = name in self.scope.shared
        producers = self.scope.producers.get((node.name, name), ())
        if shared:
            slots = self._writers(name)
            producers = ()
        else:
            slots = tuple(self.made[producer, name] for producer in producers)
            cycles = any(self.index[producer] in order.bits for producer in producers)
            # What a node feeds to itself has its first value from outside too, wherever in the round it stands.
            if not producers or ((starts or node.name in producers) and cycles):
                slots = (*slots, self.given[name])
        fallback, value = self._fallback(node, name)
        live = 0
        for producer in producers:
            live |= order.bits.get(self.index[producer], 0)
        return Argument(name, slots, fallback, value, shared, live)

    def _fallback(self, node: HyperNode, name: str) -> tuple[int, Any]:
        nested = _kind(node) == "graph"
        if nested and node.has_default_for(name) and (name in self.scope.inner_bound or name not in self.scope.bound):
            # The inner graph applies its own bindings and defaults; the flag only says that nothing needs to be given.
            return BOUND if name in self.scope.inner_bound else SHARED_DEFAULT, INNER
        if name in self.scope.bound:
            return BOUND, self.scope.bound[name]
        if nested:
            return NO_FALLBACK, None
        if node.has_default_for(name):
            value = node.get_default_for(name)
            return (SHARED_DEFAULT if isinstance(value, _IMMUTABLE) else COPIED_DEFAULT), value
        return NO_FALLBACK, None

    def _wait(self, node: HyperNode, name: str, order: _Round) -> tuple[tuple[int, ...], int]:
        producers = self.scope.wait_producers.get((node.name, name), ())
        live = 0
        for producer in producers:
            live |= order.bits.get(self.index[producer], 0)
        return tuple(self.made[producer, name] for producer in producers), live


class _Marker:
    """A value that stands for the absence of one."""

    __slots__ = ("meaning",)

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning

    def __repr__(self) -> str:
        return f"<{self.meaning}>"


INNER = _Marker("left to the inner graph")


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    order: tuple[int, ...]
    bits: Mapping[int, int]
    before: Mapping[int, int]
    upstream: Mapping[int, int]
    starts: frozenset[int]


def _acyclic(inside: Sequence[int]) -> _Round:
    (one,) = inside
    return _Round((one,), {one: 1}, {one: 0}, {one: 0}, frozenset())


def _groups(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    following: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        following[source].append(target)
    group = [0] * count
    for number, component in enumerate(strong_components(count, following)):
        for one in component:
            group[one] = number
    return group


def _kind(node: HyperNode) -> OpKind:
    if node.is_gate:
        return "gate"
    if node.is_interrupt:
        return "interrupt"
    return "function" if node.code is not None else "graph"


def _gate_readers(ops: Sequence[Op]) -> dict[int, tuple[int, ...]]:
    readers: dict[int, list[int]] = {}
    for op in ops:
        if op.kind == "gate":
            for arg in op.args:
                for slot in arg.slots:
                    readers.setdefault(slot, []).append(op.index)
    return {slot: tuple(found) for slot, found in readers.items()}
