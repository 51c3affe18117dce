"""What is wrong: broken modules, a store that cannot be read, settings that mean nothing, runs without a process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from studio import addresses as places
from studio.model.endings import exit_words
from studio.model.problems import Problem

if TYPE_CHECKING:
    from studio.services.history import History
    from studio.services.launcher import Launcher
    from studio.services.project import Project
    from studio.services.settings import Settings
    from studio.services.studio_db import StudioDb

__all__ = ["problems_of"]


def problems_of(project: Project, history: History, settings: Settings, notes: StudioDb, launcher: Launcher) -> list[Problem]:
    """Give what is wrong in this session."""
    broken = [view for view in project.modules() if view.state == "broken"]
    found = [Problem(f"{view.target} cannot be loaded", view.error or "", "hg:graphs") for view in broken]
    if history.problem:
        found.append(Problem("the store cannot be read", history.problem))
    found += [Problem("a setting cannot be used", text) for text in settings.problems]
    with contextlib.suppress(Exception):
        lost = notes.lost()
        for row in history.lost():
            if row.id not in lost:
                said = f"{row.id}: {exit_words(launcher.exit_of(row.id))} · enter: resume it, fork it, or mark it as lost"
                found.append(Problem("a run has no living process", said, places.run_address(row.id), row.id))
    return found
