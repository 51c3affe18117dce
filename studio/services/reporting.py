"""In a module host: a graph as data: what it needs, gives, looks like, and which runner can run it."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.model.preview import one_line, preview
from studio.model.secrets import HIDDEN, is_secret
from studio.model.type_spec import TypeSpec
from studio.services.describe import NOTHING, choice_text, spec_of
from studio.services.order import Target
from studio.services.targets import graph_line
from studio.services.values import annotation_of

if TYPE_CHECKING:
    from types import ModuleType

    from hypergraph import Graph

__all__ = ["report_graph"]

_NAMED = 3


def report_graph(graph: Graph, name: str, variable: str, module: ModuleType, target: Target) -> dict[str, Any]:
    """Give everything that screens show of a graph, as JSON primitives."""
    scene = graph.scene(depth=64)
    types = {one.name: one.type for one in scene.inputs}
    line = graph_line(target.file, variable)
    where = Path(target.file).name if target.file is not None else target.module
    nodes = list(_nodes(graph))
    return {
        "name": name,
        "doc": one_line(" ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split()), 400),
        "source": f"{where}:{line}" if line is not None else where,
        "inputs": [_input(graph, address, types.get(address)) for address in _addresses(graph)],
        "outputs": [[output, _output_type(graph, output)] for output in graph.outputs],
        "fits": {"AsyncRunner": _fits_async(nodes), "SyncRunner": _fits_sync(nodes), "DaftRunner": _fits_daft(graph, nodes)},
        "scene": scene.to_dict(),
        "node_count": len(graph.nodes),
        "target": target.text,
        "attribute": variable,
        "struct_hash": graph.structural_hash,
        "code_hash": graph.code_hash,
        "has_interrupts": graph.has_interrupts,
        "caches": any(node.cache for _, node in nodes),
        "asks": {key: spec.to_json() for key, spec in _asks(graph)},
        "made": {output: spec_of(kind).to_json() for output, kind in _made(graph)},
        "effects": [path for path, node in nodes if getattr(getattr(node, "func", None), "side_effect", False)],
        "sources": {path: [_place(node), digest] for path, node, digest in _sources(graph, nodes)},
    }


def _addresses(graph: Graph) -> list[str]:
    spec = graph.inputs
    return [*spec.required, *(name for name in spec.optional if name not in spec.required)]


def _input(graph: Graph, address: str, label: str | None) -> dict[str, Any]:
    annotation = annotation_of(graph, address)
    spec = spec_of(annotation, label)
    secret = is_secret(address.rpartition(".")[2]) or spec.label.startswith("SecretStr")
    bound = address in graph.inputs.bound
    value = graph.inputs.bound[address] if bound else _default(graph, address)
    text = None if value is NOTHING else HIDDEN if secret else _default_text(spec, value)
    return {
        "name": address,
        "type": spec.to_json(),
        "required": address in graph.inputs.required,
        "default": text,
        "bound": bound,
        "secret": secret,
    }


def _default(graph: Graph, address: str) -> Any:
    for node in graph.nodes.values():
        if address in node.inputs and node.has_default_for(address):
            return node.get_default_for(address)
    return NOTHING


def _default_text(spec: TypeSpec, value: Any) -> str:
    if spec.kind == "enum":
        return preview(value)[1].rpartition(".")[2]
    if spec.kind == "literal" and value is not None:
        return choice_text(value, [value] if all(not choice.startswith(("'", '"')) for choice in spec.choices) else [value, 0])
    return one_line(repr(value) if type(value) is str and len(value) < 400 else preview(value, limit=400)[1], 120)


def _made(graph: Graph) -> Iterator[tuple[str, Any]]:
    """Give the values that nodes make, with their types where they are known."""
    for node in graph.nodes.values():
        for name in node.data_outputs:
            found = node.get_output_type(name)
            yield name, NOTHING if found is None else found


def _output_type(graph: Graph, name: str) -> str | None:
    for node in graph.nodes.values():
        if name in node.data_outputs and (found := node.get_output_type(name)) is not None:
            return spec_of(found).label
    return None


def _nodes(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for node in graph.nodes.values():
        yield prefix + node.name, node
        inner = getattr(node, "graph", None)
        if inner is not None:
            yield from _nodes(inner, f"{prefix}{node.name}/")


def _asks(graph: Graph) -> Iterator[tuple[str, TypeSpec]]:
    """Give the response keys of all interrupts, with the shape of their answers."""
    nodes: list[Any] = list(graph.nodes.values())
    for node in nodes:
        inner = getattr(node, "graph", None)
        if inner is not None:
            for key, spec in _asks(inner):
                outer = node.outer_output(key)
                if outer is not None:
                    yield outer, spec
        elif node.is_interrupt:
            several = len(node.data_outputs) > 1
            for name in node.data_outputs:
                kind = node.get_output_type(name) if several else node.answer_type
                yield name, spec_of(NOTHING if kind is None else kind)


def _place(node: Any) -> str:
    code = getattr(getattr(node, "func", None), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def _sources(graph: Graph, nodes: list[tuple[str, Any]]) -> Iterator[tuple[str, Any, str]]:
    sources = graph.sources
    for path, node in nodes:
        if path in sources:
            yield path, node, sources[path][0]


# Which runner can run it.


def _named(paths: list[str]) -> str:
    return ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")


def _batch_nodes(nodes: list[tuple[str, Any]]) -> str | None:
    found = [path for path, node in nodes if getattr(node, "batch", False)]
    return f"Only DaftRunner runs batch nodes: {_named(found)}." if found else None


def _fits_async(nodes: list[tuple[str, Any]]) -> str | None:
    return _batch_nodes(nodes)


def _fits_sync(nodes: list[tuple[str, Any]]) -> str | None:
    asks = [path for path, node in nodes if node.is_interrupt]
    if asks:
        return f"The graph asks questions, which needs AsyncRunner: {_named(asks)}."
    waits = [path for path, node in nodes if node.is_async and getattr(node, "graph", None) is None]
    if waits:
        return f"The graph has async nodes, which need AsyncRunner: {_named(waits)}."
    return _batch_nodes(nodes)


def _fits_daft(graph: Graph, nodes: list[tuple[str, Any]]) -> str | None:
    if importlib.util.find_spec("daft") is None:
        return "Daft is not installed for this interpreter: pip install 'hypergraph-studio[daft]'."
    if graph.has_cycles:
        return "The graph has a cycle; Daft runs only graphs without one."
    for what, found in (
        ("gates", [path for path, node in nodes if getattr(node, "is_gate", False)]),
        ("interrupts", [path for path, node in nodes if node.is_interrupt]),
        ("nodes with a runner of their own", [path for path, node in nodes if getattr(node, "runner_override", None) is not None]),
    ):
        if found:
            return f"Daft runs no {what}: {_named(found)}."
    return None
