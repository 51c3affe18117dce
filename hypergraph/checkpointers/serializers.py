"""How values become bytes: the protocol, plain JSON, and pickle for those who ask for it.

The default is `TaggedSerializer`, in `tagged.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hypergraph._text import fix
from hypergraph.exceptions import SerializationError

__all__ = ["JsonSerializer", "Opaque", "PickleSerializer", "Serializer", "Unstorable"]


@runtime_checkable
class Serializer(Protocol):
    """Turns one value into bytes and back."""

    def serialize(self, value: Any) -> bytes:
        """Give the stored form of `value`; raises TypeError (or SerializationError) when it has none."""
        ...

    def deserialize(self, data: bytes) -> Any:
        """Give the value that `data` is the stored form of."""
        ...


@dataclass(frozen=True, slots=True, eq=True)
class Opaque:
    """Stands for a stored object whose class is not trusted here, or whose form cannot be read safely.

    Attributes:
        type_name: "module:QualifiedName" of the class, as it was stored.
        fields: the object's content by field name; empty where it cannot be read.
        tag: how it was stored, so that it can be stored again unchanged.
    """

    type_name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    tag: str = field(default="$object", repr=False)

    if not TYPE_CHECKING:
        # Hidden from the type checker, which would take any name for an attribute then.

        def __getattr__(self, name: str) -> Any:
            # Comes here only for what a stand-in has not.
            if name.startswith("__") or name in self.__slots__:
                raise AttributeError(name)
            raise AttributeError(
                f"{name!r} of a stored {self.type_name!r}, which was read before its class was trusted."
                + fix(
                    "Before reading, name the class: store.trust([TheClass])",
                    "To fork, pass fork_from=: the run then reads it itself, and trusts the classes of its graph",
                )
            )

    def __hash__(self) -> int:
        # Fields may be unhashable; an opaque member of a set must not spoil the set.
        return hash(self.type_name)


class Unstorable(Exception):  # noqa: N818  it never leaves this package
    """A value has no stored form; `path` is filled from the inside out while it travels up."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []

    def where(self) -> str:
        """Give the place inside the value, as Python would write it: `['docs'][3].client`."""
        return "".join(reversed(self.path))


class JsonSerializer:
    """Plain JSON.

    Args:
        lossy: store whatever JSON does not know as its `str()`; it does not come back equal.
    """

    def __init__(self, *, lossy: bool = False) -> None:
        self.lossy = lossy

    def serialize(self, value: Any) -> bytes:
        """Give `value` as JSON text in UTF-8.

        Raises:
            SerializationError: (a TypeError) JSON does not know such a value.
        """
        try:
            return json.dumps(value, default=str if self.lossy else None, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise SerializationError(
                f"{type(value).__name__} value is not plain JSON: {error}."
                + fix("Use the default serializer, which knows more types", "Or JsonSerializer(lossy=True), which stores str(value)")
            ) from error

    def deserialize(self, data: bytes) -> Any:
        """Give the value of a JSON text; None for no bytes at all."""
        return json.loads(data) if data else None


class PickleSerializer:
    """Pickle: knows nearly every value, and runs whatever code the data names when it is read.

    Args:
        allow_pickle: has to be True: whoever can write the store can run code in every process that reads it.

    Raises:
        ValueError: `allow_pickle` was not given.
    """

    def __init__(self, *, allow_pickle: bool = False) -> None:
        if not allow_pickle:
            raise ValueError(
                "PickleSerializer runs code from the store when it reads it, so it has to be asked for: pass allow_pickle=True."
                + fix("Use the default serializer for stores that others can write", "Or PickleSerializer(allow_pickle=True)")
            )
        self.allow_pickle = True

    def serialize(self, value: Any) -> bytes:
        """Give `value` as a pickle.

        Raises:
            SerializationError: it cannot be pickled.
        """
        import pickle

        try:
            return pickle.dumps(value, protocol=5)
        except Exception as error:  # __reduce__ is user code
            raise SerializationError(
                f"{type(value).__name__} value cannot be pickled: {error}." + fix("Return something that can be stored")
            ) from error

    def deserialize(self, data: bytes) -> Any:
        """Give the pickled value; this runs the code that the data names."""
        import pickle

        return pickle.loads(data)  # noqa: S301  asked for by allow_pickle=True
