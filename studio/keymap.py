"""The acts that a keymap may name: the ids of all bindings, their keys, and what they do."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Act", "all_acts", "keymap_problems", "written"]


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Attributes:
        id: its name in the keymap.
        keys: the keys that it has without a keymap.
        meaning: what it does.
    """

    id: str
    keys: str
    meaning: str


def all_acts() -> dict[str, Act]:
    """Give every act of every screen, by id. Loads all screens: nothing for the start of the studio."""
    from textual.binding import Binding

    found: dict[str, Act] = {}
    for owner in _owners():
        for binding in vars(owner).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id:
                before = found.get(binding.id)
                keys = dict.fromkeys([*(before.keys.split(",") if before is not None else ()), *binding.key.split(",")])
                meaning = before.meaning if before is not None else binding.tooltip or binding.description
                found[binding.id] = Act(binding.id, ",".join(keys), meaning)
    return dict(sorted(found.items()))


def _owners() -> Iterator[type]:
    # By name: the app asks for its own keys here.
    modules = [importlib.import_module("studio.app")]
    for name in ("studio.screens", "studio.widgets"):
        package = importlib.import_module(name)
        modules += [importlib.import_module(f"{name}.{one.name}") for one in pkgutil.iter_modules(package.__path__)]
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__ and "BINDINGS" in vars(value):
                yield value


def keymap_problems(keymap: Mapping[str, str]) -> list[str]:
    """Give what in a keymap leads nowhere, in words.

    Args:
        keymap: id of an act -> keys.
    """
    if not keymap:
        return []
    acts = all_acts()
    problems = []
    for name in keymap:
        if name not in acts:
            near = difflib.get_close_matches(name, acts, 1)
            problems.append(f"keymap.{name} is no act{f', did you mean {near[0]}?' if near else '; docs/keys.md lists them'}")
    return problems


def written() -> str:
    """Give the page of the documentation that lists them; `python -m studio.keymap` prints it."""
    lines = ["# Acts and their keys", "", _ABOUT, "", "| act | keys | |", "| --- | --- | --- |"]
    lines += [f"| `{act.id}` | {' '.join(f'`{key}`' for key in act.keys.split(','))} | {act.meaning} |" for act in all_acts().values()]
    return "\n".join([*lines, ""])


_ABOUT: Final = """\
Every act has a name, under which `[keymap]` in `studio.toml` gives it other keys: `"act.stop" = "X"`, several separated by commas.
Letters, `ctrl+` with a letter and F-keys reach every terminal; `ctrl+enter` and alt do not, nor ctrl+T, N and W in a browser.
An act may have other keys in another place."""


if __name__ == "__main__":
    sys.stdout.write(written())
