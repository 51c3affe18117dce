"""Fields for classes of every kind: numbers and words with names of their own, arrays, tables, files, references, unions."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic, NotRequired, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from studio.model.forms import read, text_of
from studio.model.python_code import Call, code_of, expression
from studio.services.building import FormError, build
from studio.services.describe import spec_of

T = TypeVar("T")


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Slug(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "r"


class Coloured(BaseModel):
    model_config = {"extra": "allow"}
    colour: Colour
    user_name: str = Field(default="x", alias="userName")


@dataclasses.dataclass
class Pair(Generic[T]):
    left: T
    right: int = 0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Speaks(Protocol):
    def floor(self, x: float) -> int: ...


class Thing:
    pass


thing = Thing()
HERE = __name__


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (complex, "1 + 2i", 1 + 2j),
        (Fraction, "1/3", Fraction(1, 3)),
        (bytearray, "ab", bytearray(b"ab")),
        (re.Pattern[str], "a+", re.compile("a+")),
        (dt.timedelta, "1:30:00", dt.timedelta(hours=1.5)),
        (dt.timedelta, "-2m 250ms", dt.timedelta(minutes=-2, milliseconds=-250)),
        (list[dt.time], "14:02, 15:00", [dt.time(14, 2), dt.time(15)]),
        (collections.deque[int], "1,2", collections.deque([1, 2])),
        (Access, "READ|WRITE", Access.READ | Access.WRITE),
        (Slug, "a-b", Slug("a-b")),
        (np.float64, "1.5", np.float64(1.5)),
        (np.int32, "4", np.int32(4)),
        (pd.Timestamp, "2026-01-31", pd.Timestamp("2026-01-31")),
        (ipaddress.IPv4Address, "10.0.0.1", ipaddress.IPv4Address("10.0.0.1")),
        (SecretStr, "hush", SecretStr("hush")),
        (HttpUrl, "https://example.org/a", HttpUrl("https://example.org/a")),
        (Pair[int], '{"left": 4}', Pair(4)),
        (Movie, '{"title": "A", "year": 1999}', {"title": "A", "year": 1999}),
        (Coloured, '{"colour": "RED", "userName": "y", "more": 1}', Coloured(colour=Colour.RED, userName="y", more=1)),
        (Callable[[float], int], "math:floor", math.floor),
        (Speaks, "math:floor", math.floor),
        (type, "builtins:int", int),
        (Thing, f"{HERE}:thing", thing),
        (int | str, "'5'", "5"),
        (float | int, "5", 5),
        (bool | str, "yes", "yes"),
        (bool | int, "1", 1),
        (str | list[str], "a, b", "a, b"),
        (str | list[str], "['a']", ["a"]),
        (int | list[int], "1, 2", [1, 2]),
        (dt.date | str, "2026-01-31", dt.date(2026, 1, 31)),
        (Annotated[Decimal, Field(ge=1)], "1.5", Decimal("1.5")),
    ],
)
def test_a_text_becomes_an_object_of_its_class(annotation: Any, text: str, value: Any) -> None:
    """The node gets the very object that its annotation speaks of, and the Python that is shown makes the same one."""
    built = build(annotation, text)
    assert built == value
    assert type(built) is type(value)
    names: set[str] = set()
    made = expression(spec_of(annotation), text, names)
    script = code_of(Call("SyncRunner", "graph", HERE, None, "", "db", values={"x": made}, names=tuple(names))).script
    lines = [line for line in script.splitlines() if line.startswith(("import", "from"))]
    space: dict[str, Any] = {}
    exec("\n".join(line.replace("import graph, ", "import ") for line in lines if not line.endswith("import graph")), space)
    assert eval(made, space) == value


@pytest.mark.parametrize(
    ("annotation", "text", "said"),
    [
        (Fraction, "1/0", "write 1/3"),
        (complex, "x", "write 1+2j"),
        (re.Pattern, "(", "'(' is no Pattern"),
        (bytes, "b'", "write text"),
        (Access, "READ|RUN", "choose one of READ, WRITE"),
        (ipaddress.IPv4Address, "10.0", "10.0"),
        (HttpUrl, "nowhere", "valid URL"),
        (Annotated[str, Field(pattern="^a+$")], "b", "has to match ^a+$"),
        (Annotated[int, Field(multiple_of=5)], "4", "multiple of 5"),
        (Annotated[Decimal, Field(ge=1)], "0.5", "at least 1"),
        (Thing, "thing", "a Thing is made by Python code: name one that a module has, as module:name"),
        (Thing, "math:floor", "math:floor is builtin_function_or_method, not Thing"),
        (Callable[[], int], "math:pi", "math:pi cannot be called"),
        (Callable[[], int], "math:nothing", "nothing"),
        (Callable[[], int], "no_such_module_here:f", "no_such_module_here"),
        (np.ndarray, "x", "write numbers in brackets, or the path of a file"),
        (pd.DataFrame, "f.exe", "write rows or columns as JSON, or the path of a file"),
        (pd.DataFrame, "nowhere.csv", "there is no file nowhere.csv"),
        (int | list[int], "x", "'x' is no int | list[int]"),
        (Pair[int] | None, '{"more": 1}', "Pair[int] has no field 'more'"),
    ],
)
def test_what_is_wrong_with_it_is_said(annotation: Any, text: str, said: str) -> None:
    """A refusal says what would fit."""
    with pytest.raises(FormError) as error:
        build(annotation, text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_arrays_are_typed_or_read_from_files(tmp_path: Path) -> None:
    """An array is written in brackets, or lies in a file; its element type is kept."""
    np.save(tmp_path / "a.npy", np.arange(3))
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    (tmp_path / "a.json").write_text("[[1, 2]]")
    assert build(np.ndarray, "[[1, 2], [3, 4]]").tolist() == [[1, 2], [3, 4]]
    assert build(npt.NDArray[np.float32], "[1]").dtype == np.float32
    assert build(np.ndarray, str(tmp_path / "a.npy")).tolist() == [0, 1, 2]
    assert build(np.ndarray, str(tmp_path / "a.csv")).tolist() == [[1, 2], [3, 4]]
    assert build(np.ndarray, str(tmp_path / "a.json")).tolist() == [[1, 2]]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table])
def test_tables_are_typed_or_read_from_files(kind: Any, tmp_path: Path) -> None:
    """A table is written as rows or columns, or lies in a file."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(tmp_path / "f.csv", index=False)
    frame.to_csv(tmp_path / "f.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "f.parquet")
    frame.to_json(tmp_path / "f.json", orient="records")
    frame.to_json(tmp_path / "f.jsonl", orient="records", lines=True)
    texts = ['{"a": [1, 2], "b": ["x", "y"]}', '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]']
    for text in [*texts, *(str(tmp_path / f"f.{ending}") for ending in ("csv", "tsv", "parquet", "json", "jsonl"))]:
        made = build(kind, text)
        assert type(made) is kind
        made = made.collect() if kind is pl.LazyFrame else made
        rows = made.to_dict("records") if kind is pd.DataFrame else made.to_pylist() if kind is pa.Table else made.to_dicts()
        assert rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_column_is_a_list_or_a_files_first_column(tmp_path: Path) -> None:
    """A series is written as a list, or is the first column of a file."""
    (tmp_path / "f.csv").write_text("a\n1\n2\n")
    for kind in (pd.Series, pl.Series):
        assert list(build(kind, "[1, 2]")) == list(build(kind, str(tmp_path / "f.csv"))) == [1, 2]


def test_words_that_would_be_numbers_keep_their_quotes() -> None:
    """A text of a past run reads back as text, also where a number would fit as well."""
    for annotation in (int | str, Any, str | None | float):
        spec = spec_of(annotation)
        for text in ("5", "None", "", "plain words", "[1]"):
            assert read(spec, text_of(spec, text)) == text
