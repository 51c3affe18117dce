"""The tags: how each type that JSON does not know is written, and read again."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hypergraph.checkpointers.serializers import Opaque, Unstorable
from hypergraph.checkpointers.trust import type_name

if TYPE_CHECKING:
    from hypergraph.checkpointers.tagged import TaggedSerializer

__all__ = ["DECODERS", "encode_special"]

_FACTORIES: dict[str, Callable[[], Any]] = {kind.__name__: kind for kind in (list, dict, set, int, float, str, bool, tuple)}
_TABLE_LIBRARIES = frozenset({"numpy", "pandas", "pyarrow", "polars"})
_BUILTIN_STORAGE = (dict, list, set, frozenset, tuple, str, bytes, bytearray, int, float, complex, BaseException, type)


def encode_special(serializer: TaggedSerializer, value: Any, depth: int) -> Any:
    """Give the tagged tree of a value that JSON does not know.

    Raises:
        Unstorable: there is none.
    """
    kind = type(value)
    encoder = _ENCODERS.get(kind)
    if encoder is not None:
        return encoder(serializer, value, depth)
    if isinstance(value, enum.Enum):
        return _encode_enum(serializer, value, depth)
    if kind.__module__.partition(".")[0] in _TABLE_LIBRARIES:
        from hypergraph.checkpointers.arrays import encode_table

        return encode_table(serializer, value, depth)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"$namedtuple": [_named(kind), serializer.members(_fields_of_tuple(value), depth)]}
    if hasattr(kind, "__pydantic_fields__") and not dataclasses.is_dataclass(kind):
        return _encode_model(serializer, value, depth)
    if dataclasses.is_dataclass(kind):
        return _encode_dataclass(serializer, value, depth)
    raise Unstorable(f"{type_name(kind)} has no stored form")


def _named(kind: type) -> str:
    return type_name(kind)


def _fields_of_tuple(value: Any) -> dict[str, Any]:
    if len(value._fields) != len(value):
        raise Unstorable(f"{type_name(type(value))} has more items than fields")
    return dict(zip(value._fields, value, strict=True))


def _b64(data: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: Any) -> bytes:
    return base64.b64decode(text, validate=True)


# -- collections


def _encode_list(tag: str) -> Callable[[TaggedSerializer, Any, int], Any]:
    return lambda serializer, value, depth: {tag: serializer.tree(list(value), depth)}


def _encode_set(tag: str) -> Callable[[TaggedSerializer, Any, int], Any]:
    # Sorted, so that equal sets have one stored form in every process.
    def encode(serializer: TaggedSerializer, value: Any, depth: int) -> Any:
        return {tag: sorted((serializer.tree(item, depth) for item in value), key=_sort_key)}

    return encode


def _sort_key(tree: Any) -> str:
    return json.dumps(tree, sort_keys=True)


def _encode_defaultdict(serializer: TaggedSerializer, value: defaultdict[Any, Any], depth: int) -> Any:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        raise Unstorable("defaultdict with a factory of its own")
    return {"$defaultdict": [name, serializer.pairs(value, depth)]}


def _decode_defaultdict(_: TaggedSerializer, content: Any) -> Any:
    name, pairs = content
    return defaultdict(None if name is None else _FACTORIES[name], map(tuple, pairs))


def _decode_deque(_: TaggedSerializer, content: Any) -> Any:
    items, maxlen = content
    return deque(items, maxlen)


# -- dates and times


def _zone(value: dt.datetime | dt.time) -> Any:
    zone = value.tzinfo
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        return [offset.days, offset.seconds, offset.microseconds]
    key = getattr(zone, "key", None)
    if type(zone).__module__.startswith("zoneinfo") and isinstance(key, str):
        return key
    raise Unstorable(f"time zone {type(zone).__name__} has no stored form")


def _unzone(content: Any) -> dt.tzinfo | None:
    if content is None:
        return None
    if isinstance(content, str):
        import zoneinfo

        return zoneinfo.ZoneInfo(content)
    offset = dt.timedelta(*content)
    return dt.UTC if not offset else dt.timezone(offset)


def _encode_moment(tag: str) -> Callable[[TaggedSerializer, Any, int], Any]:
    def encode(_: TaggedSerializer, value: Any, __: int) -> Any:
        return {tag: [value.replace(tzinfo=None, fold=0).isoformat(), _zone(value), value.fold]}

    return encode


def _decode_moment(kind: type[dt.datetime | dt.time]) -> Callable[[TaggedSerializer, Any], Any]:
    def decode(_: TaggedSerializer, content: Any) -> Any:
        text, zone, fold = content
        return kind.fromisoformat(text).replace(tzinfo=_unzone(zone), fold=fold)

    return decode


# -- classes


def _encode_enum(serializer: TaggedSerializer, value: enum.Enum, depth: int) -> Any:
    kind = type(value)
    # A flag may be a combination without a name of its own.
    content = {"value": value.value} if isinstance(value, enum.Flag) else {"name": value.name}
    return {"$enum": [_named(kind), serializer.members(content, depth)]}


def _decode_enum(serializer: TaggedSerializer, content: Any) -> Any:
    name, fields = content
    kind = serializer.registry.find(name)
    if kind is None or not issubclass(kind, enum.Enum):
        return Opaque(str(name), dict(fields), "$enum")
    return kind(fields["value"]) if issubclass(kind, enum.Flag) else kind.__members__[fields["name"]]


def _encode_dataclass(serializer: TaggedSerializer, value: Any, depth: int) -> Any:
    kind = type(value)
    if isinstance(value, _BUILTIN_STORAGE):
        raise Unstorable(f"{type_name(kind)} is both a dataclass and a {kind.__mro__[-2].__name__}")
    content = dict(getattr(value, "__dict__", {}))
    for item in dataclasses.fields(kind):
        try:
            content[item.name] = getattr(value, item.name)
        except AttributeError:
            raise Unstorable(f"{type_name(kind)} has no {item.name!r}") from None
    return {"$object": [_named(kind), _object_members(serializer, content, depth)]}


def _object_members(serializer: TaggedSerializer, content: Mapping[str, Any], depth: int) -> Any:
    try:
        return list(map(list, serializer.members(content, depth).items()))
    except Unstorable as error:
        # As an attribute, not as a key: members() has written "['name']".
        error.path[-1] = "." + error.path[-1][2:-2]
        raise


def _decode_dataclass(serializer: TaggedSerializer, content: Any) -> Any:
    name, pairs = content
    fields = dict(map(tuple, pairs))
    kind = serializer.registry.find(name)
    if kind is None or not dataclasses.is_dataclass(kind) or issubclass(kind, _BUILTIN_STORAGE):
        return Opaque(str(name), fields)
    # Not through __init__: what was stored is the finished object, and __post_init__ has done its work.
    made = object.__new__(kind)
    for key, item in fields.items():
        object.__setattr__(made, key, item)
    return made


def _encode_model(serializer: TaggedSerializer, value: Any, depth: int) -> Any:
    if isinstance(value, _BUILTIN_STORAGE):
        raise Unstorable(f"{type_name(type(value))} is both a model and a built-in")
    state = {
        "fields": _object_members(serializer, value.__dict__, depth),
        "set": sorted(value.__pydantic_fields_set__),
        "extra": None if value.__pydantic_extra__ is None else _object_members(serializer, value.__pydantic_extra__, depth),
        "private": None if value.__pydantic_private__ is None else _object_members(serializer, value.__pydantic_private__, depth),
    }
    return {"$model": [_named(type(value)), state]}


def _decode_model(serializer: TaggedSerializer, content: Any) -> Any:
    name, state = content
    parts = {part: None if state[part] is None else dict(map(tuple, state[part])) for part in ("fields", "extra", "private")}
    kind = serializer.registry.find(name)
    if kind is None or not hasattr(kind, "__pydantic_fields__"):
        return Opaque(str(name), parts["fields"] or {}, "$model")
    made: Any = object.__new__(kind)
    # Pydantic's own way of rebuilding what was validated before.
    made.__setstate__(
        {
            "__dict__": parts["fields"],
            "__pydantic_fields_set__": set(state["set"]),
            "__pydantic_extra__": parts["extra"],
            "__pydantic_private__": parts["private"],
        }
    )
    return made


def _decode_namedtuple(serializer: TaggedSerializer, content: Any) -> Any:
    name, fields = content
    kind = serializer.registry.find(name)
    if kind is None or not issubclass(kind, tuple) or getattr(kind, "_fields", None) != tuple(fields):
        return Opaque(str(name), dict(fields), "$namedtuple")
    return tuple.__new__(kind, fields.values())


def _encode_opaque(serializer: TaggedSerializer, value: Opaque, depth: int) -> Any:
    if value.tag in ("$enum", "$namedtuple"):
        return {value.tag: [value.type_name, serializer.members(value.fields, depth)]}
    if value.tag == "$object":
        return {"$object": [value.type_name, _object_members(serializer, value.fields, depth)]}
    raise Unstorable(f"an unread {value.type_name} cannot be stored again")


def _encode_path(_: TaggedSerializer, value: pathlib.PurePath, __: int) -> Any:
    return {"$path": [type(value).__name__, str(value)]}


_PATHS = {kind.__name__: kind for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath)}


def _decode_path(_: TaggedSerializer, content: Any) -> Any:
    name, text = content
    foreign = "PosixPath" if sys.platform == "win32" else "WindowsPath"
    return _PATHS["Pure" + name if name == foreign else name](text)


def _decode_table(serializer: TaggedSerializer, content: Any) -> Any:
    from hypergraph.checkpointers.arrays import decode_table

    return decode_table(serializer, content)


_ENCODERS: dict[type, Callable[[Any, Any, int], Any]] = {
    tuple: _encode_list("$tuple"),
    set: _encode_set("$set"),
    frozenset: _encode_set("$frozenset"),
    bytes: lambda _, value, __: {"$bytes": _b64(value)},
    bytearray: lambda _, value, __: {"$bytearray": _b64(value)},
    complex: lambda serializer, value, depth: {"$complex": serializer.tree([value.real, value.imag], depth)},
    range: lambda _, value, __: {"$range": [value.start, value.stop, value.step]},
    deque: lambda serializer, value, depth: {"$deque": [serializer.tree(list(value), depth), value.maxlen]},
    OrderedDict: lambda serializer, value, depth: {"$ordered": serializer.pairs(value, depth)},
    Counter: lambda serializer, value, depth: {"$counter": serializer.pairs(value, depth)},
    defaultdict: _encode_defaultdict,
    dt.datetime: _encode_moment("$datetime"),
    dt.time: _encode_moment("$time"),
    dt.date: lambda _, value, __: {"$date": value.isoformat()},
    dt.timedelta: lambda _, value, __: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    decimal.Decimal: lambda _, value, __: {"$decimal": str(value)},
    uuid.UUID: lambda _, value, __: {"$uuid": value.hex},
    Opaque: _encode_opaque,
    **dict.fromkeys(_PATHS.values(), _encode_path),
}

DECODERS: dict[str, Callable[[Any, Any], Any]] = {
    "$map": lambda _, content: dict(map(tuple, content)),
    "$tuple": lambda _, content: tuple(content),
    "$set": lambda _, content: set(content),
    "$frozenset": lambda _, content: frozenset(content),
    "$bytes": lambda _, content: _unb64(content),
    "$bytearray": lambda _, content: bytearray(_unb64(content)),
    "$complex": lambda _, content: complex(*content),
    "$range": lambda _, content: range(*content),
    "$deque": _decode_deque,
    "$ordered": lambda _, content: OrderedDict(map(tuple, content)),
    "$counter": lambda _, content: Counter(dict(map(tuple, content))),
    "$defaultdict": _decode_defaultdict,
    "$datetime": _decode_moment(dt.datetime),
    "$time": _decode_moment(dt.time),
    "$date": lambda _, content: dt.date.fromisoformat(content),
    "$timedelta": lambda _, content: dt.timedelta(*content),
    "$decimal": lambda _, content: decimal.Decimal(content),
    "$uuid": lambda _, content: uuid.UUID(hex=content),
    "$float": lambda _, content: float(content),
    "$int": lambda _, content: int(content, 16),
    "$path": _decode_path,
    "$enum": _decode_enum,
    "$object": _decode_dataclass,
    "$model": _decode_model,
    "$namedtuple": _decode_namedtuple,
    "$table": _decode_table,
}
