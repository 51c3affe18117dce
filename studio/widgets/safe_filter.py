"""The last step of drawing everywhere: whatever a widget lets through, no control character reaches the terminal."""

from __future__ import annotations

import functools
from typing import Final

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

__all__ = ["SafeFilter"]


_TURNING: Final = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@functools.lru_cache(1024)
def _instead(char: str) -> str:
    code = ord(char)
    if code >= 0x20 and not 0x7F <= code < 0xA0 and not 0xD800 <= code < 0xE000 and char not in _TURNING:
        return char
    # As wide as the screen has counted it.
    return "·" * get_character_cell_size(char)


class SafeFilter(LineFilter):
    """Replaces control characters, halves of characters, and what turns the direction of text, in fields and editors as well."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the same line with nothing but text in it."""
        del background
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            Segment(text if control or text.isprintable() else "".join(map(_instead, text)), style, control)
            for text, style, control in segments
        ]
