"""Hashes of sources, definitions and values.

A definition hash says "the same code"; a value hash says "an equal value, in every process". Values are hashed over their pickle, made
canonical: shared references, the order of sets and the order of dicts leave no trace in it, so that two equal inputs that were built in
different ways, or by different processes, share one cache entry.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Collection, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

__all__ = ["captured_values", "compute_cache_key", "hash_callable", "hash_captured_value", "hash_text", "hash_value", "source_of"]

# Fixed, because a hash outlives the interpreter that made it: disk caches and stores compare it with newer ones.
_PROTOCOL = 5


def hash_text(text: str) -> str:
    """Give the SHA-256 of `text` as 64 hexadecimal digits."""
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def source_of(func: Callable[..., Any]) -> str | None:
    """Give the source text of `func` without its indentation, or None when there is none to read (builtins, `exec`)."""
    import inspect
    import textwrap

    try:
        return textwrap.dedent(inspect.getsource(_definition(func)))
    except (OSError, TypeError, SyntaxError, IndexError):
        return None


def hash_callable(func: Callable[..., Any]) -> str:
    """Give the definition hash of `func`: over its source text, else its code object, else its qualified name. Never fails."""
    target = _definition(func)
    code = getattr(target, "__code__", None)
    source = source_of(target)
    if source is None:
        return hash_text(_code_text(code) if isinstance(code, types.CodeType) else _qualified_name(target))
    if isinstance(code, types.CodeType) and code.co_name == "<lambda>":
        # Several lambdas may stand in one statement, and the source is the whole statement for each of them.
        return hash_text(f"{source}\n{_code_text(code)}")
    return hash_text(source)


def hash_value(value: Any) -> str:
    """Give a hash that equal values share in every process, as 64 hexadecimal digits; "" when `value` cannot be hashed that way."""
    try:
        return _digest(value, code_of_functions=False)
    except Exception:  # __reduce__ is user code: whatever it raises, the value has no hash
        return ""


def captured_values(func: Callable[..., Any]) -> dict[str, Any]:
    """Give what `func` carries besides its code: closure variables by name, and "self" for a bound method or a callable object."""
    found: dict[str, Any] = {}
    bound = getattr(func, "__self__", None)
    if isinstance(func, types.MethodType):
        found["self"], func = bound, func.__func__
    elif not isinstance(func, (types.FunctionType, types.BuiltinFunctionType, type)):
        found["self"] = func
    names = getattr(getattr(func, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(func, "__closure__", None) or (), strict=False):
        if name == "__class__":  # there for super(), and told by the function's own place
            continue
        try:
            found[name] = cell.cell_contents
        except ValueError:  # assigned only after the function was made, and not yet
            continue
    return found


def hash_captured_value(value: Any) -> str:
    """Give the hash of something that a function captured; other than in `hash_value`, functions in it count by their code."""
    try:
        return _digest(value, code_of_functions=True)
    except Exception:  # as in hash_value
        return ""


def compute_cache_key(definition_hash: str, inputs: Mapping[str, Any], *, captured: str = "") -> str:
    """Give the key under which a node's result is cached.

    Args:
        definition_hash: hash of the node's code.
        inputs: argument values by parameter name; their order does not matter.
        captured: hash of what the function carries besides its code.

    Returns:
        64 hexadecimal digits, or "" when an input cannot be hashed: such a call is simply not cached.
    """
    import hashlib

    digest = hashlib.sha256(f"{definition_hash}\0{captured}".encode())
    try:
        for name in sorted(inputs):
            digest.update(f"\0{name}\0{_digest(inputs[name], code_of_functions=False)}".encode())
    except Exception:  # as in hash_value
        return ""
    return digest.hexdigest()


# Pickled where they stand; every other object gets a hash of its own, once.
_SEQUENCES = frozenset({list, tuple})
_PLAIN = _SEQUENCES | {type(None), bool, int, float, complex, str, bytes, range, slice, type, types.BuiltinFunctionType}
_PLAIN_MODULES = frozenset({"datetime", "decimal", "fractions", "uuid"})
# Lists that refer to each other again and again unfold without end; this is where a value counts as too large for a hash.
_MOST_SEQUENCES = 10_000_000


class _Hashing:
    """One value being hashed: each object in it is looked at once, however often it is referred to, and a cycle is found."""

    def __init__(self, *, code_of_functions: bool) -> None:
        self.code_of_functions = code_of_functions
        self.sequences = 0
        self._known: dict[int, str] = {}
        self._open: set[int] = set()
        self._kept: list[Any] = []  # an id says which object only while the object lives

    def of(self, obj: Any) -> str:
        """Give the hash of an object that is not plain."""
        number = id(obj)
        if number not in self._known:
            if number in self._open:
                raise ValueError("a value that contains itself has no hash")
            self._open.add(number)
            self._kept.append(obj)
            self._known[number] = self._canonical(obj)
            self._open.discard(number)
        return self._known[number]

    def pickled(self, value: Any) -> str:
        """Give the hash of a value's pickle; objects in it count by their hashes."""
        sink = _Sink()
        _pickler()(sink, self, root=value).dump(value)
        return sink.hexdigest()

    def _canonical(self, obj: Any) -> str:
        kind = type(obj)
        if kind is dict:
            if _sortable(obj):
                return self.pickled(("dict", sorted(obj.items(), key=itemgetter(0))))
            return self.pickled(("dict by hash", sorted((self.pickled(key), self.pickled(item)) for key, item in obj.items())))
        if kind is set or kind is frozenset:
            return self.pickled((kind.__name__, sorted(obj if _sortable(obj) else map(self.pickled, obj))))
        if kind is types.FunctionType and (self.code_of_functions or _importable(obj)):
            # By name alone a function would keep its hash when its body changes. One that captured itself calls itself.
            captured = {name: value for name, value in captured_values(obj).items() if id(value) not in self._open}
            return self.pickled(("function", hash_callable(obj), captured))
        return self.pickled(obj)


