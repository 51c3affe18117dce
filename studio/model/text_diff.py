"""Two texts line by line: what stands in both, what was taken away, what came."""

from __future__ import annotations

import ast
import difflib
import pprint
import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["DiffLine", "text_diff"]

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
_CONTEXT: Final = 2
_MOST_LINES: Final = 2_000
_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff.

    Attributes:
        mark: "-" stands in the first text, "+" in the second, " " in both, "~" says how many lines of both are left out.
        parts: the line in pieces, each with whether just that piece differs.
    """

    mark: Literal["-", "+", " ", "~"]
    parts: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The line as a whole."""
        return "".join(text for text, _ in self.parts)


def text_diff(before: str, after: str) -> list[DiffLine]:
    """Give the difference between two texts; lists and dicts in their Python form are laid out first, an entry a line."""
    old, new = _lines(before), _lines(after)
    found: list[DiffLine] = []
    opcodes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for place, (tag, low, high, start, end) in enumerate(opcodes):
        if tag == "equal":
            found += _context(old[low:high], first=place == 0, last=place == len(opcodes) - 1)
            continue
        pairs = [_pair(left, right) for left, right in zip(old[low:high], new[start:end], strict=False)]
        common = len(pairs)
        found += [DiffLine("-", left) for left, _ in pairs] + [DiffLine("-", ((line, True),)) for line in old[low + common : high]]
        found += [DiffLine("+", right) for _, right in pairs] + [DiffLine("+", ((line, True),)) for line in new[start + common : end]]
    return found


def _lines(text: str) -> list[str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if isinstance(value, (dict, list, tuple, set)):
        # Width 1 puts each entry on a line of its own, so that one changed entry is one changed line.
        text = pprint.pformat(value, width=1 if len(text) > _WIDTH else _WIDTH, sort_dicts=False)
    return text.splitlines()[:_MOST_LINES]


def _context(lines: list[str], *, first: bool, last: bool) -> list[DiffLine]:
    head, tail = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    if len(lines) <= head + tail + 1:
        return [DiffLine(" ", ((line, False),)) for line in lines]
    left = len(lines) - head - tail
    shown = [DiffLine(" ", ((line, False),)) for line in lines[:head]]
    shown.append(DiffLine("~", ((f"… {left} equal lines …", False),)))
    return [*shown, *(DiffLine(" ", ((line, False),)) for line in lines[len(lines) - tail :])]


def _pair(left: str, right: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """Give two lines in pieces: just what differs between them is marked."""
    old, new = _WORDS.findall(left), _WORDS.findall(right)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.3:
        return ((left, True),), ((right, True),)
    first: list[tuple[str, bool]] = []
    second: list[tuple[str, bool]] = []
    for tag, low, high, start, end in matcher.get_opcodes():
        first.append(("".join(old[low:high]), tag != "equal"))
        second.append(("".join(new[start:end]), tag != "equal"))
    return tuple(part for part in first if part[0]), tuple(part for part in second if part[0])
