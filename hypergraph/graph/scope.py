"""What of a graph is in play: the active nodes, the edges between them, and what a run asks for and returns.

A `Scope` is computed once per graph and never changes. It is all that the plan needs to know of a graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hypergraph.nodes import HyperNode

__all__ = ["Edge", "EdgeKind", "Scope"]

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
