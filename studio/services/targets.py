"""Finding the modules that the command line names, without importing any of them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from studio.services.order import Target

__all__ = ["find_target", "find_targets", "graph_line"]

_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_BYTES: Final = 2 << 20
_GRAPH: Final = re.compile(rb"^\w[^\n=]*=[^\n=]*\bGraph\(", re.MULTILINE)
_MOST_FILES: Final = 50


def find_targets(texts: Sequence[str], start: Path) -> tuple[Target, ...]:
    """Find what the command line names.

    Args:
        texts: files ("graphs.py"), modules ("my.module"), each with or without ":graph"; folders stand for the files in them that hold
            graphs.
        start: the folder that the studio was started in.
    """
    named = [one for text in texts for one in (_files_in(text, start) or [text])]
    return tuple(find_target(text, start) for text in dict.fromkeys(named))


def _files_in(text: str, start: Path) -> list[str]:
    """Give the files that a folder stands for; none for what is no folder, or a package that has graphs of its own."""
    folder = start / Path(text)
    if not folder.is_dir() or _holds_graphs(folder / "__init__.py"):
        return []
    found = sorted(file for file in folder.glob("*.py") if _holds_graphs(file))
    return [str(Path(text) / file.name) for file in found[:_MOST_FILES]]


def _holds_graphs(file: Path) -> bool:
    """Tell whether a file gives a variable a graph: a script that only uses some is not to be run because it lies there."""
    try:
        return file.stat().st_size <= _BYTES and _GRAPH.search(file.read_bytes()) is not None
    except OSError:
        return False


def find_target(text: str, start: Path) -> Target:
    """Find one target; what cannot be found says why in its `problem`."""
    place, attribute = _split(text)
    path = Path(place)
    file = path if path.is_absolute() else start / path
    if place.endswith(".py") or file.is_file():
        return _of_file(text, file, attribute)
    if file.is_dir() and (file / "__init__.py").is_file():
        return _of_file(text, file / "__init__.py", attribute)
    if file.is_dir() and (not _DOTTED.fullmatch(place) or not any(file.glob("*/"))):
        said = f"No file in the folder {place} holds a graph: rag = Graph([...])."
        return Target(text, str(start), attribute=attribute, problem=said)
    if not _DOTTED.fullmatch(place):
        return Target(text, str(start), attribute=attribute, problem=f"{place!r} is neither a file nor a module's name.")
    return _of_module(text, place, start, attribute)


def _split(text: str) -> tuple[str, str | None]:
    place, colon, attribute = text.rpartition(":")
    if colon and attribute.isidentifier() and place and not (len(place) == 1 and place.isalpha()):
        return place, attribute
    return text, None


def _of_file(text: str, file: Path, attribute: str | None) -> Target:
    file = file.resolve()
    if not file.is_file():
        return Target(text, str(file.parent), attribute=attribute, problem=f"There is no file {file}.")
    root, module = package_root(file)
    return Target(text, str(root), module, str(file), attribute)


def _of_module(text: str, name: str, start: Path, attribute: str | None) -> Target:
    parts = name.split(".")
    for folder in (start, *(Path(entry) for entry in sys.path if entry and Path(entry).is_dir())):
        place = folder.joinpath(*parts)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return Target(text, str(folder.resolve()), name, str(file.resolve()), attribute)
    # Another interpreter may know it: the module host will say.
    return Target(text, str(start), name, None, attribute)


def package_root(file: Path) -> tuple[Path, str]:
    """Give the folder that a file's imports start from, and its dotted name from there ("" where it has none)."""
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    name = ".".join(parts)
    return folder, name if _DOTTED.fullmatch(name) else ""


def graph_line(file: str | None, variable: str) -> int | None:
    """Give the line in which a module gives a variable its value."""
    if file is None:
        return None
    try:
        source = Path(file)
        if source.stat().st_size > _BYTES:
            return None
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for statement in reversed(tree.body):
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == variable for target in targets):
            return statement.lineno
    return None
