"""`FunctionNode` and the `@node` decorator: a function as a node."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from types import MappingProxyType
from typing import Any, get_args, get_origin, overload

from hypergraph._text import fix, plural, quoted
from hypergraph._typing import list_of
from hypergraph.nodes._callable import CallableInfo, read_callable
from hypergraph.nodes.base import HyperNode
from hypergraph.nodes.callable_node import CallableNode

__all__ = ["FunctionNode", "node", "read_source"]

_STREAMS = (Generator, Iterator, Iterable, AsyncGenerator, AsyncIterator, AsyncIterable)
_NOT_UNPACKED = (str, bytes, bytearray, Mapping, AbstractSet)


def read_source(source: Any) -> CallableInfo:
    """Give what is known of a node's source: a function, or a node made from one, of which only the function is taken.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(source, CallableNode):
        return source.code
    if isinstance(source, HyperNode):
        raise TypeError(f"{source!r} is a nested graph and has no function to take." + fix("Put it into a Graph as it is"))
    return read_callable(source)


def read_outputs(output_name: Any, owner: str) -> tuple[str, ...]:
    """Read `output_name`: None, a name, or several.

    Raises:
        TypeError: it is something else.
    """
    if output_name is None:
        return ()
    if isinstance(output_name, str):
        return (output_name,)
    if isinstance(output_name, (tuple, list)) and all(isinstance(name, str) for name in output_name):
        return tuple(output_name)
    raise TypeError(
        f"output_name of node {owner!r} must be a str or a tuple of them, got {output_name!r:.80}."
        + fix('One output: output_name="result"', 'Several: output_name=("low", "high")')
    )


class FunctionNode(CallableNode):
    """A function as a node: plain or async, returning or yielding.

    Args:
        source: the function, or a node whose function is taken.
        name: the node's name; the function's by default.
        output_name: None (side effect only), a name, or a tuple of names for a return value that is unpacked.
        rename_inputs: parameter name -> input name.
        cache: let the runner's cache answer where it can.
        hide: leave it out of drawings.
        emit: ordering signals that it gives when it completes.
        wait_for: names that must have been produced before it runs.
        batch: the function takes and gives `daft.Series` (DaftRunner only).

    Raises:
        TypeError: `source` is no function.
        ValueError: emits, outputs, inputs and `wait_for` share names that they may not share.
        RenameError: `rename_inputs` does not fit the signature.
    """

    _batch: bool

    def __init__(
        self,
        source: Callable[..., Any] | HyperNode,
        name: str | None = None,
        output_name: str | tuple[str, ...] | None = None,
        *,
        rename_inputs: Mapping[str, str] | None = None,
        cache: bool = False,
        hide: bool = False,
        emit: str | tuple[str, ...] | None = None,
        wait_for: str | tuple[str, ...] | None = None,
        batch: bool = False,
    ) -> None:
        self._make(
            source,
            name,
            output_name,
            stacklevel=4,
            rename_inputs=rename_inputs,
            cache=cache,
            hide=hide,
            emit=emit,
            wait_for=wait_for,
            _batch=bool(batch),
        )

    def _make(self, source: Any, name: str | None, output_name: Any, *, stacklevel: int, **options: Any) -> None:
        info = read_source(source)
        outputs = read_outputs(output_name, info.name)
        if not outputs and info.has_return_type:
            _warn_of_lost_result(info.name, stacklevel)
        self._fill(info, name, outputs, **options)

    @property
    def batch(self) -> bool:
        """True when the function works on whole columns (`daft.Series`)."""
        return self._batch

    @property
    def _returns(self) -> Any:
        """What the node gives, as a type, or None: the return annotation; for a generator a list of what it yields."""
        returned = self._info.hints.get("return")
        if returned is None or not self.is_generator:
            return returned
        if (get_origin(returned) or returned) not in _STREAMS:
            return returned
        args = get_args(returned)
        return list_of(args[0]) if args else list

    @cached_property
    def output_annotation(self) -> dict[str, Any]:
        """Output name -> type; empty where the return annotation says nothing of the outputs."""
        outputs, returned = self.data_outputs, self._returns
        if not outputs or returned is None:
            return {}
        if len(outputs) == 1:
            return {outputs[0]: returned}
        args = get_args(returned)
        if get_origin(returned) is tuple and len(args) == len(outputs) and Ellipsis not in args:
            return dict(zip(outputs, args, strict=True))
        return {}

    def unpack(self, result: Any) -> tuple[Any, ...]:
        """Give what the function returned as one value per data output.

        Raises:
            ValueError: there are several outputs, and the result does not have as many values.
        """
        count = self._data_count
        if count == 1:
            return (result,)
        if type(result) is tuple and len(result) == count:
            return result
        if count == 0:
            return ()
        found = "one value"
        if not isinstance(result, _NOT_UNPACKED) and isinstance(result, Iterable):
            values = tuple(result)
            if len(values) == count:
                return values
            found = plural(len(values), "value")
        raise ValueError(
            f"Node {self.name!r} has {count} outputs ({quoted(self.data_outputs)}): expected {count} values, got {found} "
            f"of type {type(result).__name__}." + fix(f"Return a tuple of {count} values, in the order of the outputs")
        )

    def _identity(self) -> tuple[Any, ...]:
        return (*super()._identity(), self._batch)


def _warn_of_lost_result(name: str, stacklevel: int) -> None:
    warnings.warn(
        f"Function {name!r} has return type annotation, but no output_name was given: its result is thrown away. "
        f'To keep it: @node(output_name="..."); if it only has a side effect, annotate it "-> None".',
        UserWarning,
        stacklevel=stacklevel,
    )


@overload
def node(source: Callable[..., Any], /) -> FunctionNode: ...


@overload
def node(
    source: None = None,
    output_name: str | tuple[str, ...] | None = None,
    *,
    rename_inputs: Mapping[str, str] | None = None,
    cache: bool = False,
    hide: bool = False,
    emit: str | tuple[str, ...] | None = None,
    wait_for: str | tuple[str, ...] | None = None,
    batch: bool = False,
) -> Callable[[Callable[..., Any]], FunctionNode]: ...


def node(
    source: Callable[..., Any] | None = None,
    output_name: str | tuple[str, ...] | None = None,
    **options: Any,
) -> FunctionNode | Callable[[Callable[..., Any]], FunctionNode]:
    """Make a function a node, named after it; with or without parentheses.

    Args:
        source: the function, where the decorator stands without parentheses.
        output_name: None (side effect only), a name, or a tuple of names for a return value that is unpacked.
        **options: `rename_inputs`, `cache`, `hide`, `emit`, `wait_for` and `batch`, as in `FunctionNode`.
    """
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise TypeError(f"@node does not take {quoted(unknown)}." + fix(f"Its options: output_name, {', '.join(_OPTIONS)}"))
    if isinstance(source, str):
        raise TypeError(f"@node takes options by keyword, got {source!r}." + fix(f"@node(output_name={source!r})"))
    filled = {**_OPTIONS, **options}
    filled["_batch"] = bool(filled.pop("batch"))

    def decorate(func: Callable[..., Any]) -> FunctionNode:
        made = FunctionNode.__new__(FunctionNode)
        made._make(func, None, output_name, stacklevel=4, **filled)
        return made

    if source is None:
        return decorate
    made = FunctionNode.__new__(FunctionNode)
    made._make(source, None, output_name, stacklevel=4, **filled)
    return made


_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {"rename_inputs": None, "cache": False, "hide": False, "emit": None, "wait_for": None, "batch": False}
)
