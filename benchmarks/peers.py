"""The same work in other libraries, as their own documentation does it. Each is imported when its turn comes."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness import Contender, Missing
from benchmarks.work import chain_functions, named

__all__ = ["DISTRIBUTIONS", "peers", "versions"]

DISTRIBUTIONS = {
    "burr": "apache-burr",
    "dask": "dask",
    "hamilton": "apache-hamilton",
    "langgraph": "langgraph",
    "pipefunc": "pipefunc",
    "pydantic-graph": "pydantic-graph",
}
# None of them shall report home from a benchmark.
_QUIET = {"HAMILTON_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1", "LANGSMITH_TRACING": "false"}

Work = Callable[[], object]
Prepare = Callable[..., Work]


def versions() -> dict[str, str]:
    """Give the versions of the peers that are installed."""
    found = {}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            found[name] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def peers(case: str, *arguments: Any) -> list[Contender]:
    """Give the peers that do a case's work, sorted by name."""
    return [Contender(name, _guarded(prepare, arguments)) for name, prepare in sorted(_WORK[case].items())]


def _guarded(prepare: Prepare, arguments: tuple[Any, ...]) -> Callable[[], Work]:
    def ready() -> Work:
        os.environ.update(_QUIET)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return prepare(*arguments)
        except ImportError as error:
            raise Missing("not installed" if error.name else str(error)) from error

    return ready


# langgraph --------------------------------------------------------------------------------------------------------------------


def _langgraph_state(names: list[str]) -> Any:
    from typing import TypedDict

    return TypedDict("State", dict.fromkeys(names, int))  # type: ignore[misc, operator]


def _langgraph_chain(count: int, *, is_async: bool = False, build_only: bool = False, saver: Any = None) -> Work:
    graph = importlib.import_module("langgraph.graph")

    def step(number: int) -> Callable[..., Any]:
        if is_async:

            async def run_async(state: Any) -> Any:
                return {f"v{number + 1}": state[f"v{number}"] + 1}

            return run_async
        return lambda state: {f"v{number + 1}": state[f"v{number}"] + 1}

    def build() -> Any:
        builder = graph.StateGraph(_langgraph_state([f"v{number}" for number in range(count + 1)]))
        for number in range(count):
            builder.add_node(f"n{number}", step(number))
            builder.add_edge(graph.START if not number else f"n{number - 1}", f"n{number}")
        return builder.compile(checkpointer=saver)

    if build_only:
        return build
    app = build()
    config: dict[str, Any] = {"recursion_limit": 10 * count}
    if is_async:
        runner = asyncio.Runner()
        return lambda: runner.run(app.ainvoke({"v0": 1}, config))
    if saver is not None:
        threads = iter(range(10**9))
        return lambda: app.invoke({"v0": 1}, {**config, "configurable": {"thread_id": str(next(threads))}}, durability="sync")
    return lambda: app.invoke({"v0": 1}, config)


def _langgraph_fan(width: int, *, is_async: bool = False) -> Work:
    graph = importlib.import_module("langgraph.graph")
    names = [f"w{number}" for number in range(width)]
    builder = graph.StateGraph(_langgraph_state(["x", "h", "total", *names]))

    def middle(number: int) -> Callable[..., Any]:
        if is_async:

            async def run_async(state: Any) -> Any:
                return {f"w{number}": state["h"] + number}

            return run_async
        return lambda state: {f"w{number}": state["h"] + number}

    builder.add_node("head", lambda state: {"h": state["x"]})
    builder.add_node("tail", lambda state: {"total": sum(state[name] for name in names)})
    builder.add_edge(graph.START, "head")
    for number in range(width):
        builder.add_node(f"m{number}", middle(number))
        builder.add_edge("head", f"m{number}")
    builder.add_edge([f"m{number}" for number in range(width)], "tail")
    app = builder.compile()
    if is_async:
        runner = asyncio.Runner()
        return lambda: runner.run(app.ainvoke({"x": 1}))
    return lambda: app.invoke({"x": 1})


def _langgraph_loop(rounds: int) -> Work:
    graph = importlib.import_module("langgraph.graph")
    builder = graph.StateGraph(_langgraph_state(["count"]))
    builder.add_node("count_up", lambda state: {"count": state["count"] + 1})
    builder.add_edge(graph.START, "count_up")
    builder.add_conditional_edges("count_up", lambda state: graph.END if state["count"] >= rounds else "count_up")
    app = builder.compile()
    return lambda: app.invoke({"count": 0}, {"recursion_limit": 3 * rounds})


def _langgraph_map(items: int) -> Work:
    run = _langgraph_chain(5)
    return lambda: [run() for _ in range(items)]


def _langgraph_steps(count: int, folder: Path) -> Work:
    sqlite = importlib.import_module("langgraph.checkpoint.sqlite")
    import sqlite3

    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    saver = sqlite.SqliteSaver(connection)
    saver.setup()
    connection.execute("PRAGMA synchronous=FULL")
    return _langgraph_chain(count, saver=saver)


