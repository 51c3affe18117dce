"""Caches inside a node's own code: what the optional hypercache package decides there is reported as events of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hypergraph.engine import reports

if TYPE_CHECKING:
    from hypergraph.engine.journal import Line
    from hypergraph.engine.run import Run
    from hypergraph.nodes._callable import CallableInfo

__all__ = ["can_observe", "observed"]

_Observe = Callable[[Callable[[Any], None]], AbstractContextManager[Any]]


@cache
def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("hypercache") is not None


def _observe_cache() -> _Observe | None:
    """Give `hypercache.observe_cache`, or None without the package."""
    module = sys.modules.get("hypercache")
    if module is None and _installed():
        module = import_module("hypercache")
    return getattr(module, "observe_cache", None)


def can_observe() -> bool:
    """Tell whether caches inside nodes can be heard: only the general way of a step does so."""
    return _observe_cache() is not None


def observed(run: Run, line: Line, code: CallableInfo) -> Callable[..., Any]:
    """Give a node's function; where somebody listens and hypercache is there, one that reports the caches asked inside.

    The observer is there while the body runs, which for a generator is while it is read.
    """
    func = code.func
    observe = _observe_cache() if run.session.emit is not None else None
    if observe is None:
        return func
    scope = observe

    def tell(decided: Any) -> None:
        reports.inner_cache(run, line, decided)

    if code.is_async_gen:

        async def pieces(*args: Any, **kwargs: Any) -> Any:
            with scope(tell):
                async for piece in func(*args, **kwargs):
                    yield piece

        return pieces
    if code.is_async:

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with scope(tell):
                return await func(*args, **kwargs)

        return awaited

    def called(*args: Any, **kwargs: Any) -> Any:
        with scope(tell):
            value = func(*args, **kwargs)
            return list(value) if code.is_generator else value

    return called
