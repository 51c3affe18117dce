"""One line of text, written in roles and cut to cells.

Everything that comes from a user (names, values, logs, errors) passes through `Line.add`, which makes control characters visible
and never reads markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from studio.theme import Palette

__all__ = ["Line", "clip", "rule", "safe", "wrap"]

_BIDI_AND_JOINERS: Final = (
    0xAD,
    0x61C,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFE00, 0xFE10),
)
# Controls become one visible cell; what has no cell, or turns the direction of what follows, is left out.
_SAFE: Final[dict[int, str | None]] = {
    **dict.fromkeys(range(0x20), "·"),
    **dict.fromkeys(range(0x7F, 0xA0), "·"),
    **dict.fromkeys(_BIDI_AND_JOINERS),
    0x09: "  ",
    0x0A: "↵",
    0x0D: None,
    0x2028: "↵",
    0x2029: "↵",
    # Half of a character: no terminal's encoding has it, and writing it would end the studio.
    **dict.fromkeys(range(0xD800, 0xE000), "?"),
}
_LONGEST: Final = 4_000


def safe(text: str) -> str:
    """Give text that takes one line and the cells it seems to take, whatever is in it."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    return text if text.isascii() and text.isprintable() else text.translate(_SAFE)


def clip(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Give safe text in at most `width` cells, with a mark where something was cut off."""
    text = safe(text)
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return ellipsis if width == 1 else set_cell_size(text, width - 1).rstrip() + ellipsis


def wrap(text: str, width: int, *, limit: int = 2_000) -> list[str]:
    """Break text into safe lines of at most `width` cells, at its own line breaks and where it is too long."""
    lines: list[str] = []
    for raw in text.expandtabs(4).splitlines() or [""]:
        rest = safe(raw)
        while cell_len(rest) > width:
            head = set_cell_size(rest, width).rstrip(" ")
            space = head.rfind(" ", max(0, len(head) // 2))
            cut = space + 1 if space > 0 else max(1, len(head))
            lines.append(rest[:cut].rstrip())
            rest = rest[cut:]
            if len(lines) >= limit:
                return lines
        lines.append(rest)
        if len(lines) >= limit:
            break
    return lines


class Line:
    """A line under construction: spans of text and the role each is written in."""

    __slots__ = ("cells", "spans")

    def __init__(self, text: str = "", role: str = "text") -> None:
        self.spans: list[tuple[str, str]] = []
        self.cells = 0
        if text:
            self.add(text, role)

    def add(self, text: str, role: str = "text", *, width: int | None = None, right: bool = False) -> Line:
        """Write text.

        Args:
            text: what to write; made safe here.
            role: how it looks.
            width: cells that it takes, cut or filled; None for as many as it needs.
            right: fill at the left.
        """
        text = safe(text) if width is None else clip(text, width)
        size = cell_len(text)
        if width is not None and size < width:
            gap = " " * (width - size)
            text = gap + text if right else text + gap
            size = width
        if text:
            self.spans.append((text, role))
            self.cells += size
        return self

    def to(self, column: int) -> Line:
        """Go on at a column, with spaces; nothing when the line is already there."""
        if column > self.cells:
            self.spans.append((" " * (column - self.cells), "text"))
            self.cells = column
        return self

    def right(self, other: Line, width: int) -> Line:
        """Set another line flush right in `width` cells; the two never overlap, this one is cut."""
        room = width - other.cells
        if self.cells > room - 2:
            self.cut(max(0, room - 2))
        self.to(room)
        self.spans.extend(other.spans)
        self.cells += other.cells
        return self

    def cut(self, width: int) -> Line:
        """Cut to a width, with a mark."""
        if self.cells <= width:
            return self
        while self.spans and not self.spans[-1][0].strip():
            self.cells -= len(self.spans.pop()[0])
        if self.cells <= width:
            return self.to(width)
        spans, self.spans, self.cells = self.spans, [], 0
        for text, role in spans:
            size = cell_len(text)
            if self.cells + size > width - 1:
                self.add(clip(text + " ", width - self.cells), role)
                if self.cells < width:
                    self.to(width)
                break
            self.spans.append((text, role))
            self.cells += size
        return self

    def extend(self, other: Line) -> Line:
        """Append another line's spans."""
        self.spans.extend(other.spans)
        self.cells += other.cells
        return self

    def cut_words(self, width: int) -> Line:
        """Cut to a width between words, so that a braille line ends with a whole one."""
        if self.cells <= width:
            return self
        words, kept = self.plain.split(" "), ""
        for word in words:
            if cell_len(kept) + cell_len(word) + 3 > width:
                break
            kept = f"{kept} {word}" if kept else word
        role = self.spans[0][1] if self.spans else "text"
        self.spans, self.cells = [], 0
        return self.add(f"{kept} …" if kept else clip(words[0], width), role)

    @property
    def plain(self) -> str:
        """The line's text."""
        return "".join(text for text, _ in self.spans)

    def strip(self, palette: Palette, width: int, base: Style) -> Strip:
        """Paint the line in `width` cells on a base style."""
        segments = [Segment(text, base + palette.style(role)) for text, role in self.spans]
        if self.cells < width:
            segments.append(Segment(" " * (width - self.cells), base))
        strip = Strip(segments, max(self.cells, width))
        return strip.crop(0, width) if self.cells > width else strip


def rule(title: str, width: int, *, role: str = "title") -> Line:
    """Give a heading: `─ Title ─────`."""
    line = Line("─ ", "rule").add(title, role).add(" ")
    return line.add("─" * max(0, width - line.cells), "rule")


def columns(parts: Iterable[tuple[str, str]], *, gap: int = 2) -> Line:
    """Give pieces side by side with a gap."""
    line = Line()
    for text, role in parts:
        if not text:
            continue
        if line.cells:
            line.add(" " * gap)
        line.add(text, role)
    return line
