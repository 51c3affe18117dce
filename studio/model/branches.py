"""Which nodes a run has passed by: gates chose another way, and no other way leads there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypergraph.viz.scene import Scene, SceneNode

__all__ = ["not_taken"]


def not_taken(scene: Scene, nodes: Mapping[str, Any], prefix: str = "") -> set[str]:
    """Give the paths of the nodes that the gates of a run, as it stands, led past.

    A gate that may decide again says nothing yet: nothing behind a loop is given up before the loop is left.

    Args:
        scene: the graph.
        nodes: path -> node of those that have begun.
        prefix: path of the graph, with its slash.
    """
    after: dict[str, set[str]] = {}
    for edge in scene.edges:
        after.setdefault(edge.source, set()).add(edge.target)
    found: set[str] = set()
    gates: dict[str, list[SceneNode]] = {}
    for node in scene.nodes:
        if node.kind == "gate":
            for target in node.targets:
                gates.setdefault(target.name, []).append(node)
    for name, leading in gates.items():
        if prefix + name not in nodes and all(_passed(gate, name, nodes, after, prefix) for gate in leading):
            found.add(name)
    makers: dict[str, set[str]] = {}
    for node in scene.nodes:
        for port in node.outputs:
            makers.setdefault(port.name, set()).add(node.name)
    grown = True
    while grown:
        grown = False
        for node in scene.nodes:
            if node.name in found or prefix + node.name in nodes or node.name in gates:
                continue
            needs = [makers[port.name] for port in node.inputs if port.name in makers]
            if any(made <= found for made in needs):
                found.add(node.name)
                grown = True
    return {prefix + name for name in found}


def _passed(gate: SceneNode, target: str, nodes: Mapping[str, Any], after: Mapping[str, set[str]], prefix: str) -> bool:
    node = nodes.get(prefix + gate.name)
    if node is None or node.state not in {"completed", "cached", "kept"} or not node.decision:
        return False
    chosen = set(node.decision.split(", "))
    return target not in chosen and not any(_leads(name, gate.name, after) for name in chosen)


def _leads(start: str, end: str, after: Mapping[str, set[str]]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        fresh = after.get(here, set()) - seen
        seen |= fresh
        waiting += fresh
    return False
