"""`Graph`: nodes, wired by name, checked once; every method that changes something gives a new graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, listing, plural, quoted
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph import hashes, validation
from hypergraph.graph._components import cyclic_nodes
from hypergraph.graph.addresses import answer_addresses, check_given, flatten
from hypergraph.graph.inputs import Bindings, InputSpec, bindings_of, check_bindable, check_defaults, spec_of, warn_of_overridden
from hypergraph.graph.scope import Cut, Edge, Scope, cut, edges_of, scope_of
from hypergraph.graph.wiring import Wiring, wire
from hypergraph.nodes import GraphNode, HyperNode

if TYPE_CHECKING:
    import os

    import networkx as nx
    from graphviz import Digraph

    from hypergraph.graph.drawing import Scene
    from hypergraph.nodes import InterruptNode

__all__ = ["Graph"]

_CACHED_PER_BINDING = frozenset({"_bindings", "scope", "inputs", "_spec"})


class Graph:
    """Nodes wired by the names of their inputs and outputs. Immutable.

    Args:
        nodes: the nodes; an output named x feeds every input named x.
        edges: explicit edges in place of inferred ones: `(source, target)`, `(source, target, "value")`, `(source, target, ["a", "b"])`.
        entrypoint: where runs start: a node or its name, or a list of them. A graph with a cycle needs one per cycle.
        name: the graph's name; used when it becomes a node of another graph.
        strict_types: check that the types along every data edge fit.
        shared: names of state that several nodes read and write; they give no edges, order comes from `edges` or emit / wait_for.

    Raises:
        GraphConfigError: the graph cannot be run as it is; the message says what to change.
    """

    __slots__ = ("__dict__", "__weakref__", "_plan")

    _all: tuple[HyperNode, ...]
    _by_name: dict[str, HyperNode]
    _name: str | None
    _strict_types: bool
    _declared: tuple[Any, ...] | None
    _shared: frozenset[str]
    _wiring: Wiring
    _entries: tuple[str, ...] | None
    _selected: tuple[str, ...] | None
    _bound: Mapping[str, Any]
    _plan: Any

    def __init__(
        self,
        nodes: Iterable[HyperNode],
        *,
        edges: Iterable[Any] | None = None,
        entrypoint: str | HyperNode | Sequence[str | HyperNode] | None = None,
        name: str | None = None,
        strict_types: bool = False,
        shared: Iterable[str] | None = None,
    ) -> None:
        every = _read_nodes(nodes)
        validation.check_graph_name(name)
        validation.check_names(every)
        by_name = {node.name: node for node in every}
        states = _read_shared(shared)
        validation.check_gates(every, states)
        validation.check_waits(every)
        validation.check_shared(states, every)
        validation.check_mapped(every)
        entries = None if entrypoint is None else validation.read_entrypoints(entrypoint, by_name)
        declared = None if edges is None else tuple(edges)
        wiring = wire(every, declared, states, frozenset(entries or ()))
        if entries is None:
            validation.check_entry_for_cycles(wiring, every)
        validation.check_joined(wiring, states, every)
        if strict_types:
            validation.check_types(wiring, every)
        self._fill(
            _all=every,
            _by_name=by_name,
            _name=name,
            _strict_types=strict_types,
            _declared=declared,
            _shared=states,
            _wiring=wiring,
            _entries=entries,
            _selected=None,
            _bound={},
        )
        check_defaults(every, self._cut)

    def _fill(self, **state: Any) -> None:
        object.__setattr__(self, "_plan", None)
        self.__dict__.update(state)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"A Graph is immutable: {name!r} cannot be set."
            + fix("Use a method that gives a new graph, such as bind(), select(), with_name()")
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A Graph is immutable: {name!r} cannot be deleted.")

    def __getstate__(self) -> dict[str, Any]:
        # Only what cannot be found again: compiled and derived things are remade where the copy is used.
        return {name: value for name, value in self.__dict__.items() if name in _STATE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._fill(**state)

    def _with(self, **changes: Any) -> Graph:
        """Give a copy; what the changes cannot touch is taken over as it was computed."""
        new = Graph.__new__(Graph)
        kept = dict(self.__dict__)
        only_bound = not changes.keys() - {"_bound", "_name"}
        for cached in list(kept):
            if cached not in _STATE and not (only_bound and cached not in _CACHED_PER_BINDING) and cached not in _CACHED_FOR_ALL:
                del kept[cached]
        new.__setstate__({**kept, **changes})
        return new

    # -- what it is made of --

    @property
    def name(self) -> str | None:
        """The graph's name, or None."""
        return self._name

    @property
    def strict_types(self) -> bool:
        """True when types are checked along every data edge."""
        return self._strict_types

    @property
    def nodes(self) -> dict[str, HyperNode]:
        """All nodes by name, in the order given; a fresh dict."""
        return dict(self._by_name)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Everything the nodes produce, emits included, in node order; `select` leaves it as it is."""
        return tuple(dict.fromkeys(name for node in self._all for name in node.outputs))

    @cached_property
    def leaf_outputs(self) -> tuple[str, ...]:
        """Outputs of the nodes that no edge leaves."""
        following = self._wiring.following
        return tuple(dict.fromkeys(name for number, node in enumerate(self._all) if not following[number] for name in node.data_outputs))

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The outputs chosen with `select`, or None."""
        return self._selected

    @property
    def entrypoints_config(self) -> tuple[str, ...] | None:
        """The configured entry points, or None."""
        return self._entries

    @property
    def shared(self) -> frozenset[str]:
        """Names of the run's shared state."""
        return self._shared

    @cached_property
    def has_cycles(self) -> bool:
        """True when some nodes feed, order or choose each other in a circle."""
        return bool(cyclic_nodes(len(self._all), self._wiring.following))

    @cached_property
    def has_gates(self) -> bool:
        """True when a node of this graph decides which others run."""
        return any(node.is_gate for node in self._all)

    @cached_property
    def has_async_nodes(self) -> bool:
        """True when a node is asynchronous, inside nested graphs too."""
        return any(node.is_async for node in self._all)

    @cached_property
    def has_interrupts(self) -> bool:
        """True when a node may pause the run, inside nested graphs too."""
        return any(node.is_interrupt or (isinstance(node, GraphNode) and node.graph.has_interrupts) for node in self._all)

    @property
    def interrupt_nodes(self) -> list[InterruptNode]:
        """The interrupts of this graph itself, in node order; a fresh list."""
        return [node for node in self._all if node.is_interrupt]  # type: ignore[misc]

    @cached_property
    def self_producers(self) -> dict[str, set[str]]:
        """Output name to the names of the nodes that produce it."""
        found: dict[str, set[str]] = {}
        for node in self._all:
            for name in node.outputs:
                found.setdefault(name, set()).add(node.name)
        return found

    @cached_property
    def input_data_producers(self) -> dict[str, dict[str, frozenset[str]]]:
        """Node name to parameter to the nodes it may read that parameter from; unfed parameters are left out."""
        found: dict[str, dict[str, frozenset[str]]] = {node.name: {} for node in self._all}
        for (consumer, name), makers in self._wiring.feeds.items():
            found[self._all[consumer].name][name] = frozenset(self._all[maker].name for maker in makers)
        return found

    def all_edges(self) -> Iterator[Edge]:
        """Give every edge of the whole graph, in scope or not."""
        return edges_of([node.name for node in self._all], self._wiring, range(len(self._all)))

    @cached_property
    def nx_graph(self) -> nx.DiGraph:
        """The whole graph for networkx; edges carry `edge_type` ("data", "control", "ordering") and `value_names`."""
        from hypergraph.graph.views import to_networkx

        return to_networkx(self._all, self.all_edges())

    def to_flat_graph(self) -> nx.DiGraph:
        """Give a networkx graph with all nested graphs opened; inner nodes are named "outer/inner"."""
        from hypergraph.graph.views import flat_graph

        return flat_graph(self)

    # -- what is in play --

    @cached_property
    def _cut(self) -> Cut:
        numbers = {node.name: number for number, node in enumerate(self._all)} if self._entries else {}
        return cut(self._all, self._wiring, tuple(numbers[name] for name in self._entries or ()), self._selected)

    @cached_property
    def _bindings(self) -> Bindings:
        return bindings_of(self._all, self._cut, self._bound)

    @cached_property
    def scope(self) -> Scope:
        """The active part: what runs, how it is wired, and what it returns."""
        return scope_of(
            self._all,
            self._wiring,
            self._cut,
            shared=self._shared,
            selected=self._selected,
            bound=self._bindings.values,
            inner_bound=self._bindings.inner,
        )

    @cached_property
    def _spec(self) -> InputSpec:
        return spec_of(self._all, self._cut, self._bindings)

    @cached_property
    def inputs(self) -> InputSpec:
        """What the active part asks for. The first look warns where a binding hides one inside a nested graph."""
        warn_of_overridden(self._bindings, stacklevel=4)
        return self._spec

    @cached_property
    def answer_addresses(self) -> frozenset[str]:
        """The addresses under which answers to interrupts are given, those inside nested graphs included."""
        return frozenset(answer_addresses(self._all, self._cut.active)) if self.has_interrupts else frozenset()

    def resolve_inputs(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write nested dicts for namespaced graphs as addresses.

        Raises:
            ValueError: an address is given twice, or was right before a port was renamed, moved or exposed.
        """
        asked = self._cut.asked
        if all(name in asked for name in values):
            return values
        return flatten(values, self._all, {*asked, *self.answer_addresses})

    def check_inputs(self, values: Mapping[str, Any]) -> None:
        """Check addresses that a run is given; unknown ones and those that override a binding get a UserWarning.

        Raises:
            ValueError: a value was given for what an active node produces.
        """
        check_given(values, self._all, self._cut, self._bindings.values, self.answer_addresses, stacklevel=3)

    def missing_inputs(self, values: Iterable[str]) -> list[str]:
        """Give the required addresses that are not among `values`."""
        given = values if isinstance(values, (Mapping, set, frozenset)) else set(values)
        return [address for address in self._spec.required if address not in given]

    # -- what it is, in one line --

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256 over node names, node definitions and edges; bindings and the order of nodes are no part of it."""
        return hashes.definition_hash(self._all, self.all_edges())

    @cached_property
    def structural_hash(self) -> str:
        """SHA-256 over names, kinds, ports, wiring and gates, nested graphs included; decides whether a stored run can go on."""
        declared = None
        if self._declared is not None:
            declared = [(edge.source, edge.target, edge.names) for edge in self.all_edges() if edge.kind != "control"]
        return hashes.structural_hash(self._all, declared, self._shared)

    @cached_property
    def code_hash(self) -> str:
        """SHA-256 over the structure and the code of all functions, nested ones included."""
        return hashes.code_hash(self.structural_hash, self._all)

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, str]]:
        """Node name ("inner/x" for nested ones) to the hash and the text of its function."""
        return hashes.sources_of(self._all)

    # -- new graphs from this one --

    def bind(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> Graph:
        """Fix inputs to values; nested ones by address (`{"inner.x": 5}`) or dict (`inner={"x": 5}`). Values are shared, never copied.

        Raises:
            ValueError: a name is no input of the active part, or is given twice.
        """
        both = sorted(set(values or ()) & set(more))
        if both:
            raise ValueError(f"bind() got {quoted(both)} twice: in the dict and as a keyword." + fix("Give each name once"))
        new = self.resolve_inputs({**(values or {}), **more})
        check_bindable(new, self._cut, {name: sorted(makers) for name, makers in self.self_producers.items()} if new else {})
        return self._with(_bound={**self._bound, **new})

    def unbind(self, *names: str) -> Graph:
        """Release inputs that were bound here; other names are passed over."""
        return self._with(_bound={name: value for name, value in self._bound.items() if name not in names})

    def select(self, *names: str) -> Graph:
        """Keep only what these outputs need, and return only them; replaces an earlier selection.

        Raises:
            ValueError: no name, an unknown or a repeated one.
        """
        known = tuple(dict.fromkeys(name for node in self._all for name in node.data_outputs))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f"select(): {quoted(unknown)} are not graph outputs.{did_you_mean(unknown[0], known)}"
                + fix(f"Use outputs of this graph: {listing(known) or 'it has none'}")
            )
        if len(set(names)) < len(names):
            raise ValueError(f"select() takes unique output names, got {quoted(names)}." + fix("Name each output once"))
        if not names:
            raise ValueError("select() needs at least one output name." + fix(f"Use outputs of this graph: {listing(known)}"))
        return self._checked(_selected=tuple(names))

    def with_entrypoint(self, *names: str | HyperNode) -> Graph:
        """Start runs at these nodes, in addition to earlier ones; what they cannot reach does not run, and its outputs become inputs.

        Raises:
            GraphConfigError: a name is no node, or a gate, or readers of a new input disagree about its default.
        """
        added = validation.read_entrypoints(names, self._by_name)
        return self._checked(_entries=tuple(dict.fromkeys((*(self._entries or ()), *added))))

    def _checked(self, **changes: Any) -> Graph:
        new = self._with(**changes)
        check_defaults(new._all, new._cut)  # noqa: SLF001  # another graph of this class
        return new

    def with_name(self, name: str | None) -> Graph:
        """Give the same graph under another name."""
        validation.check_graph_name(name)
        return self._with(_name=name)

    def add_nodes(self, *nodes: HyperNode) -> Graph:
        """Give a graph with more nodes; bindings, selection, name and options stay, entry points are dropped.

        Raises:
            GraphConfigError: the graph has explicit edges in place of inferred ones, or cannot be built with these nodes.
            ValueError: a bound name is produced by a node now.
        """
        if not nodes:
            return self._with()
        if self._declared is not None and not self._shared:
            raise GraphConfigError(
                "Cannot use add_nodes on a graph with explicit edges: nothing would say how the new nodes are connected."
                + fix("Build a new Graph with all nodes and all edges")
            )
        new = Graph(
            [*self._all, *nodes], edges=self._declared, name=self._name, strict_types=self._strict_types, shared=self._shared or None
        )
        produced = sorted(name for name in self._bound if name in new.self_producers and name not in self._shared)
        if produced:
            makers = sorted(new.self_producers[produced[0]])
            raise ValueError(
                f"The binding of {produced[0]!r} is no longer valid: {quoted(makers)} would produce it; call unbind({produced[0]!r})."
                + fix(f"graph.unbind({quoted(produced)}).add_nodes(...)", "Or rename the new node's output")
            )
        return new._checked(_bound=self._bound, _selected=self._selected)

    def as_node(self, *, name: str | None = None, namespaced: bool = False, **options: Any) -> GraphNode:
        """Give this graph as a node for another graph.

        Args:
            name: the node's name; the graph's own when left out.
            namespaced: ports read "name.port", so that they never meet ports of other nodes.
            **options: `complete_on_stop` and `runner`, see `GraphNode`.

        Raises:
            ValueError: neither the graph nor the call gives a name.
        """
        return GraphNode(self, name=name, namespaced=namespaced, **options)

    # -- reading it --

    def describe(self, *, show_types: bool = True) -> str:
        """Give inputs, outputs and nodes of the active part as text."""
        from hypergraph.graph.describe import describe

        return describe(self._name, self.scope, self._spec, show_types=show_types)

    def scene(self, *, depth: int | None = 0) -> Scene:
        """Give the active part as plain data to draw; `depth` says how many levels of nested graphs are opened (None: all)."""
        from hypergraph.graph.drawing import scene_of

        return scene_of(self, depth=depth)

    def visualize(self, *, filepath: str | os.PathLike[str] | None = None, **options: Any) -> Digraph | None:
        """Draw the active part with Graphviz; options and errors are those of `hypergraph.graph.drawing.draw_graph`."""
        from hypergraph.graph.drawing import draw_graph

        return draw_graph(self, filepath=filepath, **options)

    def to_mermaid(self, *, depth: int = 0, **options: Any) -> str:
        """Write the active part as a Mermaid flowchart."""
        from hypergraph.graph.drawing import mermaid_of

        return mermaid_of(self, depth=depth, **options)

    def to_text(self, *, width: int = 80, **options: Any) -> str:
        """Write the active part as lines of text, no line longer than `width` columns."""
        from hypergraph.graph.drawing import text_of

        return text_of(self, width=width, **options)

    def _repr_html_(self) -> str:
        from hypergraph.graph.drawing import notebook_html

        return notebook_html(self)

    def __repr__(self) -> str:
        wiring = self._wiring
        edges = len({*wiring.data, *wiring.ordering, *wiring.control})
        circles = len(cyclic_nodes(len(self._all), wiring.following))
        shape = plural(circles, "cycle") if circles else "no cycles"
        return f"Graph: {self._name or 'unnamed'} | {plural(len(self._all), 'node')} | {plural(edges, 'edge')} | {shape}"


