"""What the studio finds on this machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Final

__all__ = ["findings"]

_MENDED: Final = (3, 51, 3)
_NEEDED: Final = (("textual", "screens"), ("textual_serve", "the browser"), ("platformdirs", "folders"), ("watchfiles", "watching files"))
_OPTIONAL: Final = (("daft", "DaftRunner"), ("pydantic", "models as inputs"), ("numpy", "arrays"))


def findings(db: str | None = None) -> list[tuple[str, bool, str]]:
    """Give (what, whether it is well, details).

    Args:
        db: a checkpoint database to look at.
    """
    found = [
        ("python", sys.version_info >= (3, 11), platform.python_version()),
        ("hypergraph", True, _version("hypergraph-studio") or "run from its sources"),
        ("sqlite", sqlite3.sqlite_version_info >= _MENDED, _sqlite()),
    ]
    for name, use in _NEEDED:
        found.append((name, _there(name), _version(name.replace("_", "-")) or f"missing: {use} needs it"))
    for name, use in _OPTIONAL:
        found.append((name, True, _version(name) or f"not installed: {use} is not offered"))
    dot = shutil.which("dot") or shutil.which("graphviz-pure")
    found.append(("graphviz", dot is not None, dot or "no dot: a graph cannot be written as a picture"))
    found.append(_state())
    if db is not None:
        found += _store(Path(db))
    return found


def _there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _sqlite() -> str:
    if sqlite3.sqlite_version_info >= _MENDED:
        return sqlite3.sqlite_version
    return f"{sqlite3.sqlite_version} has a rare bug of its write-ahead log that 3.51.3 mends"


def _state() -> tuple[str, bool, str]:
    if not _there("platformdirs"):
        return "state folder", False, "unknown without platformdirs"
    import platformdirs

    folder = Path(platformdirs.user_state_path("hypergraph"))
    nearest = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    return "state folder", os.access(nearest, os.W_OK), str(folder)


def _store(path: Path) -> list[tuple[str, bool, str]]:
    from hypergraph.exceptions import CheckpointError

    if not path.exists():
        return [("store", False, f"there is no {path}")]
    try:
        from hypergraph import SqliteCheckpointer

        with SqliteCheckpointer.open_readonly(path) as store:
            counts = store.counts()
            text = f"{path}: {counts.total} runs, schema {store.schema_version}"
            if store.snapshot_at is not None:
                text += f", read from a copy of {store.snapshot_at:%H:%M}"
    except CheckpointError as error:
        return [("store", False, str(error).partition("\n")[0])]
    writable = os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)
    return [("store", True, text), ("store writable", writable, "yes" if writable else "no: runs can be looked at, not started")]
