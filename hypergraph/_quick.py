"""Frozen, slotted dataclasses that are quick to build, for the few of which there are as many as steps.

The `__init__` of a frozen dataclass writes each field with `object.__setattr__`. Here a value is filled while it still belongs to a twin
class of the same layout that allows writing, and then changes its class, which freezes it: a fifth of the cost.

Those that come from a store are quicker still: they keep what was read, and a field is made of it when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

__all__ = ["Late", "Reader", "quick", "read_late"]

T = TypeVar("T")

Reader: TypeAlias = Callable[[Any], Any]
"""Makes one field of what was read. The one under "" makes an exception of (name of a field, what its reader raised)."""


class Late:
    """The base of classes whose fields may be made when they are looked at first. Nothing but the moment differs."""

    __slots__ = ("_late",)

    _late: tuple[Mapping[str, Reader], Any]

    if not TYPE_CHECKING:
        # Hidden from the type checker, which would take any name for a field then.

        def __getattr__(self, name: str) -> Any:
            # Comes here only while a field is not there yet.
            readers, read = self._late if name != "_late" else ({}, None)
            reader = readers.get(name)
            if reader is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            try:
                value = reader(read)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # What was read is damaged: whoever wrote the readers knows how to say so.
                told = readers.get("")
                if told is None:
                    raise
                raise told((name, error)) from error
            object.__setattr__(self, name, value)
            return value


_set_late: Callable[[Any, Any], None] = Late.__dict__["_late"].__set__
_new: Callable[[type[Any]], Any] = object.__new__


def read_late(cls: type[T], readers: Mapping[str, Reader], read: Any) -> T:
    """Give an object of a `Late` class whose fields are made of `read`, by these readers, when they are looked at."""
    made: T = _new(cls)
    _set_late(made, (readers, read))
    return made


def quick(cls: type[T]) -> type[T]:
    """Let a frozen, slotted dataclass without `__post_init__`, and without a base but `Late`, be built quickly; nothing else changes."""
    kind: Any = cls
    draft = type(f"_{cls.__name__}Draft", cls.__bases__, {"__slots__": kind.__slots__})
    scope: dict[str, Any] = {"draft": draft, "final": cls, "left_out": MISSING}
    parameters, body = [], []
    for item in fields(kind):
        value = item.name
        if item.default is not MISSING:
            scope[f"default_{item.name}"] = item.default
            parameters.append(f"{item.name}=default_{item.name}")
        elif item.default_factory is not MISSING:
            scope[f"make_{item.name}"] = item.default_factory
            parameters.append(f"{item.name}=left_out")
            value = f"make_{item.name}() if {item.name} is left_out else {item.name}"
        else:
            parameters.append(item.name)
        body.append(f"    self.{item.name} = {value}\n")
    text = f"def __new__(cls, {', '.join(parameters)}):\n    self = draft()\n{''.join(body)}    self.__class__ = final\n    return self\n"
    # As `dataclasses` and `namedtuple` do; nothing in the source but the names of the class's own fields.
    exec(text, scope)  # noqa: S102  # see above
    names = tuple(item.name for item in fields(kind))
    del kind.__init__
    kind.__new__ = scope["__new__"]
    kind.__reduce__ = lambda self: (cls, tuple([getattr(self, name) for name in names]))
    return cls
