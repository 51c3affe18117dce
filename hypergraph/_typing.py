"""Types as the wiring reads them: may this output feed that input, does this value fit, how is a type written.

Where an annotation says nothing that can be checked, the answer is yes: a graph is refused only for a reason that can be shown.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ForwardRef, Literal, NewType, ParamSpec, TypeVar, Union, get_args, get_origin, is_typeddict

__all__ = ["compatible", "fits", "format_type", "list_of", "resolve_hints"]

_NONE = type(None)
_BOTTOM = (typing.NoReturn, typing.Never)
# Annotations that only add something to the type they wrap.
_WRAPPERS = (typing.Annotated, typing.ClassVar, typing.Final, typing.Required, typing.NotRequired)
_ITEMS = (list, set, frozenset, collections.deque, collections.abc.Collection)


def resolve_hints(func: Callable[..., Any], local_names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the annotations of `func` with names resolved, "return" included.

    Annotations that cannot be resolved are left out, with one UserWarning that names them.

    Args:
        func: any callable.
        local_names: names that its annotations may use besides the function's globals.
    """
    target: Any = func
    while hasattr(target, "func") and hasattr(target, "keywords"):  # functools.partial
        target = target.func
    if isinstance(target, type):
        target = vars(target).get("__init__", target)
    elif not hasattr(target, "__annotations__"):
        target = getattr(type(target), "__call__", target)  # noqa: B004  # an object that is called through its class
    try:
        return typing.get_type_hints(target, localns=_own_dict(local_names), include_extras=True)
    except Exception:  # annotations are user code: anything may be raised
        return _resolve_one_by_one(target, _own_dict(local_names))


