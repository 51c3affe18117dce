"""Text of users, made safe for one line of a terminal: no control characters, and a known width."""

from __future__ import annotations

import unicodedata

__all__ = ["fit", "one_line", "width"]


def one_line(text: str) -> str:
    """Write every character that does not print, line ends and writing-direction marks among them, as its escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def width(text: str) -> int:
    """Count the columns that `text` takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def fit(text: str, columns: int, cut: str = "…") -> str:
    """Cut `text` to at most so many columns, with `cut` at the end where something is missing."""
    if width(text) <= columns:
        return text
    room = columns - width(cut)
    if room < 0:
        return ""
    kept = []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + cut
