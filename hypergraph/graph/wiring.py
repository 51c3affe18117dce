"""Edges from names: an output named x feeds every input named x.

`wire` looks at the nodes once and finds out who feeds whom. The result is about the whole graph; what of it is in play is the
business of `scope`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, listing
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph.conditions import Conditions
from hypergraph.graph.conflicts import Links, Readers, RoundOrder, prove
from hypergraph.nodes import END

if TYPE_CHECKING:
    from hypergraph.nodes import HyperNode

__all__ = ["Pair", "Wiring", "targets_of", "wire"]

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wiring:
    """All edges of a graph; nodes are numbers in the graph's node order.

    Attributes:
        feeds: (consumer, parameter) to the producers it reads from; no entry when nobody feeds it.
        waits: (node, wait_for name) to the producers of that name.
        data: pair to the values that flow; a pair of one node with itself is possible.
        ordering: pair to the names waited for; pairs that have a data edge are not repeated here.
        control: (gate, target) pairs.
        following: per node the nodes that its edges lead to, whatever their kind.
    """

    feeds: Mapping[tuple[int, str], tuple[int, ...]]
    waits: Mapping[tuple[int, str], tuple[int, ...]]
    data: Mapping[Pair, tuple[str, ...]]
    ordering: Mapping[Pair, tuple[str, ...]]
    control: tuple[Pair, ...]
    following: Sequence[Sequence[int]]


def targets_of(node: HyperNode) -> tuple[str, ...]:
    """Give the names of the nodes that a gate may choose; END is none of them, and other nodes choose nothing."""
    if not node.is_gate:
        return ()
    return tuple(target for target in node.targets if target is not END)  # type: ignore[attr-defined]


def wire(nodes: Sequence[HyperNode], declared: Sequence[Any] | None, shared: frozenset[str], starts: frozenset[str]) -> Wiring:
    """Find the edges between `nodes`.

    Args:
        nodes: the graph's nodes; names, targets and `wait_for` names have been checked.
        declared: explicit edges as the user wrote them; None when there are none. Without `shared` names they replace inference.
        shared: names of the run's state, which give no data edges.
        starts: names of the configured entry points; edges back to them begin another round.

    Raises:
        GraphConfigError: a malformed explicit edge, or several producers of a name where it is not provable which one is read.
    """
    return _Wirer(nodes, declared, shared, starts).wire()


@dataclass(slots=True)
class _Declared:
    """Explicit edges, read."""

    data: dict[Pair, list[str]] = field(default_factory=dict)
    ordering: list[Pair] = field(default_factory=list)


class _Wirer:
    """Holds what `wire` collects; lives for one graph's construction."""

    def __init__(self, nodes: Sequence[HyperNode], declared: Sequence[Any] | None, shared: frozenset[str], starts: frozenset[str]) -> None:
        self.nodes = nodes
        self.shared = shared
        self.titles = [node.name for node in nodes]
        self.index = {name: number for number, name in enumerate(self.titles)}
        self.starts = frozenset(self.index[name] for name in starts)
        self.inferred = declared is None or bool(shared)
        self.makers: dict[str, list[int]] = {}
        self.data_makers: dict[str, list[int]] = {}
        for number, node in enumerate(nodes):
            for name in node.outputs:
                self.makers.setdefault(name, []).append(number)
            for name in node.data_outputs:
                self.data_makers.setdefault(name, []).append(number)
        self.contested = [name for name, makers in self.makers.items() if len(makers) > 1 and name not in shared]
        self.declared = self._read(declared or ())
        self.control = [(number, self.index[target]) for number, node in enumerate(nodes) if node.is_gate for target in targets_of(node)]
        self.waits: dict[tuple[int, str], tuple[int, ...]] = {}
        for number, node in enumerate(nodes):
            for name in node.wait_for:
                self.waits[number, name] = tuple(maker for maker in self.makers[name] if maker != number)

    def wire(self) -> Wiring:
        feeds: dict[tuple[int, str], tuple[int, ...]] = {}
        if self.inferred:
            self._infer(feeds)
        if self.contested:
            self._settle(feeds)
        for (source, target), names in self.declared.data.items():
            for name in names:
                known = feeds.get((target, name), ())
                if source not in known:
                    feeds[target, name] = tuple(sorted((*known, source)))
        return self._collect(feeds)

    def _infer(self, feeds: dict[tuple[int, str], tuple[int, ...]]) -> None:
        """Connect each parameter with the one producer of its name."""
        single = {
            name: (makers[0],) for name, makers in self.data_makers.items() if len(self.makers[name]) == 1 and name not in self.shared
        }
        for number, node in enumerate(self.nodes):
            for name in node.inputs:
                producer = single.get(name)
                if producer is not None:
                    feeds[number, name] = producer

    def _settle(self, feeds: dict[tuple[int, str], tuple[int, ...]]) -> None:
        """Connect the names that have several producers, where it is provable who is read."""
        contested = frozenset(self.contested)
        readers: dict[str, list[int]] = {name: [] for name in self.contested if name in self.data_makers}
        if self.inferred:
            for number, node in enumerate(self.nodes):
                for name in node.inputs:
                    if name in readers:
                        readers[name].append(number)
        count = len(self.nodes)
        data = [(producer, consumer) for (consumer, _), producers in feeds.items() for producer in producers]
        data += [pair for pair in self.declared.data if pair[0] != pair[1]]
        data += self.declared.ordering
        waits = [(maker, waiter) for (waiter, name), makers in self.waits.items() if name not in contested for maker in makers]
        certain = Links(data, waits, self.control)
        conditions = self._conditions(feeds, readers, RoundOrder(count, certain, self.starts, rounds=self.inferred))
        self._drop_exclusive_waits(contested, conditions)
        certain = Links(data, [(maker, waiter) for (waiter, _), makers in self.waits.items() for maker in makers], self.control)
        order = RoundOrder(count, certain, self.starts, rounds=self.inferred)
        contests = {name: prove(name, self.makers[name], self.titles, conditions, order) for name in self.contested}
        # An emit of the same name orders, but brings no value.
        values = {name: contests[name].among(set(self.data_makers[name])) for name in readers}
        feeds.update(Readers(values, certain, self.titles, conditions, order).connect(readers))

    def _conditions(
        self, feeds: Mapping[tuple[int, str], tuple[int, ...]], readers: Mapping[str, Sequence[int]], order: RoundOrder
    ) -> Conditions:
        """Say which decisions each node needs: through values without a default, through signals, and as a target."""
        needs: list[list[tuple[int, ...]]] = [[] for _ in self.nodes]
        if order.control:
            asked = [(reader, name, makers) for (reader, name), makers in feeds.items()]
            asked += [(reader, name, tuple(self.data_makers[name])) for name, nodes in readers.items() for reader in nodes]
            for reader, name, makers in asked:
                others = tuple(maker for maker in makers if maker != reader)
                if others and not self.nodes[reader].has_default_for(name):
                    needs[reader].append(others)
            for (waiter, _), makers in self.waits.items():
                needs[waiter].append(makers)
        targets: dict[int, list[int]] = {}
        for gate, target in self.control:
            targets.setdefault(gate, []).append(target)
        single = frozenset(gate for gate in targets if not self.nodes[gate].multi_target)  # type: ignore[attr-defined]
        return Conditions(needs, order.control, targets, single)

    def _drop_exclusive_waits(self, contested: frozenset[str], conditions: Conditions) -> None:
        """A node does not wait for a producer on another branch than its own, if there is one to wait for."""
        for (waiter, name), makers in self.waits.items():
            if name in contested and len(makers) > 1:
                self.waits[waiter, name] = tuple(maker for maker in makers if not conditions.exclusive(maker, waiter)) or makers

    def _collect(self, feeds: Mapping[tuple[int, str], tuple[int, ...]]) -> Wiring:
        data: dict[Pair, list[str]] = {}
        following: list[list[int]] = [[] for _ in self.nodes]
        for consumer, node in enumerate(self.nodes):
            for name in node.inputs:
                for producer in feeds.get((consumer, name), ()):
                    pair = (producer, consumer)
                    if pair in data:
                        data[pair].append(name)
                    else:
                        data[pair] = [name]
                        following[producer].append(consumer)
        ordering: dict[Pair, list[str]] = {}
        for (waiter, name), makers in self.waits.items():
            for maker in makers:
                if (maker, waiter) not in data:
                    ordering.setdefault((maker, waiter), []).append(name)
        for pair in self.declared.ordering:
            if pair not in data:
                ordering.setdefault(pair, [])
        for source, target in (*ordering, *self.control):
            following[source].append(target)
        return Wiring(
            feeds=feeds,
            waits=self.waits,
            data={pair: tuple(names) for pair, names in data.items()},
            ordering={pair: tuple(names) for pair, names in ordering.items()},
            control=tuple(self.control),
            following=following,
        )

    def _read(self, edges: Iterable[Any]) -> _Declared:
        read = _Declared()
        for edge in edges:
            if not isinstance(edge, tuple) or len(edge) not in (2, 3):
                raise GraphConfigError(
                    f"Each edge must be a 2-tuple or 3-tuple, got {edge!r:.200}."
                    + fix("Write (source, target), or (source, target, 'value'), or (source, target, ['value', 'other'])")
                )
            source = self._end(edge[0], "source", edge)
            target = self._end(edge[1], "target", edge)
            names = self._values(edge, source, target)
            if not names:
                read.ordering.append((source, target))
                continue
            known = read.data.setdefault((source, target), [])
            known.extend(name for name in names if name not in known)
        return read

    def _end(self, end: Any, role: str, edge: tuple[Any, ...]) -> int:
        name = end if isinstance(end, str) else getattr(end, "name", None)
        number = self.index.get(name) if isinstance(name, str) else None
        if number is None:
            shown = name if isinstance(name, str) else end
            hint = did_you_mean(str(shown), self.titles)
            raise GraphConfigError(
                f"Edge {_shown(edge)} has an unknown {role}: {shown!r:.200} is no node of this graph.{hint}"
                + fix(f"Use one of the nodes: {listing(self.titles)}", "Or add the node to the graph")
            )
        return number

    def _values(self, edge: tuple[Any, ...], source: int, target: int) -> list[str]:
        """Give the names that the edge carries; shared names are state and never carried."""
        giver, taker = self.nodes[source], self.nodes[target]
        if len(edge) == 2:
            return [name for name in giver.data_outputs if name in taker.inputs and name not in self.shared]
        names = [edge[2]] if isinstance(edge[2], str) else edge[2]
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise GraphConfigError(
                f"Edge {_shown(edge)}: the values must be a name or a list of names, got {edge[2]!r:.200}."
                + fix(f"Write ({giver.name!r}, {taker.name!r}, 'value')")
            )
        for name in names:
            if name not in giver.data_outputs:
                raise GraphConfigError(
                    f"Edge {_shown(edge)}: {name!r} is not an output of {giver.name!r}.{did_you_mean(name, giver.data_outputs)}"
                    + fix(f"Use one of its outputs: {listing(giver.data_outputs) or 'it has none'}", "Or leave the name out: ordering only")
                )
            if name not in taker.inputs:
                raise GraphConfigError(
                    f"Edge {_shown(edge)}: {name!r} is not an input of {taker.name!r}.{did_you_mean(name, taker.inputs)}"
                    + fix(f"Use one of its inputs: {listing(taker.inputs) or 'it has none'}", f"Or rename one: .with_inputs(old={name!r})")
                )
        return [name for name in names if name not in self.shared]


def _shown(edge: tuple[Any, ...]) -> str:
    """Write an edge as the user would, nodes by their names."""
    ends = [repr(end if isinstance(end, str) else getattr(end, "name", end)) for end in edge[:2]]
    return f"({', '.join([*ends, *(repr(rest) for rest in edge[2:])])})"[:300]
