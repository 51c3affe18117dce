"""What can be shown of a value at once: its kind, and the beginning of its text.

No foreign code runs here. A user's `__repr__` may raise, block or go on for gigabytes, so objects are read through their attributes,
and only types that Python itself brings along are asked for a text.
"""

from __future__ import annotations

import datetime as dt
import pathlib
import re
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, Final
from uuid import UUID

from studio.model.secrets import HIDDEN, is_secret

__all__ = ["LIMIT", "LargeValue", "kind_of", "large_value", "one_line", "parts_of", "preview"]

LIMIT: Final = 2048
"""Characters of a value's text that travel with an event."""

_ITEMS: Final = 40
_DEPTH: Final = 5
_OWN_TEXT: Final = frozenset({
    dt.datetime, dt.date, dt.time, dt.timedelta, Decimal, Fraction, UUID, complex, range, slice, type(...),
    pathlib.PosixPath, pathlib.PurePosixPath, pathlib.WindowsPath, pathlib.PureWindowsPath,
})  # fmt: skip
_SEQUENCES: Final[dict[type, str]] = {list: "[]", tuple: "()", set: "{}", frozenset: "{}", deque: "[]"}
_TABLES: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "daft", "torch"})
# The stored form of what JSON does not have: a tag, and for objects the name of the class.
_TAG: Final = re.compile(r'\{"\$(\w+)":(?:\["([\w.:]+)")?')
_MEMBER: Final = re.compile(r'"(?P<name>[^"\\]*)":(?P<value>"(?:[^"\\]|\\.)*"?|[^",}\]]+)')
_PLAIN: Final = frozenset({int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class LargeValue:
    """Stands for a value that is too large to be read at once.

    Attributes:
        kind: what it is, as far as its stored form tells.
        size: bytes of its stored form.
        head: the beginning of its stored form.
        digest: tells values apart; equal ones have the same.
    """

    kind: str
    size: int
    head: str
    digest: bytes = b""


def large_value(stored: Any) -> LargeValue:
    """Give what stands for a value that the store has not built: its name, size, digest and head are known."""
    head = stored.head.decode("utf-8", "replace")
    kind = {"[": "list", "{": "dict", '"': "str"}.get(head[:1], "value")
    tagged = _TAG.match(head)
    if tagged is not None:
        kind = (tagged[2] or "").rpartition(":")[2].rpartition(".")[2] or tagged[1]
    return LargeValue(kind, stored.size, head, stored.digest)


def preview(value: Any, *, name: str = "", secrets: Collection[str] = (), limit: int = LIMIT) -> tuple[str, str]:
    """Give a value's kind and the beginning of its text.

    Args:
        value: any object.
        name: what it is called; a secret's value is not shown.
        secrets: further names whose values are not shown.
        limit: the most characters of text.
    """
    kind = type(value)
    if name and is_secret(name, secrets):
        return kind_of(value), HIDDEN
    if kind in _PLAIN:
        return kind.__name__ if value is not None else "None", _number(value)
    if kind is str:
        return kind_of(value), value if len(value) <= limit else value[:limit]
    if kind is bytes:
        return kind_of(value), repr(value[:200])
    if kind is LargeValue:
        return kind_of(value), _hidden(value.head[:limit], secrets)[:limit]
    try:
        writer = _Writer(limit, secrets)
        writer.write(value, 0)
        return kind_of(value), "".join(writer.parts)[:limit]
    except Exception as error:
        # An object may refuse even to be looked at; that is said, and nothing breaks.
        return _class_name(value), f"(cannot be looked at: {type(error).__name__})"


def kind_of(value: Any) -> str:
    """Give type and size: "list[20]", "str 1.2k", "ndarray 118x768"."""
    kind = type(value)
    if kind is str:
        return "str" if len(value) < 100 else f"str {_size(len(value))}"
    if kind in {bytes, bytearray}:
        return f"{kind.__name__} {_size(len(value))}"
    if kind is LargeValue:
        return f"{value.kind} {_size(value.size)}"
    if kind in _SEQUENCES or kind in {dict, OrderedDict}:
        return f"{kind.__name__}[{len(value)}]"
    if kind.__name__ == "Opaque" and kind.__module__.startswith("hypergraph."):
        return str(value.type_name).rpartition(":")[2].rpartition(".")[2]
    if kind.__module__.partition(".")[0] in _TABLES:
        shape = _shape(value)
        return f"{kind.__name__} {shape}" if shape else kind.__name__
    return _class_name(value)


def one_line(text: str, width: int = 200) -> str:
    """Give the beginning of a text as one line."""
    head = text[: width * 2]
    flat = " ".join(head.split()) if "\n" in head or "\t" in head else head
    return flat if len(flat) <= width and len(text) <= width * 2 else flat[: width - 1] + "…"


def parts_of(value: Any) -> list[tuple[str, Any]] | None:
    """Give the parts of a value, with their keys; None for one that has none."""
    kind = type(value)
    if kind in {list, tuple, deque}:
        return [(f"[{place}]", item) for place, item in enumerate(value)]
    if kind in {set, frozenset}:
        return [(f"{{{place}}}", item) for place, item in enumerate(value)]
    if kind in {dict, OrderedDict}:
        return [(key if type(key) is str else preview(key, limit=80)[1], item) for key, item in value.items()]
    if kind in _OWN_TEXT or kind in _PLAIN or kind in {str, bytes, bytearray} or kind.__module__.partition(".")[0] in _TABLES:
        return None
    try:
        fields = _fields(value)
    except Exception:
        return None
    return fields or None


def _hidden(head: str, secrets: Collection[str]) -> str:
    """Take secrets out of the beginning of a stored form; of one that has parts itself nothing further is shown."""

    def shown(found: re.Match[str]) -> str:
        if not is_secret(found["name"], secrets):
            return found[0]
        return f'"{found["name"]}":{HIDDEN}'

    for found in _MEMBER.finditer(head):
        if found["value"][:1] in {"{", "["} and is_secret(found["name"], secrets):
            return _MEMBER.sub(shown, head[: found.start("value")]) + HIDDEN
    return _MEMBER.sub(shown, head)


class _Writer:
    """Writes a value as text until its limit is reached."""

    def __init__(self, limit: int, secrets: Collection[str]) -> None:
        self.parts: list[str] = []
        self.left = limit
        self.secrets = secrets
        self.above: set[int] = set()

    def put(self, text: str) -> bool:
        """Write; False when there is no more room."""
        self.parts.append(text if len(text) <= self.left else text[: max(0, self.left)])
        self.left -= len(text)
        return self.left > 0

    def write(self, value: Any, depth: int) -> bool:
        kind = type(value)
        if kind in _PLAIN:
            return self.put(_number(value))
        if kind is str:
            return self.put(repr(value[: max(0, self.left) + 1]))
        if kind is bytes:
            return self.put(repr(value[:200]) + ("…" if len(value) > 200 else ""))
        if kind in _OWN_TEXT:
            return self.put(repr(value))
        if id(value) in self.above or depth >= _DEPTH:
            return self.put("…")
        self.above.add(id(value))
        try:
            if kind in _SEQUENCES:
                return self._sequence(value, _SEQUENCES[kind], depth)
            if kind in {dict, OrderedDict}:
                return self._pairs("{", "}", ": ", value.items(), len(value), depth, keys=True)
            return self._object(value, depth)
        finally:
            self.above.discard(id(value))

    def _sequence(self, value: Any, brackets: str, depth: int) -> bool:
        if not value:
            return self.put(f"{type(value).__name__}()" if brackets == "{}" else brackets)
        self.put(brackets[0])
        for place, item in enumerate(islice(value, _ITEMS)):
            if place:
                self.put(", ")
            if not self.write(item, depth + 1):
                return False
        if len(value) > _ITEMS:
            self.put(f", … {len(value) - _ITEMS} more")
        return self.put(("," if brackets == "()" and len(value) == 1 else "") + brackets[1])

    def _pairs(
        self, opening: str, closing: str, joint: str, pairs: Iterable[tuple[Any, Any]], size: int, depth: int, *, keys: bool
    ) -> bool:
        self.put(opening)
        for place, (key, item) in enumerate(islice(pairs, _ITEMS)):
            if place:
                self.put(", ")
            if keys:
                self.write(key, depth + 1)
            else:
                self.put(str(key))
            self.put(joint)
            if type(key) is str and is_secret(key, self.secrets):
                self.put(HIDDEN)
            elif not self.write(item, depth + 1):
                return False
        if size > _ITEMS:
            self.put(f", … {size - _ITEMS} more")
        return self.put(closing)

    def _object(self, value: Any, depth: int) -> bool:
        kind = type(value)
        name = kind_of(value) if kind.__name__ == "Opaque" else _class_name(value)
        member = _enum_name(value)
        if member is not None:
            return self.put(f"{name}.{member}")
        if isinstance(value, type):
            return self.put(f"<class {type.__getattribute__(value, '__qualname__')}>")
        if kind.__module__.partition(".")[0] in _TABLES:
            return self.put(_table(value))
        if name in {"SecretStr", "SecretBytes"}:
            return self.put(HIDDEN)
        fields = _fields(value)
        if not fields:
            return self.put(f"<{name}>")
        return self._pairs(f"{name}(", ")", "=", fields, len(fields), depth, keys=False)


def _number(value: Any) -> str:
    if type(value) is int and value.bit_length() > 8000:
        return f"(a number of {value.bit_length()} bits)"
    return repr(value)


def _size(number: int) -> str:
    for unit, size in (("G", 1 << 30), ("M", 1 << 20)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number / 1000:.1f}k" if number >= 1000 else str(number)


def _class_name(value: Any) -> str:
    return str(type.__getattribute__(type(value), "__name__"))


def _enum_name(value: Any) -> str | None:
    import enum

    if not isinstance(type(value), enum.EnumMeta):
        return None
    return str(object.__getattribute__(value, "__dict__").get("_name_", "?"))


def _fields(value: Any) -> list[tuple[str, Any]]:
    kind = type(value)
    if kind.__name__ == "Opaque" and kind.__module__.startswith("hypergraph."):
        fields = value.fields
        return list(fields.items()) if type(fields) is dict else [("value", fields)]
    if isinstance(value, BaseException):
        args = BaseException.args.__get__(value)  # type: ignore[attr-defined]  # the slot itself, not what a class made of it
        return [(str(place), item) for place, item in enumerate(args)]
    if issubclass(kind, tuple):
        names = getattr(kind, "_fields", ())
        return [(str(name), item) for name, item in zip(names, tuple.__iter__(value), strict=False)]
    found: list[tuple[str, Any]] = []
    for owner in reversed(kind.__mro__):
        slots = owner.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot in {"__dict__", "__weakref__"} or slot.startswith("__"):
                continue
            try:
                found.append((slot, object.__getattribute__(value, slot)))
            except AttributeError:
                continue
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = {}
    found += [(name, item) for name, item in own.items() if type(name) is str and not name.startswith("__")]
    return found


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape and all(isinstance(size, int) for size in shape):
        return "x".join(str(size) for size in shape)
    return ""


def _table(value: Any) -> str:
    kind = type(value)
    module, shape = kind.__module__.partition(".")[0], _shape(value)
    head = f"{kind.__name__} {shape}".strip()
    if module == "numpy" and kind.__name__ == "ndarray" and value.dtype.kind in "biufcSUmM":
        flat = value.ravel()[:12].tolist()
        return f"{head} {value.dtype}: {', '.join(map(str, flat))}{', …' if value.size > 12 else ''}"
    if module == "numpy" and not shape and hasattr(value, "item"):
        return repr(value.item()) if value.dtype.kind in "biufc" else head
    columns = getattr(value, "column_names", None) if module == "pyarrow" else getattr(value, "columns", None)
    if columns is not None and module in {"pandas", "polars", "pyarrow"}:
        return f"{head}: {', '.join(str(name) for name in list(columns)[:30])}"
    return head
