"""The graphs that are killed: every node marks its start and its end, under a name that tells the step from all others."""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hypergraph.graph import Graph
from hypergraph.nodes import END, interrupt, node, route

__all__ = ["DURABILITIES", "FACES", "SHAPES", "Durability", "Face", "Marks", "Shape", "fan_of"]

Face = Literal["sync", "async"]
Durability = Literal["sync", "async", "exit"]
FACES: tuple[Face, ...] = ("sync", "async")
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")


class Marks:
    """Writes down what nodes do, where a kill cannot undo it.

    Args:
        path: the file that marks are appended to.
        pause: seconds that a node takes.
        loud: also tell each start on the standard output.
    """

    def __init__(self, path: str, pause: float, *, loud: bool = False) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.pause = pause
        self._loud = loud

    def _mark(self, sign: str, name: str) -> None:
        # The clock of the machine, which every process reads the same.
        os.write(self._file, f"{sign}{name} {time.monotonic_ns()}\n".encode())
        if self._loud and sign == "+":
            os.write(1, f"+{name}\n".encode())

    def _length(self, name: str) -> float:
        # Not all the same, so that what runs side by side does not end together.
        return self.pause * (0.5 + zlib.crc32(name.encode()) % 64 / 64)

    def work(self, name: str) -> None:
        """Do something that the world sees, in this thread."""
        self._mark("+", name)
        time.sleep(self._length(name))
        self._mark("-", name)

    async def awaited_work(self, name: str) -> None:
        """As `work`, on the event loop."""
        self._mark("+", name)
        await asyncio.sleep(self._length(name))
        self._mark("-", name)


def _adder(marks: Marks, face: Face, name: str, source: str, output: str, amount: int = 1) -> Any:
    """Make a node that adds to a value. Its step is known by the value that it gives."""
    if face == "sync":
        code = f"def {name}({source}: int) -> int:\n    work(f'{name}={{{source} + {amount}}}')\n    return {source} + {amount}\n"
        scope: dict[str, Any] = {"work": marks.work}
    else:
        code = (
            f"async def {name}({source}: int) -> int:\n    await work(f'{name}={{{source} + {amount}}}')\n    return {source} + {amount}\n"
        )
        scope = {"work": marks.awaited_work}
    exec(code, scope)
    return node(output_name=output)(scope[name])


def _chain(marks: Marks, face: Face) -> Graph:
    """Fifty nodes in a row. The last one needs an input, too, that no other node uses."""
    nodes = [_adder(marks, face, f"link_{place}", f"v{place}", f"v{place + 1}") for place in range(49)]

    @node(output_name="total")
    def finish_chain(v49: int, late: int) -> int:
        return v49 + late

    return Graph([*nodes, finish_chain], name="chain")


def fan_of(width: int) -> Callable[[Marks, Face], Graph]:
    """Make a shape of one node, many side by side, and one that takes them all."""

    def make(marks: Marks, face: Face) -> Graph:
        arms = [_adder(marks, face, f"arm_{place}", "seed", f"a{place}", place) for place in range(width)]
        names = [f"a{place}" for place in range(width)]
        scope: dict[str, Any] = {}
        exec(f"def gather({', '.join(f'{name}: int' for name in names)}) -> int:\n    return {' + '.join(names)}\n", scope)
        if face == "async":
            # All at once: long enough for a kill to fall among them.
            marks.pause *= 15
        return Graph([_adder(marks, face, "spread", "v0", "seed"), *arms, node(output_name="total")(scope["gather"])], name="fan")

    return make


def _loop(marks: Marks, face: Face) -> Graph:
    """A counter and a gate, thirty turns."""

    @route(targets=["count", END])
    def again(n: int) -> Any:
        return END if n >= 30 else "count"

    return Graph([_adder(marks, face, "count", "n", "n"), again], name="loop", entrypoint="count")


def _nested(marks: Marks, face: Face) -> Graph:
    """A graph within a graph within a graph, with nodes before and after."""
    deep = Graph([_adder(marks, face, f"deep_{place}", f"d{place}", f"d{place + 1}") for place in range(8)], name="deep")
    inner = Graph(
        [_adder(marks, face, "first", "w0", "d0"), deep.as_node(), _adder(marks, face, "last", "d8", "w1")],
        name="inner",
    )
    return Graph([_adder(marks, face, "before", "v0", "w0"), inner.as_node(), _adder(marks, face, "after", "w1", "total")], name="nested")


def _item(marks: Marks, face: Face) -> Graph:
    """What is mapped over three hundred items: two nodes."""
    return Graph([_adder(marks, face, "first", "x", "y"), _adder(marks, face, "second", "y", "z")], name="item")


def _paused(marks: Marks, face: Face) -> Graph:
    """Work, a question, and work that depends on the answer."""

    @interrupt(output_name="ok")
    def ask(a10: int) -> bool: ...

    @node(output_name="b0")
    def use(ok: bool, a10: int) -> int:
        return a10 if ok else 0

    before = [_adder(marks, face, f"before_{place}", f"a{place}", f"a{place + 1}") for place in range(10)]
    after = [_adder(marks, face, f"after_{place}", f"b{place}", f"b{place + 1}") for place in range(10)]
    return Graph([*before, ask, use, *after], name="paused")


@dataclass(frozen=True)
class Shape:
    """A graph to be killed.

    Attributes:
        make: builds it.
        inputs: what it is started with.
        outputs: what it must give.
        steps: names of all its marked steps.
        at_once: how many of its nodes run at once under the asynchronous runner.
        pause: seconds that a node takes.
        mapped: it is mapped over the input of this name.
        answer: what its question is answered with.
        faces: who can run it.
    """

    make: Callable[[Marks, Face], Graph]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    steps: frozenset[str]
    at_once: int = 1
    pause: float = 0.003
    mapped: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    faces: tuple[Face, ...] = FACES


def _row(name: str, count: int, first: int) -> set[str]:
    return {f"{name}_{place}={first + place}" for place in range(count)}


SHAPES: dict[str, Shape] = {
    "chain": Shape(_chain, {"v0": 0, "late": 100}, {"total": 149}, frozenset(_row("link", 49, 1))),
    "fan": Shape(
        fan_of(50), {"v0": 0}, {"total": 50 + sum(range(50))}, frozenset({"spread=1", *_row("arm", 50, 1)}), at_once=50, pause=0.004
    ),
    "loop": Shape(_loop, {"n": 0}, {"n": 30}, frozenset(f"count={n + 1}" for n in range(30)), pause=0.004),
    "nested": Shape(
        _nested, {"v0": 0}, {"total": 12}, frozenset({"before=1", "first=2", *_row("deep", 8, 3), "last=11", "after=12"}), pause=0.008
    ),
    "map": Shape(
        _item, {"x": list(range(0, 3000, 10))}, {"z": [x + 2 for x in range(0, 3000, 10)]},
        frozenset(name for x in range(0, 3000, 10) for name in (f"first={x + 1}", f"second={x + 2}")),
        at_once=8, pause=0.001, mapped="x",
    ),
    # The synchronous runner refuses interrupts.
    "paused": Shape(
        _paused, {"a0": 0}, {"b10": 20}, frozenset(_row("before", 10, 1) | _row("after", 10, 11)), pause=0.004, answer={"ok": True},
        faces=("async",),
    ),
}  # fmt: skip
