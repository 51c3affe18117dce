"""The picture in the README is what the app shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.app import StudioApp
from studio.options import StudioOptions
from tests.studio.fakes import NOW, FakeStudio

PICTURE = Path(__file__).parents[2] / "assets" / "studio.svg"


async def test_the_picture_of_the_readme_is_up_to_date(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pytest --snapshot-update` takes it anew."""
    monkeypatch.setenv("TZ", "UTC")
    app = StudioApp(StudioOptions(at="hg:run/rag-eval-7"), FakeStudio(), clock=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=(112, 30)) as pilot:
        await pilot.pause(0.5)
        await pilot.press("l")
        await pilot.pause()
        await pilot.press("j", "j")
        await pilot.pause(0.3)
        drawn = app.export_screenshot(title="hypergraph studio")
    assert app._exception is None
    # The identifiers of styles are made from the content, so two equal screens are equal texts.
    if request.config.getoption("update_snapshots"):
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn
