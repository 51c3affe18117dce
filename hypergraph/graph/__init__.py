"""Graphs: nodes wired by the names of what they take and give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face

if TYPE_CHECKING:
    from hypergraph.exceptions import GraphConfigError
    from hypergraph.graph.core import Graph
    from hypergraph.graph.inputs import InputSpec
    from hypergraph.graph.scope import Edge, Scope

__all__ = ["Edge", "Graph", "GraphConfigError", "InputSpec", "Scope"]

# The plan reads `hypergraph.graph._components` alone; that need not load what builds graphs.
__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "hypergraph.exceptions": ("GraphConfigError",),
        "hypergraph.graph.core": ("Graph",),
        "hypergraph.graph.inputs": ("InputSpec",),
        "hypergraph.graph.scope": ("Edge", "Scope"),
    },
)
