"""In a child process: from the text in a field to the real object that a function takes."""

from __future__ import annotations

import collections
import collections.abc
import datetime as dt
import decimal
import enum
import fractions
import functools
import importlib
import operator
import pathlib
import re
import typing
import uuid
from typing import Any, Final

from studio.model import forms
from studio.model.forms import FormError
from studio.model.tables import table_code
from studio.services.describe import choice_text, is_checked, members_of, record_fields, spec_of, unwrapped

__all__ = ["FormError", "build", "build_list"]

_MAKERS: Final[dict[Any, Any]] = {
    pathlib.Path: pathlib.Path,
    pathlib.PurePath: pathlib.PurePath,
    dt.date: dt.date.fromisoformat,
    dt.datetime: dt.datetime.fromisoformat,
    dt.time: dt.time.fromisoformat,
    dt.timedelta: lambda text: dt.timedelta(seconds=float(text)),
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
    complex: complex,
    fractions.Fraction: fractions.Fraction,
    bytearray: bytearray,
    re.Pattern: re.compile,
}
_SEVERAL: Final = frozenset({"list", "set", "tuple"})
_SEQUENCES: Final = (list, tuple, set, frozenset, collections.deque)
_SETS: Final = frozenset({set, collections.abc.Set, collections.abc.MutableSet})


def build(annotation: Any, text: str) -> Any:
    """Build the value that a text stands for.

    Raises:
        FormError: it does not fit, or its own class refused it.
    """
    return _made(annotation, forms.read(spec_of(annotation), text))


def build_list(annotation: Any, text: str) -> list[Any]:
    """Build a list of values: what an input takes that is mapped over.

    Raises:
        FormError: it does not fit.
    """
    plain = forms.read(spec_of(annotation).listed(), text)
    return [_made(annotation, one) for one in plain]


def _made(annotation: Any, plain: Any) -> Any:
    try:
        return _make(annotation, plain)
    except FormError:
        raise
    except Exception as error:
        # The class's own checks may raise anything; its words are the best there are.
        raise FormError(" ".join(str(error).split())[:300] or type(error).__name__) from error


def _make(annotation: Any, plain: Any) -> Any:
    inner, _ = unwrapped(annotation)
    if plain is None or inner is Any:
        return plain
    members = members_of(inner)
    if members:
        return _make_one_of([one for one in members if one is not type(None)], plain)
    origin, args = typing.get_origin(inner), typing.get_args(inner)
    if origin is typing.Literal:
        return next((one for one in args if choice_text(one, args) == plain), plain)
    bare = origin or inner
    if isinstance(bare, collections.abc.Hashable) and bare in _MAKERS:
        return _MAKERS[bare](plain)
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return _member(bare, plain)
    if record_fields(bare) is not None and isinstance(plain, dict):
        return _make_record(inner if isinstance(inner, type) else bare, plain)
    if isinstance(plain, list) and (bare in _SEQUENCES or spec_of(inner).kind in _SEVERAL):
        return _make_items(bare, args, plain)
    if isinstance(plain, dict) and len(args) == 2:
        return {_make(args[0], key): _make(args[1], item) for key, item in plain.items()}
    return _make_of_class(inner, bare, plain)


def _member(kind: type[enum.Enum], plain: Any) -> Any:
    if isinstance(plain, str) and "|" in plain and issubclass(kind, enum.Flag):
        return functools.reduce(operator.or_, (kind[part] for part in plain.split("|")))
    return kind[plain] if isinstance(plain, str) and plain in kind.__members__ else kind(plain)


def _make_of_class(inner: Any, bare: Any, plain: Any) -> Any:
    """Make an object of a class that is neither plain, nor a record, nor a collection."""
    spec = spec_of(inner)
    if spec.kind in {"array", "table"}:
        return _make_table(spec.cls, inner, plain)
    if spec.kind == "object":
        return _named(bare, plain)
    if not isinstance(bare, type) or spec.kind == "any" or type(plain) is bare:
        return plain
    if issubclass(bare, (dt.date, dt.time)):
        return bare.fromisoformat(plain)
    if spec.kind == "made" and is_checked(bare):
        from pydantic import TypeAdapter

        return TypeAdapter(bare).validate_python(plain)
    make: Any = bare
    return make(plain) if spec.cls else plain


def _make_table(cls: str, inner: Any, plain: Any) -> Any:
    if isinstance(plain, str) and not pathlib.Path(plain).expanduser().is_file():
        raise FormError(f"there is no file {plain}, seen from {pathlib.Path.cwd()}")
    value = str(pathlib.Path(plain).expanduser()) if isinstance(plain, str) else plain
    code, imports = table_code(cls, value, "value")
    names: dict[str, Any] = {}
    exec("\n".join(imports), names)  # noqa: S102  # our own statements, the same that are shown
    made = eval(code, names, {"value": value})  # noqa: S307  # our own expression, the same that is shown
    kinds = [typing.get_args(one)[0] for one in typing.get_args(inner) if getattr(typing.get_origin(one), "__name__", "") == "dtype"]
    wanted = kinds[0] if kinds else None
    return made.astype(wanted) if isinstance(wanted, type) and hasattr(made, "astype") else made


def _named(bare: Any, text: str) -> Any:
    """Give the object that "module:name" names."""
    module, _, name = text.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if bare is collections.abc.Callable and not callable(found):
        raise FormError(f"{text} cannot be called")
    if isinstance(bare, type) and not getattr(bare, "_is_protocol", False) and not isinstance(found, bare):
        raise FormError(f"{text} is {type(found).__name__}, not {bare.__name__}")
    return found


def _make_items(bare: Any, args: tuple[Any, ...], plain: list[Any]) -> Any:
    if bare is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_make(args[0], item) for item in plain)
        return tuple(_make(kind, item) for kind, item in zip(args, plain, strict=True)) if args else tuple(plain)
    items = [_make(args[0], item) for item in plain] if args else plain
    if bare in {frozenset, collections.deque}:
        return bare(items)
    return set(items) if isinstance(bare, collections.abc.Hashable) and bare in _SETS else items


def _make_one_of(members: list[Any], plain: Any) -> Any:
    for member in forms.in_turn(members, [spec_of(one) for one in members], plain):
        try:
            return _make(member, forms.fit(spec_of(member), plain))
        except FormError:
            continue
    raise FormError("no member of the union takes it")


def _make_record(kind: Any, plain: dict[str, Any]) -> Any:
    hints = {name: annotation for name, annotation, _ in record_fields(typing.get_origin(kind) or kind) or ()}
    values = {name: _make(hints.get(name, Any), item) for name, item in plain.items()}
    if hasattr(kind, "model_validate"):
        return kind.model_validate(values)
    return values if typing.is_typeddict(kind) else kind(**values)
