"""`InterruptNode`: a node that may ask, and then waits for the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from hypergraph._text import fix
from hypergraph.nodes.base import HyperNode
from hypergraph.nodes.function import FunctionNode, read_outputs, read_source

__all__ = ["InterruptNode", "interrupt"]

_MISSING: Any = object()


class InterruptNode(FunctionNode):
    """A node whose handler answers at once by returning a value, or pauses the run by returning None.

    Args:
        source: the handler, plain or async.
        name: the node's name; the handler's by default.
        output_name: the name(s) of the answer.
        rename_inputs: parameter name -> input name.
        cache: let the runner's cache answer where it can.
        emit: ordering signals that it gives when it completes.
        wait_for: names that must have been produced before it runs.
        hide: leave it out of drawings.

    Raises:
        TypeError: no `output_name`, or `source` is no function.
        ValueError: emits, outputs, inputs and `wait_for` share names that they may not share.
    """

    is_interrupt = True

    def __init__(
        self,
        source: Callable[..., Any] | HyperNode,
        name: str | None = None,
        output_name: str | tuple[str, ...] = _MISSING,
        *,
        rename_inputs: Mapping[str, str] | None = None,
        cache: bool = False,
        emit: str | tuple[str, ...] | None = None,
        wait_for: str | tuple[str, ...] | None = None,
        hide: bool = False,
    ) -> None:
        if output_name is _MISSING or not output_name:
            raise TypeError(
                "An InterruptNode needs output_name: the name under which its answer reaches other nodes."
                + fix('InterruptNode(handler, output_name="decision")', '@interrupt(output_name="decision")')
            )
        info = read_source(source)
        self._fill(
            info,
            name,
            read_outputs(output_name, info.name),
            rename_inputs=rename_inputs,
            emit=emit,
            wait_for=wait_for,
            cache=cache,
            hide=hide,
            _batch=False,
        )

    @property
    def _returns(self) -> Any:
        return _without_none(super()._returns)

    @cached_property
    def answer_type(self) -> Any:
        """The type that an answer must have: the return annotation without None; None when everything fits."""
        return self._returns

    @cached_property
    def choices(self) -> tuple[str, ...] | None:
        """The admissible answers as text, where the annotation lists them (bool, Literal, Enum), else None."""
        return _choices(self.answer_type)

    def spread(self, answer: Any) -> dict[str, Any]:
        """Give what the handler returned by output name.

        With several outputs a dict with output names as its keys is spread; anything else goes to the first output only.
        """
        outputs = self.data_outputs
        if len(outputs) > 1 and isinstance(answer, Mapping) and answer:
            originals = dict(zip(self._outputs.originals, outputs, strict=False))
            for known in (originals, {name: name for name in outputs}):
                if all(key in known for key in answer):
                    return {known[key]: value for key, value in answer.items()}
            found = {name: answer[name] for name in outputs if name in answer}
            if found:
                return found
        return {outputs[0]: answer}


def _without_none(hint: Any) -> Any:
    """Take None out of a return annotation; None when nothing is left."""
    if hint is None or hint is NoneType:
        return None
    if get_origin(hint) not in (Union, UnionType):
        return hint
    members = tuple(member for member in get_args(hint) if member is not NoneType)
    return Union[members] if members else None  # noqa: UP007  # a union of members that are known at run time only


def _choices(hint: Any) -> tuple[str, ...] | None:
    if hint is bool:
        return ("True", "False")
    if get_origin(hint) is Literal:
        return tuple(str(value) for value in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return tuple(member.name for member in hint)
    if get_origin(hint) in (Union, UnionType):
        parts: Iterable[tuple[str, ...] | None] = [_choices(member) for member in get_args(hint)]
        known = [part for part in parts if part is not None]
        return tuple(dict.fromkeys(text for part in known for text in part)) if len(known) == len(get_args(hint)) else None
    return None


def interrupt(
    output_name: str | tuple[str, ...],
    *,
    rename_inputs: Mapping[str, str] | None = None,
    cache: bool = False,
    emit: str | tuple[str, ...] | None = None,
    wait_for: str | tuple[str, ...] | None = None,
    hide: bool = False,
) -> Callable[[Callable[..., Any]], InterruptNode]:
    """Make a handler a node that may pause the run; see `InterruptNode`.

    Raises:
        TypeError: `output_name` is missing.
    """
    if callable(output_name):
        raise TypeError("@interrupt needs output_name." + fix('@interrupt(output_name="decision")'))

    def decorate(func: Callable[..., Any]) -> InterruptNode:
        return InterruptNode(
            func,
            output_name=output_name,
            rename_inputs=rename_inputs,
            cache=cache,
            emit=emit,
            wait_for=wait_for,
            hide=hide,
        )

    return decorate
