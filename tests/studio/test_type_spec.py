"""The shape of an annotation, made in one process and read in another."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import enum
import json
import typing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from studio.model.type_spec import TypeSpec
from studio.services.describe import NOTHING, spec_of


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Doc:
    title: str
    pages: int = 1


class Model(BaseModel):
    name: str
    size: int = Field(default=1, ge=1, le=9)


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict, total=False):
    fast: bool


class Thing:
    pass


@pytest.mark.parametrize(
    ("annotation", "kind", "label"),
    [
        (bool, "bool", "bool"),
        (int, "int", "int"),
        (float, "float", "float"),
        (str, "str", "str"),
        (bytes, "bytes", "bytes"),
        (Path, "path", "Path"),
        (dt.date, "date", "date"),
        (dt.datetime, "datetime", "datetime"),
        (dt.timedelta, "timedelta", "timedelta"),
        (Decimal, "decimal", "Decimal"),
        (UUID, "uuid", "UUID"),
        (Any, "any", "any"),
        (NOTHING, "any", "any"),
        (object, "any", "object"),
        (list, "list", "list"),
        (list[int], "list", "list[int]"),
        (collections.abc.Sequence[int], "list", "Sequence[int]"),
        (set[str], "set", "set[str]"),
        (frozenset[str], "set", "frozenset[str]"),
        (dict[str, int], "dict", "dict[str, int]"),
        (tuple[int, str], "tuple", "tuple[int, str]"),
        (int | str, "union", "int | str"),
        (Literal["a", "b"], "literal", "Literal['a', 'b']"),
        (Colour, "enum", "Colour"),
        (Doc, "record", "Doc"),
        (Model, "record", "Model"),
        (Point, "record", "Point"),
        (Options, "record", "Options"),
        (Thing, "object", "Thing"),
        (NewType("Key", str), "str", "Key"),
        (TypeVar("T", bound=int), "int", "T"),
        ("Doc", "any", "Doc"),
    ],
)
def test_kind_and_label(annotation, kind, label):
    """Every annotation has a kind that a field knows, and a label without module names."""
    spec = spec_of(annotation)
    assert (spec.kind, spec.label) == (kind, label)


def test_a_spec_travels_as_json():
    """What the host writes the studio reads, whatever is nested."""
    spec = spec_of(dict[str, list[Doc] | None])
    assert TypeSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_none_beside_a_type_makes_it_nullable():
    """`X | None` is X that may be missing, not a choice of two."""
    for annotation in (int | None, typing.Optional[int]):  # noqa: UP045
        spec = spec_of(annotation)
        assert (spec.kind, spec.nullable, spec.label) == ("int", True, "int | None")


def test_words_are_choices_without_quotes():
    """A choice reads as one would say it; where kinds are mixed, as one would write it."""
    assert spec_of(Literal["fast", "best"]).choices == ("fast", "best")
    assert spec_of(Literal["1", 1]).choices == ("'1'", "1")
    assert spec_of(Colour).choices == ("RED", "BLUE")


def test_fields_know_which_are_needed():
    """Dataclasses, models, named tuples and typed dicts all say which fields they need."""
    for annotation, needed in ((Doc, {"title"}), (Model, {"name"}), (Point, {"x"}), (Options, set())):
        assert {one.name for one in spec_of(annotation).fields if one.required} == needed


def test_bounds_are_taken_from_annotations():
    """Bounds stand in Annotated, with or without pydantic."""
    assert spec_of(Annotated[int, Field(gt=0, le=5)]).constraints == {"gt": 0, "le": 5}
    assert next(one.type.constraints for one in spec_of(Model).fields if one.name == "size") == {"ge": 1, "le": 9}


def test_a_type_that_contains_itself_ends():
    """Recursion stops at a depth that no form shows."""

    @dataclasses.dataclass
    class Tree:
        inside: list[Any]

    Tree.__annotations__["inside"] = list[Tree]
    json.dumps(spec_of(Tree).to_json())
