"""Short, bounded reprs of values of any kind and size."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from hypergraph._text import shorten

__all__ = ["compact", "compact_values"]

_BRACKETS: Mapping[type, Sequence[str]] = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})")}


class _Compact(reprlib.Repr):
    """Shows a container's first items and "len=5000" where there are more."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = 160
        self.maxother = 160
        self.maxlong = 60
        self.most = 8

    def _join(self, parts: Iterable[str], length: int, opening: str, closing: str) -> str:
        shown = list(parts)
        if length > self.most:
            shown.append(f"..., len={length}")
        return f"{opening}{', '.join(shown)}{closing}"

    def _items(self, value: Any, level: int) -> str:
        opening, closing = _BRACKETS[type(value)]
        if level <= 0 and value:
            return f"{opening}..., len={len(value)}{closing}"
        if not value:
            return repr(value)
        if type(value) is tuple and len(value) == 1:
            closing = ",)"
        return self._join((self.repr1(item, level - 1) for item in islice(value, self.most)), len(value), opening, closing)

    def repr_list(self, value: list[Any], level: int) -> str:
        return self._items(value, level)

    def repr_tuple(self, value: tuple[Any, ...], level: int) -> str:
        return self._items(value, level)

    def repr_set(self, value: set[Any], level: int) -> str:
        return self._items(value, level)

    def repr_frozenset(self, value: frozenset[Any], level: int) -> str:
        return self._items(value, level)

    def repr_dict(self, value: Mapping[Any, Any], level: int) -> str:
        if level <= 0 and value:
            return f"{{..., len={len(value)}}}"
        pairs = (f"{self.repr1(key, level - 1)}: {self.repr1(item, level - 1)}" for key, item in islice(value.items(), self.most))
        return self._join(pairs, len(value), "{", "}")

    def repr_instance(self, value: Any, level: int) -> str:
        if isinstance(value, BaseException):
            return shorten(super().repr_instance(value, level), self.maxother)
        return super().repr_instance(value, level)


def compact(value: Any, limit: int) -> str:
    """Give a repr of at most `limit` characters: long containers are cut and tell their length, a failing repr is caught."""
    return shorten(_Compact().repr(value), limit)


def compact_values(values: Mapping[str, Any], limit: int) -> str:
    """Give a run's values like `compact`, but with all names that fit."""
    one = _Compact()
    shown = []
    for name, value in values.items():
        shown.append(f"{name!r}: {one.repr(value)}")
        limit -= len(shown[-1]) + 2
        if limit < 0:
            shown[-1] = f"..., len={len(values)}"
            break
    return f"{{{', '.join(shown)}}}"
