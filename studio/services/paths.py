"""Where the studio keeps what it knows beside the store: event logs, raw output, control sockets. Never inside the user's database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

__all__ = ["RunFolder", "StoreFolder", "root_of", "state_folder", "store_folder"]

_LONGEST_NAME = 180


def state_folder() -> Path:
    """Give the studio's own folder, made for its owner alone."""
    from platformdirs import user_state_path

    folder = user_state_path("hypergraph")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def store_folder(db: str | Path, state: Path | None = None) -> StoreFolder:
    """Give the folder of one checkpoint database.

    Args:
        db: the database; links and relative parts are resolved.
        state: the studio's folder, for tests.
    """
    digest = hashlib.sha256(os.path.realpath(Path(db).expanduser()).encode()).hexdigest()[:16]
    return StoreFolder((state or state_folder()) / "stores" / digest)


def root_of(run_id: str) -> str:
    """Give the top-level run that a run is part of."""
    return run_id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """What is kept about one database."""

    path: Path

    @property
    def runs(self) -> Path:
        """The folders of runs."""
        return self.path / "runs"

    @property
    def live(self) -> Path:
        """One file a worker that runs, named like its run's folder."""
        return self.path / "live"

    def run(self, run_id: str) -> RunFolder:
        """Give the folder of a run; children share the one of their top-level run."""
        return RunFolder(self.runs / _name(root_of(run_id)), root_of(run_id))

    def live_file(self, run_id: str) -> Path:
        """Give the file that says that a run has a worker."""
        return self.live / _name(root_of(run_id))

    def known(self) -> Iterator[str]:
        """Give the ids of all runs that have a folder."""
        if not self.runs.is_dir():
            return
        for entry in self.runs.iterdir():
            full = entry / "id"
            yield full.read_text("utf-8") if full.exists() else unquote(entry.name)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What is kept about one top-level run; a claim is one worker's turn at it."""

    path: Path
    run_id: str

    @property
    def about(self) -> Path:
        """What the launcher knows: graph reference, interpreter, options."""
        return self.path / "run.json"

    @property
    def control(self) -> Path:
        """The socket on which the worker takes commands."""
        return self.path / "control.sock"

    def events(self, claim: int) -> Path:
        """The event log of a claim."""
        return self.path / f"{claim}.events"

    def out(self, claim: int) -> Path:
        """What the worker wrote to file descriptor 1 past Python."""
        return self.path / f"{claim}.out"

    def err(self, claim: int) -> Path:
        """What the worker wrote to file descriptor 2 past Python."""
        return self.path / f"{claim}.err"

    def claims(self) -> list[int]:
        """Give the numbers of all claims, oldest first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return sorted(int(name[:-7]) for name in names if name.endswith(".events") and name[:-7].isdigit())

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if quote(self.run_id, safe="") != self.path.name:
            (self.path / "id").write_text(self.run_id, "utf-8")

    def new_claim(self) -> int:
        """Take the next number; two launchers never get the same one."""
        self.make()
        number = max(self.claims(), default=0)
        while True:
            number += 1
            try:
                os.close(os.open(self.events(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                continue
            return number


def _name(run_id: str) -> str:
    name = quote(run_id, safe="")
    if name in {".", ".."} or len(name) > _LONGEST_NAME:
        # File systems take 255 bytes at most; the whole id stands in a file inside.
        return f"{name[: _LONGEST_NAME - 40].strip('.')}~{hashlib.sha256(run_id.encode()).hexdigest()[:32]}"
    return name
