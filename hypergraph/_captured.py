"""What a function carries besides its code, as one hash: closure variables, and the object that a method is bound to.

Two functions that a factory made differ by it, although they share their source. What the function only counts or collects must not
matter, or it would never be found in a cache again. Hence three kinds of closure variables: those that the function assigns are its own
business and left out; immutable ones are read at each call; of mutable ones that state counts which they have when first asked about.
"""

from __future__ import annotations

import dis
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from hypergraph._hashing import captured_values, hash_captured_value, hash_text

__all__ = ["hash_captured"]

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_ASSIGNS = frozenset({"STORE_DEREF", "DELETE_DEREF"})


class _FirstSeen:
    """Remembers, per object and only as long as it lives, what was found when it was first seen."""

    def __init__(self) -> None:
        # By identity: the objects are users' own, and may be neither hashable nor comparable.
        self._known: dict[int, str | None] = {}

    def get(self, owner: Any, find: Callable[[], str | None]) -> str | None:
        number = id(owner)
        if number not in self._known:
            found = find()
            try:
                weakref.finalize(owner, self._known.pop, number, None).atexit = False
            except TypeError:  # cannot be watched: it is looked at each time
                return found
            self._known[number] = found
        return self._known[number]


# A memo that changes no answer while the function lives; see the theory above.
_first_seen = _FirstSeen()


def hash_captured(func: Callable[..., Any]) -> str | None:
    """Give the hash of what `func` captured; "" when that is nothing, None when some of it cannot be hashed."""
    captured = captured_values(func)
    if not captured:
        return ""
    code = getattr(func, "__code__", None)
    own = set(_assigned(code)) if isinstance(code, types.CodeType) else set()
    kept = {name: value for name, value in captured.items() if name not in own}
    fixed = {name: value for name, value in kept.items() if _is_atomic(value)}
    changing = {name: value for name, value in kept.items() if name not in fixed}
    parts = [hash_captured_value(fixed)]
    if changing:
        owner = changing.get("self", getattr(func, "__func__", func))
        parts.append(_first_seen.get(owner, lambda: hash_captured_value(changing)) or "")
    return hash_text("".join(parts)) if all(parts) else None


def _assigned(code: types.CodeType) -> Iterator[str]:
    """Give the closure variables that a function, or one inside it, assigns."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _ASSIGNS and instruction.argval in code.co_freevars:
            yield instruction.argval
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from (name for name in _assigned(const) if name in code.co_freevars)


def _is_atomic(value: Any) -> bool:
    if type(value) in (tuple, frozenset):
        return all(map(_is_atomic, value))
    return type(value) in _ATOMS