def _own_dict(names: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(names) if names else None


def _resolve_one_by_one(target: Any, local_names: dict[str, Any] | None) -> dict[str, Any]:
    plain = inspect.unwrap(target)
    found: dict[str, Any] = {}
    lost: list[str] = []
    for name, hint in getattr(target, "__annotations__", {}).items():
        holder = types.SimpleNamespace(__annotations__={name: hint})
        try:
            found.update(typing.get_type_hints(holder, getattr(plain, "__globals__", {}), local_names, include_extras=True))
        except Exception:  # as above
            lost.append(f"{name}: {hint if isinstance(hint, str) else format_type(hint)}")
    if lost:
        where = getattr(plain, "__qualname__", repr(plain))
        warnings.warn(
            f"Unresolvable type hint in {where!r}: {', '.join(lost)}. It is treated as if it were not written.",
            UserWarning,
            stacklevel=3,
        )
    return found


def list_of(item: Any) -> Any:
    """Give the type of a list whose items have type `item`."""
    return list[item]


def compatible(producer: Any, consumer: Any) -> bool:
    """Say whether a value of type `producer` may be passed where `consumer` is annotated."""
    producer, consumer = _bare(producer), _bare(consumer)
    if producer is consumer or producer == consumer or _says_nothing(producer) or _says_nothing(consumer):
        return True
    if producer in _BOTTOM or isinstance(producer, TypeVar) or consumer is object:
        return True
    if isinstance(consumer, TypeVar):
        return _fits_type_var(producer, consumer)
    if _is_union(producer):
        return all(compatible(member, consumer) for member in get_args(producer))
    if _is_union(consumer):
        return any(compatible(producer, member) for member in get_args(consumer))
    if get_origin(consumer) is Literal:
        return get_origin(producer) is Literal and _literals(producer) <= _literals(consumer)
    if get_origin(producer) is Literal:
        return all(compatible(type(value), consumer) for value in get_args(producer))
    if isinstance(producer, NewType):
        return compatible(producer.__supertype__, consumer)
    if isinstance(consumer, NewType):
        return False
    return _classes_compatible(producer, consumer)


def _bare(hint: Any) -> Any:
    """Take off what does not change which values a hint admits."""
    while True:
        if hint is None:
            return _NONE
        if get_origin(hint) in _WRAPPERS:
            hint = get_args(hint)[0]
        elif type(hint).__name__ == "TypeAliasType":  # `type X = ...`, Python 3.12
            hint = hint.__value__
        elif hint is typing.LiteralString:
            return str
        else:
            return hint


def _says_nothing(hint: Any) -> bool:
    return hint is Any or isinstance(hint, (str, ForwardRef, ParamSpec)) or hint is inspect.Parameter.empty


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _literals(hint: Any) -> set[tuple[type, Any]]:
    # With the type beside it, for Literal[1] is not Literal[True].
    return {(type(value), value) for value in get_args(hint)}


def _fits_type_var(producer: Any, variable: TypeVar) -> bool:
    if variable.__constraints__:
        return any(compatible(producer, constraint) for constraint in variable.__constraints__)
    return variable.__bound__ is None or compatible(producer, variable.__bound__)


def _classes_compatible(producer: Any, consumer: Any) -> bool:
    made, wanted = get_origin(producer) or producer, get_origin(consumer) or consumer
    if not isinstance(made, type) or not isinstance(wanted, type):
        return bool(made == wanted)
    if not _is_subclass(made, wanted):
        return False
    args, wanted_args = _arguments(producer, wanted), get_args(consumer)
    if not args or not wanted_args:
        return True  # list is list[Any]
    if wanted.__name__ == "Callable":
        return _callables_compatible(args, wanted_args)
    if issubclass(made, tuple):
        return _tuples_compatible(args, wanted, wanted_args)
    # By position. Where the counts differ (Generator -> Iterator, dict -> Iterable) the leading ones have the same meaning.
    return all(compatible(one, other) for one, other in zip(args, wanted_args, strict=False))


def _is_subclass(made: type, wanted: type) -> bool:
    if wanted in made.__mro__:
        return True
    if getattr(wanted, "_is_protocol", False):
        present = {name for base in made.__mro__ for name in (*vars(base), *getattr(base, "__annotations__", ()))}
        return _members(wanted) <= present
    try:
        return issubclass(made, wanted)
    except TypeError:  # TypedDict and others refuse the question; the mro has answered it
        return False


def _members(protocol: type) -> frozenset[str]:
    """Give the names that a class needs to have to satisfy `protocol`."""
    public = getattr(typing, "get_protocol_members", None)  # since Python 3.13; the private one has been there from the beginning
    return frozenset(public(protocol) if public is not None else vars(typing)["_get_protocol_attrs"](protocol))


def _arguments(producer: Any, wanted: type) -> tuple[Any, ...]:
    """Give the type arguments of `producer`, for a NamedTuple those of the tuple that it is."""
    if isinstance(producer, type) and issubclass(producer, tuple) and hasattr(producer, "_fields") and not get_origin(producer):
        hints = getattr(producer, "__annotations__", {})
        return tuple(hints.get(name, Any) for name in producer._fields) if wanted is not producer else ()
    return get_args(producer)


def _tuples_compatible(args: tuple[Any, ...], wanted: type, wanted_args: tuple[Any, ...]) -> bool:
    endless = args[-1] is Ellipsis
    items = args[:-1] if endless else args
    if not issubclass(wanted, tuple):  # tuple[int, str] -> Sequence[int | str]
        return all(compatible(item, wanted_args[0]) for item in items)
    if wanted_args[-1] is Ellipsis:
        return all(compatible(item, wanted_args[0]) for item in items)
    return not endless and len(items) == len(wanted_args) and all(map(compatible, items, wanted_args))


def _callables_compatible(args: tuple[Any, ...], wanted_args: tuple[Any, ...]) -> bool:
    (takes, gives), (wanted_takes, wanted_gives) = args, wanted_args
    if not compatible(gives, wanted_gives):
        return False
    if not isinstance(takes, list) or not isinstance(wanted_takes, list):  # `...` or a ParamSpec
        return True
    return len(takes) == len(wanted_takes) and all(map(compatible, wanted_takes, takes))


def fits(value: Any, annotation: Any) -> bool:
    """Say whether `value` is acceptable where `annotation` stands; None as annotation means that there is none.

    Containers are checked item by item. True is no int here, and an int is a float, as people mean it when they type an answer.
    """
    if annotation is None:
        return True
    hint = _bare(annotation)
    if _says_nothing(hint) or hint is object:
        return True
    if _is_union(hint):
        return any(fits(value, _NONE if member is None else member) for member in get_args(hint))
    if get_origin(hint) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(hint))
    if isinstance(hint, TypeVar):
        choices = hint.__constraints__ or (hint.__bound__,)
        return any(fits(value, choice) for choice in choices)
    if isinstance(hint, NewType):
        return fits(value, hint.__supertype__)
    return _fits_class(value, hint)


