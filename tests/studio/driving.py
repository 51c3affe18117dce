"""The whole studio on real services, workers and a store of its own, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.app import StudioApp
from studio.options import StudioOptions
from studio.services.studio import Studio
from studio.widgets.bars import StatusLine
from studio.widgets.figures import counted

__all__ = ["driven", "status", "until"]


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Wait for another process: it takes as long as it takes."""
    async with asyncio.timeout(60):
        while not true():
            await pilot.pause(0.05)


@asynccontextmanager
async def driven(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *targets: str, size: tuple[int, int] = (120, 40), at: str | None = None
) -> AsyncIterator[tuple[Pilot[None], StudioApp]]:
    """Open a studio in a folder, and wait until the modules are loaded. Runs that still go on are killed at the end."""
    monkeypatch.chdir(folder)
    options = StudioOptions(targets, at=at)
    app = StudioApp(options, Studio.open(options))
    async with app.run_test(size=size) as pilot:
        try:
            await until(pilot, lambda: all(module.state != "loading" for module in app.studio.modules()))
            number = sum(len(module.graphs) for module in app.studio.modules())
            await until(pilot, lambda: counted(number, "graph") in status(app))
            yield pilot, app
        finally:
            for worker in app.studio.launcher.running():
                app.studio.launcher.kill(worker.run_id)
    assert app._exception is None


def status(app: StudioApp) -> str:
    """Give the first line of the screen."""
    found = app.screen.query(StatusLine)
    return found.first(StatusLine).plain if found else ""
