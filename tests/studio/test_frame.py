"""The frame around all places: settings, keys, help, what is copied, and what is wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual.widgets import Input

from studio.app import StudioApp
from studio.keymap import all_acts, keymap_problems, written
from studio.model.problems import Problem
from studio.options import StudioOptions
from studio.screens.help import HelpScreen
from studio.screens.sheet import Summary
from studio.services.settings import Settings, load_settings
from studio.widgets.bars import StatusLine
from tests.studio.fakes import NOW, FakeStudio

ROOT = Path(__file__).parents[2]


def app_at(address: str, fake: FakeStudio | None = None) -> StudioApp:
    return StudioApp(StudioOptions(at=address), fake or FakeStudio(), clock=lambda: NOW)  # type: ignore[arg-type]


# Settings.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 1", "colour is no setting; there are theme, keymap, secrets, keep_days, keep_bytes, at_once, load_seconds"),
        ("keep_day = 1", "keep_day is no setting, did you mean keep_days?"),
        ('theme = "pink"', "theme has to be one of dark, light, contrast, not 'pink'"),
        ("theme = 3", "theme has to be one of dark, light, contrast, not 3"),
        ("at_once = 0", "at_once has to be a whole number from 1 on, not 0"),
        ("at_once = true", "at_once has to be a whole number from 1 on, not True"),
        ("keep_days = -1", "keep_days has to be a whole number from 0 on, not -1"),
        ('keep_bytes = "2 GB"', "keep_bytes has to be a whole number from 0 on, not '2 GB'"),
        ('secrets = "pin"', "secrets has to be a list of names, such as ['customer'], not 'pin'"),
        ('secrets = ["pin", 5]', "secrets holds 5, which is no name"),
        ('keymap = "x"', "keymap has to be a table: [keymap], then lines such as 'act.stop' = 'X', not 'x'"),
        ('[keymap]\n"act.stop" = 5', "keymap.act.stop has to be a text of keys, such as 'X' or 'ctrl+r,r', not 5"),
    ],
)
def test_a_setting_that_means_nothing_is_told_with_what_would(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "studio.toml"
    file.write_text(text, encoding="utf-8")
    found = load_settings(file)
    assert found.problems == (f"{file}: {told}",)
    assert (found.theme, found.at_once, found.keep_days) == (None, 8, 30)


def test_a_file_that_is_no_toml_is_told_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "studio.toml"
    file.write_text("theme = \n", encoding="utf-8")
    (problem,) = load_settings(file).problems
    assert "line 1" in problem


# Keys.


def test_the_page_of_keys_lists_every_act() -> None:
    assert (ROOT / "docs" / "keys.md").read_text("utf-8") == written(), "python -m studio.keymap > docs/keys.md"


def test_every_act_says_what_it_does() -> None:
    assert [act.id for act in all_acts().values() if not act.meaning] == []


def test_a_keymap_for_acts_that_do_not_exist_is_told() -> None:
    assert keymap_problems({}) == []
    assert keymap_problems({"act.stop": "X", "act.stpo": "X", "zzzz": "X"}) == [
        "keymap.act.stpo is no act, did you mean act.stop?",
        "keymap.zzzz is no act; docs/keys.md lists them",
    ]


async def test_another_key_does_the_act_and_help_and_footer_say_so() -> None:
    fake = FakeStudio()
    fake.settings = Settings(keymap={"act.stop": "X"})
    app = app_at("hg:run/rag-eval-7", fake)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("S")
        await pilot.pause(0.1)
        assert not app.screen.is_modal
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        lines = [line.plain for line in app.screen.query_one(Summary)._make(90)]
        assert any(line.split()[:1] == ["X"] and "stop" in line for line in lines)
        await pilot.press("escape", "X")
        await pilot.pause(0.2)
        assert app.screen.is_modal
    assert app._exception is None


# Help.


async def help_of(address: str, *press: str, size: tuple[int, int] = (80, 24)) -> list[str]:
    app = app_at(address)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        for key in press:
            await pilot.press(key)
            await pilot.pause(0.1)
        assert isinstance(app.screen, HelpScreen)
        summary = app.screen.query_one(Summary)
        lines = [line.plain for line in summary._make(summary.size.width)]
        assert all(len(line) <= summary.size.width for line in lines)
    assert app._exception is None
    return lines


def under(lines: list[str], title: str) -> list[str]:
    at = next(place for place, line in enumerate(lines) if title in line)
    end = next((place for place in range(at, len(lines)) if not lines[place].strip()), len(lines))
    return lines[at + 1 : end]


async def test_help_names_the_keys_of_panes_that_have_no_focus() -> None:
    lines = await help_of("hg:run/rag-eval-7", "question_mark")
    assert any("l" in line.split()[:4] for line in under(lines, "Looking and moving"))
    assert any("as a tree" in line for line in under(lines, "In the inspector"))
    lines = await help_of("hg:run/rag-eval-7", "tab", "question_mark")
    assert any("nested graph" in line for line in under(lines, "In the rail"))


async def test_help_works_in_a_field_and_says_what_rests_there() -> None:
    lines = await help_of("hg:launch/rag-eval", "f1")
    assert lines[0].startswith("Letters are typed into the field")
    assert any(line.split()[0] == "F1" for line in under(lines, "Going places"))
    assert not any(line.split()[0] == "?" for line in under(lines, "Going places"))
    assert any(line.split()[0] == "@" for line in under(lines, "Outside the field"))
    assert any("Next choice" in line for line in under(lines, "In a list of choices"))


async def test_the_places_open_from_within_a_field_and_nothing_is_typed() -> None:
    app = app_at("hg:launch/rag-eval")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        assert isinstance(app.focused, Input)
        field, before = app.focused, app.focused.value
        await pilot.press("f2", "4")
        await pilot.pause(0.3)
        assert app.current_mode == "runs"
        assert field.value == before
    assert app._exception is None


# What is copied.


async def test_what_is_copied_is_said_to_be_sent_and_can_be_read_in_a_file(own_home: Path) -> None:
    app = app_at("hg:run/rag-eval-7")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("y", "a")
        await pilot.pause(0.3)
        told = [note.message for note in app._notifications]
        clip = own_home / "state" / "hypergraph" / "clip.txt"
        assert clip.read_text() == app.clipboard
        assert stat.S_IMODE(clip.stat().st_mode) == 0o600
        assert told[-1].startswith("The address was sent to the terminal; also written to ")
        assert told[-1].endswith("clip.txt.")
        assert not [text for text in told if "copied" in text.lower()]
    assert app._exception is None


# What is wrong.


async def test_a_run_that_lost_its_process_is_told_without_being_asked_for() -> None:
    fake = FakeStudio()
    found: list[Problem] = []
    fake.problems = lambda: tuple(found)  # type: ignore[method-assign]
    app = app_at("hg:graphs", fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        found.append(Problem("a run has no living process", "rag-7: its process was killed (SIGKILL)"))
        app.look_for_trouble()
        await pilot.pause(0.3)
        assert "!1" in app.screen.query_one(StatusLine).line(80).plain
        (note,) = app._notifications
        assert note.message == "a run has no living process: rag-7: its process was killed (SIGKILL). ! shows what is wrong."
        app.look_for_trouble()
        await pilot.pause(0.3)
        assert len(app._notifications) == 1
    assert app._exception is None


async def test_all_of_a_problem_is_said_below_the_list() -> None:
    fake = FakeStudio()
    long = "its process was killed (SIGKILL), most likely by the system for want of memory; enter: resume it, fork it, or mark it as lost"
    fake.problems = lambda: (Problem("first", "short"), Problem("second", long))  # type: ignore[method-assign]
    app = app_at("hg:graphs", fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("exclamation_mark", "j")
        await pilot.pause(0.2)
        detail = app.screen.query_one("#detail", Summary)
        said = " ".join(line.plain for line in detail._make(detail.size.width))
        assert said == f"second {long}"
    assert app._exception is None
