"""The parts of a value, some at a time: a list of a million items costs as much as one of ten."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from itertools import islice
from typing import Any, Final

from studio.model.preview import parts_of, preview

__all__ = ["NO_PART", "has_parts", "part_at", "part_page"]

NO_PART: Final = object()
"""Stands for a part that is not there: None is a value."""

_CHARACTERS: Final = 100_000
_MOST_TEXT: Final = 200_000
_LISTS: Final = frozenset({list, tuple, deque})
_SETS: Final = frozenset({set, frozenset})
_DICTS: Final = frozenset({dict, OrderedDict})
_PLACE: Final = re.compile(r"[\[{](\d+)[\]}]")
_SPAN: Final = re.compile(r"\[(\d+):(\d+)\]")


def has_parts(value: Any) -> bool:
    """Tell whether a value can be gone into."""
    kind = type(value)
    if kind in _LISTS or kind in _SETS or kind in _DICTS:
        return bool(value)
    if kind is str:
        return len(value) > _MOST_TEXT
    return bool(parts_of(value))


def part_page(value: Any, start: int, count: int) -> tuple[list[tuple[str, Any]], int]:
    """Give some parts of a value with their keys, and how many there are in all. A long text has its pieces as parts."""
    kind = type(value)
    if kind in _LISTS or kind in _SETS:
        opening, closing = "[]" if kind in _LISTS else "{}"
        items = enumerate(islice(value, start, start + count), start)
        return [(f"{opening}{place}{closing}", item) for place, item in items], len(value)
    if kind in _DICTS:
        return [(_key(key), item) for key, item in islice(value.items(), start, start + count)], len(value)
    if kind is str:
        if not has_parts(value):
            return [], 0
        pieces = range(0, len(value), _CHARACTERS)
        return [(f"[{at}:{at + _CHARACTERS}]", value[at : at + _CHARACTERS]) for at in pieces[start : start + count]], len(pieces)
    parts = parts_of(value) or []
    return parts[start : start + count], len(parts)


def part_at(value: Any, key: str) -> Any:
    """Give the part that a key of `part_page` names, or `NO_PART`."""
    kind = type(value)
    if kind in _LISTS or kind in _SETS:
        place = _PLACE.fullmatch(key)
        at = int(place[1]) if place is not None else len(value)
        if at >= len(value):
            return NO_PART
        return value[at] if kind in {list, tuple} else next(islice(value, at, None))
    if kind in _DICTS:
        if key in value:
            return value[key]
        return next((item for own, item in value.items() if type(own) is not str and _key(own) == key), NO_PART)
    if kind is str:
        span = _SPAN.fullmatch(key)
        return value[int(span[1]) : int(span[2])] if span is not None else NO_PART
    return next((item for own, item in parts_of(value) or () if own == key), NO_PART)


def _key(key: Any) -> str:
    return key if type(key) is str else preview(key, limit=80)[1]
