"""What all runners have in common: their capabilities, their options, and how a call's inputs are put together."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.engine.answers import answer_ports
from hypergraph.engine.run import StopSignal
from hypergraph.exceptions import IncompatibleRunnerError, already_running, cannot_run
from hypergraph.nodes._boundary import read_clone
from hypergraph.plan import plan_of

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["UNSET", "BaseRunner", "RunnerCapabilities"]


class _Unset:
    """Marks an option that was not given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**'"


UNSET: Any = _Unset()

RESERVED = frozenset({
    "cache", "checkpoint", "checkpointer", "clone", "entrypoint", "error_handling", "event_processors", "fork_from", "map_mode",
    "map_over", "max_concurrency", "max_iterations", "on_internal_override", "on_missing", "only", "override_workflow", "retry_from",
    "select", "show_progress", "take_over", "workflow_id",
})  # fmt: skip

DEFAULT_MAX_ITERATIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerCapabilities:
    """What a runner can do; a graph that needs more is refused before anything runs."""

    supports_cycles: bool = True
    supports_gates: bool = True
    supports_async_nodes: bool = False
    supports_streaming: bool = False
    supports_events: bool = True
    supports_distributed: bool = False
    returns_coroutine: bool = False
    supports_interrupts: bool = False
    supports_checkpointing: bool = False


