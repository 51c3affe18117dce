"""What of a graph is in play: the active nodes, the edges between them, and what a run asks for and returns.

A `Scope` is computed once per graph and never changes. It is all that the plan needs to know of a graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hypergraph.graph._components import strong_components

if TYPE_CHECKING:
    from hypergraph.graph.wiring import Wiring
    from hypergraph.nodes import HyperNode

__all__ = ["Cut", "Edge", "EdgeKind", "Scope", "cut", "edges_of", "scope_of"]

EdgeKind = Literal["data", "control", "ordering"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow of a graph; a pair of nodes may have a data edge (or an ordering edge) and a control edge.

    Attributes:
        source: the node that goes first.
        target: the node that reads, waits or is chosen.
        kind: "data" (a value flows), "control" (a gate decides), "ordering" (nothing flows).
        names: the values that flow; of an ordering edge the emitted names; of a control edge nothing.
    """

    source: str
    target: str
    kind: EdgeKind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a graph that a run works on.

    Attributes:
        nodes: the active nodes, in the graph's node order.
        edges: the edges between active nodes; a node that reads its own output has an edge to itself.
        producers: (consumer, parameter) to the active nodes whose output it may read; absent when there are none.
        wait_producers: (node, wait_for name) to the active nodes that bring that name about.
        gates_of: node to the active gates that name it as a target.
        entrypoints: the configured entry points that are active; empty when none were configured.
        shared: names of the run's shared state.
        outputs: what a run returns, in node order: the selected names, else every data output of an active node.
        bound: address to bound value, bindings that surface from nested graphs included.
        inner_bound: the addresses whose binding comes from inside a nested graph alone.
    """

    nodes: tuple[HyperNode, ...]
    edges: tuple[Edge, ...]
    producers: Mapping[tuple[str, str], tuple[str, ...]]
    wait_producers: Mapping[tuple[str, str], tuple[str, ...]]
    gates_of: Mapping[str, tuple[str, ...]]
    entrypoints: tuple[str, ...]
    shared: frozenset[str]
    outputs: tuple[str, ...]
    bound: Mapping[str, Any]
    inner_bound: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cut:
    """The active part of a graph, in numbers: a `Scope` without its bindings, which change more often.

    Attributes:
        active: the active nodes, ascending.
        feeds: (consumer, parameter) to the active producers; no entry when there are none.
        entries: the configured entry points.
        asked: address to the active nodes that read it from outside the graph, in node order.
    """

    active: tuple[int, ...]
    feeds: Mapping[tuple[int, str], tuple[int, ...]]
    entries: tuple[int, ...]
    asked: Mapping[str, tuple[int, ...]]


def cut(nodes: Sequence[HyperNode], wiring: Wiring, entries: tuple[int, ...], selected: tuple[str, ...] | None) -> Cut:
    """Find out what of a graph is in play.

    Args:
        nodes: all nodes of the graph.
        wiring: all edges of the graph.
        entries: where runs start; what cannot be reached from there is out. Empty: everywhere.
        selected: the outputs that are wanted; what none of them needs is out. None: all.
    """
    count = len(nodes)
    inside: set[int] | None = _reached(wiring.following, entries) if entries else None
    if selected is not None:
        inside = _needed(nodes, wiring, frozenset(selected), range(count) if inside is None else inside)
    if inside is None or len(inside) == count:
        active: tuple[int, ...] = tuple(range(count))
        feeds = wiring.feeds
    else:
        active = tuple(sorted(inside))
        left = {
            (consumer, name): tuple(producer for producer in producers if producer in inside)
            for (consumer, name), producers in wiring.feeds.items()
            if consumer in inside
        }
        feeds = {key: producers for key, producers in left.items() if producers}
        entries = tuple(entry for entry in entries if entry in inside)
    return Cut(active, feeds, entries, _asked(nodes, wiring, active, feeds, entries))


def _reached(following: Sequence[Sequence[int]], starts: Iterable[int]) -> set[int]:
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for after in following[waiting.pop()]:
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    return reached


def _needed(nodes: Sequence[HyperNode], wiring: Wiring, selected: frozenset[str], inside: Collection[int]) -> set[int]:
    """Walk back from the producers of the selected outputs.

    Which way a gate will go is not known beforehand, so a gate that is needed keeps all its targets.
    """
    before: list[list[int]] = [[] for _ in nodes]
    for source, after in enumerate(wiring.following):
        for target in after:
            before[target].append(source)
    chosen: dict[int, list[int]] = {}
    for gate, target in wiring.control:
        chosen.setdefault(gate, []).append(target)
    needed = {number for number in inside if not selected.isdisjoint(nodes[number].data_outputs)}
    waiting = list(needed)
    while waiting:
        number = waiting.pop()
        for near in (*before[number], *chosen.get(number, ())):
            if near not in needed and near in inside:
                needed.add(near)
                waiting.append(near)
    return needed


def _asked(
    nodes: Sequence[HyperNode],
    wiring: Wiring,
    active: Sequence[int],
    feeds: Mapping[tuple[int, str], tuple[int, ...]],
    entries: tuple[int, ...],
) -> dict[str, tuple[int, ...]]:
    """Find the parameters that no edge feeds, and the cycle parameters of entry points: their first value comes from outside."""
    seeds = _seeds(nodes, wiring, active, feeds, entries) if entries else frozenset[tuple[int, str]]()
    asked: dict[str, list[int]] = {}
    for number in active:
        for name in nodes[number].inputs:
            if (number, name) not in feeds or (number, name) in seeds:
                if name in asked:
                    asked[name].append(number)
                else:
                    asked[name] = [number]
    return {name: tuple(readers) for name, readers in asked.items()}


def _seeds(
    nodes: Sequence[HyperNode],
    wiring: Wiring,
    active: Sequence[int],
    feeds: Mapping[tuple[int, str], tuple[int, ...]],
    entries: tuple[int, ...],
) -> frozenset[tuple[int, str]]:
    fed = [(entry, name) for entry in entries for name in nodes[entry].inputs if (entry, name) in feeds]
    if not fed:
        return frozenset()
    inside = set(active)
    following = [
        [after for after in wiring.following[number] if after in inside] if number in inside else [] for number in range(len(nodes))
    ]
    loop = [0] * len(nodes)
    for place, component in enumerate(strong_components(len(nodes), following)):
        for number in component:
            loop[number] = place
    # What an interrupt brings is an answer, not an input; what comes from outside of the cycle too has its first value from there.
    return frozenset(
        (entry, name)
        for entry, name in fed
        if all(loop[producer] == loop[entry] for producer in feeds[entry, name])
        and not all(nodes[producer].is_interrupt for producer in feeds[entry, name])
    )


def scope_of(
    nodes: Sequence[HyperNode],
    wiring: Wiring,
    part: Cut,
    *,
    shared: frozenset[str],
    selected: tuple[str, ...] | None,
    bound: Mapping[str, Any],
    inner_bound: frozenset[str],
) -> Scope:
    """Write the active part of a graph with names, for the plan, the drawings and the runners."""
    titles = [node.name for node in nodes]
    inside = frozenset(part.active)
    waits = {
        (titles[waiter], name): tuple(titles[maker] for maker in makers if maker in inside)
        for (waiter, name), makers in wiring.waits.items()
        if waiter in inside
    }
    gates: dict[str, list[str]] = {}
    for gate, target in wiring.control:
        if gate in inside and target in inside:
            gates.setdefault(titles[target], []).append(titles[gate])
    active = tuple(nodes[number] for number in part.active)
    return Scope(
        nodes=active,
        edges=tuple(edges_of(titles, wiring, inside)),
        producers={(titles[consumer], name): tuple(map(titles.__getitem__, makers)) for (consumer, name), makers in part.feeds.items()},
        wait_producers={key: makers for key, makers in waits.items() if makers},
        gates_of={target: tuple(names) for target, names in gates.items()},
        entrypoints=tuple(titles[entry] for entry in part.entries),
        shared=shared,
        outputs=selected if selected is not None else tuple(dict.fromkeys(name for node in active for name in node.data_outputs)),
        bound=bound,
        inner_bound=inner_bound,
    )


def edges_of(titles: Sequence[str], wiring: Wiring, inside: Collection[int]) -> Iterator[Edge]:
    """Give the edges whose two ends are in `inside`: data, then control, then ordering edges."""
    for (source, target), names in wiring.data.items():
        if source in inside and target in inside:
            yield Edge(titles[source], titles[target], "data", names)
    for source, target in wiring.control:
        if source in inside and target in inside:
            yield Edge(titles[source], titles[target], "control", ())
    for (source, target), names in wiring.ordering.items():
        if source in inside and target in inside:
            yield Edge(titles[source], titles[target], "ordering", names)
