"""What a `GraphNode` needs of the graph inside, as a protocol, and what it reads from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from hypergraph.nodes.base import HyperNode

__all__ = [
    "InnerGraph",
    "InnerInputs",
    "InnerScope",
    "default_of",
    "has_signature_default",
    "port_names",
    "type_of_input",
    "type_of_output",
]


class InnerInputs(Protocol):
    """What the inner graph asks for, by address."""

    @property
    def required(self) -> tuple[str, ...]:
        """Must be given."""

    @property
    def optional(self) -> tuple[str, ...]:
        """Has a default or a binding."""

    @property
    def bound(self) -> Mapping[str, Any]:
        """Address -> bound value."""

    @property
    def all(self) -> tuple[str, ...]:
        """Required, then optional."""


class InnerScope(Protocol):
    """The inner graph's active part."""

    @property
    def nodes(self) -> tuple[HyperNode, ...]:
        """Active nodes in node order."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """What a run returns."""


class InnerGraph(Protocol):
    """A graph, as a node that wraps it sees it."""

    @property
    def name(self) -> str | None:
        """The graph's name."""

    @property
    def nodes(self) -> Mapping[str, HyperNode]:
        """All nodes by name."""

    @property
    def inputs(self) -> InnerInputs:
        """What its active part asks for."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything its nodes produce."""

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The outputs that were chosen, or None."""

    @property
    def scope(self) -> InnerScope:
        """Its active part."""

    @property
    def has_async_nodes(self) -> bool:
        """True when something in it must be awaited."""

    @property
    def has_interrupts(self) -> bool:
        """True when a node in it may pause."""

    @property
    def has_cycles(self) -> bool:
        """True when nodes of it feed, order or choose each other in a circle."""

    @property
    def definition_hash(self) -> str:
        """SHA-256 over nodes and edges."""

    @property
    def structural_hash(self) -> str:
        """SHA-256 over names, ports and wiring."""

    @property
    def code_hash(self) -> str:
        """SHA-256 over structure and code."""

    @property
    def sources(self) -> Mapping[str, tuple[str, str]]:
        """Node name -> (hash, source text)."""

    @property
    def answer_addresses(self) -> Collection[str]:
        """Addresses under which answers to its interrupts are given."""


def port_names(graph: InnerGraph) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Give the names that can be ports: inputs (bound ones too), data outputs, emits. A selection leaves no emits."""
    spec = graph.inputs
    inputs = tuple(dict.fromkeys((*spec.all, *spec.bound)))
    data = graph.scope.outputs
    if graph.selected is not None:
        return inputs, data, ()
    signals = (name for node in graph.scope.nodes for name in node.emits)
    return inputs, data, tuple(name for name in dict.fromkeys(signals) if name not in data)


def _readers(graph: InnerGraph, address: str) -> Iterator[HyperNode]:
    return (node for node in graph.scope.nodes if address in node.inputs)


def default_of(graph: InnerGraph, address: str) -> tuple[bool, Any]:
    """Give (True, value) of what an input of the graph falls back to, its binding first; (False, None) when there is nothing."""
    spec = graph.inputs
    if address in spec.bound:
        return True, spec.bound[address]
    if address in spec.optional:
        for node in _readers(graph, address):
            if node.has_default_for(address):
                return True, node.get_default_for(address)
    return False, None


def has_signature_default(graph: InnerGraph, address: str) -> bool:
    """True when an input of the graph is not bound, and falls back to what a function's signature says."""
    spec = graph.inputs
    if address in spec.bound or address not in spec.optional:
        return False
    return any(node.has_signature_default_for(address) for node in _readers(graph, address))


def type_of_input(graph: InnerGraph, address: str) -> Any:
    """Give the type of the first typed reader of an input; None when there is none."""
    return next((hint for node in _readers(graph, address) if (hint := node.get_input_type(address)) is not None), None)


def type_of_output(graph: InnerGraph, name: str) -> Any:
    """Give the type of the first typed producer of an output; None when there is none."""
    makers = (node for node in graph.scope.nodes if name in node.data_outputs)
    return next((hint for node in makers if (hint := node.get_output_type(name)) is not None), None)