# pipefunc ---------------------------------------------------------------------------------------------------------------------


def _pipefunc_chain(count: int, *, build_only: bool = False) -> Work:
    pipefunc = importlib.import_module("pipefunc")
    functions = chain_functions(count)

    def build() -> Any:
        return pipefunc.Pipeline([pipefunc.PipeFunc(func, f"v{number + 1}") for number, func in enumerate(functions)])

    if build_only:
        return build
    pipeline = build()
    return lambda: pipeline.run(f"v{count}", kwargs={"v0": 1})


def _pipefunc_fan(width: int) -> Work:
    pipefunc = importlib.import_module("pipefunc")
    names = [f"w{number}" for number in range(width)]
    functions = [pipefunc.PipeFunc(named(["x"], "return x"), "h")]
    functions += [pipefunc.PipeFunc(named(["h"], f"return h + {number}"), name) for number, name in enumerate(names)]
    functions.append(pipefunc.PipeFunc(named(names, f"return {' + '.join(names)}"), "total"))
    pipeline = pipefunc.Pipeline(functions)
    return lambda: pipeline.run("total", kwargs={"x": 1})


def _pipefunc_map(items: int) -> Work:
    run = _pipefunc_chain(5)
    return lambda: [run() for _ in range(items)]


def _pipefunc_nested() -> Work:
    pipefunc = importlib.import_module("pipefunc")
    inner = pipefunc.NestedPipeFunc([pipefunc.PipeFunc(func, f"v{number + 1}") for number, func in enumerate(chain_functions(2))])
    pipeline = pipefunc.Pipeline([inner])
    return lambda: pipeline.run("v2", kwargs={"v0": 1})


# hamilton ---------------------------------------------------------------------------------------------------------------------


def _hamilton_functions(count: int, *, is_async: bool = False) -> list[Callable[..., Any]]:
    made = chain_functions(count, is_async=is_async)
    for number, func in enumerate(made):
        func.__name__ = func.__qualname__ = f"v{number + 1}"
        func.__annotations__ = {f"v{number}": int, "return": int}
    return made


def _hamilton_driver(functions: list[Callable[..., Any]]) -> Any:
    from hamilton import ad_hoc_utils, base, driver  # type: ignore[import-not-found, unused-ignore]

    module = ad_hoc_utils.create_temporary_module(*functions)
    return driver.Builder().with_modules(module).with_adapters(base.DefaultAdapter()).build()


def _hamilton_chain(count: int, *, build_only: bool = False) -> Work:
    functions = _hamilton_functions(count)
    if build_only:
        return lambda: _hamilton_driver(functions)
    driver = _hamilton_driver(functions)
    return lambda: driver.execute([f"v{count}"], inputs={"v0": 1})


def _hamilton_async_chain(count: int) -> Work:
    from hamilton import ad_hoc_utils, async_driver

    module = ad_hoc_utils.create_temporary_module(*_hamilton_functions(count, is_async=True))
    runner = asyncio.Runner()
    driver = runner.run(async_driver.Builder().with_modules(module).build())
    return lambda: runner.run(driver.execute([f"v{count}"], inputs={"v0": 1}))


def _hamilton_fan(width: int) -> Work:
    names = [f"w{number}" for number in range(width)]
    functions = [named(["x"], "return x"), *(named(["h"], f"return h + {number}") for number in range(width))]
    functions.append(named(names, f"return {' + '.join(names)}"))
    for func, name in zip(functions, ["h", *names, "total"], strict=True):
        func.__name__ = func.__qualname__ = name
        func.__annotations__ = dict.fromkeys([*func.__code__.co_varnames[: func.__code__.co_argcount], "return"], int)
    driver = _hamilton_driver(functions)
    return lambda: driver.execute(["total"], inputs={"x": 1})


def _hamilton_map(items: int) -> Work:
    driver = _hamilton_driver(_hamilton_functions(5))
    return lambda: [driver.execute(["v5"], inputs={"v0": item}) for item in range(items)]


# burr, dask, pydantic-graph ---------------------------------------------------------------------------------------------------


def _burr_chain(count: int) -> Work:
    core = importlib.import_module("burr.core")

    def step(number: int) -> Any:
        @core.action(reads=[f"v{number}"], writes=[f"v{number + 1}"])
        def run(state: Any) -> Any:
            return state.update(**{f"v{number + 1}": state[f"v{number}"] + 1})

        return run

    actions = {f"n{number}": step(number) for number in range(count)}
    graph = core.GraphBuilder().with_actions(**actions)
    graph = graph.with_transitions(*[(f"n{number}", f"n{number + 1}") for number in range(count - 1)]).build()
    last = f"n{count - 1}"

    def run() -> object:
        application = core.ApplicationBuilder().with_graph(graph).with_state(v0=1).with_entrypoint("n0").build()
        return application.run(halt_after=[last])

    return run


