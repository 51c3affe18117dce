"""In a child process: from the text in a field to the real object that a function takes."""

from __future__ import annotations

import collections.abc
import datetime as dt
import decimal
import enum
import pathlib
import typing
import uuid
from typing import Any, Final

from studio.model import forms
from studio.model.forms import FormError
from studio.services.describe import choice_text, members_of, record_fields, spec_of, unwrapped

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
}
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
    if isinstance(inner, collections.abc.Hashable) and inner in _MAKERS:
        return _MAKERS[inner](plain)
    origin, args = typing.get_origin(inner), typing.get_args(inner)
    if origin is typing.Literal:
        return next((one for one in args if choice_text(one, args) == plain), plain)
    bare = origin or inner
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        return inner[plain] if isinstance(plain, str) and plain in inner.__members__ else inner(plain)
    if record_fields(inner) is not None and isinstance(plain, dict):
        return _make_record(inner, plain)
    if isinstance(plain, list):
        return _make_items(bare, args, plain)
    if isinstance(plain, dict) and len(args) == 2:
        return {_make(args[0], key): _make(args[1], item) for key, item in plain.items()}
    return plain


def _make_items(bare: Any, args: tuple[Any, ...], plain: list[Any]) -> Any:
    if bare is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_make(args[0], item) for item in plain)
        return tuple(_make(kind, item) for kind, item in zip(args, plain, strict=True)) if args else tuple(plain)
    items = [_make(args[0], item) for item in plain] if args else plain
    if bare is frozenset:
        return frozenset(items)
    return set(items) if isinstance(bare, collections.abc.Hashable) and bare in _SETS else items


def _make_one_of(members: list[Any], plain: Any) -> Any:
    for member in sorted(members, key=lambda one: one in {str, Any} if isinstance(one, collections.abc.Hashable) else False):
        try:
            return _make(member, forms.fit(spec_of(member), plain))
        except FormError:
            continue
    raise FormError("no member of the union takes it")


def _make_record(kind: Any, plain: dict[str, Any]) -> Any:
    if hasattr(kind, "model_validate"):
        return kind.model_validate(plain)
    hints = {name: annotation for name, annotation, _ in record_fields(kind) or ()}
    values = {name: _make(hints.get(name, Any), item) for name, item in plain.items()}
    return values if typing.is_typeddict(kind) else kind(**values)
