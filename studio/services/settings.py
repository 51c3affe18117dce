"""What a user sets once: a TOML file in the configuration folder. What is wrong in it is told and left out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    problems: list[str] = []
    known = {"theme", "keymap", "secrets", "keep_days", "keep_bytes", "at_once", "load_seconds"}
    problems += [f"{path}: {name!r} is no setting." for name in data if name not in known]
    return Settings(
        theme=_one_of(data, "theme", _THEMES, problems),
        keymap=_texts(data, problems),
        secrets=tuple(str(name) for name in data.get("secrets", ()) if isinstance(name, str))
        if _is(data, "secrets", list, problems)
        else (),
        keep_days=_number(data, "keep_days", 30, problems),
        keep_bytes=_number(data, "keep_bytes", 2 << 30, problems),
        at_once=max(1, _number(data, "at_once", 8, problems)),
        load_seconds=max(1, _number(data, "load_seconds", 120, problems)),
        problems=tuple(problems),
    )


def _is(data: Mapping[str, Any], name: str, kind: type, problems: list[str]) -> bool:
    if name not in data:
        return False
    if not isinstance(data[name], kind):
        problems.append(f"{name} has to be a {kind.__name__}.")
        return False
    return True


def _one_of(data: Mapping[str, Any], name: str, among: tuple[str, ...], problems: list[str]) -> str | None:
    if not _is(data, name, str, problems):
        return None
    if data[name] not in among:
        problems.append(f"{name} has to be one of {', '.join(among)}.")
        return None
    return str(data[name])


def _number(data: Mapping[str, Any], name: str, default: int, problems: list[str]) -> int:
    return int(data[name]) if _is(data, name, int, problems) else default


def _texts(data: Mapping[str, Any], problems: list[str]) -> dict[str, str]:
    if not _is(data, "keymap", dict, problems):
        return {}
    wrong = [name for name, keys in data["keymap"].items() if not isinstance(keys, str)]
    problems += [f"keymap.{name} has to be a text of keys." for name in wrong]
    return {name: keys for name, keys in data["keymap"].items() if isinstance(keys, str)}


def _names(data: Mapping[str, Any], problems: list[str]) -> tuple[str, ...]:
    if not _is(data, "secrets", list, problems):
        return ()
    return tuple(name for name in data["secrets"] if isinstance(name, str))
