"""Every verb by key, by mouse and by palette: what a key does stands in the palette, and the palette is one click away everywhere."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.widgets import Input

from studio.app import StudioApp
from studio.commands import VerbProvider
from studio.keymap import all_acts
from studio.options import StudioOptions
from studio.screens.base import PlaceScreen
from studio.widgets.bars import KeyBar
from tests.studio.fakes import NOW, FakeStudio

PLACES = (
    "hg:graphs", "hg:launch/rag-eval", "hg:run/rag-eval-7", "hg:run/rag-eval-5", "hg:run/batch-12", "hg:run/refine-3", "hg:runs",
    "hg:inbox", "hg:compare/rag-eval-5/rag-eval-7",
)  # fmt: skip
# Of a sheet or a field: they are offered where that has the focus, and stand on the sheet to be clicked.
ELSEWHERE = ("sheet.", "form.", "go.choose-")
# In a view of one thing, opened from a place: the value, the bench, the drawers.
IN_A_VIEW = {"look.reveal", "look.open-problem", "yank.log", "yank.value", "act.lost"}


async def test_every_act_of_the_places_is_a_key_and_stands_in_the_palette_and_the_palette_is_one_click_away() -> None:
    offered: set[str] = set()
    for address in PLACES:
        app = StudioApp(StudioOptions(at=address), FakeStudio(), clock=lambda: NOW)  # type: ignore[arg-type]
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.3)
            screen = app.screen
            assert isinstance(screen, PlaceScreen)
            tabs = ["", "v", "v", *"tttttt"] if "hg:run/" in address else ["", "space"] if address in {"hg:runs", "hg:inbox"} else [""]
            for tab in tabs:
                if tab:
                    (screen.panes() or [screen])[0].focus()
                    await pilot.press(tab)
                    await pilot.pause(0.05)
                for pane in screen.panes() or [None]:
                    if pane is not None:
                        pane.focus()
                    await pilot.pause()
                    keys = {active.binding.id for active in screen.active_bindings.values() if active.enabled and active.binding.id}
                    listed = {
                        active.binding.id
                        for _, _, action, node in VerbProvider(screen)._verbs()
                        for active in screen.active_bindings.values()
                        if (active.binding.action, active.node) == (action, node)
                    }
                    assert keys == listed
                    offered |= keys
                    if isinstance(app.focused, Input):
                        await pilot.press("escape")
            bar = screen.query_one(KeyBar)
            shown = bar.shown()
            assert len(shown) <= 8
            assert any(one.binding.id == "go.help" for one in shown)
            line = bar.line(bar.size.width).plain
            key = ": go" if ": go" in line else "ctrl+p go"
            assert key in line, line
            await pilot.click(bar, offset=(line.index(key), 0))
            await pilot.pause(0.3)
            assert isinstance(app.screen, CommandPalette)
        assert app._exception is None
    missing = sorted(name for name in all_acts() if name not in offered and not name.startswith(ELSEWHERE) and name not in IN_A_VIEW)
    assert missing == []
