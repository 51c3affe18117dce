"""Types of columns: which annotation gives which Daft type, and whether a column of values is what its annotation says.

An annotation that has no column type of its own (a plain class, a union, `Any`, `dict`) gives a column of Python objects, and there
nothing is checked: such a column holds everything. In a typed one Daft would put a null where a value does not fit, so each value
is checked before.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, is_typeddict

from hypergraph._text import fix
from hypergraph._typing import fits, format_type
from hypergraph.runners.daft.packing import packed

__all__ = ["Expected", "column_type", "element_of", "expected_of", "nests", "series_of"]

_SCALARS: dict[Any, frozenset[type]] = {
    int: frozenset({int, bool}),
    float: frozenset({float, int}),
    str: frozenset({str}),
    bool: frozenset({bool}),
    bytes: frozenset({bytes}),
    dt.date: frozenset({dt.date}),
    dt.datetime: frozenset({dt.datetime}),
    dt.time: frozenset({dt.time}),
    dt.timedelta: frozenset({dt.timedelta}),
}
"""Types with a column type of their own, and the exact types of values that are sure to fit."""

_PACKED = (int, float, str, bool, bytes)


def bare(annotation: Any) -> tuple[Any, bool]:
    """Take off what says nothing about the values: `Annotated`, `NewType`, and None as an alternative; gives (type, may be None)."""
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif get_origin(annotation) in (Union, UnionType):
            members = [member for member in get_args(annotation) if member is not NoneType]
            if len(members) != 1 or len(members) == len(get_args(annotation)):
                return annotation, optional
            annotation, optional = members[0], True
        elif get_origin(annotation) is Literal:
            kinds = {type(choice) for choice in get_args(annotation)}
            return (kinds.pop(), optional) if len(kinds) == 1 else (annotation, optional)
        else:
            return annotation, optional


class Expected:
    """What the values of one output have to be.

    Args:
        annotation: the output's annotation, one with a column type of its own.
    """

    __slots__ = ("_exact", "_items", "annotation")

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        hint, optional = bare(annotation)
        none = {NoneType} if optional else set()
        self._items: frozenset[type] | None = None
        if get_origin(hint) is list:
            item, item_optional = bare(get_args(hint)[0])
            self._exact: frozenset[type] = frozenset({list, *none})
            self._items = _exact(item, item_optional)
        else:
            self._exact = _exact(hint, optional) if get_origin(annotation) is not Literal else frozenset()

    def __reduce__(self) -> tuple[Any, ...]:
        return Expected, (self.annotation,)

    def wrong(self, values: Sequence[Any]) -> dict[int, str]:
        """Give the positions of values that do not fit, with what they are."""
        # Most columns pass at the speed of C: all values are exactly of the type that is asked for.
        if self._exact and self._exact.issuperset(map(type, values)):
            if self._items is None:
                return {}
            rows: Iterable[Any] = values if NoneType not in self._exact else (value for value in values if value is not None)
            if self._items and self._items.issuperset(map(type, chain.from_iterable(rows))):
                return {}
        return {place: _seen(value) for place, value in enumerate(values) if not self._accepts(value)}

    def _accepts(self, value: Any) -> bool:
        if fits(value, self.annotation) or (isinstance(value, bool) and bare(self.annotation)[0] is int):
            return True
        # Scalars of numpy are numbers to everybody but the type system.
        item = getattr(value, "item", None)
        return callable(item) and getattr(value, "ndim", 1) == 0 and fits(value.item(), self.annotation)

    def error(self, node: str, output: str, seen: str) -> TypeError:
        """Say what was expected and what was there."""
        wanted = format_type(self.annotation)
        return TypeError(
            f"Node {node!r} returned a wrong type for {output!r}: expected {wanted}, got {seen}."
            + fix(f"Return {wanted}", f"Or annotate what {output!r} really is; 'Any' lets every value through")
        )


def _exact(hint: Any, optional: bool) -> frozenset[type]:
    found = _SCALARS.get(hint, frozenset())
    return found | {NoneType} if found and optional else found


def _seen(value: Any) -> str:
    if value is None:
        return "None"
    text = repr(value)
    return f"{type(value).__qualname__} ({text if len(text) <= 80 else text[:77] + '...'})"


def expected_of(annotation: Any) -> Expected | None:
    """Give what an output's values have to be; None where everything goes."""
    return Expected(annotation) if annotation is not None and _has_column(annotation) else None


