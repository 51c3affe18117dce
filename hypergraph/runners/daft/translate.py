"""Reads a graph's plan and writes a program: nested graphs are put in line, and every argument's source is fixed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from hypergraph.engine.state import fallback_value
from hypergraph.exceptions import GraphConfigError, MissingInputError
from hypergraph.plan import COPIED_DEFAULT, INNER, NO_FALLBACK, Argument, Op, plan_of
from hypergraph.runners.daft.program import Mapped, Program, Recreated, Step, finished
from hypergraph.runners.daft.stateful import DaftStateful
from hypergraph.runners.daft.types import element_of, expected_of

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["output_hints", "translate"]


def translate(
    graph: Graph,
    columns: Collection[str],
    shared: Mapping[str, Any],
    *,
    clone: bool | Collection[str] = False,
    cached: bool = False,
    series: type,
) -> Program:
    """Write a graph as a program.

    Args:
        graph: the graph; `refuse` has been asked about it.
        columns: addresses whose values differ from row to row.
        shared: address -> value that all rows share.
        clone: addresses of shared values that each row gets a copy of; True for all.
        cached: a result cache is in use.
        series: the class `daft.Series`.
    """
    writer = _Writer(cached, series)
    inputs = {name: writer.slot() for name in columns}
    found = dict(inputs)
    for name, value in shared.items():
        found[name] = writer.constant(value)
        cloned = clone if isinstance(clone, bool) else name in clone
        if cloned and not isinstance(value, DaftStateful):
            found[name] = writer.copied(found[name], _Copy(name), f"clone of {name}", -1, -1)
    outputs, _ = writer.graph(graph, found, "", 0, None)
    named = [(name, slot, writer.owners[slot]) for name, slot in outputs.items()]
    return finished(writer.steps, writer.width, inputs, writer.constants, named, graph.name)


class _Writer:
    """Collects steps, slots and constants; lives for one translation."""

    def __init__(self, cached: bool, series: type) -> None:
        self.cached = cached
        self.series = series
        self.steps: list[Step] = []
        self.width = 0
        self.constants: dict[int, Any] = {}
        self.owners: dict[int, int] = {}
        self.seen: dict[int, int] = {}

    def slot(self, owner: int = -1) -> int:
        self.owners[self.width] = owner
        self.width += 1
        return self.width - 1

    def constant(self, value: Any) -> int:
        known = self.seen.get(id(value))
        if known is not None and self.constants.get(known) is value:
            return known
        slot = self.slot()
        self.seen[id(value)] = slot
        self.constants[slot] = Recreated(id(value), type(value)) if isinstance(value, DaftStateful) else value
        return slot

    def copied(self, slot: int, func: Callable[[Any], Any], name: str, level: int, owner: int) -> int:
        out = self.slot(owner)
        self.steps.append(Step(name, None, "copy", func, (slot,), (out,), (name,), (None,), level, owner))
        return out

    def graph(self, graph: Graph, given: Mapping[str, int], path: str, level: int, owner: int | None) -> tuple[dict[str, int], int]:
        """Write one graph; gives its outputs' slots and the first level after it."""
        plan = plan_of(graph)
        made: dict[int, int] = {}
        for layer in plan.layers:
            after = level + 1
            for op in sorted((op for region in layer for op in region.ops), key=lambda op: op.index):
                top = op.index if owner is None else owner
                if op.node.code is not None:
                    self.function(op, graph, given, made, path, level, top)
                else:
                    after = max(after, self.nested(op, given, made, path, level, top))
            level = after
        # Of several writers of one name the one that runs last is read, as in every run.
        return {name: made[next(slot for slot in reversed(slots) if slot in made)] for name, slots in plan.outputs}, level

    def source(self, op: Op, argument: Argument, given: Mapping[str, int], made: Mapping[int, int], level: int, owner: int) -> int | None:
        """Give the slot that an argument reads; None where the inner graph has what it needs."""
        written = [slot for slot in made if slot in argument.slots]
        if written:
            return made[written[-1]]
        if argument.name in given:
            return given[argument.name]
        if argument.fallback == NO_FALLBACK:
            raise MissingInputError([argument.name], list(given))
        if argument.value is INNER:
            return None
        slot = self.constant(argument.value)
        if argument.fallback == COPIED_DEFAULT:
            return self.copied(slot, lambda _: fallback_value(op, argument), f"default of {argument.name}", level, owner)
        return slot

    def function(self, op: Op, graph: Graph, given: Mapping[str, int], made: dict[int, int], path: str, level: int, owner: int) -> None:
        node: Any = op.node
        args = tuple(self.source(op, argument, given, made, level, owner) for argument in op.args)
        outs = tuple(self.slot(owner) for _ in op.outs)
        made.update(zip(op.outs, outs, strict=True))
        types = node.output_annotation
        hints = [types.get(name) for name in node.data_outputs]
        kept = node if self.cached and node.cache else None
        step = Step(
            name=path + node.name,
            graph=graph.name,
            kind="batch" if node.batch else "async" if node.is_async else "call",
            func=_callable(node),
            args=tuple(slot for slot in args if slot is not None),
            outs=outs,
            names=node.data_outputs,
            expected=(None,) * len(outs) if node.batch else tuple(expected_of(hint) for hint in hints),
            level=level,
            owner=owner,
            node=kept,
            whole=tuple(node.parameter_annotations.get(name) is self.series for name in node.inputs) if node.batch else (),
            unpack=node.unpack if len(outs) > 1 else None,
        )
        self.steps.append(step)

    def nested(self, op: Op, given: Mapping[str, int], made: dict[int, int], path: str, level: int, owner: int) -> int:
        node: Any = op.node
        found: dict[str, int] = {}
        for argument in op.args:
            slot = self.source(op, argument, given, made, level, owner)
            if slot is not None:
                found[node.inner_address(argument.name)] = slot
        if node.map_config is None:
            inner, after = self.graph(node.graph, found, f"{path}{node.name}/", level, owner)
            made.update((out, inner[node.inner_output(name)]) for name, out in zip(node.data_outputs, op.outs, strict=True))
            return after
        self._mapped(op, found, made, path, level, owner)
        return level + 1

    def _mapped(self, op: Op, found: dict[str, int], made: dict[int, int], path: str, level: int, owner: int) -> None:
        node: Any = op.node
        cloned = node.cloned
        clone = cloned if isinstance(cloned, bool) else tuple(node.inner_address(name) for name in cloned)
        writer = _Writer(self.cached, self.series)
        inputs = {name: writer.slot() for name in found}
        outputs, _ = writer.graph(node.graph, inputs, f"{path}{node.name}/", 0, None)
        wanted = [(name, outputs[node.inner_output(name)], -1) for name in node.data_outputs]
        program = finished(writer.steps, writer.width, inputs, writer.constants, wanted, node.graph.name)
        outs = tuple(self.slot(owner) for _ in op.outs)
        made.update(zip(op.outs, outs, strict=True))
        self.steps.append(
            Step(
                name=path + node.name,
                graph=None,
                kind="mapped",
                func=_nothing,
                args=tuple(found.values()),
                outs=outs,
                names=node.data_outputs,
                expected=(None,) * len(outs),
                level=level,
                owner=owner,
                mapped=Mapped(
                    program,
                    tuple(found),
                    tuple(node.inner_address(name) for name in node.mapped_inputs),
                    node.map_mode,
                    clone,
                    node.map_error_handling == "continue",
                ),
            )
        )


