"""Importing a target the same way everywhere, so that what the module host pickles a worker can open. Never called in the studio itself."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypergraph import Graph

__all__ = ["file_of", "graph_at", "import_target"]


def file_of(target: str) -> Path | None:
    """Give the file that a target names, or None when it names a module."""
    if target.endswith(".py") or "/" in target or "\\" in target:
        return Path(target).expanduser().absolute()
    return None


def import_target(target: str) -> ModuleType:
    """Import "/path/file.py" or "package.module". The root of a file's package becomes `sys.path[0]`.

    Raises:
        FileNotFoundError: there is no such file.
        Exception: whatever the module raises.
    """
    path = file_of(target)
    if path is None:
        sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(target)
    if path.is_dir():
        path = path / "__init__.py"
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    root, parts = path.parent, [path.stem] if path.stem != "__init__" else []
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    if sys.path[:1] != [str(root)]:
        sys.path.insert(0, str(root))
    name = ".".join(parts)
    if all(part.isidentifier() for part in parts) and name not in sys.modules:
        return importlib.import_module(name)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) and Path(str(loaded.__file__)).resolve() == path.resolve():
        return loaded
    return _import_file(path)


def _import_file(path: Path) -> ModuleType:
    # The name depends on the path alone: a pickle made in one process is opened in another.
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


def graph_at(graph_ref: str) -> Graph:
    """Import the graph that "target:attribute" names.

    Raises:
        LookupError: the module has no such graph.
        Exception: whatever the module raises.
    """
    from hypergraph import Graph

    target, _, attribute = graph_ref.rpartition(":")
    found = getattr(import_target(target), attribute, None)
    if not isinstance(found, Graph):
        raise LookupError(f"{target} has no graph {attribute!r}.")  # noqa: TRY004  # what is missing is the name
    return found
