"""Runs that only their event logs know: Daft's, which no store keeps, and those that ended before they began."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.model.endings import exit_words
from studio.model.preview import one_line
from studio.model.run_view import RunRow
from studio.services.log_reader import claims_in, last_line, read_claim

if TYPE_CHECKING:
    from studio.services.history import History
    from studio.services.launcher import Launcher

__all__ = ["Unstored", "with_unstored", "without"]

_LOOKED_AT: Final = 200
_CAUSE: Final = 120


class Unstored:
    """Finds them among the newest folders; a run that is in the store is never looked at again.

    Args:
        history: the store.
        launcher: knows folders and workers.
    """

    def __init__(self, history: History, launcher: Launcher) -> None:
        self._history = history
        self._launcher = launcher
        self._stored: set[str] = set()

    def rows(self) -> list[RunRow]:
        """Give them, newest first."""
        found = [row for folder in self._newest() if (row := self._row(folder)) is not None]
        return sorted(found, key=lambda row: -row.started)

    def token(self) -> object:
        """Give something that changes when a folder comes or a worker ends."""
        try:
            return self._launcher.runs.stat().st_mtime_ns, tuple(worker.run_id for worker in self._launcher.running())
        except OSError:
            return None

    def _newest(self) -> list[Path]:
        try:
            with os.scandir(self._launcher.runs) as entries:
                dated = [(entry.stat().st_mtime, entry.path) for entry in entries if entry.name not in self._stored]
        except OSError:
            return []
        return [Path(path) for _, path in sorted(dated, reverse=True)[:_LOOKED_AT]]

    def _row(self, folder: Path) -> RunRow | None:
        try:
            about = json.loads((folder / "run.json").read_text("utf-8"))
            order = about["order"]
            run_id, started = str(order["run_id"]), float(about["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if self._history.run(run_id) is not None:
            self._stored.add(folder.name)
            return None
        claims = claims_in(folder)
        opening = read_claim(folder / f"{claims[-1]}.events") if claims else None
        end = last_line(folder / f"{claims[-1]}.events") if claims else {}
        state, ended, error = "running", None, ""
        if end.get("k") == "end":
            state, ended, error = str(end.get("status", "unknown")), float(end["t"]), str(end.get("error", ""))
        elif self._launcher.worker(run_id) is None:
            state = "interrupted"
            error = exit_words(end) if end.get("k") == "exit" else ""
        if state == "refused":
            state = "failed"
        cause = "daft, not checkpointed" if order.get("runner") == "DaftRunner" and not error else error
        seconds = max(0.0, (ended or started) - (float(opening["t"]) if opening is not None else started))
        return RunRow(run_id, state, str(order.get("graph", "")), started, seconds if ended else None, one_line(cause, _CAUSE))


def with_unstored(rows: list[RunRow], others: list[RunRow]) -> list[RunRow]:
    """Put them among the rows of a first page by when they began; those older than the page's last row come on no page.

    Args:
        rows: the first page, newest first.
        others: runs that are not in the store.
    """
    if rows and rows[-1].key is not None:
        others = [row for row in others if row.started >= rows[-1].started]
    return sorted([*rows, *others], key=lambda row: -row.started)


def without(rows: list[RunRow], lost: Collection[str]) -> list[RunRow]:
    """Leave out runs that were marked as lost, as long as nobody runs them; where the next page begins is kept."""
    kept = [row for row in rows if row.id not in lost or row.state != "interrupted"]
    if kept and rows[-1].key is not None and kept[-1].key is None:
        kept[-1] = replace(kept[-1], key=rows[-1].key)
    return kept
