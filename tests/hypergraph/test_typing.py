"""May this output feed that input; does this value fit; how is a type written."""

# The old spellings of types are part of what users write.
# ruff: noqa: UP006, UP007, UP035, UP045

from __future__ import annotations

import enum
import functools
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, NewType, NoReturn, Optional, Protocol, Tuple, TypedDict, TypeVar, Union

import pytest

from hypergraph._typing import compatible, fits, format_type, list_of, resolve_hints

T = TypeVar("T")
BoundT = TypeVar("BoundT", bound=int)
ChoiceT = TypeVar("ChoiceT", int, str)
UserId = NewType("UserId", int)


class Going(Protocol):
    def go(self) -> int: ...


class Goes:
    def __repr__(self) -> str:
        return "Goes()"

    def go(self) -> int:
        return 1


class Row(TypedDict):
    a: int


class Pair(NamedTuple):
    a: int
    b: int


class OtherPair(NamedTuple):
    a: int
    b: int


class Colour(enum.Enum):
    RED = 1


YES = [
    (int, int),
    (bool, int),
    (int, Any),
    (Any, int),
    (int, object),
    (None, None),
    (None, Optional[int]),
    (int, Union[int, str]),
    (int | str, Union[str, int]),
    (int | None, int | None | str),
    (list[int], list),
    (list, list[int]),
    (list[int], List[int]),
    (dict[str, list[int]], Dict[str, List[int]]),
    (tuple[int, str], Tuple[int, str]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, str], Sequence[int | str]),
    (list[int], Sequence[int]),
    (dict[str, int], Mapping[str, int]),
    (dict[str, int], Iterable[str]),
    (Generator[int, None, None], Iterator[int]),
    (Callable[[int], str], Callable[[int], str]),
    (Callable[[object], bool], Callable[[int], int]),
    (type[bool], type[int]),
    (int, T),
    (list[int], list[T]),
    (bool, BoundT),
    (int, ChoiceT),
    (T, int),
    (Annotated[int, "x"], int),
    (int, Annotated[int, "x"]),
    (Literal[1], Literal[1, 2]),
    (Literal["a"], str),
    (Going, Going),
    (Goes, Going),
    (Row, dict),
    (Row, Mapping[str, Any]),
    (Pair, tuple),
    (Pair, tuple[int, int]),
    (UserId, int),
    (NoReturn, int),
    ("Unknown", int),
]
NO = [
    (int, str),
    (int, float),
    (None, int),
    (int, None),
    (int | str, int),
    (list[int], list[str]),
    (list, dict),
    (dict[str, int], dict[str, str]),
    (tuple[int, str], tuple[str, int]),
    (tuple[int, int], tuple[int]),
    (tuple[int, ...], tuple[int, int]),
    (Callable[[int], str], Callable[[str], str]),
    (Callable[[int], str], Callable[[int], int]),
    (Callable[[int], str], Callable[[int, int], str]),
    (str, BoundT),
    (float, ChoiceT),
    (Annotated[int, 1], str),
    (Literal[1, 2], Literal[1]),
    (Literal[1], Literal[2]),
    (Literal[1], Literal[True]),
    (str, Literal["a"]),
    (int, Going),
    (dict, Row),
    (tuple, Pair),
    (Pair, OtherPair),
    (int, UserId),
]


@pytest.mark.parametrize(("producer", "consumer"), YES, ids=str)
def test_compatible(producer, consumer):
    assert compatible(producer, consumer)


@pytest.mark.parametrize(("producer", "consumer"), NO, ids=str)
def test_not_compatible(producer, consumer):
    assert not compatible(producer, consumer)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, int),
        (1, float),
        (1, complex),
        (True, bool),
        ("a", Literal["a"]),
        (None, int | None),
        ([1], list[int]),
        ([1], Sequence[int]),
        ({"a": 1}, dict[str, int]),
        ((1, "a"), tuple[int, str]),
        ((1, 2, 3), tuple[int, ...]),
        (Colour.RED, Colour),
        ({"a": 1}, Row),
        (Goes(), Going),
        (bool, type[int]),
        (1, UserId),
        (1, ChoiceT),
        (3, None),
        (3, Any),
        (3, "Unknown"),
        (len, Callable[[list], int]),
    ],
    ids=str,
)
def test_a_value_fits(value, annotation):
    assert fits(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (True, int),
        (True, float),
        ("1", int),
        (1.0, int),
        (1, Literal[True]),
        (None, int),
        ([1, "a"], list[int]),
        ({1: 1}, dict[str, int]),
        ({"a": "b"}, dict[str, int]),
        ((1,), tuple[int, str]),
        (1, Colour),
        ({}, Row),
        ({"a": "x"}, Row),
        ({"a": 1, "b": 1}, Row),
        (3, Going),
        (str, type[int]),
        (1.5, ChoiceT),
        (3, Callable[[], int]),
    ],
    ids=str,
)
def test_a_value_does_not_fit(value, annotation):
    assert not fits(value, annotation)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (list[str], "list[str]"),
        (List[int], "list[int]"),
        (Goes, "Goes"),
        (Optional[Goes], "Goes | None"),
        (Union[None, int, str], "int | str | None"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Callable[..., int], "Callable[..., int]"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[int, "meta"], "int"),
        (Sequence[int], "Sequence[int]"),
        (None, "None"),
        (Any, "Any"),
        (T, "T"),
        (UserId, "UserId"),
        ("Later", "Later"),
    ],
    ids=str,
)
def test_format_type(hint, text):
    assert format_type(hint) == text


def test_a_local_class_is_written_without_its_surroundings():
    class Inner:
        pass

    assert format_type(Inner) == "Inner"


def test_list_of_gives_a_list_type():
    assert list_of(int) == list[int]


def test_hints_are_resolved_against_the_functions_globals():
    def func(a: Goes, b: int | None = None) -> list[Row]: ...

    assert resolve_hints(func) == {"a": Goes, "b": Optional[int], "return": list[Row]}


def test_hints_of_partials_objects_and_builtins():
    class Call:
        def __call__(self, x: int) -> str: ...

    def func(x: int) -> str: ...

    expected = {"x": int, "return": str}
    assert resolve_hints(functools.partial(func, 1)) == resolve_hints(Call()) == resolve_hints(func) == expected
    assert resolve_hints(len) == {}


def test_unresolvable_hints_are_left_out_with_one_warning():
    def func(a: Nowhere, b: int, c: Never2) -> str: ...  # noqa: F821  # meant to be unknown

    with pytest.warns(UserWarning, match="Unresolvable type hint") as caught:
        assert resolve_hints(func) == {"b": int, "return": str}
    assert len(caught) == 1
    assert "Nowhere" in str(caught[0].message)


def test_resolvable_hints_warn_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_hints(compatible)
