"""Texts are edited in the user's own editor in a terminal, and in a sheet where there is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TextArea

from studio.app import StudioApp
from studio.options import StudioOptions
from studio.screens.editor import edit_text
from tests.studio.fakes import FakeStudio


class Terminal(StudioApp):
    """An app that can step aside."""

    def __init__(self) -> None:
        super().__init__(StudioOptions(), FakeStudio())  # type: ignore[arg-type]  # it answers as the services do

    @contextlib.contextmanager
    def suspend(self) -> Iterator[None]:
        yield


def editor(folder: Path, code: str) -> str:
    """Give the command of an editor that does what the code says to the text `t`."""
    script = folder / "editor.py"
    script.write_text(f"import sys\np = sys.argv[1]\nt = open(p).read()\n{code}\nopen(p, 'w').write(t)\n")
    return f"{sys.executable} {script}"


async def test_the_named_editor_gets_the_text_and_its_result_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", editor(tmp_path, "t = t.upper() + '\\n'"))
    kept: list[str] = []
    async with Terminal().run_test() as pilot:
        edit_text(pilot.app, "query", "one\ntwo", kept.append)
    assert kept == ["ONE\nTWO"]


async def test_a_text_that_was_left_alone_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", editor(tmp_path, "pass"))
    kept: list[str] = []
    async with Terminal().run_test() as pilot:
        edit_text(pilot.app, "query", "one", kept.append)
    assert kept == []


@pytest.mark.parametrize("command", ["/nowhere/editor", "false"])
async def test_an_editor_that_fails_gives_way_to_the_sheet(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", command)
    kept: list[Any] = []
    async with Terminal().run_test() as pilot:
        edit_text(pilot.app, "query", "one", kept.append)
        await pilot.pause()
        assert pilot.app.screen.query_one(TextArea).text == "one"
        await pilot.press("!", "f4")
    assert kept == ["one!"]
