"""Straight programs on an event loop: a chain is awaited inline, and tasks are made only where two or more nodes are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine.guided import Entry, EntryJournal
from hypergraph.engine.run import Ended, Run, Session
from hypergraph.engine.steps import fail
from hypergraph.engine.straight import MISSING, plain_call, prefilled, store_of
from hypergraph.plan import Op, Plan, plan_of
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["AsyncProgram", "async_program_of"]


class _Instruction:
    __slots__ = ("args", "awaits", "drains", "func", "op", "out", "store")

    def __init__(self, op: Op) -> None:
        node: Any = op.node
        self.op = op
        self.func = node.code.func
        self.args = tuple(argument.slots[-1] for argument in op.args)
        self.awaits = node.is_async and not node.is_generator
        self.drains = node.is_generator
        self.out = op.outs[0] if len(op.outs) == 1 else -1
        self.store = store_of(op)


class AsyncProgram:
    """A straight plan of plain synchronous and asynchronous nodes.

    Attributes:
        template, required, free: as in `straight.Program`.
        layers: what runs together.
        wide: some layer has more than one asynchronous node.
    """

    __slots__ = ("free", "graph", "layers", "plan", "required", "template", "wide")

    def __init__(self, graph: Graph, plan: Plan, filled: tuple[list[Any], frozenset[str], frozenset[str]]) -> None:
        self.graph = graph
        self.plan = plan
        self.template, self.required, self.free = filled
        self.layers = [
            tuple(_Instruction(op) for op in sorted((region.ops[0] for region in layer), key=_by_index)) for layer in plan.layers
        ]
        self.wide = any(sum(one.awaits for one in layer) > 1 for layer in self.layers)

    def fits(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether these inputs are plainly what the program needs."""
        keys = inputs.keys()
        return self.required <= keys <= self.free

    async def run(self, inputs: Mapping[str, Any], run_id: str, *, keep_going: bool) -> Ended:
        """Run once from these inputs."""
        slots = self.template.copy()
        given = self.plan.given
        for name, value in inputs.items():
            slots[given[name]] = value
        entries: list[Entry] = []
        started = perf_counter()
        failed: tuple[Op, Exception] | None = None
        for superstep, layer in enumerate(self.layers):
            if len(layer) == 1:
                failed = await _single(layer[0], superstep, slots, entries)
            else:
                failed = await _together(layer, superstep, slots, entries, keep_going)
            if failed is not None:
                break
        duration_ms = (perf_counter() - started) * 1000
        run = Run(Session("direct"), self.graph, self.plan, run_id, inputs=inputs)
        run.journal = EntryJournal(entries, failed)
        if failed is not None:
            fail(run, next(line for line in run.journal if line.op is failed[0]), failed[1])
        values = {name: slots[slot] for name, places in self.plan.outputs for slot in places if slots[slot] is not MISSING}
        status = RunStatus.COMPLETED if failed is None else RunStatus.FAILED
        return Ended(run, status, values, duration_ms=duration_ms, error=failed[1] if failed is not None else None)


async def _single(
    one: _Instruction, superstep: int, slots: list[Any], entries: list[Entry], *, strict: bool = False
) -> tuple[Op, Exception] | None:
    """Run one node; gives its failure, or under `strict` raises it so that its siblings need not be waited for."""
    began = perf_counter()
    error: Exception | None = None
    try:
        value = one.func(*[slots[slot] for slot in one.args])
        if one.awaits:
            value = await value
        elif one.drains:
            value = [piece async for piece in value] if one.op.node.is_async else list(value)
        if one.out >= 0:
            slots[one.out] = value
        else:
            one.store(slots, value)
    except Exception as raised:
        error = raised
    entries.append((one.op, superstep, began, perf_counter(), None))
    if error is None:
        return None
    if strict:
        raise _NodeFailedError(one.op, error)
    return one.op, error


class _NodeFailedError(Exception):
    """Carries a failure out of a layer whose other nodes are to be cancelled."""

    def __init__(self, op: Op, error: Exception) -> None:
        super().__init__()
        self.failure = (op, error)


async def _together(
    layer: tuple[_Instruction, ...], superstep: int, slots: list[Any], entries: list[Entry], keep_going: bool
) -> tuple[Op, Exception] | None:
    """Run a layer as tasks. Under `keep_going` all of them end; otherwise the first failure cancels the rest."""
    tasks = [asyncio.ensure_future(_single(one, superstep, slots, entries, strict=not keep_going)) for one in layer]
    try:
        failures = [failure for failure in await asyncio.gather(*tasks) if failure is not None]
    except _NodeFailedError as stopped:
        return stopped.failure
    finally:
        waiting = [task for task in tasks if not task.done()]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)
    return failures[0] if failures else None


def async_program_of(graph: Graph, *, cached: bool) -> AsyncProgram | None:
    """Give the graph's asynchronous program, or None when its plan is of another kind. `cached`: a result cache is in use."""
    plan = plan_of(graph)
    key = "async program, cache in use" if cached else "async program"
    if key not in plan.derived:
        plan.derived[key] = _compile(graph, plan, cached)
    found: AsyncProgram | None = plan.derived[key]
    return found


def _compile(graph: Graph, plan: Plan, cached: bool) -> AsyncProgram | None:
    if not plan.straight or not all(op.kind == "function" and plain_call(op, cached) for op in plan.ops):
        return None
    if any(len(argument.slots) > 1 for op in plan.ops for argument in op.args):
        return None
    filled = prefilled(plan)
    return AsyncProgram(graph, plan, filled) if filled is not None else None


def _by_index(op: Op) -> int:
    return op.index
