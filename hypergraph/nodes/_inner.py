"""What a `GraphNode` needs of the graph inside, as a protocol, and what it reads from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from hypergraph.nodes.base import HyperNode

__all__ = ["InnerGraph", "InnerInputs", "InnerScope", "Surface", "port_names"]


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


class Surface:
    """What the ports of a graph mean inside it: who reads an input, who makes an output."""

    __slots__ = ("_bound", "_makers", "_optional", "_readers")

    def __init__(self, graph: InnerGraph) -> None:
        spec = graph.inputs
        self._bound = spec.bound
        self._optional = frozenset(spec.optional)
        self._readers: dict[str, list[HyperNode]] = {}
        self._makers: dict[str, list[HyperNode]] = {}
        for node in graph.scope.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)
            for name in node.data_outputs:
                self._makers.setdefault(name, []).append(node)

    def is_bound(self, address: str) -> bool:
        """True when the graph, or one inside it, has bound this input."""
        return address in self._bound

    def default(self, address: str) -> tuple[bool, Any]:
        """Give (True, value) of what an input falls back to, its binding first; (False, None) when there is nothing."""
        if address in self._bound:
            return True, self._bound[address]
        if address in self._optional:
            for node in self._readers.get(address, ()):
                if node.has_default_for(address):
                    return True, node.get_default_for(address)
        return False, None

    def has_signature_default(self, address: str) -> bool:
        """True when an input is not bound, and falls back to what a function's signature says."""
        if address in self._bound or address not in self._optional:
            return False
        return any(node.has_signature_default_for(address) for node in self._readers.get(address, ()))

    def type_of_input(self, address: str) -> Any:
        """Give the type of the first typed reader of an input; None when there is none."""
        hints = (node.get_input_type(address) for node in self._readers.get(address, ()))
        return next((hint for hint in hints if hint is not None), None)

    def type_of_output(self, name: str) -> Any:
        """Give the type of the first typed producer of an output; None when there is none."""
        hints = (node.get_output_type(name) for node in self._makers.get(name, ()))
        return next((hint for hint in hints if hint is not None), None)
