"""What a graph says about itself as a whole, whatever of it is in play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hypergraph._text import plural
from hypergraph.graph import hashes
from hypergraph.graph._components import cyclic_nodes
from hypergraph.graph.scope import Edge, edges_of
from hypergraph.graph.wiring import Wiring
from hypergraph.nodes import GraphNode, HyperNode

if TYPE_CHECKING:
    import networkx as nx

    from hypergraph.nodes import InterruptNode

__all__ = ["GraphFacts"]


class GraphFacts:
    """The read-only half of `Graph`: nodes, edges, kinds and hashes. The fields are set once, by `Graph`."""

    __slots__ = ("__dict__", "__weakref__", "_plan")

    _all: tuple[HyperNode, ...]
    _by_name: dict[str, HyperNode]
    _name: str | None
    _strict_types: bool
    _declared: tuple[Any, ...] | None
    _shared: frozenset[str]
    _wiring: Wiring
    _entries: tuple[str, ...] | None
    _selected: tuple[str, ...] | None
    _bound: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """The graph's name, or None."""
        return self._name

    @property
    def strict_types(self) -> bool:
        """True when types are checked along every data edge."""
        return self._strict_types

    @property
    def nodes(self) -> dict[str, HyperNode]:
        """All nodes by name, in the order given; a fresh dict."""
        return dict(self._by_name)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Everything the nodes produce, emits included, in node order; `select` leaves it as it is."""
        return tuple(dict.fromkeys(name for node in self._all for name in node.outputs))

    @cached_property
    def leaf_outputs(self) -> tuple[str, ...]:
        """Outputs of the nodes that no edge leaves."""
        following = self._wiring.following
        return tuple(dict.fromkeys(name for number, node in enumerate(self._all) if not following[number] for name in node.data_outputs))

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The outputs chosen with `select`, or None."""
        return self._selected

    @property
    def entrypoints_config(self) -> tuple[str, ...] | None:
        """The configured entry points, or None."""
        return self._entries

    @property
    def shared(self) -> frozenset[str]:
        """Names of the run's shared state."""
        return self._shared

    @cached_property
    def has_cycles(self) -> bool:
        """True when some nodes feed, order or choose each other in a circle."""
        return bool(cyclic_nodes(len(self._all), self._wiring.following))

    @cached_property
    def has_gates(self) -> bool:
        """True when a node of this graph decides which others run."""
        return any(node.is_gate for node in self._all)

    @cached_property
    def has_async_nodes(self) -> bool:
        """True when a node is asynchronous, inside nested graphs too."""
        return any(node.is_async for node in self._all)

    @cached_property
    def has_interrupts(self) -> bool:
        """True when a node may pause the run, inside nested graphs too."""
        return any(node.is_interrupt or (isinstance(node, GraphNode) and node.graph.has_interrupts) for node in self._all)

    @property
    def interrupt_nodes(self) -> list[InterruptNode]:
        """The interrupts of this graph itself, in node order; a fresh list."""
        return [node for node in self._all if node.is_interrupt]  # type: ignore[misc]

    @cached_property
    def self_producers(self) -> dict[str, set[str]]:
        """Output name to the names of the nodes that produce it."""
        found: dict[str, set[str]] = {}
        for node in self._all:
            for name in node.outputs:
                found.setdefault(name, set()).add(node.name)
        return found

    @cached_property
    def input_data_producers(self) -> dict[str, dict[str, frozenset[str]]]:
        """Node name to parameter to the nodes it may read that parameter from; unfed parameters are left out."""
        found: dict[str, dict[str, frozenset[str]]] = {node.name: {} for node in self._all}
        for (consumer, name), makers in self._wiring.feeds.items():
            found[self._all[consumer].name][name] = frozenset(self._all[maker].name for maker in makers)
        return found

    def all_edges(self) -> Iterator[Edge]:
        """Give every edge of the whole graph, in scope or not."""
        return edges_of([node.name for node in self._all], self._wiring, range(len(self._all)))

    @cached_property
    def nx_graph(self) -> nx.DiGraph:
        """The whole graph for networkx; edges carry `edge_type` ("data", "control", "ordering") and `value_names`."""
        from hypergraph.graph.views import to_networkx

        return to_networkx(self._all, self.all_edges())

    def to_flat_graph(self) -> nx.DiGraph:
        """Give a networkx graph with all nested graphs opened; inner nodes are named "outer/inner"."""
        from hypergraph.graph.views import flat_graph

        return flat_graph(self)

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256 over node names, node definitions and edges; bindings and the order of nodes are no part of it."""
        return hashes.definition_hash(self._all, self.all_edges())

    @cached_property
    def structural_hash(self) -> str:
        """SHA-256 over names, kinds, ports, wiring and gates, nested graphs included; decides whether a stored run can go on."""
        declared = None
        if self._declared is not None:
            declared = [(edge.source, edge.target, edge.names) for edge in self.all_edges() if edge.kind != "control"]
        return hashes.structural_hash(self._all, declared, self._shared)

    @cached_property
    def code_hash(self) -> str:
        """SHA-256 over the structure and the code of all functions, nested ones included."""
        return hashes.code_hash(self.structural_hash, self._all)

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, str]]:
        """Node name ("inner/x" for nested ones) to the hash and the text of its function."""
        return hashes.sources_of(self._all)

    def __repr__(self) -> str:
        wiring = self._wiring
        edges = len({*wiring.data, *wiring.ordering, *wiring.control})
        circles = len(cyclic_nodes(len(self._all), wiring.following))
        shape = plural(circles, "cycle") if circles else "no cycles"
        return f"Graph: {self._name or 'unnamed'} | {plural(len(self._all), 'node')} | {plural(edges, 'edge')} | {shape}"
