"""Frozen, slotted dataclasses that are quick to build, for the few of which there are as many as steps.

The `__init__` of a frozen dataclass writes each field with `object.__setattr__`. Here a value is filled while it still belongs to a twin
class of the same layout that allows writing, and then changes its class, which freezes it: a fifth of the cost.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

__all__ = ["quick"]

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Let a frozen, slotted dataclass without a base or `__post_init__` be built quickly; nothing else about it changes."""
    kind: Any = cls
    draft = type(f"_{cls.__name__}Draft", (), {"__slots__": kind.__slots__})
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
