"""The first word of a worker: that its run has begun, or that the library refused the act."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from studio.model.refusals import refusal_words
from studio.services.log_reader import LogReader

__all__ = ["refusal_of"]

_EVERY: Final = 0.05


def refusal_of(folder: Path, claim: int, *, patience: float = 30.0) -> str:
    """Give why a claim was refused before anything ran, "" where its run began or nothing is heard of it. Blocks until then.

    Args:
        folder: the run's folder.
        claim: the claim's number.
        patience: seconds to listen.
    """
    reader = LogReader(folder / f"{claim}.events")
    until = time.monotonic() + patience
    while time.monotonic() < until:
        for line in reader.read():
            if line["k"] in {"run+", "node+", "run-", "exit"}:
                return ""
            if line["k"] == "end":
                return refusal_words(str(line.get("error", ""))) if line.get("status") == "refused" else ""
        time.sleep(_EVERY)
    return ""
