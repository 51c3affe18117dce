"""Hashes of a graph: what it is, how it is built, and with which code. The order of its nodes leaves no trace in any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_text, source_of
from hypergraph.graph.wiring import targets_of

if TYPE_CHECKING:
    from hypergraph.graph.scope import Edge
    from hypergraph.nodes import GraphNode, HyperNode

__all__ = ["code_hash", "definition_hash", "sources_of", "structural_hash"]


def definition_hash(nodes: Sequence[HyperNode], edges: Iterable[Edge]) -> str:
    """Hash node names, node definitions and edges; bindings are no part of it."""
    made = sorted((node.name, node.definition_hash) for node in nodes)
    wired = sorted([edge.source, edge.target, edge.kind, sorted(edge.names)] for edge in edges)
    return _hash(["graph", made, wired])


def structural_hash(nodes: Sequence[HyperNode], declared: Sequence[tuple[str, str, Sequence[str]]] | None, shared: Iterable[str]) -> str:
    """Hash what a stored run must find again to go on: node names and kinds, ports, wiring and gates, nested graphs included.

    Edges that are inferred follow from the ports, so only explicit ones are added. Entry points, bindings and function bodies may change.
    """
    explicit = None if declared is None else sorted([source, target, sorted(names)] for source, target, names in declared)
    return _hash(["structure", sorted((_ports(node) for node in nodes), key=_first), explicit, sorted(shared)])


def code_hash(structure: str, nodes: Iterable[HyperNode]) -> str:
    """Hash the structure together with the definitions of all functions, nested ones included."""
    made = sorted((node.name, node.definition_hash if node.code is not None else _nested(node).graph.code_hash) for node in nodes)
    return _hash(["code", structure, made])


def sources_of(nodes: Iterable[HyperNode]) -> dict[str, tuple[str, str]]:
    """Give, per function-like node, its definition hash and source text ("" where there is none); nested ones as "inner/x"."""
    found: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if node.code is not None:
            found[node.name] = (node.definition_hash, source_of(node.code.func) or "")
        else:
            found.update((f"{node.name}/{inner}", source) for inner, source in _nested(node).graph.sources.items())
    return found


def _ports(node: HyperNode) -> list[Any]:
    described: list[Any] = [node.name, node.node_type]
    described += [sorted(ports) for ports in (node.inputs, node.data_outputs, node.outputs, node.wait_for)]
    if node.is_gate:
        described.append([sorted(map(str, targets_of(node))), *_gate_options(node)])
    elif node.code is None:
        nested = _nested(node)
        inner = {name: nested.inner_address(name) for name in node.inputs}
        outer = {name: nested.inner_output(name) for name in node.data_outputs}
        mapped = sorted(nested.mapped_inputs)
        described.append([nested.graph.structural_hash, inner, outer, mapped, nested.map_mode if mapped else None])
    return described


def _gate_options(node: HyperNode) -> list[Any]:
    gate: Any = node
    branches = [gate.when_true, gate.when_false] if hasattr(gate, "when_true") else []
    # END among the targets and a branch's side change what a decision means.
    return [len(gate.targets), bool(gate.multi_target), bool(gate.default_open), *map(repr, branches)]


def _nested(node: HyperNode) -> GraphNode:
    return node  # type: ignore[return-value]


def _first(described: Sequence[Any]) -> str:
    return str(described[0])


def _hash(content: Sequence[Any]) -> str:
    import json

    return hash_text(json.dumps(_plain(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def _plain(value: Any) -> Any:
    """Turn str subclasses and tuples into what JSON has one form for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
