"""Nodes: functions, gates, interrupts, and graphs as nodes."""

from hypergraph.nodes.base import HyperNode
from hypergraph.nodes.context import NodeContext
from hypergraph.nodes.function import FunctionNode, node
from hypergraph.nodes.gate import END, GateNode, IfElseNode, RouteNode, ifelse, route
from hypergraph.nodes.graph_node import GraphNode
from hypergraph.nodes.interrupt import InterruptNode, interrupt

__all__ = [
    "END",
    "FunctionNode",
    "GateNode",
    "GraphNode",
    "HyperNode",
    "IfElseNode",
    "InterruptNode",
    "NodeContext",
    "RouteNode",
    "ifelse",
    "interrupt",
    "node",
    "route",
]
