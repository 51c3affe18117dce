"""Which classes stored objects may become again.

Code fills this registry, data never does: a name that is found in a store is looked up among what was registered and among modules
that are loaded already. Nothing is imported for it, and no module's `__getattr__` is asked.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Iterable
from typing import Any, get_args, get_origin

__all__ = ["TrustRegistry", "type_name"]


def type_name(kind: type) -> str:
    """Give the name under which objects of this class are stored: "module:Qualified.Name"."""
    return f"{kind.__module__}:{kind.__qualname__}"


class TrustRegistry:
    """Classes and modules that stored objects may be rebuilt from.

    Args:
        trust: classes, generic aliases of them (`list[Doc]`), modules, or names of modules.
    """

    def __init__(self, trust: Iterable[Any] = ()) -> None:
        self._types: dict[str, type] = {}
        self._modules: set[str] = set()
        self.add(trust)

    def add(self, things: Iterable[Any]) -> None:
        """Trust these classes (and those that their fields name), modules, or names of modules."""
        for thing in things:
            if isinstance(thing, types.ModuleType):
                self._modules.add(thing.__name__)
            elif isinstance(thing, str):
                self._modules.add(thing)
            else:
                self._add_annotation(thing)

    def _add_annotation(self, annotation: Any) -> None:
        if isinstance(annotation, type) and get_origin(annotation) is None:
            name = type_name(annotation)
            if annotation.__module__ == "builtins" or self._types.get(name) is annotation:
                return
            self._types[name] = annotation
            for inner in _field_types(annotation):
                self._add_annotation(inner)
            return
        origin = get_origin(annotation)
        if isinstance(origin, type):
            self._add_annotation(origin)
        for inner in get_args(annotation):
            self._add_annotation(inner)

    def find(self, name: str) -> type | None:
        """Give the trusted class that is stored as `name`, or None."""
        found = self._types.get(name)
        if found is not None:
            return found
        module_name, _, path = name.partition(":")
        if module_name not in self._modules:
            return None
        scope: Any = sys.modules.get(module_name)
        for part in path.split("."):
            scope = getattr(scope, "__dict__", {}).get(part)
            if scope is None:
                return None
        return scope if isinstance(scope, type) and type_name(scope) == name else None


def _field_types(kind: type) -> Iterable[Any]:
    """Give the annotations of a dataclass's or model's fields, where they can be resolved."""
    if not dataclasses.is_dataclass(kind) and not hasattr(kind, "__pydantic_fields__"):
        return ()
    import typing

    try:
        return tuple(typing.get_type_hints(kind).values())
    except Exception:  # annotations are user code; what cannot be resolved is not trusted
        return ()
