"""A graph as a few lines of text: what it asks for, what it gives, and the way in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._typing import format_type

if TYPE_CHECKING:
    from hypergraph.graph.inputs import InputSpec
    from hypergraph.graph.scope import Scope
    from hypergraph.nodes import HyperNode

__all__ = ["describe"]

_ARROW = " → "


def describe(name: str | None, scope: Scope, spec: InputSpec, *, show_types: bool) -> str:
    """Write the active part of a graph; arrows stand only where the nodes form one chain."""
    chain = _chain(scope)
    between = ", " if chain is None else _ARROW
    nodes = scope.nodes if chain is None else chain
    lines = [f"# {name or 'unnamed'}", "  Inputs:"]
    types = _input_types(scope.nodes) if show_types else {}
    for title, names in (("required", spec.required), ("optional", spec.optional)):
        shown = [_typed(address, types) for address in names if address not in spec.bound]
        if shown:
            lines.append(f"    {title}: {', '.join(shown)}")
    if spec.bound:
        lines.append(f"    bound: {', '.join(spec.bound)}")
    if len(lines) == 2:
        lines[1] += " none"
    types = _output_types(nodes) if show_types else {}
    lines.append(f"  Outputs: {between.join(_outputs(nodes, scope.outputs, types)) or 'none'}")
    lines.append(f"  Nodes: {between.join(node.name for node in nodes) or 'none'}")
    return "\n".join(lines)


def _outputs(nodes: Sequence[HyperNode], wanted: Sequence[str], types: dict[str, Any]) -> list[str]:
    """Give, per node, those of its outputs that are wanted; names that no active node produces come last."""
    left = dict.fromkeys(wanted)
    groups: list[list[str]] = []
    for names in (*(node.data_outputs for node in nodes), tuple(wanted)):
        groups.append([name for name in names if name in left])
        for name in groups[-1]:
            del left[name]
    return [", ".join(_typed(name, types) for name in group) for group in groups if group]


def _typed(name: str, types: dict[str, Any]) -> str:
    return f"{name} ({format_type(types[name])})" if name in types else name


def _input_types(nodes: Iterable[HyperNode]) -> dict[str, Any]:
    """Give the type of each input as its first typed reader has it."""
    found: dict[str, Any] = {}
    for node in nodes:
        for name in node.inputs:
            if name not in found and (hint := node.get_input_type(name)) is not None:
                found[name] = hint
    return found


def _output_types(nodes: Iterable[HyperNode]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in nodes:
        for name in node.data_outputs:
            if name not in found and (hint := node.get_output_type(name)) is not None:
                found[name] = hint
    return found


def _chain(scope: Scope) -> Sequence[HyperNode] | None:
    """Give the active nodes in their order if data edges make exactly one line of them, else None."""
    after: dict[str, str] = {}
    targets: set[str] = set()
    for edge in scope.edges:
        if edge.kind == "data":
            if edge.source in after or edge.target in targets:
                return None
            after[edge.source] = edge.target
            targets.add(edge.target)
    if len(after) != len(scope.nodes) - 1:
        return None
    nodes = {node.name: node for node in scope.nodes}
    here: str | None = next((name for name in nodes if name not in targets), None)
    line: list[HyperNode] = []
    while here is not None:
        line.append(nodes[here])
        here = after.get(here)
    return line if len(line) == len(nodes) else None
