"""Stored values as plain data that a form can show and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from studio.model.preview import preview

__all__ = ["plain_of"]

_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})
_BY_TEXT: Final = frozenset({"PosixPath", "PurePosixPath", "WindowsPath", "Decimal", "UUID"})
_BY_ISO: Final = frozenset({"date", "datetime", "time"})
_DEEPEST: Final = 40
_LARGEST: Final = 20_000


def plain_of(value: Any) -> Any:
    """Give a value as plain data.

    Raises:
        ValueError: it has no plain form, or is too large for a form.
    """
    return _Plain().of(value, 0)


class _Plain:
    def __init__(self) -> None:
        self.seen = 0

    def of(self, value: Any, depth: int) -> Any:
        self.seen += 1
        if depth > _DEEPEST or self.seen > _LARGEST:
            raise ValueError("too large for a form")
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is tuple:
            return tuple(self.of(item, depth + 1) for item in value)
        if kind in {list, set, frozenset}:
            return [self.of(item, depth + 1) for item in value]
        if kind is dict:
            return {self.of(key, depth + 1): self.of(item, depth + 1) for key, item in value.items()}
        name = kind.__name__
        if kind.__module__ in {"pathlib", "pathlib._local", "decimal", "uuid"} and name in _BY_TEXT:
            return str(value)
        if kind.__module__ == "datetime":
            return value.isoformat() if name in _BY_ISO else str(value.total_seconds())
        if name == "Opaque" and kind.__module__.startswith("hypergraph."):
            if value.tag == "$enum":
                return _member(value.fields)
            return self._opaque(value.fields, depth)
        raise ValueError(f"a {preview(value)[0]} has no plain form")

    def _opaque(self, fields: Any, depth: int) -> Any:
        if isinstance(fields, Mapping):
            return {str(name): self.of(item, depth + 1) for name, item in fields.items()}
        return self.of(fields, depth + 1)


def _member(fields: Mapping[str, Any]) -> str:
    """Give the name of an enum's member; flags that are combined have none."""
    name = fields.get("name")
    if not isinstance(name, str):
        raise ValueError("flags have no plain form")  # noqa: TRY004  # the one error that callers know
    return name
