"""Where the studio keeps what is its own: event logs, drafts, the audit trail. The checkpoint database stays where the user put it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["Places"]

_LONGEST: Final = 180


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one store.

    Attributes:
        state: the studio's folder for everything.
        store: the part of it that belongs to one database.
    """

    state: Path
    store: Path

    @classmethod
    def of(cls, db: Path, state: Path | None = None) -> Places:
        """Give the places of a database.

        Args:
            db: the checkpoint database, existing or not.
            state: the studio's folder; None for the user's.
        """
        if state is None:
            import platformdirs

            state = Path(platformdirs.user_state_path("hypergraph"))
        digest = hashlib.sha256(str(db.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(state, state / "stores" / digest)

    @property
    def runs(self) -> Path:
        """The folder that has one folder for each run."""
        return self.store / "runs"

    @property
    def database(self) -> Path:
        """The studio's own database."""
        return self.store / "studio.db"

    def run(self, root: str) -> Path:
        """Give the folder of a top-level run; any id makes exactly one safe name."""
        name = quote(root, safe="").replace(".", "%2E")
        if len(name) > _LONGEST:
            name = f"{name[: _LONGEST - 40]}~{hashlib.sha256(root.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
        return self.runs / name

    def ids(self) -> list[str]:
        """Give the runs that have a folder; those with shortened names say theirs in their own file."""
        if not self.runs.is_dir():
            return []
        return [unquote(folder.name) for folder in self.runs.iterdir() if folder.is_dir() and "~" not in folder.name]

    def make(self, folder: Path) -> Path:
        """Make a folder that only the user can read."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder
