"""Text in a field, read as a value; and the real objects that a worker builds from it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel, Field, field_validator

from studio.model.forms import FormError, check, items_of, read, text_of
from studio.services.building import build, build_list
from studio.services.describe import spec_of


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Doc:
    title: str
    tags: list[str] = dataclasses.field(default_factory=list)


class Even(BaseModel):
    number: int = Field(ge=0)

    @field_validator("number")
    @classmethod
    def even(cls, number: int) -> int:
        if number % 2:
            raise ValueError("it has to be even")
        return number


class Point(NamedTuple):
    x: int
    y: int = 0


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "hello world", "hello world"),
        (str, "42", "42"),
        (str, "'quoted'", "'quoted'"),
        (str, '""', ""),
        (str, "a\nb", "a\nb"),
        (str | None, "None", None),
        (int, " 1_000 ", 1000),
        (float, "1e3", 1000.0),
        (float, "nan", pytest.approx(float("nan"), nan_ok=True)),
        (bool, "yes", True),
        (bool, "False", False),
        (bytes, "abc", b"abc"),
        (bytes, r"b'\x00'", b"\x00"),
        (Path, "/tmp/x", Path("/tmp/x")),
        (dt.date, "2026-01-31", dt.date(2026, 1, 31)),
        (dt.datetime, "2026-01-31T14:02", dt.datetime.fromisoformat("2026-01-31T14:02")),
        (dt.timedelta, "1h30m", dt.timedelta(hours=1, minutes=30)),
        (dt.timedelta, "90", dt.timedelta(seconds=90)),
        (Decimal, "1.10", Decimal("1.10")),
        (UUID, "12345678123456781234567812345678", UUID(int=0x12345678123456781234567812345678)),
        (Literal["fast", "best"], "best", "best"),
        (Literal["fast", "best"], "'best'", "best"),
        (Literal[1, "1"], "1", 1),
        (Literal[1, "1"], "'1'", "1"),
        (Colour, "BLUE", Colour.BLUE),
        (Colour, "Colour.RED", Colour.RED),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], "1, 2,3", [1, 2, 3]),
        (list[str], "one\ntwo, three", ["one", "two, three"]),
        (list[float], "[1]", [1.0]),
        (list, '["a", 1]', ["a", 1]),
        (set[int], "{1, 2}", {1, 2}),
        (frozenset[int], "[1]", frozenset({1})),
        (tuple[int, str], "(1, 'a')", (1, "a")),
        (tuple[int, ...], "1,2,3", (1, 2, 3)),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[int, str], "{1: 'a'}", {1: "a"}),
        (Doc, '{"title": "A", "tags": ["x"]}', Doc("A", ["x"])),
        (list[Doc], '[{"title": "A"}]', [Doc("A")]),
        (Doc | None, "None", None),
        (Point, "{'x': 1}", Point(1)),
        (Even, '{"number": 4}', Even(number=4)),
        (int | str, "5", 5),
        (int | str, "five", "five"),
        (list[int | None], "[1, None]", [1, None]),
        (Any, "[1, (2,)]", [1, (2,)]),
        (Any, "bare words", "bare words"),
        (Annotated[int, Field(gt=0)], "1", 1),
    ],
)
def test_a_text_becomes_the_object_that_the_function_takes(annotation, text, value):
    """The annotation says what a text means."""
    built = build(annotation, text)
    assert built == value
    assert type(built) is type(value) or not isinstance(value, (bool, int, str, list, tuple, set, frozenset, dict, Doc))


@pytest.mark.parametrize(
    ("annotation", "text", "said"),
    [
        (int, "five", "'five' is no int"),
        (int, "1.5", "is no int"),
        (bool, "maybe", "write True or False"),
        (dt.date, "tomorrow", "write 2026-01-31"),
        (Literal["fast", "best"], "slow", "choose one of fast, best"),
        (Colour, "GREEN", "choose one of RED, BLUE"),
        (list[int], "[1, 'x']", "at [1]: 'x' is no int"),
        (list[int], "{", "write it as in Python or JSON"),
        (tuple[int, str], "(1,)", "1 elements where tuple[int, str] has 2"),
        (Doc, '{"titel": "A"}', "Doc has no field 'titel'; it has title, tags"),
        (Doc, "{}", "Doc needs title"),
        (Doc, '{"title": 1}', "at title: an int is no str"),
        (Even, '{"number": 3}', "it has to be even"),
        (Even, '{"number": -2}', "at number: has to be at least 0"),
        (Annotated[int, Field(gt=0)], "0", "has to be more than 0"),
        (Annotated[str, Field(min_length=3)], "ab", "at least 3 characters"),
        (type("Thing", (), {}), "x", "made by Python code"),
        (list[int], "[" * 10_000, "write it as in Python or JSON"),
        (int, "9" * 5_000, "is no int"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(annotation, text, said):
    """A refusal names the place inside the value and what would fit; it is never an exception of another kind."""
    with pytest.raises(FormError) as error:
        build(annotation, text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mapped_input_takes_a_list_of_its_own_kind():
    """Mapping over an int takes ints; how many there are is known without the type."""
    assert build_list(int, "1, 2") == [1, 2]
    assert build_list(Doc, '[{"title": "A"}]') == [Doc("A")]
    assert items_of(spec_of(int), "1,2,3") == 3
    assert items_of(spec_of(int), "1,x") is None


@given(some.text())
def test_any_text_is_read_or_refused(text):
    """No text breaks a field, whatever its type."""
    for annotation in (str, int, bool, list[int], dict[str, int], Doc, int | str, Any, Colour, dt.timedelta):
        check(spec_of(annotation), text)


@given(
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.text(),
        lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_plain_value_survives_its_own_text(value):
    """What a form was filled with from a stored run reads back as it was."""
    spec = spec_of(Any)
    assert read(spec, text_of(spec, value)) == value


def test_a_text_for_text_survives():
    """Text fields show text as it is, the empty one too."""
    for text in ("", "None at all", "[1]", "'"):
        assert read(spec_of(str), text_of(spec_of(str), text)) == text
