"""Every act as Python that means the same."""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest

from studio.model.python_code import Call, code_of, expression
from studio.services.building import build
from studio.services.describe import spec_of


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Doc:
    title: str
    where: Path | None = None


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, 'it\'s "here"\n'),
        (int, "1_000"),
        (float, "inf"),
        (bool, "no"),
        (Path, "/x y"),
        (dt.date, "2026-01-31"),
        (dt.timedelta, "1h"),
        (Decimal, "1.10"),
        (UUID, "12345678123456781234567812345678"),
        (Literal["fast", "best"], "fast"),
        (Literal[1, "1"], "'1'"),
        (Literal[1, "1"], "1"),
        (Colour, "RED"),
        (list[int], "1,2"),
        (set[int], "[]"),
        (tuple[int], "(1,)"),
        (tuple[int, ...], "1,2"),
        (dict[str, Path], '{"a": "/x"}'),
        (Doc, '{"title": "A", "where": "/x"}'),
        (list[Doc], '[{"title": "A"}]'),
        (int | None, "None"),
        (Any, "{'a': (1, None)}"),
    ],
)
def test_an_expression_is_the_value(annotation, text):
    """The Python of a value is the value that the worker builds."""
    names: set[str] = set()
    made = expression(spec_of(annotation), text, names)
    space = {
        "Path": Path, "date": dt.date, "timedelta": dt.timedelta, "Decimal": Decimal, "UUID": UUID, "Colour": Colour, "Doc": Doc,
    }  # fmt: skip
    assert eval(made, space) == build(annotation, text)
    assert {name.rpartition(":")[2] for name in names} <= {"Colour", "Doc"}


@pytest.mark.parametrize("runner", ["AsyncRunner", "SyncRunner", "DaftRunner"])
@pytest.mark.parametrize("module", ["pack.graphs", ""])
def test_a_script_is_a_program(runner, module):
    """Whatever the runner and the module, the script parses, and imports what it uses."""
    call = Call(
        runner, "rag", module, "/w/my graphs.py", "/w", "runs.db", "map", {"where": "[Path('/x')]"},
        {"map_over": "['where']"}, ("cp = 1",), ("Doc",),
    )  # fmt: skip
    code = code_of(call)
    ast.parse(code.script)
    assert "from pathlib import Path" in code.script
    assert ("await" in code.line) == (runner == "AsyncRunner")
    assert "Doc" in code.script
