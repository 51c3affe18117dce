"""Importing a target, the same way in every child process. Never called in the studio's own process."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from studio.services.order import Target

if TYPE_CHECKING:
    from hypergraph import Graph

__all__ = ["graph_of", "load", "types_of"]


def load(target: Target) -> ModuleType:
    """Import the module that a target names; the root of its package becomes `sys.path[0]`.

    Raises:
        ImportError: it cannot be found.
        Exception: whatever the module raises.
    """
    if target.problem is not None:
        raise ImportError(target.problem)
    if sys.path[:1] != [target.root]:
        sys.path.insert(0, target.root)
    before = list(sys.path)
    try:
        return _load(target)
    finally:
        # A module may change the path as it likes; what is imported later still has to be found.
        sys.path += [entry for entry in before if entry not in sys.path]


def _load(target: Target) -> ModuleType:
    if target.module:
        found = sys.modules.get(target.module)
        if found is None:
            module = importlib.import_module(target.module)
            if target.file is None or _is_from(module, target.file):
                return module
        elif target.file is None or _is_from(found, target.file):
            return found
    if target.file is None:
        raise ImportError(f"{target.text!r} is neither a file nor a module's name.")
    return _load_file(Path(target.file))


def _is_from(module: ModuleType, file: str) -> bool:
    own = getattr(module, "__file__", None)
    return isinstance(own, str) and Path(own).resolve() == Path(file).resolve()


def _load_file(path: Path) -> ModuleType:
    # A file called json.py must not stand in for the module of that name, nor that for it.
    name = f"{path.stem.replace('-', '_')}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def graph_of(target: Target, name: str = "") -> Graph:
    """Import the graph that a target names: by its variable, else by the graph's own name.

    Raises:
        LookupError: the module has no such graph.
        Exception: whatever the module raises.
    """
    from hypergraph import Graph

    module = load(target)
    wanted = target.attribute or name
    found = vars(module).get(wanted)
    if isinstance(found, Graph):
        return found
    for value in vars(module).values():
        if isinstance(value, Graph) and value.name == name:
            return value
    raise LookupError(f"{target.text} has no graph {wanted!r}.")


def graphs_in(module: ModuleType, attribute: str | None = None) -> list[tuple[str, str, Graph]]:
    """Give (variable, name, graph) of every public module-level graph, each object once, names made unique.

    Those that are made of others come first, parts of others last, else in the order of the file: who opens a module wants the whole.

    Raises:
        LookupError: `attribute` was asked for and is no graph.
    """
    from hypergraph import Graph

    if attribute is not None:
        found = vars(module).get(attribute)
        if not isinstance(found, Graph):
            raise LookupError(f"{module.__name__} has no graph named {attribute!r}.")
        return [(attribute, found.name or attribute, found)]
    graphs: list[tuple[str, str, Graph]] = []
    seen: set[int] = set()
    names: set[str] = set()
    for variable, value in list(vars(module).items()):
        if variable.startswith("_") or not isinstance(value, Graph) or id(value) in seen:
            continue
        seen.add(id(value))
        name = value.name or variable
        if name in names:
            name = variable
        names.add(name)
        graphs.append((variable, name, value))
    inside = {part for _, _, graph in graphs for part in _parts(graph)}
    return sorted(graphs, key=lambda found: (_mark(found[2]) in inside, not any(_parts(found[2]))))


def _parts(graph: Graph) -> Iterator[object]:
    """Give the marks of all graphs inside a graph."""
    for node in graph.nodes.values():
        inner = getattr(node, "graph", None)
        if inner is not None:
            yield _mark(inner)
            yield from _parts(inner)


def _mark(graph: Graph) -> object:
    """Give what makes a graph the same as another one, also after it was bound or renamed as a node."""
    try:
        return graph.name, graph.structural_hash
    except Exception:  # what is wrong with one graph is told where it is described
        return id(graph)


def types_of(graph: Graph) -> set[Any]:
    """Give every annotation of a graph's nodes, nested ones included: a store may rebuild objects of these types."""
    found: set[Any] = set()
    for node in graph.nodes.values():
        inner = getattr(node, "graph", None)
        if inner is not None:
            found |= types_of(inner)
        for annotation in (*map(node.get_input_type, node.inputs), *map(node.get_output_type, node.data_outputs)):
            if annotation is None:
                continue
            try:
                found.add(annotation)
            except TypeError:
                # An annotation may hold a list, as in Literal[[1]]; nothing can be rebuilt from it.
                continue
    return found
