"""The picture in the README is a run of a bundled example, as the app shows it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from studio.messages import Go
from studio.screens.forecast import ForecastSheet
from studio.screens.run import RunScreen
from studio.widgets.rail import Rail
from tests.studio.driving import driven, status, until

PICTURE = Path(__file__).parents[2] / "assets" / "studio.svg"
_TEXT = re.compile(r"<text[^>]*?\by=\"([\d.]+)\"[^>]*>(.*?)</text>")
# What differs from one run to the next: times of day, durations and their bars, the hash of the code.
_VARIES = re.compile(r"\d\d:\d\d:\d\d[.\d]*|\b[\d.]+(?:ms|s)\b|\bcode [0-9a-f]{6}|[█▉▊▋▌▍▎▏ \xa0]+")


def words(picture: str) -> list[str]:
    """Give what a picture says, row by row, without what no two runs have in common."""
    rows: dict[float, list[str]] = {}
    for y, text in _TEXT.findall(picture):
        rows.setdefault(float(y), []).append(html.unescape(text))
    return [" ".join(_VARIES.sub(" ", " ".join(rows[y])).split()) for y in sorted(rows)]


async def test_the_picture_of_the_readme_is_up_to_date(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of orders, forked with more of them; `pytest --snapshot-update` takes it anew."""
    monkeypatch.setenv("TZ", "UTC")
    async with driven(tmp_path, monkeypatch, "studio.examples.orders", size=(118, 30)) as (pilot, app):
        app.post_message(Go("hg:launch/daily_sales"))
        await until(pilot, lambda: app.current_mode == "launch" and "daily_sales" in status(app))
        await pilot.press("f5")
        await until(pilot, lambda: app.current_mode == "run" and "daily_sales-1" in status(app) and "done" in status(app))
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet) and app.screen._forecast is not None)
        await pilot.press("e", "ctrl+u", *"500", "enter")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet) and app.screen._forecast is not None)
        await pilot.press("enter")
        await until(pilot, lambda: "daily_sales-2" in status(app) and "done" in status(app))
        assert isinstance(app.screen, RunScreen)
        run = app.screen
        await until(pilot, lambda: run.view is not None and len(run.view.lineage) == 2)
        rail = run.query_one("#rail", Rail)
        rail.follow = False
        rail.reveal("each_order")
        await pilot.press("l")
        app.clear_notifications()
        await pilot.pause(0.5)
        drawn = app.export_screenshot(title="hypergraph studio")
    if request.config.getoption("update_snapshots"):
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8")
    assert words(PICTURE.read_text(encoding="utf-8")) == words(drawn)
