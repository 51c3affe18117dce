"""From the text in a field to a plain value, and back: checked against the type's shape, without the type.

Values are written as in Python or JSON. A field for text takes what is typed as it is; lists of simple things may be written with commas
or line breaks alone. What is read here is plain data; a worker builds the real objects from it.
"""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from studio.model.type_spec import TypeSpec

__all__ = ["FormError", "check", "fit", "items_of", "read", "text_of"]

_SIMPLE: Final = frozenset({"int", "float", "str", "bool", "path", "date", "datetime", "decimal", "uuid", "literal", "enum"})
_BARE: Final = frozenset({"str", "path", "date", "datetime", "time", "decimal", "uuid", "timedelta", "enum", "bytes"})
_YES: Final = frozenset({"true", "yes", "y", "1", "on"})
_NO: Final = frozenset({"false", "no", "n", "0", "off"})
_LONGEST: Final = 4 << 20
_DEEPEST: Final = 60
_DURATION: Final = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+(?:\.\d+)?)\s*s)?")


class FormError(ValueError):
    """A text, or a value, does not fit; the message is a short sentence without a name, to stand beside the field."""


def check(spec: TypeSpec, text: str) -> str | None:
    """Give what is wrong with a text, None when nothing is."""
    try:
        read(spec, text)
    except FormError as error:
        return str(error)
    return None


def read(spec: TypeSpec, text: str) -> Any:
    """Read a text as a value of this shape.

    Args:
        spec: what is taken.
        text: what stands in the field.

    Raises:
        FormError: it does not fit.
    """
    if len(text) > _LONGEST:
        raise FormError(f"more than {_LONGEST >> 20} MB of text; let a node read it from a file instead")
    bare = text.strip()
    if spec.nullable and bare in {"None", "null"}:
        return None
    if spec.kind == "str":
        value: Any = "" if bare in {'""', "''"} else text
        return _bounded(spec, value)
    if spec.kind in _BARE or spec.kind in {"literal", "bool", "int", "float"}:
        return _bounded(spec, _scalar(spec, bare))
    if spec.kind == "object":
        raise FormError(f"a {spec.label} is made by Python code and cannot be typed here")
    if spec.kind in {"list", "set", "tuple"} and (plain := _separated(spec, bare)) is not None:
        return _fit(spec, plain, 0)
    if spec.kind == "any":
        found, value = _literal(bare)
        return value if found else text
    if spec.kind == "union":
        return _union(spec, text)
    found, value = _literal(bare)
    if not found:
        raise FormError(f"not a {spec.label}: write it as in Python or JSON")
    return _fit(spec, value, 0)


def fit(spec: TypeSpec, value: Any) -> Any:
    """Give a plain value as a shape has it.

    Raises:
        FormError: it does not fit.
    """
    return _fit(spec, value, 0)


def items_of(spec: TypeSpec, text: str) -> int | None:
    """Give how many runs a text makes when it is mapped over; None where it does not fit."""
    try:
        value = read(spec.listed(), text)
    except FormError:
        return None
    return len(value)


def text_of(spec: TypeSpec, value: Any) -> str:
    """Give the text that reads back as a plain value."""
    if isinstance(value, str) and spec.kind in {*_BARE, "literal", "union", "any"} and not (spec.kind == "any" and _literal(value)[0]):
        return value or '""'
    return repr(value)


def _literal(text: str) -> tuple[bool, Any]:
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return True, ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False, None


def _separated(spec: TypeSpec, text: str) -> list[str] | None:
    """Split "a, b, c", or lines, where the elements are simple; None where it is written as a literal."""
    if text[:1] in {"[", "(", "{"} or text.startswith("set("):
        return None
    if not spec.members or (spec.kind == "tuple" and "variadic" not in spec.constraints):
        return None
    member = spec.members[0]
    if member.kind not in _SIMPLE:
        return None
    parts = text.splitlines() if "\n" in text else text.split(",")
    return [read(member, part.strip()) for part in parts if part.strip()]


def _union(spec: TypeSpec, text: str) -> Any:
    # Text takes everything, so it is asked last.
    ordered = sorted(spec.members, key=lambda member: member.kind in {"str", "any"})
    for member in ordered:
        try:
            return read(member, text)
        except FormError:
            continue
    raise FormError(f"not a {spec.label}")


def _fit(spec: TypeSpec, value: Any, depth: int) -> Any:
    """Check a plain value against a shape, and give it as this shape has it."""
    if depth > _DEEPEST:
        raise FormError("nested too deeply")
    if value is None and (spec.nullable or spec.kind in {"any", "none"}):
        return None
    handler = _HANDLERS.get(spec.kind)
    if handler is not None:
        return _bounded(spec, handler(spec, value, depth))
    if spec.kind == "object":
        raise FormError(f"a {spec.label} is made by Python code and cannot be typed here")
    if spec.kind == "any":
        return value
    if isinstance(value, str) and spec.kind != "literal":
        return _bounded(spec, value if spec.kind == "str" else _scalar(spec, value))
    return _bounded(spec, _plain_scalar(spec, value))


def _plain_scalar(spec: TypeSpec, value: Any) -> Any:
    kind = type(value)
    if spec.kind == "literal":
        text = str(value) if str(value) in spec.choices else repr(value)
        if text not in spec.choices:
            raise FormError(_choose(spec))
        return text
    if (spec.kind == "int" and kind is int) or (spec.kind == "bool" and kind is bool):
        return value
    if spec.kind == "float" and kind in {int, float}:
        return float(value)
    if spec.kind == "decimal" and kind in {int, float}:
        return str(value)
    if spec.kind == "bytes" and kind is bytes:
        return value
    raise FormError(f"{_shown(value)} is no {spec.label}")


