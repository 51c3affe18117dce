"""Three themes, and the roles in which lines are written.

A line names what a piece of text is ("failed", "muted"), never its colour: the theme says how each role looks, and a role that
carries a state is always beside a shape and a word that say the same.
"""

from __future__ import annotations

from typing import Final

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

__all__ = ["DARK", "DEFAULT_THEME", "THEMES", "Palette", "state_glyph", "state_role"]

DARK: Final = Theme(
    name="hypergraph-dark",
    primary="#7cb7ff",
    secondary="#b79cff",
    accent="#5ad4c6",
    success="#7fd48a",
    warning="#f0c674",
    error="#ff7b86",
    foreground="#dde3ee",
    background="#0f1218",
    surface="#151a22",
    panel="#1d2430",
    boost="#26303f",
    dark=True,
    variables={
        "muted": "#8b97aa",
        "faint": "#566275",
        "rule": "#2c3646",
        "cursor-row": "#233450",
        "cursor-row-blurred": "#1b2534",
        "related-row": "#182130",
        "block-cursor-background": "#7cb7ff",
        "block-cursor-foreground": "#0f1218",
        "footer-key-foreground": "#7cb7ff",
        "input-cursor-background": "#7cb7ff",
        "input-selection-background": "#2f5687",
        "scrollbar": "#2c3646",
        "scrollbar-hover": "#43526a",
        "scrollbar-active": "#7cb7ff",
        "scrollbar-background": "#12161d",
        "scrollbar-background-hover": "#12161d",
        "scrollbar-background-active": "#12161d",
        "scrollbar-corner-color": "#12161d",
    },
)

LIGHT: Final = Theme(
    name="hypergraph-light",
    primary="#1f5fc4",
    secondary="#6f42c1",
    accent="#0b7a70",
    success="#1d7a34",
    warning="#8a5a00",
    error="#bf1f33",
    foreground="#1d2430",
    background="#fbfbf9",
    surface="#f2f3f1",
    panel="#e6e9ea",
    boost="#dbe0e4",
    dark=False,
    variables={
        "muted": "#586474",
        "faint": "#8a94a2",
        "rule": "#cdd3d9",
        "cursor-row": "#cfe1fb",
        "cursor-row-blurred": "#e3e9f0",
        "related-row": "#eef2f6",
        "block-cursor-background": "#1f5fc4",
        "block-cursor-foreground": "#ffffff",
        "footer-key-foreground": "#1f5fc4",
        "input-cursor-background": "#1f5fc4",
        "input-selection-background": "#b5d0f7",
        "scrollbar": "#c3cad2",
        "scrollbar-hover": "#a5afba",
        "scrollbar-active": "#1f5fc4",
        "scrollbar-background": "#f0f1ef",
        "scrollbar-background-hover": "#f0f1ef",
        "scrollbar-background-active": "#f0f1ef",
        "scrollbar-corner-color": "#f0f1ef",
    },
)

CONTRAST: Final = Theme(
    name="hypergraph-contrast",
    primary="#66d9ff",
    secondary="#ffb3ff",
    accent="#00ffd5",
    success="#5dff5d",
    warning="#ffe14d",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#141414",
    boost="#303030",
    dark=True,
    variables={
        "muted": "#e0e0e0",
        "faint": "#b8b8b8",
        "rule": "#8c8c8c",
        "cursor-row": "#004a99",
        "cursor-row-blurred": "#333333",
        "related-row": "#1c1c1c",
        "block-cursor-background": "#ffffff",
        "block-cursor-foreground": "#000000",
        "footer-key-foreground": "#ffe14d",
        "input-cursor-background": "#ffffff",
        "input-selection-background": "#0059b3",
    },
)

THEMES: Final = (DARK, LIGHT, CONTRAST)
DEFAULT_THEME: Final = DARK.name

_ROLES: Final[dict[str, tuple[str, str]]] = {
    # role: (theme variable, attributes)
    "text": ("foreground", ""),
    "strong": ("foreground", "bold"),
    "muted": ("muted", ""),
    "faint": ("faint", ""),
    "rule": ("rule", ""),
    "lane": ("faint", ""),
    "title": ("primary", "bold"),
    "key": ("footer-key-foreground", "bold"),
    "link": ("primary", ""),
    "accent": ("accent", ""),
    "value": ("foreground", ""),
    "type": ("accent", ""),
    "string": ("success", ""),
    "number": ("secondary", ""),
    "running": ("primary", "bold"),
    "completed": ("success", ""),
    "cached": ("accent", ""),
    "failed": ("error", "bold"),
    "error": ("error", ""),
    "paused": ("warning", "bold"),
    "warning": ("warning", ""),
    "stopped": ("secondary", ""),
    "partial": ("warning", ""),
    "waiting": ("muted", ""),
    "input": ("accent", ""),
    "skipped": ("faint", ""),
    "unknown": ("warning", ""),
    "interrupted": ("warning", "bold"),
    "bar": ("primary", ""),
}

_GLYPHS: Final = {
    "waiting": ("·", "."),
    "input": ("○", "o"),
    "running": ("►", ">"),
    "completed": ("✓", "v"),
    "cached": ("=", "="),
    "kept": ("=", "="),
    "failed": ("✗", "x"),
    "paused": ("‖", "|"),
    "stopped": ("■", "#"),
    "skipped": ("-", "-"),
    "partial": ("■", "#"),
    "interrupted": ("?", "?"),
    "unknown": ("?", "?"),
}


def state_glyph(state: str, *, ascii_only: bool = False) -> str:
    """Give the one-cell shape of a state; a state never seen is "?"."""
    return _GLYPHS.get(state, _GLYPHS["unknown"])[ascii_only]


def state_role(state: str) -> str:
    """Give the role in which a state is written."""
    if state == "kept":
        return "cached"
    return state if state in _ROLES else "unknown"


class Palette:
    """The styles of one theme by role, made once per theme.

    Args:
        variables: the theme's variables, as `App.theme_variables` gives them.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self._styles: dict[str, Style] = {}

    def colour(self, name: str) -> RichColor:
        """Give a theme variable as a colour that a style takes."""
        return Color.parse(self._variables[name]).rich_color

    def style(self, role: str) -> Style:
        """Give the style of a role; "a on b" writes role a on the background variable b."""
        found = self._styles.get(role)
        if found is None:
            name, _, background = role.partition(" on ")
            variable, attributes = _ROLES.get(name, _ROLES["text"])
            found = Style(
                color=self.colour(variable),
                bgcolor=self.colour(background) if background else None,
                bold=True if "bold" in attributes else None,
            )
            self._styles[role] = found
        return found
