"""The last step of drawing where only ASCII may be drawn: frames, bars and marks that no widget knows of are replaced too."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

__all__ = ["AsciiFilter"]

# One cell each. Letters of other scripts stay: they are the user's, and no drawing.
_INSTEAD: Final = str.maketrans(
    dict.fromkeys("─━═╌╴╶\u2013\u2014", "-")
    | dict.fromkeys("│┃║┆╎╵╷▍▎▏▕", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝", "+")
    | dict.fromkeys("█▉▊▋▌▐", "#")
    | dict.fromkeys("▁▂▃▄▅▆▇▔▀", " ")
    | dict.fromkeys("·…", ".")
    | dict.fromkeys("▸►→⟩", ">")
    | dict.fromkeys("◄←⟨", "<")
    | dict.fromkeys("●•◆◇", "*")
    | {"○": "o", "■": "#", "▾": "v", "↓": "v", "↑": "^", "↺": "@", "↵": "/", "\u00d7": "x", "✓": "v", "✗": "x", "‖": "|"}
)


class AsciiFilter(LineFilter):
    """Replaces what is drawn with ASCII of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the same line in ASCII."""
        del background
        return [Segment(text if text.isascii() else text.translate(_INSTEAD), style, control) for text, style, control in segments]
