"""A graph as a list of steps over columns: nested graphs put in line, every value in a slot.

The order is that in which one run would execute its nodes, so that a row fails where a run would. Steps are grouped into *stages*: all
that is synchronous up to the next asynchronous step is one stage, and becomes one UDF. Nothing here knows daft, and all of it
can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypergraph.runners.daft.types import Expected

__all__ = ["Mapped", "Program", "Recreated", "Stage", "Step", "StepKind"]

StepKind = Literal["call", "batch", "async", "mapped", "copy"]


@dataclass(frozen=True, slots=True)
class Recreated:
    """Stands for an object of a `@stateful` class: each worker builds its own.

    Attributes:
        key: the same for all uses of one object.
        cls: its class.
    """

    key: int
    cls: type[Any]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A nested graph that runs once per item of a row's lists.

    Attributes:
        program: the inner graph's.
        addresses: inner addresses, one per argument of the step.
        params: those that are mapped.
        mode, clone: as `items_of` takes them.
        keep_going: a failed item gives None in every list; else its row fails.
    """

    program: Program
    addresses: tuple[str, ...]
    params: tuple[str, ...]
    mode: str
    clone: bool | tuple[str, ...]
    keep_going: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One node, as a call over columns.

    Attributes:
        name: its path ("inner/tidy"); `graph` is the name of the graph that it stands in.
        func: takes one value per argument; of several outputs it gives a tuple.
        args, outs: slots; `names` are the outputs' names.
        expected: per output what its annotation asks for, None where anything goes.
        node: the node, where its results are cached.
        whole: per argument of a batch node True when a constant is to be spread into a column.
        unpack: takes a raw result apart.
        level: no step depends on another one of its level.
        owner: position of the outermost node that it belongs to.
    """

    name: str
    graph: str | None
    kind: StepKind
    func: Callable[..., Any]
    args: tuple[int, ...]
    outs: tuple[int, ...]
    names: tuple[str, ...]
    expected: tuple[Expected | None, ...]
    level: int
    owner: int
    node: Any = None
    whole: tuple[bool, ...] = ()
    unpack: Callable[[Any], tuple[Any, ...]] | None = None
    mapped: Mapped | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that run in one UDF; `first` is the position of the first one in the program."""

    asynchronous: bool
    steps: tuple[Step, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Program:
    """A whole graph.

    Attributes:
        steps: in the order of execution.
        width: number of slots.
        inputs: address -> slot, for what differs from row to row.
        constants: slot -> value, for what all rows share.
        outputs: (name, slot, done): a row that failed at position p has the output when `done <= p`.
        graph: the graph's name.
    """

    steps: tuple[Step, ...]
    width: int
    inputs: Mapping[str, int]
    constants: Mapping[int, Any]
    outputs: tuple[tuple[str, int, int], ...]
    graph: str | None
    _stages: tuple[Stage, ...] = field(default=(), compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(name for name, _, _ in self.outputs)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Stages in order, synchronous and asynchronous ones by turns; the first and the last one are synchronous."""
        return self._stages

    @property
    def recreated(self) -> Iterator[Recreated]:
        """What a worker builds for itself, for nested programs too."""
        for value in self.constants.values():
            if isinstance(value, Recreated):
                yield value
        for step in self.steps:
            if step.mapped is not None:
                yield from step.mapped.program.recreated


def staged(steps: list[Step]) -> tuple[tuple[Step, ...], tuple[Stage, ...]]:
    """Group steps into stages; gives the steps in the order in which they run then."""
    if not any(step.kind == "async" for step in steps):
        return tuple(steps), (Stage(False, tuple(steps), 0),)
    groups: list[tuple[bool, list[Step]]] = [(False, [])]
    for level in sorted({step.level for step in steps}):
        for asynchronous in (False, True):
            here = [step for step in steps if step.level == level and (step.kind == "async") is asynchronous]
            if not here:
                continue
            if groups[-1][0] is not asynchronous:
                groups.append((asynchronous, []))
            groups[-1][1].extend(here)
    if groups[-1][0]:
        groups.append((False, []))
    order: list[Step] = []
    stages: list[Stage] = []
    for asynchronous, members in groups:
        stages.append(Stage(asynchronous, tuple(members), len(order)))
        order.extend(members)
    return tuple(order), tuple(stages)


def finished(
    steps: list[Step],
    width: int,
    inputs: Mapping[str, int],
    constants: Mapping[int, Any],
    outputs: list[tuple[str, int, int]],
    graph: str | None,
) -> Program:
    """Put a program together; `outputs` name the position of the node that brings each of them about."""
    order, stages = staged(steps)
    done: dict[int, int] = {}
    for place, step in enumerate(order):
        done[step.owner] = max(done.get(step.owner, 0), place + 1)
    known = [(name, slot, done.get(owner, 0)) for name, slot, owner in outputs]
    program = Program(order, width, inputs, constants, tuple(known), graph)
    return replace(program, _stages=stages)
