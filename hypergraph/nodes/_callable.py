"""A function, read once: its parameters, its kind, and how to call it with values in input order.

Plain functions are read from their code object, which is several times faster than `inspect.signature`; everything else
(partials, methods, callable objects, classes, builtins) goes through `inspect`. Type hints are resolved when first asked for.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType, UnionType
from typing import Annotated, Any, NamedTuple, Union, cast, get_origin

from hypergraph._text import fix
from hypergraph.nodes.context import NodeContext

__all__ = ["CallableInfo", "ParamInfo", "read_callable"]

_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_POSITIONAL_OR_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD
_VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
_VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD

_OPTIONAL = re.compile(r"(?:\w+\.)*Optional\[(.+)\]")
_WORD = re.compile(r"[^\W\d]\w*")
# How many frames from the definition outwards are searched for the local types that its annotations name.
_SCOPES = 3


class ParamInfo(NamedTuple):
    """One parameter: its name, its kind (of `inspect.Parameter`), and its default if it has one."""

    name: str
    kind: inspect._ParameterKind
    has_default: bool = False
    default: Any = None


class CallableInfo:
    """What a node knows of its function.

    Attributes:
        func: the function as it was given (a staticmethod's function).
        name: the name it goes by.
        parameters: all parameters in signature order, without the one that takes the context.
        context_param: the parameter annotated `NodeContext`, or None.
        is_async: its call gives an awaitable or an async generator.
        is_generator: it is a generator or an async generator.
        is_async_gen: it is an async generator.
        simple: `func(*values)` with one value per input, in input order, is a right call.
    """

    __slots__ = (
        "_context_at",
        "_definition_hash",
        "_hints",
        "_namespace",
        "context_param",
        "func",
        "is_async",
        "is_async_gen",
        "is_generator",
        "name",
        "parameters",
        "simple",
    )

    def __init__(self, func: Callable[..., Any], name: str, signature: Sequence[ParamInfo], kind: tuple[bool, bool, bool]) -> None:
        self.func = func
        self.name = name
        self.is_async, self.is_generator, self.is_async_gen = kind
        self._context_at = _context_position(func, signature)
        self._hints: Mapping[str, Any] | None = None
        self._definition_hash: str | None = None
        self._namespace = _local_names(func)
        if self._context_at is None:
            self.context_param: str | None = None
            self.parameters = tuple(signature)
        else:
            self.context_param = signature[self._context_at].name
            self.parameters = (*signature[: self._context_at], *signature[self._context_at + 1 :])
        plain = all(param.kind is _POSITIONAL_OR_KEYWORD or param.kind is _POSITIONAL_ONLY for param in self.parameters)
        self.simple = plain and self._context_at is None

    @property
    def hints(self) -> Mapping[str, Any]:
        """Resolved type hints by parameter name, the result's under "return"; resolved on first use."""
        if self._hints is None:
            from hypergraph._typing import resolve_hints

            source = _annotated(self.func)
            found = dict(resolve_hints(source, self._namespace or None))
            if isinstance(self.func, type):
                found["return"] = self.func
            self._hints = found
        return self._hints

    @property
    def definition_hash(self) -> str:
        """SHA-256 of the function's definition, 64 hex characters; computed on first use."""
        if self._definition_hash is None:
            from hypergraph._hashing import hash_callable

            self._definition_hash = hash_callable(self.func)
        return self._definition_hash

    @property
    def has_return_type(self) -> bool:
        """True when the return annotation, as written, is there and says more than None."""
        if isinstance(self.func, type):
            return False
        written = getattr(_annotated(self.func), "__annotations__", None) or {}
        return written.get("return") not in (None, type(None), "None", "NoReturn", "Never") and "return" in written

    def arrange(self, values: Sequence[Any], context: Any = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Turn one value per input, in input order, into positional and keyword arguments.

        `*args` and `**kwargs` are spread, the context is put in its place.

        Raises:
            TypeError: the value for `*args` is no sequence of values, or the one for `**kwargs` no mapping.
        """
        if self.simple:
            return tuple(values), {}
        given = list(zip(self.parameters, values, strict=True))
        if self._context_at is not None:
            name = cast("str", self.context_param)
            # A context after *args can only be passed by keyword.
            late = any(param.kind in (_VAR_POSITIONAL, _KEYWORD_ONLY) for param in self.parameters[: self._context_at])
            by_keyword = late or self._context_is_keyword_only()
            given.insert(self._context_at, (ParamInfo(name, _KEYWORD_ONLY if by_keyword else _POSITIONAL_OR_KEYWORD), context))
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for param, value in given:
            if param.kind is _VAR_POSITIONAL:
                positional.extend(_spread_items(self.name, param.name, value))
            elif param.kind is _VAR_KEYWORD:
                _add_keywords(self.name, param.name, value, keywords)
            elif param.kind is _KEYWORD_ONLY:
                keywords[param.name] = value
            else:
                positional.append(value)
        return tuple(positional), keywords

    def _context_is_keyword_only(self) -> bool:
        code = getattr(self.func, "__code__", None)
        if isinstance(self.func, FunctionType) and not hasattr(self.func, "__wrapped__") and code is not None:
            return self.context_param not in code.co_varnames[: code.co_argcount]
        param = inspect.signature(self.func).parameters.get(cast("str", self.context_param))
        return param is not None and param.kind is _KEYWORD_ONLY

    def __reduce__(self) -> tuple[Any, ...]:
        # A decorator puts the node where its function was, so that pickle cannot find the function by name; the node can be found.
        func = self.func
        module, path = getattr(func, "__module__", None), getattr(func, "__qualname__", None)
        if isinstance(module, str) and isinstance(path, str):
            found = getattr(_find(module, path), "code", None)
            if isinstance(found, CallableInfo) and found.func is func:
                return _info_at, (module, path)
        return read_callable, (func,)

    def __repr__(self) -> str:
        return f"CallableInfo({self.name}, {tuple(param.name for param in self.parameters)!r})"


def _find(module: str, path: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _info_at(module: str, path: str) -> CallableInfo:
    """Give what is known of the function of the node that stands at a place in a module."""
    importlib.import_module(module)
    info: CallableInfo = _find(module, path).code
    return info


def read_callable(func: Any) -> CallableInfo:
    """Read `func`, which may be any callable or a `staticmethod` object.

    Raises:
        TypeError: it cannot be called.
    """
    if isinstance(func, staticmethod):
        func = func.__func__
    if not callable(func):
        hint = "Use @staticmethod in place of @classmethod" if isinstance(func, classmethod) else "Pass a function"
        raise TypeError(f"A node is made from a callable, got {type(func).__name__}: {func!r:.80}." + fix(hint))
    if isinstance(func, FunctionType) and not func.__dict__:
        return CallableInfo(func, func.__name__, _plain_parameters(func), _plain_kind(func))
    return CallableInfo(func, _name_of(func), _signature_parameters(func), _kind_of(func))


def _plain_parameters(func: FunctionType) -> list[ParamInfo]:
    """Read a plain function's parameters from its code object."""
    code = func.__code__
    names = code.co_varnames
    count, only = code.co_argcount, code.co_posonlyargcount
    defaults = func.__defaults__ or ()
    first_default = count - len(defaults)
    found = [
        ParamInfo(names[at], _POSITIONAL_ONLY if at < only else _POSITIONAL_OR_KEYWORD, True, defaults[at - first_default])
        if at >= first_default
        else ParamInfo(names[at], _POSITIONAL_ONLY if at < only else _POSITIONAL_OR_KEYWORD)
        for at in range(count)
    ]
    after = count + code.co_kwonlyargcount
    if code.co_flags & inspect.CO_VARARGS:
        found.append(ParamInfo(names[after], _VAR_POSITIONAL))
        after += 1
    keyword_defaults = func.__kwdefaults__ or {}
    for name in names[count : count + code.co_kwonlyargcount]:
        found.append(ParamInfo(name, _KEYWORD_ONLY, name in keyword_defaults, keyword_defaults.get(name)))
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found.append(ParamInfo(names[after], _VAR_KEYWORD))
    return found


def _plain_kind(func: FunctionType) -> tuple[bool, bool, bool]:
    flags = func.__code__.co_flags
    async_gen = bool(flags & inspect.CO_ASYNC_GENERATOR)
    return bool(flags & inspect.CO_COROUTINE) or async_gen, bool(flags & inspect.CO_GENERATOR) or async_gen, async_gen


def _signature_parameters(func: Callable[..., Any]) -> list[ParamInfo]:
    try:
        signature = inspect.signature(func)
    except (ValueError, TypeError):
        # C functions without a readable signature take what they are given, by position.
        return [ParamInfo("args", _VAR_POSITIONAL)]
    empty = inspect.Parameter.empty
    return [
        ParamInfo(name, param.kind) if param.default is empty else ParamInfo(name, param.kind, True, param.default)
        for name, param in signature.parameters.items()
    ]


def _kind_of(func: Callable[..., Any]) -> tuple[bool, bool, bool]:
    called = _called(func)
    async_gen = inspect.isasyncgenfunction(called)
    return inspect.iscoroutinefunction(called) or async_gen, inspect.isgeneratorfunction(called) or async_gen, async_gen


def _called(func: Any) -> Any:
    """Give the function that runs when `func` is called: behind partials and callable objects."""
    while isinstance(func, functools.partial):
        func = func.func
    if isinstance(func, type) or inspect.isroutine(func) or hasattr(func, "__code__"):
        return func
    return type(func).__call__


def _annotated(func: Any) -> Any:
    """Give the function whose annotations describe a call of `func`."""
    called = _called(func)
    return vars(called).get("__init__", called) if isinstance(called, type) else inspect.unwrap(called)


def _name_of(func: Any) -> str:
    while isinstance(func, functools.partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else type(func).__name__


def _context_position(func: Any, signature: Sequence[ParamInfo]) -> int | None:
    """Find the parameter annotated `NodeContext`, from the annotations as they are written."""
    source = func if isinstance(func, FunctionType) and not func.__dict__ else _annotated(func)
    written = getattr(source, "__annotations__", None)
    if not written:
        return None
    for at, param in enumerate(signature):
        annotation = written.get(param.name)
        if annotation is not None and _is_context(annotation, source):
            return at
    return None


def _is_context(annotation: Any, func: Any) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, NodeContext)
    if isinstance(annotation, str):
        return any(_names_context(part.strip(" '\""), func) for part in annotation.split("|"))
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_context(part, func) for part in annotation.__args__)
    return get_origin(annotation) is Annotated and _is_context(annotation.__args__[0], func)


def _names_context(text: str, func: Any) -> bool:
    """Tell whether one name in a textual annotation is the context's: what it stands for where that is known, else how it reads."""
    inside = _OPTIONAL.fullmatch(text)
    name = inside[1] if inside else text
    found = getattr(func, "__globals__", {}).get(name)
    return name.rpartition(".")[2] == "NodeContext" if found is None else isinstance(found, type) and issubclass(found, NodeContext)


def _local_names(func: Any) -> dict[str, Any]:
    """Give the local names of the place where `func` was defined that its textual annotations speak of.

    Needed for types defined inside a function under `from __future__ import annotations`: afterwards nobody could tell what they meant.
    """
    written = getattr(func, "__annotations__", None)
    if not written or not isinstance(func, FunctionType) or "<locals>" not in func.__qualname__:
        return {}
    texts = [text for text in written.values() if isinstance(text, str)]
    if not texts:
        return {}
    known = func.__globals__
    wanted = {word for text in texts for word in _WORD.findall(text) if word not in known}
    if not wanted:
        return {}
    frame = sys._getframe(1)  # noqa: SLF001  # the only way to the frame; inspect.currentframe is the same with more cost
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("hypergraph.nodes"):
        frame = frame.f_back
    found: dict[str, Any] = {}
    for _ in range(_SCOPES):
        here = frame.f_locals if frame.f_globals is known else {}
        found.update((word, here[word]) for word in wanted if word in here and word not in found)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return found


def _spread_items(name: str, param: str, value: Any) -> Iterable[Any]:
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        return value
    raise TypeError(f"{name}() takes *{param}: give {param!r} a list or tuple of values, got {type(value).__name__}.")


def _add_keywords(name: str, param: str, value: Any, keywords: dict[str, Any]) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}() takes **{param}: give {param!r} a dict of values, got {type(value).__name__}.")
    double = [key for key in value if key in keywords]
    if double:
        raise TypeError(f"{name}() got {double[0]!r} both as a parameter and inside {param!r}.")
    keywords.update(value)
