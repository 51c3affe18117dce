"""What a reader wants to know before a run is answered, stopped or killed."""

from __future__ import annotations

from dataclasses import dataclass

from studio.model.python_code import Code

__all__ = ["About", "ending_code"]


@dataclass(frozen=True, slots=True)
class About:
    """An act that needs no forecast.

    Attributes:
        code: how the code stands against the run's, in words.
        same_code: True when it is the same.
        python, script: the same as Python.
        problem: why it cannot be done, or None.
    """

    code: str = ""
    same_code: bool = True
    python: str = ""
    script: str = ""
    problem: str | None = None


def ending_code(verb: str, db: str, run_id: str) -> Code:
    """Give what stops or kills a run that another process serves: the studio's own launcher, for no library call reaches there.

    Args:
        verb: "stop" or "kill".
        db: the checkpoint database as the user named it.
        run_id: the run.
    """
    line = f"Launcher(Path({db!r})).{verb}({run_id!r})"
    head = "from pathlib import Path\n\nfrom studio.services.launcher import Launcher\n\n"
    return Code(line, f"{head}print({line})\n")
