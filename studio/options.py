"""What the command line decides for a whole session of the studio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DEFAULT_STORE", "ServeOptions", "StudioOptions"]

DEFAULT_STORE: Final = Path(".hypergraph") / "runs.db"


@dataclass(frozen=True, slots=True)
class StudioOptions:
    """The options of `hypergraph studio`.

    Attributes:
        targets: modules or files that hold graphs.
        db: the checkpoint database; None for the default one below the start folder.
        create: make the database when it is missing.
        at: address of the place to start at.
        python: interpreter that loads modules and runs graphs; None for the one that runs the studio.
        read_only: no verb that changes anything.
        plain: one line per fact, for narrow screens and braille lines.
        ascii: only ASCII shapes.
        theme: "dark", "light" or "contrast"; None for the settings' one, else dark.
    """

    targets: tuple[str, ...] = ()
    db: str | None = None
    create: bool = False
    at: str | None = None
    python: str | None = None
    read_only: bool = False
    plain: bool = False
    ascii: bool = False
    theme: str | None = None

    def argv(self) -> list[str]:
        """Give the arguments that start the same session in another process."""
        words: list[str] = []
        for name in ("db", "at", "python", "theme"):
            value = getattr(self, name)
            if value is not None:
                words.append(f"--{name}={value}")
        words += [f"--{name.replace('_', '-')}" for name in ("create", "read_only", "plain", "ascii") if getattr(self, name)]
        return [*words, "--", *self.targets]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The further options of `hypergraph serve`.

    Attributes:
        host, port: where to listen; port 0 takes a free one.
        allow_remote: permit a host that others can reach.
        sessions: the most windows open at once.
        user_header: header in which a trusted proxy names the user.
        public_url: the address under which that proxy is reached; None without one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allow_remote: bool = False
    sessions: int = 4
    user_header: str | None = None
    public_url: str | None = None
