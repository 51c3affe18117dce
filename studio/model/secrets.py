"""Which names hold something that is not to be shown."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection
from typing import Final

__all__ = ["HIDDEN", "is_secret"]

HIDDEN: Final = "(hidden)"
"""Stands where a secret value would."""

_WORDS: Final = frozenset({"secret", "password", "passwd", "passphrase"})
_PHRASES: Final = (("api", "key"), ("access", "token"), ("auth", "token"), ("private", "key"), ("secret", "key"), ("refresh", "token"))
_PARTS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def is_secret(name: str, also: Collection[str] = ()) -> bool:
    """Tell whether a name says that its value is secret.

    Whole words count: "api_key" and "userPassword" are secret, "secretary" and "keyboard" are not.

    Args:
        name: an input's, a field's or a key's name.
        also: further names, from the settings.
    """
    if also and name in also:
        return True
    return _says_so(name)


@functools.lru_cache(4096)
def _says_so(name: str) -> bool:
    # The same few names come with every event.
    words = [word.lower() for word in _PARTS.findall(name)]
    if _WORDS.intersection(words) or words == ["token"]:
        return True
    return any(pair in _PHRASES for pair in itertools.pairwise(words)) or "apikey" in words
