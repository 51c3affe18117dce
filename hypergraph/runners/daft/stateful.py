"""Objects that are slow to make: marked classes are built once per worker."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from hypergraph._text import fix

__all__ = ["DaftStateful", "stateful"]

C = TypeVar("C", bound=type[Any])


@runtime_checkable
class DaftStateful(Protocol):
    """What a class marked with `@stateful` fulfils."""

    __daft_stateful__: ClassVar[bool]


def stateful(cls: C) -> C:
    """Mark a class whose objects are slow to make: Daft builds one per worker, and every row that it works on uses it.

    Bind an object of it to an input of the graph; on a worker a new one is built in its place by calling the class without arguments.

    Args:
        cls: a class that can be constructed without arguments.

    Raises:
        TypeError: the constructor needs arguments.
    """
    needed = _needed(cls)
    if needed:
        raise TypeError(
            f"@stateful class {cls.__name__!r} needs zero-arg construction, because Daft builds it again on each worker;"
            f" its constructor requires: {', '.join(needed)}."
            + fix("Give every constructor parameter a default", "Or read settings inside __init__, from the environment or a file")
        )
    cls.__daft_stateful__ = True
    return cls


def _needed(cls: type[Any]) -> list[str]:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):  # some C classes have no signature; what they need shows when they are built
        return []
    spread = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is inspect.Parameter.empty and one.kind not in spread]