def _has_column(annotation: Any) -> bool:
    hint, _ = bare(annotation)
    if hint in _SCALARS if isinstance(hint, type) else False:
        return True
    if get_origin(hint) is list:
        return _has_column(get_args(hint)[0])
    fields = _fields(hint)
    return bool(fields) and all(_has_column(one) for one in fields.values())


def _fields(hint: Any) -> dict[str, Any]:
    """Give the fields of a class whose objects become structs; {} for others."""
    if not isinstance(hint, type):
        return {}
    try:
        if is_typeddict(hint):
            # A key that may be absent would come back as None.
            return typing.get_type_hints(hint) if not getattr(hint, "__optional_keys__", ()) else {}
        if dataclasses.is_dataclass(hint):
            hints = typing.get_type_hints(hint)
            return {one.name: hints[one.name] for one in dataclasses.fields(hint)}
        if hasattr(hint, "model_fields") and hasattr(hint, "model_dump"):
            return {name: one.annotation for name, one in hint.model_fields.items()}
    except Exception:  # annotations are user code; such a class travels as an object
        return {}
    return {}


def element_of(annotation: Any, series: type) -> Any:
    """Give the type of the elements that a batch node gives: of `Annotated[daft.Series, float]`, or of a plain `float`."""
    if get_origin(annotation) is Annotated and get_args(annotation)[0] is series:
        return next((extra for extra in get_args(annotation)[1:]), None)
    return None if annotation is series else annotation


def column_type(annotation: Any, daft: Any) -> Any:
    """Give the Daft type of a column with this annotation; Python objects where there is none."""
    kind = daft.DataType
    if isinstance(annotation, kind):
        return annotation
    hint, _ = bare(annotation)
    if get_origin(hint) is list and _has_column(hint):
        return kind.list(column_type(get_args(hint)[0], daft))
    if isinstance(hint, type) and hint in _SCALARS:
        return kind.infer_from_type(hint)
    if _has_column(hint):
        return kind.struct({name: column_type(one, daft) for name, one in _fields(hint).items()})
    return _array_type(hint, kind)


def _array_type(hint: Any, kind: Any) -> Any:
    """Give the type for numpy: `NDArray[np.float64]` is a tensor, `np.float64` a number."""
    module = getattr(get_origin(hint) or hint, "__module__", "")
    if module != "numpy" or (get_origin(hint) is None and getattr(hint, "__name__", "") == "ndarray"):
        return kind.python()
    try:
        return kind.infer_from_type(hint)
    except Exception:  # not every type of numpy has a column type
        return kind.python()


def plain(annotation: Any) -> Callable[[Any], Any] | None:
    """Give what turns objects of this annotation into plain data for a struct; None where they are plain already."""
    hint, _ = bare(annotation)
    if get_origin(hint) is list:
        inner = plain(get_args(hint)[0])
        return None if inner is None else lambda value: None if value is None else [inner(item) for item in value]
    if hint is int:
        return lambda value: None if value is None else int(value)
    fields = _fields(hint)
    if not fields or not _has_column(hint):
        return None
    return lambda value: None if value is None else _plain_fields(value, fields)


def _plain_fields(value: Any, fields: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, hint in fields.items():
        item = value[name] if isinstance(value, dict) else getattr(value, name)
        turn = plain(hint)
        found[name] = item if turn is None else turn(item)
    return found


def series_of(values: list[Any], annotation: Any, kind: Any = None) -> Any:
    """Give values that fit their annotation as a Series of the annotation's type.

    Raises:
        Exception: Arrow cannot hold one of them, an integer of more than 64 bits for example.
    """
    import daft
    import pyarrow as pa

    kind = column_type(annotation, daft) if kind is None else kind
    if kind.is_python() or kind.is_tensor() or annotation is None or not _has_column(annotation):
        return daft.Series.from_pylist(values, dtype=kind)
    plainly = packed(values) if bare(annotation)[0] in _PACKED else None
    arrow = kind.to_arrow_dtype()
    if plainly is not None and plainly.type == arrow:
        return daft.Series.from_arrow(plainly)
    turn = plain(annotation)
    if turn is None or bare(annotation)[0] is int:
        try:
            return daft.Series.from_arrow(pa.array(values, arrow))
        except pa.ArrowTypeError:
            if turn is None:
                raise
    return daft.Series.from_arrow(pa.array([turn(value) for value in values], arrow))


def nests(annotation: Any, kind: Any) -> bool:
    """Tell whether Arrow can hold values of this type inside a struct."""
    return (annotation is not None and _has_column(annotation)) or bool(kind.is_numeric() or kind.is_boolean() or kind.is_string())
