"""Frozen, slotted dataclasses that are cheap to build.

A frozen dataclass writes each field with `object.__setattr__`, which costs more than a small node does. Here a value is filled while
it still belongs to a twin class of the same layout that allows writing, and then changes its class: one cheap step that freezes it.
`dataclasses.fields`, `replace` and `asdict` work as usual.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, ParamSpec, TypeVar, cast, dataclass_transform

from hypergraph.events.ids import new_span

__all__ = ["event", "event_base", "maker"]

T = TypeVar("T")
P = ParamSpec("P")

# Fields that are filled when the caller leaves them empty.
_FILLED = {"span_id": "span_id or new_span()", "timestamp": "timestamp or now()"}


def _refuse_set(self: Any, name: str, _: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r} of {type(self).__name__}: events are frozen")


def _refuse_delete(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r} of {type(self).__name__}: events are frozen")


def _repr(self: Any) -> str:
    shown = ", ".join(f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if item.repr)
    return f"{type(self).__name__}({shown})"


def _key(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, item.name) for item in fields(self) if item.compare)


def _equal(self: Any, other: object) -> Any:
    return _key(self) == _key(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash((type(self), *(getattr(self, item.name) for item in fields(self) if item.compare and item.hash is not False)))


def _restore(cls: type[Any], values: dict[str, Any]) -> Any:
    return cls(**values)


def _reduce(self: Any) -> tuple[Any, ...]:
    return _restore, (type(self), {item.name: getattr(self, item.name) for item in fields(self)})


def _compile(final: type[Any], draft: type[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Write `__new__` and the plain function that build a `final`: parameters in field order, each stored with a plain assignment."""
    scope: dict[str, Any] = {"final": final, "draft": draft, "new_span": new_span, "now": time.time}
    parameters, body = [], []
    for item in fields(final):
        if item.default is MISSING:
            parameters.append(item.name)
        else:
            scope[f"default_{item.name}"] = item.default
            parameters.append(f"{item.name}=default_{item.name}")
        body.append(f"    self.{item.name} = {_FILLED.get(item.name, item.name)}\n")
    given = ", ".join(parameters)
    rest = f"    self = draft()\n{''.join(body)}    self.__class__ = final\n    return self\n"
    # As `dataclasses` and `namedtuple` do; nothing in the source but the names of our own fields.
    exec(f"def build({given}):\n{rest}def new(cls, {given}):\n{rest}", scope)  # noqa: S102  # see above
    return scope["build"], scope["new"]


@dataclass_transform(frozen_default=True)
def event_base(cls: type[T]) -> type[T]:
    """Turn a class with annotated fields into the common base of event classes; it is not built itself.

    To the type checker it is frozen like those; really, each event class refuses changes for itself, which keeps the twins writable.
    """
    return dataclass(init=False, repr=False, eq=False, slots=True)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def event(cls: type[T]) -> type[T]:
    """Turn a class with annotated fields, whose only base is a slotted dataclass, into a frozen event class."""
    final: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    base = final.__base__
    # Same base and same slots: the layouts are equal, which is what lets a value change its class.
    draft = type(f"_{final.__name__}Draft", (base,), {"__slots__": final.__slots__})
    build, final.__new__ = _compile(final, draft)
    final.build_ = staticmethod(build)
    final.__setattr__, final.__delattr__ = _refuse_set, _refuse_delete
    final.__repr__, final.__eq__, final.__hash__ = _repr, _equal, _hash
    final.__reduce__ = _reduce
    return cast("type[T]", final)


def maker(event_class: Callable[P, T]) -> Callable[P, T]:
    """Give the plain function behind `event_class(...)`: same parameters and result, without the cost of calling a class."""
    return cast("Callable[P, T]", cast("Any", event_class).build_)
