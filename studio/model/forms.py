"""From the text in a field to a plain value, and back: checked against the type's shape, without the type.

Values are written as in Python or JSON. A field for text takes what is typed as it is; lists of simple things may be written with commas
or line breaks alone. What is read here is plain data; a worker builds the real objects from it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from studio.model.scalars import FILES, FormError, bounded, scalar, shown
from studio.model.type_spec import TypeSpec

__all__ = ["FormError", "check", "fit", "in_turn", "items_of", "read", "text_of"]

T = TypeVar("T")

_SIMPLE: Final = frozenset({
    "int", "float", "str", "bool", "path", "date", "datetime", "time", "timedelta", "decimal", "uuid", "literal", "enum", "fraction",
    "complex", "made", "object",
})  # fmt: skip
_BARE: Final = frozenset({
    "str", "path", "date", "datetime", "time", "decimal", "uuid", "timedelta", "enum", "bytes", "bytearray", "fraction", "complex",
    "pattern", "made", "object",
})  # fmt: skip
_NUMBERS: Final = frozenset({"int", "float", "bool"})
_LONGEST: Final = 4 << 20
_DEEPEST: Final = 60


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
        return bounded(spec, value)
    if spec.kind in _BARE or spec.kind in _NUMBERS or spec.kind == "literal":
        return bounded(spec, scalar(spec, bare))
    if spec.kind in {"list", "set", "tuple"} and (plain := _separated(spec, bare)) is not None:
        return _fit(spec, plain, 0)
    if spec.kind == "any":
        found, value = _literal(bare)
        return value if found else text
    if spec.kind == "union":
        return _union(spec, text)
    found, value = _literal(bare)
    if not found and spec.kind in FILES:
        return scalar(spec, bare)
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
    if isinstance(value, str) and spec.kind in {"union", "any"}:
        # What would be read as something else stands in quotes.
        return repr(value) if not value or _literal(value.strip())[0] or value.strip() in {"None", "null"} else value
    if isinstance(value, str) and spec.kind in {*_BARE, *FILES, "literal"}:
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
    """Read a text as the first member that takes it; where text itself is one, the others take only what is plainly theirs."""
    bare = text.strip()
    words = any(member.kind in {"str", "any"} for member in spec.members)
    if words and len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        found, value = _literal(bare)
        if found and isinstance(value, str):
            return _of_union(spec, value, 0)
    for member in sorted(spec.members, key=_rank):
        if words and not _plainly(member, bare):
            continue
        try:
            return read(member, text)
        except FormError:
            continue
    raise FormError(f"{shown(text)} is no {spec.label}")


def _rank(spec: TypeSpec) -> int:
    """Order the members of a union: a whole number is an int first, and text takes everything, so it is asked last."""
    return {"int": 0, "float": 1, "bool": 2, "made": 6, "path": 7, "bytes": 7, "str": 8, "any": 9}.get(spec.kind, 3)


def _plainly(spec: TypeSpec, text: str) -> bool:
    if spec.kind == "bool":
        return text.lower() in {"true", "false"}
    return spec.kind not in {"list", "set", "tuple"} or text[:1] in {"[", "(", "{"} or text.startswith("set(")


def _fit(spec: TypeSpec, value: Any, depth: int) -> Any:
    """Check a plain value against a shape, and give it as this shape has it."""
    if depth > _DEEPEST:
        raise FormError("nested too deeply")
    if value is None and (spec.nullable or spec.kind in {"any", "none"}):
        return None
    handler = _HANDLERS.get(spec.kind)
    if handler is not None:
        return bounded(spec, handler(spec, value, depth))
    if spec.kind == "any" or (spec.kind in FILES and isinstance(value, (list, dict))):
        return value
    if isinstance(value, str) and spec.kind != "literal":
        return bounded(spec, value if spec.kind == "str" else scalar(spec, value))
    return bounded(spec, _plain_scalar(spec, value))


def _plain_scalar(spec: TypeSpec, value: Any) -> Any:
    kind = type(value)
    if spec.kind == "literal":
        return scalar(spec, value if isinstance(value, str) and value in spec.choices else repr(value))
    if (spec.kind == "int" and kind is int) or (spec.kind == "bool" and kind is bool):
        return value
    if spec.kind == "float" and kind in {int, float}:
        return float(value)
    if spec.kind in {"decimal", "fraction", "timedelta"} and kind in {int, float}:
        return str(value)
    if spec.kind == "complex" and kind in {int, float, complex}:
        return str(complex(value))
    if spec.kind in {"bytes", "bytearray"} and kind is bytes:
        return value
    if spec.kind == "made" and kind in {int, float}:
        return value
    raise FormError(f"{shown(value)} is no {spec.label}")


def _list(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise FormError(f"{shown(value)} is no {spec.label}")
    member = spec.members[0] if spec.members else None
    return list(value) if member is None else [_at(place, member, item, depth) for place, item in enumerate(value)]


def _tuple(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, (list, tuple)):
        raise FormError(f"{shown(value)} is no {spec.label}")
    if "variadic" in spec.constraints or not spec.members:
        return _list(spec, value, depth)
    if len(value) != len(spec.members):
        raise FormError(f"{len(value)} elements where {spec.label} has {len(spec.members)}")
    return [_at(place, member, item, depth) for place, (member, item) in enumerate(zip(spec.members, value, strict=True))]


def _dict(spec: TypeSpec, value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping):
        raise FormError(f"{shown(value)} is no {spec.label}")
    if len(spec.members) != 2:
        return dict(value)
    keys, values = spec.members
    return {_at(key, keys, key, depth): _at(key, values, item, depth) for key, item in value.items()}


def _record(spec: TypeSpec, value: Any, depth: int) -> Any:
    name = spec.label.removesuffix(" | None")
    if not isinstance(value, Mapping):
        raise FormError(f"{shown(value)} is no {name}: write {{{', '.join(repr(one.name) + ': …' for one in spec.fields[:4])}}}")
    known = {one.name: one for one in spec.fields}
    unknown = [str(key) for key in value if key not in known]
    if unknown and "extra" not in spec.constraints:
        raise FormError(f"{name} has no field {unknown[0]!r}; it has {', '.join(known)}")
    missing = [one.name for one in spec.fields if one.required and one.name not in value]
    if missing:
        raise FormError(f"{name} needs {', '.join(missing)}")
    return {key: _at(key, known[key].type, item, depth) if key in known else item for key, item in value.items()}


def _of_union(spec: TypeSpec, value: Any, depth: int) -> Any:
    for member in in_turn(spec.members, spec.members, value):
        try:
            return _fit(member, value, depth + 1)
        except FormError:
            continue
    raise FormError(f"{shown(value)} is no {spec.label}")


def in_turn(members: Sequence[T], specs: Sequence[TypeSpec], value: Any) -> list[T]:
    """Give the members of a union in the order in which they are asked to take a plain value.

    Args:
        members: what is put in order.
        specs: the shape of each.
        value: the value; a text is no number where text is a member.
    """
    words = isinstance(value, str) and any(spec.kind == "str" for spec in specs)
    pairs = sorted(zip(members, specs, strict=True), key=lambda pair: _rank(pair[1]))
    return [member for member, spec in pairs if not (words and spec.kind in _NUMBERS)]


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