_STATE = frozenset(Graph.__annotations__) - {"_plan"}
# Neither scope nor bindings have a part in these.
_CACHED_FOR_ALL = frozenset(
    name
    for name, value in vars(Graph).items()
    if isinstance(value, cached_property) and name not in {*_CACHED_PER_BINDING, "_cut", "answer_addresses"}
)


def _read_nodes(nodes: Iterable[Any]) -> tuple[HyperNode, ...]:
    found: tuple[Any, ...] = tuple(nodes)
    for number, node in enumerate(found):
        if not isinstance(node, HyperNode):
            raise GraphConfigError(f"Node {number} is a {type(node).__name__}, not a node: {node!r:.100}." + fix(_advice(node)))
    return found


def _advice(node: Any) -> str:
    if isinstance(node, Graph):
        return "Use the graph as a node: graph.as_node(name='inner')"
    given: Callable[..., Any] | None = node if callable(node) else None
    if given is not None:
        return f"Put @node(output_name='...') on {getattr(given, '__name__', 'the function')}"
    return "Pass functions decorated with @node, @ifelse, @route or @interrupt, or graph.as_node()"


def _read_shared(shared: Iterable[str] | None) -> frozenset[str]:
    if shared is None:
        return frozenset()
    return frozenset([shared] if isinstance(shared, str) else shared)