class BaseRunner(ABC):
    """A runner: something that executes graphs. `SyncRunner`, `AsyncRunner` and `DaftRunner` are the ones that come with the library."""

    def __init__(self) -> None:
        self._active: dict[str, StopSignal] = {}

    @property
    @abstractmethod
    def capabilities(self) -> RunnerCapabilities:
        """What this runner can do."""

    @abstractmethod
    def run(self, graph: Graph, values: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Execute a graph once."""

    @abstractmethod
    def map(self, graph: Graph, values: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Execute a graph once per item."""

    def stop(self, workflow_id: str, *, info: Any = None) -> bool:
        """Ask a run or map of this runner to stop: no new node starts, running ones see `ctx.stop_requested`.

        Args:
            workflow_id: the id it was started with, or that was made up for it.
            info: anything; it is passed on in the `StopRequestedEvent`.

        Returns:
            False when nothing by that id is running here; nothing happens then.
        """
        signal = self._active.get(workflow_id)
        if signal is None:
            return False
        signal.request(info)
        return True

    @contextmanager
    def running(self, workflow_id: str | None, signal: StopSignal) -> Iterator[None]:
        """Hold an id while something runs under it on this runner."""
        if workflow_id is None:
            yield
            return
        if self._active.setdefault(workflow_id, signal) is not signal:
            raise already_running(workflow_id, "by this runner, in this process")
        try:
            yield
        finally:
            self._active.pop(workflow_id, None)


def is_durable(store: Any) -> bool:
    """Tell whether a step that the store cannot keep has to end the run."""
    return getattr(getattr(store, "policy", None), "durability", None) == "sync"


def this_user() -> str:
    """Say who acts, as stored runs remember it: "user@host"."""
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # No entry for this user id, as in some containers.
        user = "unknown"
    return f"{user}@{platform.node() or 'unknown'}"


def check_options(
    *, error_handling: str, on_missing: str, select: Any, entrypoint: Any, max_iterations: int | None, max_concurrency: int | None = None
) -> None:
    """Refuse options that cannot be meant.

    Raises:
        ValueError: an unknown word for an option, a limit below 1, or a scope given at run time.
    """
    if on_missing not in ("ignore", "warn", "error"):
        raise ValueError(f"Invalid on_missing: {on_missing!r}." + fix("Use one of: 'ignore', 'warn', 'error'"))
    if error_handling not in ("raise", "continue"):
        raise ValueError(f"Invalid error_handling: {error_handling!r}." + fix("Use one of: 'raise', 'continue'"))
    if select is not UNSET:
        raise ValueError(
            "Runtime select overrides are no longer supported." + fix("Choose the outputs on the graph: graph.select('answer')")
        )
    if entrypoint is not UNSET:
        raise ValueError(
            "Runtime entrypoint overrides are no longer supported."
            + fix("Choose the start on the graph: graph.with_entrypoint('retrieve'), or Graph(..., entrypoint='retrieve')")
        )
    for name, limit in (("max_iterations", max_iterations), ("max_concurrency", max_concurrency)):
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ValueError(
                f"{name} must be a whole number of at least 1; got {limit!r}." + fix(f"Leave {name} out for no limit of your own")
            )


def check_values(values: Any) -> None:
    """Refuse values that are no mapping.

    Raises:
        TypeError: they are something else.
    """
    if not isinstance(values, Mapping):
        raise TypeError(
            f"values must be a dict of inputs by name, got {type(values).__name__}."
            + fix("Write run(graph, {'x': ...}) or run(graph, x=...)")
        )


def merge_inputs(graph: Graph, values: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the two ways of giving inputs, and flatten nested ones to addresses.

    Raises:
        TypeError: values are no mapping.
        ValueError: a name in both, an option's name or an unknown name as a keyword, a stale address.
    """
    if values is not None:
        check_values(values)
    given = dict(values or {})
    if keywords:
        both = sorted(set(given) & set(keywords))
        if both:
            raise ValueError(f"Found in both values and kwargs: {quoted(both)}." + fix("Give each input once"))
        reserved = sorted(set(keywords) & RESERVED)
        if reserved:
            raise ValueError(
                f"{quoted(reserved)} cannot be passed here as inputs: these are reserved runner options, and this call does not take them."
                + fix(f"If an input has that name, pass it as values={{{reserved[0]!r}: ...}}", "Otherwise leave the option out")
            )
        given.update(keywords)
    resolved = dict(graph.resolve_inputs(given)) if given else given
    if keywords:
        _refuse_unknown(graph, keywords)
    return resolved


def _refuse_unknown(graph: Graph, keywords: Mapping[str, Any]) -> None:
    known = {*graph.inputs.all, *graph.outputs, *graph.inputs.bound}
    known |= {name for node in graph.nodes.values() for name in (*node.inputs, *node.outputs)}
    known |= {node.name for node in graph.nodes.values() if getattr(node, "namespaced", False)}
    if graph.has_interrupts:
        known |= set(answer_ports(graph))
    for name in keywords:
        if name not in known:
            raise ValueError(
                f"Unknown input {name!r} for graph {graph.name or 'without a name'!r}.{did_you_mean(name, sorted(known))}"
                + fix(f"Inputs of this graph: {quoted(sorted(graph.inputs.all))}")
            )


def check_capabilities(runner: str, capabilities: RunnerCapabilities, graph: Graph) -> None:
    """Refuse a graph that this runner cannot run, before anything runs.

    Raises:
        IncompatibleRunnerError: it names the node, the reason and the runner to use.
    """
    derived = plan_of(graph).derived
    if derived.get(("runs on", runner)) != capabilities:
        _check_nodes(runner, capabilities, graph)
        derived["runs on", runner] = capabilities


def _check_nodes(runner: str, capabilities: RunnerCapabilities, graph: Graph) -> None:
    _check_shape(runner, capabilities, graph, graph.name or "the graph")
    for path, node in walk(graph):
        if node.code is None:
            if node.runner_override is not None:
                _check_override(runner, capabilities, path, node)
            else:
                _check_shape(runner, capabilities, node.graph, path)
            continue
        if getattr(node, "batch", False) and not capabilities.supports_distributed:
            raise cannot_run(runner, "batch nodes", [path], instead="DaftRunner", capability="supports_distributed")
        if node.is_interrupt and not capabilities.supports_interrupts:
            raise cannot_run(runner, "interrupts (InterruptNode)", [path], instead="AsyncRunner", capability="supports_interrupts")
        if node.is_async and not capabilities.supports_async_nodes:
            raise cannot_run(runner, "async nodes", [path], instead="AsyncRunner", capability="supports_async_nodes")


def _check_shape(runner: str, capabilities: RunnerCapabilities, graph: Graph, path: str) -> None:
    instead = "AsyncRunner or SyncRunner"
    if graph.has_cycles and not capabilities.supports_cycles:
        raise cannot_run(runner, "cycles", [path], instead=instead, capability="supports_cycles")
    if graph.has_gates and not capabilities.supports_gates:
        raise cannot_run(runner, "gates", [path], instead=instead, capability="supports_gates")


def walk(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every active node with its path; what is run by another runner is not looked into."""
    for node in graph.scope.nodes:
        path = prefix + node.name
        yield path, node
        if node.code is None and node.runner_override is None:  # type: ignore[attr-defined]
            yield from walk(node.graph, path + "/")  # type: ignore[attr-defined]


def _check_override(runner: str, capabilities: RunnerCapabilities, path: str, node: Any) -> None:
    override = node.runner_override
    other = override.capabilities
    if other.returns_coroutine and not capabilities.returns_coroutine:
        raise IncompatibleRunnerError(
            f"{runner} cannot wait for the runner of {path!r}: {type(override).__name__} returns a coroutine."
            + fix("Use AsyncRunner for the outer graph", f"Or give {path!r} a SyncRunner"),
            node_name=node.name,
            capability="returns_coroutine",
        )
    _check_shape(type(override).__name__, other, node.graph, path)
    check_capabilities(type(override).__name__, other, node.graph)


def refuse_interrupts_in_map(runner: str, graph: Graph) -> None:
    """Refuse to map a graph that may pause."""
    paused = [path for path, node in walk(graph) if node.is_interrupt]
    if paused:
        raise IncompatibleRunnerError(
            f"{runner}.map cannot run a graph with interrupts. Found InterruptNode: {quoted(paused)}"
            + fix("Call run() once per item, each with its own workflow_id", "Or take the interrupt out of the mapped graph"),
            node_name=paused[0],
            capability="supports_interrupts",
        )


def check_missing(graph: Graph, values: Mapping[str, Any], on_missing: str) -> None:
    """Apply `on_missing` to selected outputs that a completed run did not bring about.

    Raises:
        ValueError: under "error".
    """
    if on_missing == "ignore" or graph.selected is None:
        return
    absent = [name for name in graph.selected if name not in values]
    if not absent:
        return
    text = f"Requested outputs not found: {quoted(absent)}. Produced: {quoted(sorted(values)) or 'nothing'}."
    if on_missing == "warn":
        warnings.warn(text, UserWarning, stacklevel=4)
        return
    raise ValueError(
        text + fix("Select outputs that every path through the gates produces", "Or pass on_missing='ignore' and look for the key")
    )


def mapped_names(graph: Graph, map_over: str | Sequence[str]) -> tuple[str, ...]:
    """Check the names to map over.

    Raises:
        ValueError: none, an unknown one, or one twice.
    """
    names = (map_over,) if isinstance(map_over, str) else tuple(map_over)
    if not names:
        raise ValueError("map_over needs at least one parameter." + fix("Name the input(s) to iterate over: map_over='x'"))
    known = graph.inputs.all
    for name in names:
        if name not in known:
            # The reason, where there is one: an address of old, or a value that a node computes.
            graph.resolve_inputs({name: None})
            if name in graph.scope.outputs:
                graph.check_inputs({name: None})
            raise ValueError(
                f"map_over names {name!r}, which is not an input of this graph.{did_you_mean(name, known)}"
                + fix(f"Inputs: {quoted(sorted(known))}")
            )
    if len(set(names)) != len(names):
        raise ValueError(f"map_over names an input twice: {quoted(names)}." + fix("Name each input once"))
    return names


def cloned_names(graph: Graph, clone: Any, mapped: Sequence[str]) -> bool | tuple[str, ...]:
    """Check which broadcast values each item is to get a copy of.

    Raises:
        TypeError: neither bool nor a list of names.
        ValueError: an unknown or a mapped name.
    """
    known = graph.inputs.all

    def address(name: str, where: str) -> str:
        if name not in known:
            raise ValueError(
                f"{where}: {name!r} is not an input of this graph.{did_you_mean(name, known)}" + fix(f"Inputs: {quoted(sorted(known))}")
            )
        return name

    return read_clone(clone, mapped, graph.name or "this graph", address)