@cache
def _pickler() -> Any:
    """Give the class of picklers; made on first use, since most programs hash no value."""
    import pickle

    class _Pickler(pickle.Pickler):
        """A pickler whose output depends on the value alone."""

        def __init__(self, sink: _Sink, hashing: _Hashing, root: Any) -> None:
            super().__init__(sink, _PROTOCOL)
            # No memo: `[a, a]` and `[a, copy_of_a]` are equal and must read equal.
            self.fast = True
            self._hashing = hashing
            self._root = root

        def persistent_id(self, obj: Any) -> Any:
            kind = type(obj)
            if kind in _SEQUENCES:
                self._hashing.sequences += 1
                if self._hashing.sequences > _MOST_SEQUENCES:
                    raise ValueError("too large for a hash")
                return None
            if kind in _PLAIN or obj is self._root or kind.__module__ in _PLAIN_MODULES or isinstance(obj, type):
                return None
            return self._hashing.of(obj)

    return _Pickler


class _Sink:
    """The writable file that a pickler needs, ending in a hash: a large value is never held twice."""

    __slots__ = ("_digest", "write")

    def __init__(self) -> None:
        import hashlib

        self._digest = hashlib.sha256()
        self.write = self._digest.update

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _sortable(items: Collection[Any]) -> bool:
    """Say whether plain sorting gives one order, the same in every process; anything else is ordered by its hash, which costs more."""
    kinds = set(map(type, items))
    return kinds <= {str} or kinds in ({int}, {bytes})


def _digest(value: Any, *, code_of_functions: bool) -> str:
    hashing = _Hashing(code_of_functions=code_of_functions)
    return hashing.pickled(value) if type(value) in _PLAIN else hashing.of(value)


def _importable(func: types.FunctionType) -> bool:
    found: Any = sys.modules.get(func.__module__)
    for part in func.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is func


def _definition(func: Callable[..., Any]) -> Any:
    """Give the thing whose source tells what a call of `func` does: the function under wrappers, partials and methods, or a class."""
    target: Any = func
    while True:
        if isinstance(target, (staticmethod, classmethod, types.MethodType)):
            target = target.__func__
        elif hasattr(target, "__wrapped__"):
            target = target.__wrapped__
        elif hasattr(target, "func") and hasattr(target, "keywords"):  # functools.partial, without importing functools for it
            target = target.func
        else:
            break
    if isinstance(target, (types.FunctionType, types.BuiltinFunctionType, type)):
        return target
    return type(target)


def _code_text(code: types.CodeType) -> str:
    """Give what makes `code` behave as it does; file name and line numbers are left out."""
    consts = [_code_text(const) if isinstance(const, types.CodeType) else _constant(const) for const in code.co_consts]
    return repr((code.co_name, code.co_code.hex(), consts, code.co_names, code.co_varnames, code.co_freevars, code.co_flags))


def _constant(const: Any) -> str:
    # `x in {"a", "b"}` compiles to a frozenset, whose order differs from process to process.
    return f"frozenset({sorted(map(repr, const))})" if isinstance(const, frozenset) else repr(const)


def _qualified_name(target: Any) -> str:
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', type(target).__qualname__)}"
