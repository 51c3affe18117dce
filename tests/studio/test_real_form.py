"""What is typed into the form is what the node receives: through the app, a worker, and back from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from studio.messages import Go
from studio.screens.launch import LaunchScreen
from studio.screens.run import RunScreen
from studio.widgets.choice import Choice
from tests.studio.driving import driven, status, until

KINDS = """
import datetime as dt
import enum
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple
import numpy as np
from pydantic import BaseModel, Field
from hypergraph import Graph, node

class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"

@dataclass
class Point:
    x: int
    tags: list[str] = field(default_factory=list)

class User(BaseModel):
    name: str = Field(min_length=2)
    at: Point | None = None

class Pair(NamedTuple):
    left: int
    right: str = "r"

@node(output_name="done")
def take(
    number: Annotated[int, Field(ge=1)], text: str, flag: bool, mode: Literal["fast", "best"], colour: Colour, either: int | str,
    numbers: list[int], table: dict[str, Point], user: User, pair: Pair, day: dt.date, span: dt.timedelta, path: pathlib.Path,
    money: Decimal, some: set[int], maybe: int | None, anything: Any, array: np.ndarray, bare,
) -> int:
    with open("received", "a") as file:
        file.write(repr([number, text, flag, mode, colour, either, numbers, table, user, pair, day, span, path, money, some, maybe,
            anything, array.tolist(), bare]) + "\\n")
    return 1

kinds = Graph([take], name="kinds")
"""
TYPED = {
    "number": "1_000", "text": "it's [bold]", "either": "'5'", "numbers": "1, 2",
    "table": '{"a": {"x": 1}}',
    "user": '{"name": "Ann", "at": {"x": 2, "tags": ["t"]}}', "pair": '{"left": 3}', "day": "2026-01-31", "span": "1h30m",
    "path": "a b.txt",
    "money": "1.10", "some": "3, 3", "maybe": "None", "anything": "(1, 'a')", "array": "[[1, 2]]", "bare": "words",
}  # fmt: skip
CHOSEN = {"flag": "True", "mode": "best", "colour": "BLUE"}
RECEIVED = (
    "[1000, \"it's [bold]\", True, 'best', <Colour.BLUE: 'b'>, '5', [1, 2], {'a': Point(x=1, tags=[])}, "
    "User(name='Ann', at=Point(x=2, tags=['t'])), Pair(left=3, right='r'), datetime.date(2026, 1, 31), datetime.timedelta(seconds=5400), "
    "PosixPath('a b.txt'), Decimal('1.10'), {3}, None, (1, 'a'), [[1, 2]], 'words']"
)


async def test_a_node_receives_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values are refused first; then one run, and one mapped over two of the inputs."""
    (tmp_path / "kinds.py").write_text(KINDS)
    async with driven(tmp_path, monkeypatch, "kinds.py", size=(120, 40)) as (pilot, app):
        app.post_message(Go("hg:launch/kinds"))
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and "kinds" in status(app) and app.screen.plan() is not None)
        assert isinstance(app.screen, LaunchScreen)
        form = app.screen
        await until(pilot, lambda: isinstance(form.focused, Input))
        await pilot.press("0")
        assert form._fields()[0].problem == "has to be at least 1"
        await pilot.press("f5")
        await pilot.pause()
        assert app.screen is form
        for field in form._fields():
            name = field.field.name
            if name in CHOSEN:
                assert isinstance(field.editor, Choice)
                field.editor.action_pick(CHOSEN[name])
            else:
                field.put(TYPED[name])
        assert [(field.field.name, field.problem) for field in form._fields() if field.problem] == []
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and "done" in status(app))
        assert (tmp_path / "received").read_text() == RECEIVED + "\n"

        (tmp_path / "received").unlink()
        await pilot.press("r")
        await until(pilot, lambda: app.screen is form and [field for field in form._fields() if field.text == "1000"])
        for field in form._fields():
            if field.field.name in {"number", "flag"}:
                field.action_each()
        await until(pilot, lambda: all(isinstance(field.editor, Input) for field in form._fields() if field.mapped))
        for field in form._fields():
            if field.mapped:
                field.put("1000, 1000" if field.field.name == "number" else "True, True")
        await until(pilot, lambda: (plan := form.plan()) is not None and plan.items_text == "2 items")
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and "kinds-2" in status(app) and "done" in status(app))
        assert (tmp_path / "received").read_text() == (RECEIVED + "\n") * 2
