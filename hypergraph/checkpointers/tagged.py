"""The default stored form: JSON in which what JSON does not know stands under a tag, `{"$tuple": [1, 2]}`.

A value comes back equal, or it is refused when it is saved. Reading never imports or runs foreign code: classes come from a registry
that code fills, and what is not found there reads as `Opaque`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers.serializers import Opaque, Unstorable
from hypergraph.checkpointers.trust import TrustRegistry
from hypergraph.exceptions import SerializationError

__all__ = ["TaggedSerializer"]

# Deeper nesting is refused on writing, so that what was written can be read from any depth of the stack.
MAX_DEPTH = 200
# Longer integers have no decimal text in Python (sys.int_info.str_digits_check_threshold and its default limit).
_LONG_INT_BITS = 8192
_PLAIN = frozenset({str, int, float, bool, NoneType})
_TEXT_KEYS = frozenset({str})

_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


class TaggedSerializer:
    """Safe, exact JSON.

    Knows None, bool, int, float, str, list, dict, tuple, set, frozenset, bytes, dates and times, Decimal, UUID, Enum, Path, complex,
    numpy arrays and scalars, pandas, pyarrow and polars tables, dataclasses, named tuples and pydantic models.

    Args:
        trust: classes or modules whose objects may be rebuilt; a run adds what its graph's annotations name. Objects of other classes
            read as `Opaque`.
    """

    def __init__(self, trust: Iterable[Any] = ()) -> None:
        self.registry = TrustRegistry(trust)

    def trust(self, things: Iterable[Any]) -> None:
        """Trust these classes or modules from now on."""
        self.registry.add(things)

    def serialize(self, value: Any) -> bytes:
        """Give the stored form of `value`.

        Raises:
            SerializationError: it has none, or would not come back equal; the message names the place inside it.
        """
        try:
            return self.encode(value)
        except Unstorable as error:
            where = error.where()
            raise SerializationError(
                f"{type(value).__name__} value cannot be stored{f' (at {where})' if where else ''}: {error.reason}."
                + fix("Return plain data, a dataclass or a pydantic model", "Or pass a serializer that knows this type")
            ) from None

    def encode(self, value: Any) -> bytes:
        """As `serialize`, but let the bare `Unstorable` through."""
        try:
            text = _encode_json(self.tree(value, 0))
        except ValueError:
            # A number that JSON has no text for: infinite, not a number, or too long. Rare, so it is looked for only now.
            text = _encode_json(_tag_numbers(self.tree(value, 0)))
        except RecursionError:
            raise Unstorable("it is nested too deeply") from None
        return text.encode("utf-8", "surrogatepass")

    def tree(self, value: Any, depth: int) -> Any:
        """Give `value` as a tree that JSON knows."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if depth > MAX_DEPTH:
            raise Unstorable(f"it is nested more than {MAX_DEPTH} levels deep, or contains itself")
        if kind is list:
            return value if _PLAIN.issuperset(map(type, value)) else self._items(value, depth)
        if kind is dict:
            return self._dict(value, depth)
        from hypergraph.checkpointers.tags import encode_special

        return encode_special(self, value, depth + 1)

    def _items(self, values: Iterable[Any], depth: int) -> list[Any]:
        found: list[Any] = []
        try:
            # An append each: where one fails, those before it tell its place.
            for item in values:
                found.append(self.tree(item, depth + 1))
        except Unstorable as error:
            error.path.append(f"[{len(found)}]")
            raise
        return found

    def _dict(self, value: Mapping[Any, Any], depth: int) -> Any:
        if not _TEXT_KEYS.issuperset(map(type, value)) or (len(value) == 1 and next(iter(value)).startswith("$")):
            return {"$map": self.pairs(value, depth)}
        if _PLAIN.issuperset(map(type, value.values())):
            return value
        return self.members(value, depth)

    def members(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Give a mapping with text keys as a tree; its caller has made sure that it cannot be taken for a tag."""
        found = {}
        name = ""
        try:
            for name, item in value.items():
                found[name] = self.tree(item, depth + 1)
        except Unstorable as error:
            error.path.append(f"[{name!r}]")
            raise
        return found

    def pairs(self, value: Mapping[Any, Any], depth: int) -> list[list[Any]]:
        """Give a mapping as a list of pairs."""
        found = []
        key = None
        try:
            for key, item in value.items():
                found.append([self.tree(key, depth + 1), self.tree(item, depth + 1)])
        except Unstorable as error:
            error.path.append(f"[{_key_text(key)}]")
            raise
        return found

    def deserialize(self, data: bytes) -> Any:
        """Give the value that `data` is the stored form of; a pickle reads as `Opaque`, unopened.

        Raises:
            SerializationError: the data is damaged.
        """
        if not data:
            return None
        if data[0] == 0x80:
            return Opaque("pickle", {"size": len(data)})
        try:
            text = data.decode("utf-8", "surrogatepass")
            return json.loads(text, object_hook=self._revive) if '"$' in text else json.loads(text)
        except Exception as error:  # hostile data may fail in any of the constructors
            raise SerializationError(
                f"Stored value cannot be read: {type(error).__name__}: {error}." + fix("It is damaged, or another serializer wrote it")
            ) from error

    def _revive(self, found: dict[str, Any]) -> Any:
        if len(found) == 1:
            (key,) = found
            if key.startswith("$"):
                from hypergraph.checkpointers.tags import DECODERS

                decoder: Callable[[TaggedSerializer, Any], Any] | None = DECODERS.get(key)
                if decoder is not None:
                    return decoder(self, found[key])
        return found


def _key_text(key: Any) -> str:
    try:
        return repr(key)
    except Exception:  # a key's repr is user code
        return f"<{type(key).__name__}>"


def _tag_numbers(tree: Any) -> Any:
    kind = type(tree)
    if kind is float and not math.isfinite(tree):
        return {"$float": repr(tree)}
    if kind is int and tree.bit_length() > _LONG_INT_BITS:
        return {"$int": hex(tree)}
    if kind is list:
        return [_tag_numbers(item) for item in tree]
    if kind is dict:
        return {key: _tag_numbers(item) for key, item in tree.items()}
    return tree
