"""The cases: graphs in memory, sync and async."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Case, Contender
from benchmarks.peers import peers
from benchmarks.work import chain, chain_functions, counter_loop, fan, nested
from hypergraph import AsyncRunner, Graph, SyncRunner

__all__ = ["build", "memory_cases", "timed"]

Work = Callable[[], object]


def _run(graph: Graph, values: dict[str, Any], **options: Any) -> Work:
    runner = SyncRunner()
    return lambda: runner.run(graph, values, **options)


_OFTEN = 10
"""Runs inside one `asyncio.Runner.run`, which alone costs as much as a hundred nodes."""


def _run_async(graph: Graph, values: dict[str, Any], often: int = 1, **options: Any) -> Work:
    runner, loop = AsyncRunner(), asyncio.Runner()

    async def run() -> None:
        # Nothing is handed to the loop: to put the signal handlers back, CPython 3.11 writes out what its main task returned.
        for _ in range(often):
            await runner.run(graph, values, **options)

    return lambda: loop.run(run())


def ours(name: str, prepare: Callable[[], Work], units: int | None = None) -> Contender:
    return Contender(name, prepare, units)


# Floors -----------------------------------------------------------------------------------------------------------------------


def _floor_chain(count: int) -> Work:
    functions = chain_functions(count)

    def run() -> int:
        value = 1
        for func in functions:
            value = func(value)
        return value

    return run


def _floor_fan(width: int) -> Work:
    middle = [(lambda h, number=number: h + number) for number in range(width)]

    def run() -> int:
        head = 1
        return sum([func(head) for func in middle])

    return run


def _floor_loop(rounds: int) -> Work:
    def count_up(count: int) -> int:
        return count + 1

    def again(count: int, limit: int) -> bool:
        return count < limit

    def run() -> int:
        count = count_up(0)
        while again(count, rounds):
            count = count_up(count)
        return count

    return run


def _floor_map(items: int) -> Work:
    a, b, c, d, e = chain_functions(5)
    return lambda: [{"v5": e(d(c(b(a(item)))))} for item in range(items)]


def _floor_async_chain(count: int) -> Work:
    functions = chain_functions(count, is_async=True)
    loop = asyncio.Runner()

    async def run() -> None:
        for _ in range(_OFTEN):
            value = 1
            for func in functions:
                value = await func(value)

    return lambda: loop.run(run())


def _floor_async_fan(width: int) -> Work:
    loop = asyncio.Runner()

    async def middle(head: int, number: int) -> int:
        return head + number

    async def run() -> None:
        for _ in range(_OFTEN):
            sum(await asyncio.gather(*[middle(1, number) for number in range(width)]))

    return lambda: loop.run(run())


def _floor_async_map(items: int, budget: int, wait: float) -> Work:
    loop = asyncio.Runner()

    async def run() -> None:
        gate = asyncio.Semaphore(budget)

        async def one(item: int) -> int:
            async with gate:
                await asyncio.sleep(wait)
                return item + 1

        await asyncio.gather(*[one(item) for item in range(items)])

    return lambda: loop.run(run())


def _floor_build(count: int) -> Work:
    """The least that wiring needs: read each signature's names, find each name's producer."""
    functions = chain_functions(count)

    def run() -> list[tuple[int, int]]:
        producer = {f"v{number + 1}": number for number in range(count)}
        read = [func.__code__.co_varnames[: func.__code__.co_argcount] for func in functions]
        return [(producer[name], number) for number, names in enumerate(read) for name in names if name in producer]

    return run


# Ours -------------------------------------------------------------------------------------------------------------------------


def _map(items: int, **options: Any) -> Work:
    runner, graph, values = SyncRunner(), chain(5), {"v0": list(range(items))}
    return lambda: runner.map(graph, values, map_over="v0", **options)


def _async_map(items: int, budget: int, wait: float) -> Work:
    from hypergraph import FunctionNode

    async def one(item: int) -> int:
        await asyncio.sleep(wait)
        return item + 1

    runner, loop, graph = AsyncRunner(), asyncio.Runner(), Graph([FunctionNode(one, output_name="out")])
    values = {"item": list(range(items))}

    async def run() -> None:
        await runner.map(graph, values, map_over="item", max_concurrency=budget)

    return lambda: loop.run(run())


def _async_fan_budget(width: int, budget: int, wait: float) -> Work:
    return _run_async(fan(width, is_async=True, sleep=wait), {"x": 1}, max_concurrency=budget)


def build(count: int) -> Work:
    """Make nodes and a graph of functions that exist already."""
    from hypergraph import FunctionNode

    functions = chain_functions(count)

    def run() -> object:
        return Graph([FunctionNode(func, name=f"n{i}", output_name=f"v{i + 1}") for i, func in enumerate(functions)]).inputs

    return run


class _Deaf:
    """A processor that does nothing with what it hears."""

    def on_event(self, event: object) -> None:
        pass

    def shutdown(self) -> None:
        pass


def _import(statement: str) -> Work:
    """Time a fresh interpreter; what bare Python takes is the floor. Compiled files are kept, as they are in any real use."""
    folder = tempfile.mkdtemp(prefix="hypergraph-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = folder
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True, cwd=Path(__file__).parents[1], env=environment)


def memory_cases(quick: bool) -> list[Case]:
    """The cases that touch no file."""
    rounds = 100 if quick else 1000
    items = 200 if quick else 1000
    return [
        Case(
            "chain, sync", "node", 100,
            [
                Contender("floor", partial(_floor_chain, 100)),
                ours("hypergraph", lambda: _run(chain(100), {"v0": 1})),
                ours("hypergraph, 1,000 nodes", lambda: _run(chain(1000), {"v0": 1}), 1000),
                *peers("chain", 100),
            ],
            "at most 8 x floor: 0.3 us a node and 5 us a run", most=0.35, ratio=8,
        ),
        Case(
            "1 -> 100 -> 1, sync", "node", 102,
            [Contender("floor", partial(_floor_fan, 100)), ours("hypergraph", lambda: _run(fan(100), {"x": 1})), *peers("fan", 100)],
            "at most 0.5 us", most=0.5,
        ),
        Case(
            "gate-driven loop", "round", rounds,
            [
                Contender("floor", partial(_floor_loop, rounds)),
                ours("hypergraph", lambda: _run(counter_loop(), {"count": 0, "limit": rounds}, max_iterations=10 * rounds)),
                *peers("loop", rounds),
            ],
            "at most 1.8 us, 25 x floor", most=1.8, ratio=25,
        ),
        Case(
            "map, 5 nodes", "item", items,
            [Contender("floor", partial(_floor_map, items)), ours("hypergraph", lambda: _map(items)), *peers("map", items)],
            "at most 2.2 us", most=2.2,
        ),
        Case(
            "three levels nested", "run", 1,
            [Contender("floor", partial(_floor_chain, 1)), ours("hypergraph", lambda: _run(nested(3), {"v0": 1})), *peers("nested")],
            "at most 8 us", most=8,
        ),
        Case(
            "chain, async", "node", 100,
            [
                Contender("floor", partial(_floor_async_chain, 100), 100 * _OFTEN),
                ours("hypergraph", lambda: _run_async(chain(100, is_async=True), {"v0": 1}, _OFTEN), 100 * _OFTEN),
                *peers("async chain", 100),
            ],
            "at most 0.5 us", most=0.5,
        ),
        Case(
            "1 -> 100 -> 1, async", "node", 102,
            [
                Contender("floor", partial(_floor_async_fan, 100), 102 * _OFTEN),
                ours("hypergraph", lambda: _run_async(fan(100, is_async=True), {"x": 1}, _OFTEN), 102 * _OFTEN),
                *peers("async fan", 100),
            ],
            "at most 1.2 x floor", ratio=1.2,
        ),
        Case(
            "async map, budget 50", "item", 2 * items,
            [
                Contender("floor", partial(_floor_async_map, 2 * items, 50, 0)),
                ours("hypergraph", lambda: _async_map(2 * items, 50, 0)),
            ],
            "at most 0.8 x floor", ratio=0.8,
        ),
        Case(
            "100 x 10 ms, budget 10", "run", 1,
            [
                Contender("floor", partial(_floor_async_map, 100, 10, 0.01)),
                ours("hypergraph", lambda: _async_fan_budget(100, 10, 0.01)),
            ],
            "at most 106 ms", most=106_000, clock="wall", once=True,
        ),
        Case(
            "chain, sync, one processor", "node", 100,
            [
                Contender("floor", partial(_floor_chain, 100)),
                ours("hypergraph", lambda: _run(chain(100), {"v0": 1}, event_processors=[_Deaf()])),
            ],
            "at most 1.5 us", most=1.5,
        ),
        Case(
            "building a graph", "node", 300,
            [
                Contender("floor", partial(_floor_build, 300)),
                ours("hypergraph", partial(build, 300)),
                ours("hypergraph, 2,000 nodes", partial(build, 2000), 2000),
                *peers("build", 300),
            ],
            "at most 30 us", most=30,
        ),
        Case(
            "import", "start", 1,
            [
                Contender("floor", partial(_import, "pass")),
                ours("hypergraph", partial(_import, "import hypergraph")),
                ours("hypergraph, first names", partial(_import, "from hypergraph import Graph, SyncRunner, node")),
                *[Contender(name, partial(_peer_import, module)) for name, module in _MODULES.items() if not quick],
            ],
            "at most 60 ms, 50 ms over bare Python", most=60_000, clock="wall", once=True,
        ),
    ]  # fmt: skip


_MODULES = {"burr": "burr.core", "hamilton": "hamilton.driver", "langgraph": "langgraph.graph", "pipefunc": "pipefunc"}


def _peer_import(module: str) -> Work:
    import importlib.util

    from benchmarks.harness import Missing

    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise Missing("not installed")
    return _import(f"import {module}")


def timed(work: Work) -> float:
    """Seconds of CPU that one call takes."""
    before = time.process_time()
    work()
    return time.process_time() - before
