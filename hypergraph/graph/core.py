"""`Graph`: nodes, wired by name, checked once; every method that changes something gives a new graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, listing, quoted
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph import validation
from hypergraph.graph.addresses import answer_addresses, check_given, flatten
from hypergraph.graph.facts import GraphFacts
from hypergraph.graph.inputs import Bindings, InputSpec, bindings_of, check_bindable, check_defaults, spec_of, warn_of_overridden
from hypergraph.graph.scope import Cut, Scope, cut, scope_of
from hypergraph.graph.wiring import wire
from hypergraph.nodes import GraphNode, HyperNode

if TYPE_CHECKING:
    import os

    from graphviz import Digraph

    from hypergraph.viz.scene import Scene

__all__ = ["Graph"]

_CACHED_PER_BINDING = frozenset({"_bindings", "scope", "inputs", "_spec"})


class Graph(GraphFacts):
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

    __slots__ = ()

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
        warn_of_overridden(self._bindings)
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
        check_given(values, self._all, self._cut, self._bindings.values, self.answer_addresses)

    def missing_inputs(self, values: Iterable[str]) -> list[str]:
        """Give the required addresses that are not among `values`."""
        given = values if isinstance(values, (Mapping, set, frozenset)) else set(values)
        return [address for address in self._spec.required if address not in given]

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


_STATE = frozenset(GraphFacts.__annotations__)
# Neither scope nor bindings have a part in these.
_CACHED_FOR_ALL = frozenset(name for name, value in vars(GraphFacts).items() if isinstance(value, cached_property))


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
