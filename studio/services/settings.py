"""What a user sets once: a TOML file in the configuration folder. What is wrong in it is told and left out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

__all__ = ["Settings", "load_settings", "settings_path"]

_THEMES = ("dark", "light", "contrast")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings.

    Attributes:
        theme: "dark", "light", "contrast", or None for the command line's.
        keymap: id of a binding -> keys ("ctrl+r,r").
        secrets: further names whose values are not shown.
        keep_days, keep_bytes: how long folders of finished runs stay, and how much they may take.
        at_once: how many items of a batch run at once where nothing else is said.
        load_seconds: how long a module may take to load.
        problems: what in the file could not be used.
    """

    theme: str | None = None
    keymap: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    keep_days: int = 30
    keep_bytes: int = 2 << 30
    at_once: int = 8
    load_seconds: int = 120
    problems: tuple[str, ...] = ()


def settings_path() -> Path:
    """Give the file."""
    import platformdirs

    return Path(platformdirs.user_config_path("hypergraph")) / "studio.toml"


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; a missing file is none.

    Args:
        path: the file; None for the user's.
    """
    path = path or settings_path()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(problems=(f"{path}: {error}",))
    found = _Reader(path, data)
    settings = Settings(
        theme=found.one_of("theme", _THEMES),
        keymap=found.keymap(),
        secrets=found.names("secrets"),
        keep_days=found.number("keep_days", 30, least=0),
        keep_bytes=found.number("keep_bytes", 2 << 30, least=0),
        at_once=found.number("at_once", 8, least=1),
        load_seconds=found.number("load_seconds", 120, least=1),
    )
    return replace(settings, problems=found.told())


class _Reader:
    """Takes values out of the file; what does not fit is left out, and told with the name of its line."""

    def __init__(self, path: Path, data: Mapping[str, Any]) -> None:
        self._path = path
        self._data = data
        self._problems: list[str] = []

    def told(self) -> tuple[str, ...]:
        known = [one.name for one in fields(Settings) if one.name != "problems"]
        for name in self._data:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                self._wrong(name, f"is no setting{f', did you mean {near[0]}?' if near else '; there are ' + ', '.join(known)}")
        return tuple(self._problems)

    def _wrong(self, name: str, text: str) -> None:
        self._problems.append(f"{self._path}: {name} {text}")

    def one_of(self, name: str, among: tuple[str, ...]) -> str | None:
        value = self._data.get(name)
        if value is None or value in among:
            return value
        self._wrong(name, f"has to be one of {', '.join(among)}, not {value!r}")
        return None

    def number(self, name: str, default: int, *, least: int) -> int:
        value = self._data.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self._wrong(name, f"has to be a whole number from {least} on, not {value!r}")
        return default

    def names(self, name: str) -> tuple[str, ...]:
        value = self._data.get(name, [])
        if not isinstance(value, list):
            self._wrong(name, f"has to be a list of names, such as ['customer'], not {value!r}")
            return ()
        wrong = [one for one in value if not isinstance(one, str)]
        if wrong:
            self._wrong(name, f"holds {', '.join(map(repr, wrong))}, which is no name")
        return tuple(one for one in value if isinstance(one, str))

    def keymap(self) -> dict[str, str]:
        value = self._data.get("keymap", {})
        if not isinstance(value, dict):
            self._wrong("keymap", f"has to be a table: [keymap], then lines such as 'act.stop' = 'X', not {value!r}")
            return {}
        found: dict[str, str] = {}
        for name, keys in value.items():
            if isinstance(keys, str) and keys.strip():
                found[name] = keys
            else:
                self._wrong(f"keymap.{name}", f"has to be a text of keys, such as 'X' or 'ctrl+r,r', not {keys!r}")
        return found