def _burr_loop(rounds: int) -> Work:
    core = importlib.import_module("burr.core")

    @core.action(reads=["count"], writes=["count"])
    def count_up(state: Any) -> Any:
        return state.update(count=state["count"] + 1)

    @core.action(reads=["count"], writes=[])
    def done(state: Any) -> Any:
        return state

    graph = core.GraphBuilder().with_actions(count_up=count_up, done=done)
    graph = graph.with_transitions(("count_up", "done", core.expr(f"count >= {rounds}")), ("count_up", "count_up")).build()

    def run() -> object:
        return core.ApplicationBuilder().with_graph(graph).with_state(count=0).with_entrypoint("count_up").build().run(halt_after=["done"])

    return run


def _dask_chain(count: int) -> Work:
    dask = importlib.import_module("dask")
    functions = [dask.delayed(func, pure=False) for func in chain_functions(count)]

    def run() -> object:
        value: Any = 1
        for func in functions:
            value = func(value)
        return value.compute(scheduler="sync")

    return run


def _dask_fan(width: int) -> Work:
    dask = importlib.import_module("dask")
    head = dask.delayed(named(["x"], "return x"))
    middle = [dask.delayed(named(["h"], f"return h + {number}")) for number in range(width)]
    tail = dask.delayed(lambda *values: sum(values))

    def run() -> object:
        first = head(1)
        return tail(*[func(first) for func in middle]).compute(scheduler="sync")

    return run


def _dask_bag(items: int) -> Work:
    bag = importlib.import_module("dask.bag")
    functions = chain_functions(5)

    def run() -> object:
        made = bag.from_sequence(range(items), npartitions=4)
        for func in functions:
            made = made.map(func)
        return made.compute(scheduler="sync")

    return run


def _pydantic_loop(rounds: int) -> Work:
    module = importlib.import_module("pydantic_graph")
    builder = module.GraphBuilder(state_type=dict, input_type=int, output_type=int)

    @builder.step
    async def count_up(context: Any) -> int:
        return int(context.inputs) + 1

    builder.add(
        builder.edge_from(builder.start_node).to(count_up),
        builder.edge_from(count_up).to(
            builder.decision()
            .branch(builder.match(int, matches=lambda value: value >= rounds).to(builder.end_node))
            .branch(builder.match(int).to(count_up))
        ),
    )
    graph = builder.build()
    runner = asyncio.Runner()
    return lambda: runner.run(graph.run(state={}, inputs=0))


def _pydantic_chain(count: int) -> Work:
    module = importlib.import_module("pydantic_graph")
    builder = module.GraphBuilder(state_type=dict, input_type=int, output_type=int)

    def step(number: int) -> Any:
        async def run(context: Any) -> int:
            return int(context.inputs) + 1

        return builder.step(node_id=f"n{number}")(run)

    steps = [step(number) for number in range(count)]
    builder.add(builder.edge_from(builder.start_node).to(steps[0]))
    for one, two in pairwise(steps):
        builder.add(builder.edge_from(one).to(two))
    builder.add(builder.edge_from(steps[-1]).to(builder.end_node))
    graph = builder.build()
    runner = asyncio.Runner()
    return lambda: runner.run(graph.run(state={}, inputs=1))


_WORK: dict[str, dict[str, Prepare]] = {
    "chain": {
        "pipefunc": _pipefunc_chain,
        "hamilton": _hamilton_chain,
        "langgraph": _langgraph_chain,
        "burr": _burr_chain,
        "dask": _dask_chain,
        "pydantic-graph": _pydantic_chain,
    },
    "fan": {"pipefunc": _pipefunc_fan, "hamilton": _hamilton_fan, "langgraph": _langgraph_fan, "dask": _dask_fan},
    "loop": {"burr": _burr_loop, "langgraph": _langgraph_loop, "pydantic-graph": _pydantic_loop},
    "map": {"dask bag": _dask_bag, "hamilton": _hamilton_map, "pipefunc": _pipefunc_map, "langgraph": _langgraph_map},
    "nested": {"pipefunc": _pipefunc_nested},
    "async chain": {
        "hamilton": _hamilton_async_chain,
        "langgraph": lambda count: _langgraph_chain(count, is_async=True),
        "pydantic-graph": _pydantic_chain,
    },
    "async fan": {"langgraph": lambda width: _langgraph_fan(width, is_async=True)},
    "build": {
        "pipefunc": lambda count: _pipefunc_chain(count, build_only=True),
        "hamilton": lambda count: _hamilton_chain(count, build_only=True),
        "langgraph": lambda count: _langgraph_chain(count, build_only=True),
    },
    "steps": {"langgraph": _langgraph_steps},
}
