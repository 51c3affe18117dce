"""One plain value from its text: numbers, words, times; and the bounds that an annotation may set.

What has no plain form of its own (a decimal, a path, a pattern) stays text that was checked once; a worker builds the object.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from studio.model.type_spec import TypeSpec

__all__ = ["FILES", "FormError", "bounded", "scalar", "shown"]

_YES: Final = frozenset({"true", "yes", "y", "1", "on"})
_NO: Final = frozenset({"false", "no", "n", "0", "off"})
_CLOCK: Final = re.compile(r"(?:(\d+)\s*d(?:ays?,?)?\s*)?(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?")
_DURATION: Final = re.compile(
    r"(?:(\d+)\s*w)?\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+(?:\.\d+)?)\s*s)?\s*(?:(\d+(?:\.\d+)?)\s*ms)?"
)
_REFERENCE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
FILES: Final = {
    "array": (".npy", ".csv", ".tsv", ".txt", ".json"),
    "table": (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".feather", ".arrow"),
}
"""Files that a value of this kind can be read from, by their endings."""


class FormError(ValueError):
    """A text, or a value, does not fit; the message is a short sentence without a name, to stand beside the field."""


def scalar(spec: TypeSpec, text: str) -> Any:
    """Read a text as one value.

    Raises:
        FormError: it does not fit.
    """
    if spec.kind in {"literal", "enum"}:
        return _choice(spec, text)
    if spec.kind == "object":
        return _reference(spec, text)
    if spec.kind in FILES:
        return _file(spec, text)
    reader = _READERS[spec.kind]
    try:
        return reader(text)
    except (ValueError, InvalidOperation, OverflowError, ZeroDivisionError, SyntaxError, re.error):
        raise FormError(f"{shown(text)} is no {spec.label}{_HINTS.get(spec.kind, '')}") from None


def _choice(spec: TypeSpec, text: str) -> str:
    if text in spec.choices:
        return text
    if "flags" in spec.constraints and "|" in text:
        return "|".join(_choice(spec, part.strip()) for part in text.split("|"))
    unquoted = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    matches = [choice for choice in spec.choices if choice in {unquoted, repr(unquoted)} or choice == text.rpartition(".")[2]]
    if not matches:
        raise FormError(f"choose one of {', '.join(spec.choices[:12])}{' …' if len(spec.choices) > 12 else ''}")
    return matches[0]


def _reference(spec: TypeSpec, text: str) -> str:
    if _REFERENCE.fullmatch(text) is None:
        raise FormError(f"{_article(spec.label)} is made by Python code: name one that a module has, as module:name")
    return text


def _file(spec: TypeSpec, text: str) -> str:
    if not text.lower().endswith(FILES[spec.kind]):
        what = "numbers in brackets" if spec.kind == "array" else "rows or columns as JSON"
        raise FormError(f"write {what}, or the path of a file ({', '.join(FILES[spec.kind])})")
    return text


def shown(value: Any) -> str:
    """Give a value as a message names it: a text in quotes, anything else by its type."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    return _article(type(value).__name__)


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _bool(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError(text)


def _timedelta(text: str) -> str:
    sign, bare = (-1, text[1:].lstrip()) if text.startswith("-") else (1, text)
    clock = _CLOCK.fullmatch(bare)
    if clock is not None:
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return str(sign * timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())
    match = _DURATION.fullmatch(bare)
    if match is None or not any(match.groups()):
        timedelta(seconds=float(text))
        return text
    weeks, days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    found = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
    return str(sign * found.total_seconds())


def _bytes(text: str) -> bytes:
    if not text.startswith(("b'", 'b"')):
        return text.encode()
    found = ast.literal_eval(text)
    if not isinstance(found, bytes):
        raise ValueError(text)  # noqa: TRY004  # it is a text that does not fit
    return found


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
    "made": lambda text: text,
    "bytes": _bytes,
    "bytearray": _bytes,
    "date": _kept(date.fromisoformat),
    "datetime": _kept(datetime.fromisoformat),
    "time": _kept(time.fromisoformat),
    "timedelta": _timedelta,
    "decimal": _kept(Decimal),
    "fraction": _kept(Fraction),
    "complex": lambda text: str(complex(text.replace(" ", "").replace("i", "j"))),
    "pattern": _kept(re.compile),
    "uuid": _kept(UUID),
}
_HINTS: Final = {
    "date": ": write 2026-01-31",
    "datetime": ": write 2026-01-31T14:02",
    "time": ": write 14:02",
    "timedelta": ": write 1h30m, or seconds",
    "bool": ": write True or False",
    "fraction": ": write 1/3",
    "complex": ": write 1+2j",
    "bytes": ": write text, or b'\\x00'",
    "bytearray": ": write text, or b'\\x00'",
}
_BOUNDS: Final[tuple[tuple[str, Callable[[Any, Any], bool], str], ...]] = (
    ("ge", operator.ge, "at least"),
    ("gt", operator.gt, "more than"),
    ("le", operator.le, "at most"),
    ("lt", operator.lt, "less than"),
)


def bounded(spec: TypeSpec, value: Any) -> Any:
    """Give a value that keeps the bounds of its type.

    Raises:
        FormError: it does not keep them.
    """
    limits = spec.constraints
    if not limits or value is None:
        return value
    number = _number(spec, value)
    if number is not None:
        for name, fine, words in _BOUNDS:
            if name in limits and not fine(number, limits[name]):
                raise FormError(f"has to be {words} {limits[name]}")
        if limits.get("multiple_of") and number % type(number)(limits["multiple_of"]):
            raise FormError(f"has to be a multiple of {limits['multiple_of']}")
    if isinstance(value, (str, bytes, list, dict)) and number is None:
        many = "characters" if isinstance(value, str) else "elements"
        if len(value) < limits.get("min_length", 0):
            raise FormError(f"has to have at least {limits['min_length']} {many}")
        if "max_length" in limits and len(value) > limits["max_length"]:
            raise FormError(f"may have at most {limits['max_length']} {many}")
    if isinstance(value, str) and "pattern" in limits and re.search(limits["pattern"], value) is None:
        raise FormError(f"has to match {limits['pattern']}")
    return value


def _number(spec: TypeSpec, value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return Decimal(value) if spec.kind == "decimal" and isinstance(value, str) else None
