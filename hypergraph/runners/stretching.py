"""Stretches on an event loop: the loop of `run_stretch`, with awaits in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Any

from hypergraph.engine.stretches import ASYNC_GENERATOR, AWAIT, AWAIT_ONE, GENERATOR, ONE, Stretch, Trail, Unfinished

__all__ = ["run_async_stretch"]


async def run_async_stretch(
    stretch: Stretch, trail: Trail, flush: Callable[[], Awaitable[None]], budget: AbstractAsyncContextManager[Any] | None
) -> Unfinished | None:
    """Run a stretch of nodes of both kinds, each within the budget."""
    slots, signal, clock, take, kept = stretch.slots, stretch.run.session.signal, perf_counter, trail.take, stretch.times
    for place, instruction in enumerate(stretch.code.code):
        if stretch.stopping:
            return None
        kind, func, args, outs, _ = instruction
        started = clock()
        try:
            if budget is not None:
                async with budget:
                    started = clock()
                    values = await _called(instruction, slots)
            elif kind == AWAIT_ONE:
                values = (await func(slots[args]),)
            elif kind == ONE:
                values = (func(slots[args]),)
            else:
                values = await _called(instruction, slots)
        except Exception as error:
            return Unfinished(None, error, started, clock())
        ended = clock()
        if signal.requested:
            return Unfinished(values, None, started, ended)
        take(place, values, started, ended)
        if kind <= AWAIT_ONE:
            slots[outs] = values[0]
        else:
            for slot, value in zip(outs, values, strict=True):
                slots[slot] = value
        kept += (started, ended)
        if trail.crowded:
            await flush()
    return None


async def _called(instruction: tuple[int, Any, Any, Any, Any], slots: list[Any]) -> tuple[Any, ...]:
    kind, func, args, _, node = instruction
    result = func(slots[args]) if kind <= AWAIT_ONE else func(*[slots[slot] for slot in args])
    if kind in (AWAIT_ONE, AWAIT):
        result = await result
    elif kind == ASYNC_GENERATOR:
        result = [piece async for piece in result]
    elif kind == GENERATOR:
        result = list(result)
    unpacked: tuple[Any, ...] = node.unpack(result)
    return unpacked
