"""A graph as a networkx graph, for those who want its algorithms. The library itself never looks at one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx

    from hypergraph.graph.facts import GraphFacts
    from hypergraph.graph.scope import Edge
    from hypergraph.nodes import HyperNode

__all__ = ["flat_graph", "to_networkx"]

_STRONGER = {"data": 0, "control": 1, "ordering": 2}


def to_networkx(nodes: Iterable[HyperNode], edges: Iterable[Edge]) -> nx.DiGraph:
    """Give a DiGraph; edges carry `edge_type` and `value_names`. Of two edges between one pair the data or control one is shown."""
    import networkx as nx

    graph = nx.DiGraph()
    for node in nodes:
        graph.add_node(node.name, **_attributes(node, None))
    _add_edges(graph, edges, "")
    return graph


def flat_graph(graph: GraphFacts) -> nx.DiGraph:
    """Give a DiGraph of the graph and all nested ones; inner nodes are named "outer/inner" and have their GraphNode as `parent`."""
    import networkx as nx

    flat = nx.DiGraph()
    _add_level(flat, graph, "", None)
    return flat


def _add_level(flat: nx.DiGraph, graph: GraphFacts, prefix: str, parent: str | None) -> None:
    for node in graph.nodes.values():
        path = prefix + node.name
        flat.add_node(path, **_attributes(node, parent))
        if node.code is None:
            _add_level(flat, node.graph, f"{path}/", path)  # type: ignore[attr-defined]
    _add_edges(flat, graph.all_edges(), prefix)


def _attributes(node: HyperNode, parent: str | None) -> dict[str, Any]:
    kind = "GRAPH" if node.code is None else "BRANCH" if node.is_gate else "INTERRUPT" if node.is_interrupt else "FUNCTION"
    return {
        "node_type": kind,
        "label": node.name,
        "inputs": node.inputs,
        "outputs": node.outputs,
        "data_outputs": node.data_outputs,
        "wait_for": node.wait_for,
        "hide": node.hide,
        "parent": parent,
    }


def _add_edges(graph: nx.DiGraph, edges: Iterable[Edge], prefix: str) -> None:
    for edge in sorted(edges, key=lambda edge: _STRONGER[edge.kind]):
        source, target = prefix + edge.source, prefix + edge.target
        if not graph.has_edge(source, target):
            graph.add_edge(source, target, edge_type=edge.kind, value_names=list(edge.names))