def _list(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise FormError(f"{_shown(value)} is no {spec.label}")
    member = spec.members[0] if spec.members else None
    return list(value) if member is None else [_at(place, member, item, depth) for place, item in enumerate(value)]


def _tuple(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, (list, tuple)):
        raise FormError(f"{_shown(value)} is no {spec.label}")
    if "variadic" in spec.constraints or not spec.members:
        return _list(spec, value, depth)
    if len(value) != len(spec.members):
        raise FormError(f"{len(value)} elements where {spec.label} has {len(spec.members)}")
    return [_at(place, member, item, depth) for place, (member, item) in enumerate(zip(spec.members, value, strict=True))]


def _dict(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping):
        raise FormError(f"{_shown(value)} is no {spec.label}")
    if len(spec.members) != 2:
        return dict(value)
    keys, values = spec.members
    return {_at(key, keys, key, depth): _at(key, values, item, depth) for key, item in value.items()}


def _record(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping):
        raise FormError(f"{_shown(value)} is no {spec.label}: write {{{', '.join(repr(one.name) + ': …' for one in spec.fields[:4])}}}")
    known = {one.name: one for one in spec.fields}
    unknown = [str(name) for name in value if name not in known]
    if unknown:
        raise FormError(f"{spec.label} has no field {unknown[0]!r}; it has {', '.join(known)}")
    missing = [one.name for one in spec.fields if one.required and one.name not in value]
    if missing:
        raise FormError(f"{spec.label} needs {', '.join(missing)}")
    return {name: _at(name, known[name].type, item, depth) for name, item in value.items()}


def _of_union(spec: TypeSpec, value: Any, depth: int) -> Any:
    for member in spec.members:
        try:
            return _fit(member, value, depth + 1)
        except FormError:
            continue
    raise FormError(f"{_shown(value)} is no {spec.label}")


def _at(place: object, spec: TypeSpec, value: Any, depth: int) -> Any:
    try:
        return _fit(spec, value, depth + 1)
    except FormError as error:
        raise FormError(f"at {place if isinstance(place, str) else f'[{place}]'}: {error}") from None


_HANDLERS: Final[dict[str, Callable[[TypeSpec, Any, int], Any]]] = {
    "list": _list,
    "set": _list,
    "tuple": _tuple,
    "dict": _dict,
    "record": _record,
    "union": _of_union,
}


def _scalar(spec: TypeSpec, text: str) -> Any:
    if spec.kind in {"literal", "enum"}:
        if text in spec.choices:
            return text
        unquoted = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
        matches = [choice for choice in spec.choices if choice in {unquoted, repr(unquoted)} or choice == text.rpartition(".")[2]]
        if not matches:
            raise FormError(_choose(spec))
        return matches[0]
    reader = _READERS[spec.kind]
    try:
        return reader(text)
    except (ValueError, InvalidOperation, OverflowError):
        raise FormError(f"{_shown(text)} is no {spec.label}{_HINTS.get(spec.kind, '')}") from None


def _choose(spec: TypeSpec) -> str:
    return f"choose one of {', '.join(spec.choices[:12])}{' …' if len(spec.choices) > 12 else ''}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return repr(text if len(text) <= 40 else text[:39] + "…") if isinstance(value, str) else f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _bool(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError(text)


def _timedelta(text: str) -> str:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        float(text)
        return text
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return str(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())


def _kept(parse: Callable[[str], Any]) -> Callable[[str], str]:
    def reader(text: str) -> str:
        parse(text)
        return text

    return reader


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "bool": _bool,
    "int": lambda text: int(text.replace("_", "").replace(" ", "")),
    "float": lambda text: float(text.replace("_", "")),
    "path": lambda text: text,
    "bytes": lambda text: text.encode() if not text.startswith(("b'", 'b"')) else ast.literal_eval(text),
    "date": _kept(date.fromisoformat),
    "datetime": _kept(datetime.fromisoformat),
    "time": _kept(time.fromisoformat),
    "timedelta": _timedelta,
    "decimal": _kept(Decimal),
    "uuid": _kept(UUID),
}
_HINTS: Final = {
    "date": ": write 2026-01-31",
    "datetime": ": write 2026-01-31T14:02",
    "time": ": write 14:02",
    "timedelta": ": write 1h30m, or seconds",
    "bool": ": write True or False",
}


_BOUNDS: Final[tuple[tuple[str, Callable[[Any, Any], bool], str], ...]] = (
    ("ge", operator.ge, "at least"),
    ("gt", operator.gt, "more than"),
    ("le", operator.le, "at most"),
    ("lt", operator.lt, "less than"),
)


def _bounded(spec: TypeSpec, value: Any) -> Any:
    limits = spec.constraints
    if not limits or value is None:
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for name, fine, words in _BOUNDS:
            if name in limits and not fine(value, limits[name]):
                raise FormError(f"has to be {words} {limits[name]}")
    if isinstance(value, (str, bytes, list, dict)):
        if len(value) < limits.get("min_length", 0):
            raise FormError(f"has to have at least {limits['min_length']} {'characters' if isinstance(value, str) else 'elements'}")
        if "max_length" in limits and len(value) > limits["max_length"]:
            raise FormError(f"may have at most {limits['max_length']} {'characters' if isinstance(value, str) else 'elements'}")
    return value