def _fits_class(value: Any, hint: Any) -> bool:
    kind, args = get_origin(hint) or hint, get_args(hint)
    if not isinstance(kind, type):
        return True
    if kind in (int, float, complex):
        wider: tuple[type, ...] = {int: (int,), float: (int, float), complex: (int, float, complex)}[kind]
        return isinstance(value, wider) and not isinstance(value, bool)
    if kind is type:
        return isinstance(value, type) and (not args or compatible(value, args[0]))
    if is_typeddict(kind):
        return _fits_typed_dict(value, kind)
    if not _is_instance(value, kind):
        return False
    if not args:
        return True
    if isinstance(value, tuple):
        return _fits_tuple(value, kind, args)
    if isinstance(value, Mapping):
        item_hint = args[1] if len(args) > 1 else None
        return all(fits(key, args[0]) and (item_hint is None or fits(item, item_hint)) for key, item in value.items())
    if isinstance(value, _ITEMS) and not isinstance(value, (str, bytes, bytearray)):
        return all(fits(item, args[0]) for item in value)
    return True


def _is_instance(value: Any, kind: type) -> bool:
    if getattr(kind, "_is_protocol", False):
        return isinstance(value, kind) if kind in type(value).__mro__ else all(hasattr(value, name) for name in _members(kind))
    try:
        return isinstance(value, kind)
    except TypeError:
        return True


def _fits_typed_dict(value: Any, kind: Any) -> bool:
    if not isinstance(value, dict) or not kind.__required_keys__ <= value.keys():
        return False
    hints = resolve_hints_of_class(kind)
    return all(key in kind.__annotations__ and fits(item, hints.get(key)) for key, item in value.items())


def resolve_hints_of_class(kind: type) -> dict[str, Any]:
    """Give the annotations of a class with names resolved; {} when one of them cannot be."""
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # annotations are user code
        return {}


def _fits_tuple(value: tuple[Any, ...], kind: type, args: tuple[Any, ...]) -> bool:
    if not issubclass(kind, tuple) or args[-1] is Ellipsis:
        return all(fits(item, args[0]) for item in value)
    return len(value) == len(args) and all(map(fits, value, args))


def format_type(hint: Any) -> str:
    """Write a type as people do: "list[str]", "Foo | None", class names without their module."""
    if hint is None or hint is _NONE:
        return "None"
    if hint is Ellipsis:
        return "..."
    if isinstance(hint, (str, ForwardRef)):
        return hint if isinstance(hint, str) else hint.__forward_arg__
    if isinstance(hint, list):  # the parameters of a Callable
        return _bracketed(hint)
    if get_origin(hint) in _WRAPPERS:
        return format_type(get_args(hint)[0])
    if _is_union(hint):
        members = sorted(get_args(hint), key=lambda member: member is _NONE)  # None reads best at the end
        return " | ".join(format_type(member) for member in members)
    if get_origin(hint) is Literal:
        return "Literal" + _bracketed(get_args(hint), write=repr)
    name = _type_name(get_origin(hint) or hint)
    return name + _bracketed(get_args(hint)) if get_args(hint) else name


def _type_name(kind: Any) -> str:
    name = getattr(kind, "__qualname__", None) or getattr(kind, "__name__", None) or getattr(kind, "_name", None) or str(kind)
    return str(name).rpartition("<locals>.")[2] if isinstance(kind, type) else str(name).removeprefix("typing.")


def _bracketed(args: Sequence[Any], *, write: Callable[[Any], str] = format_type) -> str:
    return f"[{', '.join(write(arg) for arg in args)}]"
