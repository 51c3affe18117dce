"""In a worker: what takes the values of secret inputs out of printed text and out of the texts of errors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from studio.model.secrets import HIDDEN, is_secret

__all__ = ["Hider"]

_LEAST: Final = 6
_DEEP: Final = 4
_MOST: Final = 1_000
_QUOTES: Final = "'\""


class Hider:
    """Knows the exact values that must not be seen; those of fewer than six characters would take innocent words with them.

    Args:
        names: names that are secret beside those that say so themselves.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = names
        self._texts: tuple[str, ...] = ()

    def learn(self, values: Mapping[str, Any]) -> None:
        """Take in values by name: of secret names all texts and numbers, else what is of a secret type."""
        found = {text for name, value in values.items() for text in self._secret(name, value, False, _DEEP)}
        fresh = {text for text in found if len(text) >= _LEAST}
        if fresh:
            self._texts = tuple(sorted({*self._texts, *fresh}, key=len, reverse=True))

    def _secret(self, name: str, value: Any, inside: bool, deep: int) -> Iterator[str]:
        inside = inside or is_secret(name.rpartition(".")[2], self._names)
        if type(value).__name__ in {"SecretStr", "SecretBytes"} and hasattr(value, "get_secret_value"):
            inside, value = True, value.get_secret_value()
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            if inside:
                # A form's text may stand in quotes that the value does not have.
                yield value
                yield value.strip().strip(_QUOTES)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if inside:
                yield str(value)
        elif deep and isinstance(value, Mapping):
            for key, part in list(value.items())[:_MOST]:
                yield from self._secret(str(key), part, inside, deep - 1)
        elif deep and isinstance(value, (list, tuple, set, frozenset)):
            for part in list(value)[:_MOST]:
                yield from self._secret("", part, inside, deep - 1)
        elif deep and (fields := getattr(value, "__dict__", None)) and isinstance(fields, dict):
            for key, part in list(fields.items())[:_MOST]:
                yield from self._secret(str(key), part, inside, deep - 1)

    def __call__(self, text: str) -> str:
        """Give the text without them."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text
