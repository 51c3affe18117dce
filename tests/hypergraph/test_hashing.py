"""Hashes of code and values: equal things agree, in every process; different things do not."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from hypergraph._captured import hash_captured
from hypergraph._hashing import captured_values, compute_cache_key, hash_callable, hash_text, hash_value, source_of


def plain(x: int) -> int:
    return x + 1


def other(x: int) -> int:
    return x + 1


@dataclass
class Point:
    x: int
    tags: set[str]


def adder(by: int):
    def add(x: int) -> int:
        return x + by

    return add


class Scaler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def scale(self, x: int) -> int:
        return x * self.factor

    def __call__(self, x: int) -> int:
        return x * self.factor


def made_by_exec(body: str):
    space: dict = {}
    exec(f"def made(x):\n    return {body}", space)
    return space["made"]


def test_hash_text_is_sha256_in_hexadecimal():
    assert hash_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_function_keeps_its_hash():
    assert hash_callable(plain) == hash_callable(plain)
    assert len(hash_callable(plain)) == 64


def test_equal_bodies_under_different_names_differ():
    assert hash_callable(plain) != hash_callable(other)


def test_a_wrapper_hashes_as_the_function_it_wraps():
    @functools.wraps(plain)
    def wrapper(x: int) -> int:
        return plain(x)

    assert hash_callable(wrapper) == hash_callable(plain)
    assert hash_callable(functools.partial(plain, 1)) == hash_callable(plain)
    assert hash_callable(staticmethod(plain)) == hash_callable(plain)


def test_lambdas_of_one_line_differ():
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    assert hash_callable(first) != hash_callable(second)


def test_without_source_the_code_object_decides():
    assert source_of(made_by_exec("x")) is None
    assert hash_callable(made_by_exec("x + 1")) == hash_callable(made_by_exec("x + 1"))
    assert hash_callable(made_by_exec("x + 1")) != hash_callable(made_by_exec("x + 2"))


def test_builtins_hash_by_their_name():
    assert hash_callable(len) == hash_callable(len) != hash_callable(max)


def test_a_callable_object_hashes_as_its_class():
    assert hash_callable(Scaler(2)) == hash_callable(Scaler(3))
    assert "return x * self.factor" in (source_of(Scaler(2)) or "")


def test_source_is_dedented():
    assert (source_of(adder(1)) or "").startswith("def add")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, {1, 2, 3}),
        ([[1], [1]], [[1]] * 2),
        (Point(1, {"a", "b"}), Point(1, {"b", "a"})),
        ({"k": {"x": {1, 2}}}, {"k": {"x": {2, 1}}}),
        (plain, plain),
    ],
)
def test_equal_values_share_a_hash(left, right):
    assert hash_value(left) == hash_value(right) != ""


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (1, True), ("1", 1), ([1, 2], [2, 1]), ((1,), [1]), ({"a": 1}, {"a": 2}), ({1}, frozenset({1})), (plain, other), (None, "")],
)
def test_different_values_differ(left, right):
    assert hash_value(left) != hash_value(right)


def test_what_has_no_deterministic_form_has_no_hash():
    endless: list = []
    endless.append(endless)
    assert [hash_value(value) for value in (threading.Lock(), lambda: 0, adder(1), endless)] == ["", "", "", ""]


def test_what_unfolds_without_end_has_no_hash(monkeypatch):
    monkeypatch.setattr("hypergraph._hashing._MOST_SEQUENCES", 1000)
    folded: list = [0]
    for _ in range(60):
        folded = [folded, folded]
    assert hash_value(folded) == ""


def test_objects_are_looked_at_once_however_often_they_are_referred_to():
    folded = Point(1, set())
    for _ in range(25):  # 33 million points, if each reference counted
        folded = Point([folded, folded], set())
    hashed = hash_value(folded)
    assert len(hashed) == 64


def test_hashes_agree_between_processes():
    """String hashing is random per process; sets of strings and functions that hold them must not show it."""
    program = (
        "from hypergraph._hashing import hash_callable, hash_value\n"
        "space = {}\n"
        'exec(\'def made(x):\\n    return x in {"a", "b", "c"}\', space)\n'
        "print(hash_value({'k': {'a', 'b', 'c'}, 'j': frozenset('xyz')}), hash_callable(space['made']))"
    )

    def ask(seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout

    assert ask("1") == ask("2")


def test_captured_values_are_closure_and_bound_object():
    scaler = Scaler(2)
    assert captured_values(adder(3)) == {"by": 3}
    assert captured_values(scaler.scale) == {"self": scaler}
    assert captured_values(scaler) == {"self": scaler}
    assert captured_values(plain) == captured_values(len) == {}


def test_a_cache_key_does_not_depend_on_the_order_of_inputs():
    assert compute_cache_key("d", {"a": 1, "b": 2}) == compute_cache_key("d", {"b": 2, "a": 1})
    assert len(compute_cache_key("d", {})) == 64


def test_a_cache_key_depends_on_definition_names_and_values():
    keys = {
        compute_cache_key("d", {"a": 1, "b": 2}),
        compute_cache_key("d", {"a": 2, "b": 1}),
        compute_cache_key("e", {"a": 1, "b": 2}),
        compute_cache_key("d", {"a": 1}),
        compute_cache_key("d", {"a": 1}, captured="c"),
    }
    assert len(keys) == 5


def around(inner):
    def wrapper(x):
        return inner(x)

    return wrapper


def test_nothing_captured_is_the_empty_hash():
    assert hash_captured(plain) == hash_captured(len) == hash_captured(around) == ""


def test_functions_of_one_factory_differ_by_what_they_captured():
    assert hash_captured(adder(1)) == hash_captured(adder(1)) != hash_captured(adder(2))


def test_captured_functions_count_by_their_code_and_captures():
    assert hash_captured(around(adder(1))) == hash_captured(around(adder(1)))
    assert len({hash_captured(around(adder(1))), hash_captured(around(adder(2))), hash_captured(around(plain))}) == 3


def test_methods_differ_by_the_object_they_are_bound_to():
    assert hash_captured(Scaler(2).scale) == hash_captured(Scaler(2).scale) != hash_captured(Scaler(3).scale)


def test_what_a_function_only_counts_or_collects_does_not_matter():
    count, seen = 0, []

    def counting(x):
        nonlocal count
        count += 1
        seen.append(x)

    before = hash_captured(counting)
    counting(1)
    assert (count, seen) == (1, [1])
    assert hash_captured(counting) == before


def test_a_captured_constant_is_read_each_time():
    factor = 2

    def scale(x):
        return x * factor

    before = hash_captured(scale)
    factor = 3
    assert hash_captured(scale) != before


def test_a_function_that_captured_itself_has_a_hash():
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    assert hash_captured(factorial)


def test_a_captured_lock_cannot_be_hashed():
    lock = threading.Lock()

    def guarded(x):
        with lock:
            return x

    assert hash_captured(guarded) is None


def test_inputs_that_cannot_be_hashed_give_no_key():
    assert compute_cache_key("d", {"lock": threading.Lock()}) == ""
    assert compute_cache_key("d", {"f": lambda: 0}) == ""