class _Copy:
    """Makes a row's own copy of a shared value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, value: Any) -> Any:
        try:
            return copy.deepcopy(value)
        except Exception as reason:
            raise GraphConfigError(
                f"The value of {self.name!r} cannot be deep-copied for clone: {type(reason).__name__}: {reason}"
            ) from reason


def _callable(node: Any) -> Callable[..., Any]:
    """Give what takes a node's values in input order and gives its raw result; a generator's is the list of what it yields."""
    code = node.code
    func = code.func
    if not code.simple:
        func = _arranged(code)
    if not node.is_generator:
        return func  # type: ignore[no-any-return]
    if node.is_async:
        return _drained_async(func)
    return lambda *values: list(func(*values))


def _arranged(code: Any) -> Callable[..., Any]:
    func = code.func

    def call(*values: Any) -> Any:
        args, keywords = code.arrange(values)
        return func(*args, **keywords)

    return call


def _drained_async(func: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*values: Any) -> list[Any]:
        return [item async for item in func(*values)]

    return call


def _nothing() -> None:
    """Stand in where a step has no function of its own."""


def output_hints(graph: Graph, series: type) -> dict[str, Any]:
    """Give the annotation of each output of a graph, of batch nodes that of their elements."""
    found: dict[str, Any] = {}
    for op in plan_of(graph).sequence:
        node: Any = op.node
        types = node.output_annotation
        for name in node.data_outputs:
            hint = types.get(name)
            found[name] = element_of(hint, series)
    return {name: found.get(name) for name in graph.scope.outputs}
