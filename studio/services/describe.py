"""In a child process: the shape of an annotation as data."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import os
import pathlib
import re
import types
import typing
import uuid
from typing import Any, Final

from studio.model.type_spec import FieldSpec, TypeSpec

__all__ = ["NOTHING", "choice_text", "is_checked", "members_of", "record_fields", "spec_of", "unwrapped"]

NOTHING: Final = object()
"""Stands for an annotation that is not there."""

_SCALARS: Final[dict[Any, str]] = {
    bool: "bool", int: "int", float: "float", str: "str", bytes: "bytes", dt.date: "date", dt.datetime: "datetime", dt.time: "time",
    dt.timedelta: "timedelta", decimal.Decimal: "decimal", uuid.UUID: "uuid", pathlib.Path: "path", pathlib.PurePath: "path",
    complex: "complex", fractions.Fraction: "fraction", bytearray: "bytearray", re.Pattern: "pattern", os.PathLike: "path",
}  # fmt: skip
_LISTS: Final = frozenset({
    list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, collections.abc.MutableSequence,
    collections.abc.Iterator, collections.deque,
})  # fmt: skip
_SETS: Final = frozenset({set, frozenset, collections.abc.Set, collections.abc.MutableSet})
_DICTS: Final = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
_LIMITS: Final = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of")
_BASES: Final = (bool, int, float, complex, str, bytes, pathlib.PurePath, decimal.Decimal, dt.datetime, dt.date, dt.time)
_FILES: Final = {
    "numpy.ndarray": "array", "pandas.DataFrame": "table", "pandas.Series": "table", "polars.DataFrame": "table",
    "polars.Series": "table", "polars.LazyFrame": "table", "pyarrow.Table": "table", "pyarrow.lib.Table": "table",
    "pandas.core.frame.DataFrame": "table", "pandas.core.series.Series": "table", "polars.dataframe.frame.DataFrame": "table",
    "polars.series.series.Series": "table", "polars.lazyframe.frame.LazyFrame": "table",
}  # fmt: skip
_MADE: Final = frozenset({
    "IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface", "ZoneInfo", "SecretStr", "SecretBytes",
})  # fmt: skip
_MARKS: Final = frozenset({typing.Required, typing.NotRequired, typing.Final, typing.ClassVar})
_DEEPEST: Final = 8


def spec_of(annotation: Any, label: str | None = None, depth: int = 0) -> TypeSpec:
    """Give the shape of an annotation.

    Args:
        annotation: a type, a generic, `NOTHING`.
        label: how it is called; None for a name made from it.
        depth: how deep it stands inside another one.
    """
    if annotation is NOTHING or annotation is Any or depth > _DEEPEST:
        return TypeSpec("any", label or "any")
    inner, limits = unwrapped(annotation)
    label = label or label_of(annotation)
    choices = [one for one in members_of(inner) if one is not type(None)]
    if choices and len(choices) < len(members_of(inner)):
        found = spec_of(choices[0] if len(choices) == 1 else typing.Union[tuple(choices)], None, depth)  # noqa: UP007  # built at run time
        return dataclasses.replace(found, label=label, nullable=True, constraints={**found.constraints, **limits})
    if choices:
        return TypeSpec("union", label, members=tuple(spec_of(one, None, depth + 1) for one in choices))
    found = _plain(inner, label, depth)
    return dataclasses.replace(found, constraints={**found.constraints, **limits}) if limits else found


def _plain(annotation: Any, label: str, depth: int) -> TypeSpec:
    if annotation is None or annotation is type(None):
        return TypeSpec("any", "None", nullable=True)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if (origin or annotation) in _hashable(_SCALARS, origin or annotation):
        return TypeSpec(_SCALARS[origin or annotation], label)
    if origin is typing.Literal:
        return TypeSpec("literal", label, tuple(choice_text(one, args) for one in args if one is not None), nullable=None in args)
    bare = origin or annotation
    if bare in _hashable(_LISTS, bare):
        home = _home(bare) if bare is collections.deque else ""
        return TypeSpec("list", label, members=tuple(spec_of(one, None, depth + 1) for one in args[:1]), cls=home)
    if bare in _hashable(_SETS, bare):
        return TypeSpec("set", label, members=tuple(spec_of(one, None, depth + 1) for one in args[:1]))
    if bare in _hashable(_DICTS, bare):
        return TypeSpec("dict", label, members=tuple(spec_of(one, None, depth + 1) for one in args[:2]))
    if bare is tuple:
        variadic = len(args) == 2 and args[1] is Ellipsis
        members = tuple(spec_of(one, None, depth + 1) for one in (args[:1] if variadic else args))
        return TypeSpec("tuple", label, members=members, constraints={"variadic": True} if variadic else {})
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        flags = {"flags": True} if issubclass(annotation, enum.Flag) else {}
        return TypeSpec("enum", label, tuple(annotation.__members__), constraints=flags, cls=_home(annotation))
    fields = record_fields(bare)
    if fields is not None:
        return TypeSpec(
            "record",
            label,
            fields=tuple(FieldSpec(name, spec_of(kind, None, depth + 1), required) for name, kind, required in fields),
            constraints={"extra": True} if dict(getattr(bare, "model_config", None) or {}).get("extra") == "allow" else {},
            cls=_home(bare),
        )
    if bare in {collections.abc.Callable, type}:
        return TypeSpec("object", label)
    if isinstance(bare, type) and bare not in (object, Any):
        return _of_class(bare, label)
    return TypeSpec("any", label)


def _of_class(kind: type, label: str) -> TypeSpec:
    """Give the shape of a class that is neither plain nor a record."""
    home = _home(kind)
    if home.replace(":", ".") in _FILES:
        return TypeSpec(_FILES[home.replace(":", ".")], label, cls=home)
    base = next((base for base in _BASES if issubclass(kind, base)), None) or _number_of(kind)
    if base is not None:
        return TypeSpec(_SCALARS[base], label, cls=home)
    if kind.__name__ in _MADE or is_checked(kind) or any(base.__name__ in {"datetime64", "timedelta64"} for base in kind.__mro__):
        return TypeSpec("made", label, cls=home)
    return TypeSpec("object", label, cls=home)


def _number_of(kind: type) -> type | None:
    """Give the plain type that a numpy number is like."""
    names = {base.__name__ for base in kind.__mro__ if base.__module__ == "numpy"}
    return next((plain for name, plain in (("integer", int), ("floating", float), ("bool_", bool), ("bool", bool)) if name in names), None)


def is_checked(kind: type) -> bool:
    """Tell whether pydantic knows how to make a class from plain data, as it does for its URLs."""
    return hasattr(kind, "__get_pydantic_core_schema__")


def _home(kind: type) -> str:
    """Give where a class is imported from; "" where no import reaches it."""
    return "" if "<locals>" in kind.__qualname__ else f"{kind.__module__}:{kind.__qualname__}"


def _hashable(known: Any, annotation: Any) -> Any:
    try:
        hash(annotation)
    except TypeError:
        return ()
    return known


def unwrapped(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """Give an annotation without Annotated, NewType and the like, and the bounds that stood there."""
    limits: dict[str, Any] = {}
    for _ in range(_DEEPEST):
        if typing.get_origin(annotation) is typing.Annotated:
            for extra in annotation.__metadata__:
                limits.update(_limits(extra))
            annotation = annotation.__origin__
        elif typing.get_origin(annotation) in _MARKS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__ if annotation.__bound__ is not None else Any
        elif hasattr(annotation, "__value__") and type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            break
    return (Any if isinstance(annotation, (str, typing.ForwardRef)) else annotation), limits


def _limits(extra: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in (extra, *(getattr(extra, "metadata", ()) or ())):
        found.update({name: value for name in _LIMITS if isinstance(value := getattr(one, name, None), (int, float))})
        if isinstance(pattern := getattr(one, "pattern", None), str):
            found["pattern"] = pattern
    return found


def members_of(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union, () for anything else."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return ()


def record_fields(annotation: Any) -> list[tuple[str, Any, bool]] | None:
    """Give (name, annotation, required) of a dataclass, a pydantic model, a named tuple or a typed dict; None for anything else."""
    if not isinstance(annotation, type):
        return None
    model = getattr(annotation, "model_fields", None)
    if isinstance(model, dict) and hasattr(annotation, "model_validate"):
        return [(_alias(one) or name, _with_limits(one), bool(one.is_required())) for name, one in model.items()]
    attributes = getattr(annotation, "__attrs_attrs__", None)
    if attributes is not None:
        return [(one.alias or one.name, one.type or Any, getattr(one.default, "name", "") == "NOTHING") for one in attributes if one.init]
    try:
        hints = typing.get_type_hints(annotation, include_extras=True)
    except Exception:
        hints = dict(getattr(annotation, "__annotations__", {}))
    if dataclasses.is_dataclass(annotation):
        return [
            (one.name, hints.get(one.name, Any), one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING)
            for one in dataclasses.fields(annotation)
            if one.init
        ]
    if typing.is_typeddict(annotation):
        required: frozenset[str] = getattr(annotation, "__required_keys__", frozenset())
        return [(name, kind, name in required) for name, kind in hints.items()]
    if issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        defaults = getattr(annotation, "_field_defaults", {})
        return [(name, hints.get(name, Any), name not in defaults) for name in annotation._fields]
    return None


def _alias(model_field: Any) -> str | None:
    """Give the name under which a model takes a field, where that is another one."""
    name = model_field.validation_alias or model_field.alias
    return name if isinstance(name, str) else None


def _with_limits(model_field: Any) -> Any:
    return typing.Annotated[model_field.annotation, model_field] if model_field.metadata else model_field.annotation


def choice_text(value: Any, among: typing.Sequence[Any]) -> str:
    """Give the text that stands for a literal: the bare word where all of them are words."""
    return value if isinstance(value, str) and all(isinstance(one, str) or one is None for one in among) else repr(value)


def label_of(annotation: Any) -> str:
    """Give an annotation as a reader writes it, without module names."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    if typing.get_origin(annotation) is typing.Annotated:
        return label_of(annotation.__origin__)
    members = members_of(annotation)
    if members:
        return " | ".join("None" if one is type(None) else label_of(one) for one in members)
    if isinstance(annotation, list):
        return f"[{', '.join(label_of(one) for one in annotation)}]"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return f"Literal[{', '.join(repr(one) for one in args)}]"
    if origin is not None:
        inner = ", ".join("..." if one is Ellipsis else label_of(one) for one in args)
        return f"{getattr(origin, '__name__', str(origin))}[{inner}]" if inner else str(getattr(origin, "__name__", origin))
    return str(getattr(annotation, "__name__", annotation)).removeprefix("typing.")
