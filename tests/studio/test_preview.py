"""Values are looked at without running anything of theirs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import time
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, SecretStr

from studio.model.preview import LIMIT, LargeValue, kind_of, one_line, parts_of, preview
from studio.model.secrets import HIDDEN, is_secret


class Hostile:
    """Everything that a screen could be tempted to call."""

    def __init__(self):
        self.inside = 1

    def _no(self, *_):
        raise AssertionError("foreign code was called")

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __eq__ = __getattr__ = __format__ = _no
    __hash__ = None


class BadList(list):
    def __repr__(self):
        raise AssertionError("foreign code was called")

    def __len__(self):
        raise AssertionError("foreign code was called")

    __iter__ = __len__


class BadMeta(type):
    def __getattribute__(cls, name):
        if name in {"__repr__", "__str__"}:
            raise AssertionError("foreign code was called")
        return super().__getattribute__(name)


class Odd(metaclass=BadMeta):
    __slots__ = ("a",)


@dataclasses.dataclass
class Doc:
    title: str
    n: int = 1


class Model(BaseModel):
    name: str
    password: str = "x"
    key: SecretStr = SecretStr("hush")


class Colour(enum.Enum):
    RED = 1


def test_foreign_code_is_never_called():
    """An object that raises, blocks or lies in every method is still shown."""
    assert preview(Hostile()) == ("Hostile", "Hostile(inside=1)")
    assert preview([Hostile()])[1] == "[Hostile(inside=1)]"
    assert preview(BadList([1]))[0] == "BadList"
    assert preview(Odd())[0] == "Odd"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "None", "None"),
        (True, "bool", "True"),
        (5, "int", "5"),
        ("hi\nthere", "str", "hi\nthere"),
        ("x" * 1200, "str 1.2k", "x" * 1200),
        (b"ab", "bytes 2", "b'ab'"),
        ([1, "a"], "list[2]", "[1, 'a']"),
        ((1,), "tuple[1]", "(1,)"),
        (set(), "set[0]", "set()"),
        ({"a": {"b": 1}}, "dict[1]", "{'a': {'b': 1}}"),
        (OrderedDict(a=1), "OrderedDict[1]", "{'a': 1}"),
        (deque([1]), "deque[1]", "[1]"),
        (Doc("A"), "Doc", "Doc(title='A', n=1)"),
        (Colour.RED, "Colour", "Colour.RED"),
        (Path("/x"), "PosixPath", "PosixPath('/x')"),
        (dt.date(2026, 1, 2), "date", "datetime.date(2026, 1, 2)"),
        (ValueError("no", 1), "ValueError", "ValueError(0='no', 1=1)"),
        (np.arange(6).reshape(2, 3), "ndarray 2x3", "ndarray 2x3 int64: 0, 1, 2, 3, 4, 5"),
        (pd.DataFrame({"a": [1]}), "DataFrame 1x1", "DataFrame 1x1: a"),
        (LargeValue("list", 5 << 20, "[1, "), "list 5.0M", "[1, "),
        (Doc, "type", "<class Doc>"),
    ],
)
def test_kind_and_text(value, kind, text):
    """Type and size in a few characters, then the beginning of the text."""
    assert preview(value) == (kind, text)


def test_previews_are_bounded_in_time_and_length():
    """Neither a huge nor an endless value costs more than its beginning."""
    endless: list = []
    endless.append(endless)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    began = time.perf_counter()
    for value in (list(range(10**6)), "x" * 10**7, {n: n for n in range(10**5)}, endless, deep, 10**100_000, [["y" * 10**6] * 100] * 100):
        assert len(preview(value)[1]) <= LIMIT
    assert time.perf_counter() - began < 1.0


def test_secrets_are_hidden_at_every_depth():
    """A secret's name hides its value, as an input, a field or a key."""
    assert preview("hush", name="api_key") == ("str", HIDDEN)
    assert "hush" not in preview(Model(name="a"))[1]
    assert preview({"password": "hush", "user": "me"})[1] == f"{{'password': {HIDDEN}, 'user': 'me'}}"
    assert preview("hush", name="pin", secrets=["pin"])[1] == HIDDEN


@pytest.mark.parametrize("name", ["api_key", "apiKey", "user_password", "ACCESS_TOKEN", "secret", "clientSecret", "private_key", "token"])
def test_secret_names(name):
    """Whole words of a split name count."""
    assert is_secret(name)


@pytest.mark.parametrize("name", ["secretary", "keyboard", "tokens", "max_tokens", "monkey", "key", "access", "passwordless"])
def test_names_that_only_look_secret(name):
    """Longer words that hold one of them are no secrets."""
    assert not is_secret(name)


def test_parts_are_given_with_their_keys():
    """A value is opened branch by branch, by keys that a reader recognises."""
    assert parts_of({"a": 1, 2: "x"}) == [("a", 1), ("2", "x")]
    assert parts_of([5]) == [("[0]", 5)]
    assert parts_of(Doc("A")) == [("title", "A"), ("n", 1)]
    assert parts_of("text") is None
    assert parts_of(np.arange(3)) is None


def test_one_line_is_one_line():
    """Line breaks become spaces, the rest is cut."""
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("x" * 500, 10) == "x" * 9 + "…"
    assert kind_of({}) == "dict[0]"
