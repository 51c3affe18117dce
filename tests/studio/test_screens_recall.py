"""The form is filled with inputs of before, and from a file; nothing starts by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from textual.widgets import Input

from studio.model.graph_view import GraphView
from studio.model.plan import mapped_of
from studio.screens.launch import LaunchScreen
from studio.screens.recall import AskSheet, RecalledList, RecallSheet
from studio.services.recalling import Recalled
from studio.widgets.input_form import Field, Tick
from tests.studio.fakes import NOW, FakeStudio
from tests.studio.test_screens import opened, until


class Recalling:
    """Knows one preset and one run."""

    def __init__(self) -> None:
        self.rows = [
            Recalled("blue", True, {"query": "why blue?"}, (), NOW),
            Recalled("rag-1", False, {"query": "[1, 2]"}, ("query",), NOW),
        ]
        self.kept: list[tuple[str, str, Mapping[str, str]]] = []
        self.forgotten: list[str] = []
        self.renamed: list[tuple[str, str]] = []

    def known(self, _graph: GraphView) -> list[Recalled]:
        return list(self.rows)

    def keep(self, graph: str, name: str, texts: Mapping[str, str]) -> bool:
        self.kept.append((graph, name, texts))
        return True

    def forget(self, _graph: str, name: str) -> None:
        self.forgotten.append(name)

    def rename(self, _graph: str, name: str, other: str) -> bool:
        self.renamed.append((name, other))
        return True

    def from_file(self, _graph: GraphView, path: str, used: str | None) -> dict[str, str]:
        return {used or "query": f"text of {path}"}


def studio() -> tuple[FakeStudio, Recalling]:
    fake, recalling = FakeStudio(), Recalling()
    fake.recalling = recalling
    return fake, recalling


async def test_a_preset_fills_the_form() -> None:
    fake, _ = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("escape", "i")
        await until(pilot, lambda: isinstance(app.screen, RecallSheet))
        await pilot.press("enter")
        await until(pilot, lambda: [field for field in app.screen.query(Field) if field.text == "why blue?"])
    assert "launch" not in [act[0] for act in fake.done]


async def test_inputs_of_a_batch_bring_their_ticks_along() -> None:
    fake, _ = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("escape", "i", "down", "enter")
        await until(pilot, lambda: [tick for tick in app.screen.query(Tick) if tick.on])
        assert app.screen.query(Field).first().text == "[1, 2]"


async def test_a_preset_is_forgotten_and_a_run_is_not() -> None:
    fake, recalling = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("escape", "i", "delete", "delete")
        await pilot.pause()
    assert recalling.forgotten == ["blue"]


async def test_inputs_are_kept_under_a_name() -> None:
    fake, recalling = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press(*"why", "escape", "w")
        await until(pilot, lambda: isinstance(app.screen, AskSheet))
        await pilot.press(*"sky", "enter")
        await until(pilot, lambda: recalling.kept)
    assert recalling.kept[0][:2] == ("rag-eval", "sky")
    assert recalling.kept[0][2]["query"] == "why"


async def test_a_file_gives_the_text_of_the_field_that_was_used_last() -> None:
    fake, _ = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(app.screen, AskSheet))
        await pilot.press(*"q.txt", "enter")
        await until(pilot, lambda: app.screen.query(Field) and app.screen.query(Field).first().text == "text of q.txt")


async def test_what_was_kept_gets_another_name() -> None:
    fake, recalling = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("escape", "i", "e")
        await until(pilot, lambda: isinstance(app.screen, AskSheet))
        await pilot.press("ctrl+u", *"sky", "enter")
        await until(pilot, lambda: recalling.renamed)
    assert recalling.renamed == [("blue", "sky")]


async def test_ticks_are_kept_with_the_inputs_and_come_back_with_a_choice() -> None:
    """What is chosen for one run is typed as a list for many; both come back as they were."""
    fake, recalling = studio()
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        strict = next(field for field in app.screen.query(Field) if field.field.name == "strict")
        strict.editor.focus()
        await pilot.press("f", "f3")
        await until(pilot, lambda: strict.text == "False")
        assert strict.mapped
        await pilot.press(*", True", "escape", "w")
        await until(pilot, lambda: isinstance(app.screen, AskSheet))
        await pilot.press(*"both", "enter")
        await until(pilot, lambda: recalling.kept)
        kept = dict(recalling.kept[0][2])
        assert kept["strict"] == "False, True"
        assert mapped_of(kept) == ("strict",)
        cast("LaunchScreen", app.screen).fill({"strict": "[True, False]"}, ("strict",))
        await until(pilot, lambda: [field for field in app.screen.query(Field) if field.text == "[True, False]" and field.mapped])
        cast("LaunchScreen", app.screen).fill({"strict": "False"})
        await until(pilot, lambda: [field for field in app.screen.query(Field) if field.text == "False" and not field.mapped])


async def test_inputs_of_before_stand_below_a_wide_form_and_fill_it() -> None:
    async with opened(FakeStudio(), at="hg:launch/rag-eval", size=(200, 60)) as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(RecalledList))
        recent = app.screen.query_one(RecalledList)
        recent.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: [field for field in app.screen.query(Field) if field.text == "why is the sky blue?"])


async def test_a_text_of_several_lines_comes_back_whole() -> None:
    """The field shows its first line, and keeps all of it."""
    async with opened(FakeStudio(), at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        cast("LaunchScreen", app.screen).fill({"query": "one\ntwo"})
        await until(pilot, lambda: app.screen.query(Field) and app.screen.query(Field).first().text == "one\ntwo")
        await pilot.pause(0.3)
        assert app.screen.query(Field).first().text == "one\ntwo"


async def test_the_form_begins_with_the_number_that_the_settings_name() -> None:
    fake = FakeStudio()
    fake.settings = replace(fake.settings, at_once=16)
    async with opened(fake, at="hg:launch/rag-eval") as (pilot, app, _f):
        await until(pilot, lambda: app.screen.query(Field))
        assert app.screen.query_one("#at-once", Input).value == "16"
