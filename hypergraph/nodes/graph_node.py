"""`GraphNode`: a graph as a node of another one.

A port has three names. Inside, the *inner* one: an address of the inner graph. At the boundary, the *local* one: the inner one
after renames. Outside, the *address*: the local one (flat), "node.local" (namespaced), or an alias (exposed). Renames, mapping and
cloning are kept by inner names, so that they carry each other along in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from hypergraph._hashing import hash_text
from hypergraph._text import did_you_mean, fix, listing
from hypergraph._typing import list_of
from hypergraph.exceptions import GraphConfigError, RenameError
from hypergraph.nodes._boundary import MapErrors, MapMode, MapOver, check_exposure, check_title, read_map_over
from hypergraph.nodes._inner import InnerGraph, Surface, port_names
from hypergraph.nodes._rename import Ports, merge_changes
from hypergraph.nodes.base import HyperNode

__all__ = ["GraphNode"]


class GraphNode(HyperNode):
    """A graph as a node.

    Args:
        graph: the inner graph.
        name: the node's name; the graph's by default.
        namespaced: ports read "name.port".
        complete_on_stop: after a stop the inner graph still finishes its remaining nodes.
        runner: the runner that runs the inner graph, in place of the outer one's.
        cache: not for graphs; only the nodes inside can be cached.

    Raises:
        ValueError: there is no name, or it contains "." or "/".
        GraphConfigError: `cache=True`.
    """

    _graph: InnerGraph
    _namespaced: bool
    _complete_on_stop: bool
    _runner: Any
    _inputs: Ports | None
    _outputs: Ports | None
    _exposed_inputs: Mapping[str, str]
    _exposed_outputs: Mapping[str, str]
    _map_over: MapOver | None
    _former_names: tuple[str, ...]

    def __init__(
        self,
        graph: InnerGraph,
        name: str | None = None,
        *,
        namespaced: bool = False,
        complete_on_stop: bool = False,
        runner: Any = None,
        cache: bool = False,
    ) -> None:
        title = name if name is not None else graph.name
        if title is None:
            raise ValueError(
                "A graph that becomes a node needs a name: neither the graph nor the call gives one."
                + fix("graph.as_node(name='inner')", "Or name the graph: Graph([...], name='inner')")
            )
        check_title(title)
        if cache:
            raise GraphConfigError(
                f"cache=True is not supported on GraphNode {title!r}: a graph has no result of its own to keep."
                + fix("Set cache=True on the nodes inside: @node(..., cache=True)")
            )
        self.__dict__.update(
            _graph=graph,
            _name=title,
            _namespaced=bool(namespaced),
            _complete_on_stop=bool(complete_on_stop),
            _runner=runner,
            _inputs=None,
            _outputs=None,
            _exposed_inputs={},
            _exposed_outputs={},
            _map_over=None,
            _former_names=(),
        )

    # -- what it is --

    @property
    def graph(self) -> Any:
        """The inner graph."""
        return self._graph

    @property
    def code(self) -> None:
        """None: there is no function."""
        return

    @property
    def namespaced(self) -> bool:
        """True when its ports read "name.port"."""
        return self._namespaced

    @property
    def complete_on_stop(self) -> bool:
        """True when the inner graph finishes its remaining nodes after a stop."""
        return self._complete_on_stop

    @property
    def runner_override(self) -> Any:
        """The runner that runs the inner graph, or None for the outer one's."""
        return self._runner

    @property
    def is_async(self) -> bool:
        """True when a node inside must be awaited."""
        return self._graph.has_async_nodes

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256 over the inner graph and the boundary: renames, namespacing, exposure, mapping."""
        ins = list(zip(self._input_ports.originals, self.inputs, strict=True))
        outs = list(zip(self._output_ports.originals, self.outputs, strict=True))
        mapped = self._map_over
        how = None if mapped is None else (mapped.params, mapped.mode, mapped.error_handling, mapped.clone)
        return hash_text(repr(("graph", self._graph.definition_hash, self._name, self._namespaced, ins, outs, how)))

    # -- its ports --

    @cached_property
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return port_names(self._graph)

    @property
    def _input_ports(self) -> Ports:
        return self._inputs if self._inputs is not None else Ports(self._names[0])

    @property
    def _output_ports(self) -> Ports:
        return self._outputs if self._outputs is not None else Ports(self._names[1] + self._names[2])

    @property
    def local_inputs(self) -> tuple[str, ...]:
        """Names of its inputs at its own boundary, after renames."""
        return self._input_ports.names

    @property
    def local_outputs(self) -> tuple[str, ...]:
        """Names of its outputs at its own boundary, after renames."""
        return self._output_ports.names

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Addresses of its inputs in the graph around it."""
        return tuple(self._address(local, self._exposed_inputs) for local in self.local_inputs)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Addresses of its outputs in the graph around it; emits of inner nodes come last."""
        return tuple(self._address(local, self._exposed_outputs) for local in self.local_outputs)

    @cached_property
    def data_outputs(self) -> tuple[str, ...]:
        """Outputs without emits."""
        return self.outputs[: len(self._names[1])]

    def _address(self, local: str, exposed: Mapping[str, str]) -> str:
        return exposed.get(local) or (f"{self._name}.{local}" if self._namespaced else local)

    @cached_property
    def _inner_inputs(self) -> dict[str, str]:
        return dict(zip(self.inputs, self._input_ports.originals, strict=True))

    @cached_property
    def _inner_outputs(self) -> dict[str, str]:
        return dict(zip(self.outputs, self._output_ports.originals, strict=True))

    @cached_property
    def _outer_outputs(self) -> dict[str, str]:
        return {inner: outer for outer, inner in self._inner_outputs.items()}

    def inner_address(self, parent_input: str) -> str:
        """Give the inner graph's address of one of this node's inputs.

        Raises:
            KeyError: it has no such input.
        """
        return self._inner_inputs[parent_input]

    def inner_output(self, parent_output: str) -> str:
        """Give the inner graph's name of one of this node's outputs.

        Raises:
            KeyError: it has no such output.
        """
        return self._inner_outputs[parent_output]

    def outer_output(self, inner_output: str) -> str | None:
        """Give the address of an inner graph's output in the graph around it; None when it is no port."""
        return self._outer_outputs.get(inner_output)

    @property
    def former_names(self) -> tuple[str, ...]:
        """Names that it had before, oldest first."""
        return self._former_names

    @cached_property
    def former_inputs(self) -> dict[str, tuple[str, ...]]:
        """Input address -> local names that the port had before."""
        ports = self._input_ports
        return {address: ports.former(at) for at, address in enumerate(self.inputs)}

    # -- types and defaults --

    @cached_property
    def _surface(self) -> Surface:
        return Surface(self._graph)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Input address -> what the inner graph falls back to: a binding, else a default of a signature.

        A default is a value of one item: it does not stand in for the list that a mapped input takes.
        """
        found = {}
        for address, inner in self._inner_inputs.items():
            has, value = self._surface.default(inner)
            if has and not (self._is_mapped(inner) and not self._surface.is_bound(inner)):
                found[address] = value
        return found

    def has_signature_default_for(self, param: str) -> bool:
        """True when the input falls back to a default in the signature of an inner function; inner bindings do not count."""
        inner = self._inner_inputs.get(param)
        return inner is not None and not self._is_mapped(inner) and self._surface.has_signature_default(inner)

    @cached_property
    def parameter_annotations(self) -> dict[str, Any]:
        """Input address -> type that an inner node gives it; of a mapped input the type of the list."""
        found = {}
        for address, inner in self._inner_inputs.items():
            hint = self._surface.type_of_input(inner)
            if hint is not None:
                found[address] = list_of(hint) if self._is_mapped(inner) else hint
        return found

    @cached_property
    def output_annotation(self) -> dict[str, Any]:
        """Data output -> type, None where it has none; lists where the node is mapped."""
        found = {}
        for address in self.data_outputs:
            hint = self._surface.type_of_output(self._inner_outputs[address])
            if self._map_over is not None:
                hint = list if hint is None else list_of(hint)
            found[address] = hint
        return found

    def map_inputs_to_params(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the values under the inner graph's addresses; unknown names pass through."""
        return {self._inner_inputs.get(name, name): value for name, value in inputs.items()}

    # -- mapping --

    @property
    def map_config(self) -> tuple[list[str], MapMode, MapErrors] | None:
        """(local names of the mapped inputs, mode, error handling), or None when it is not mapped."""
        mapped = self._map_over
        return None if mapped is None else ([self._local(name) for name in mapped.params], mapped.mode, mapped.error_handling)

    @property
    def map_mode(self) -> MapMode:
        """How mapped inputs are combined: "zip" or "product"."""
        return self._map_over.mode if self._map_over is not None else "zip"

    @property
    def map_error_handling(self) -> MapErrors:
        """What a failed item does: "raise", or "continue" with None in its place."""
        return self._map_over.error_handling if self._map_over is not None else "raise"

    @property
    def mapped_inputs(self) -> tuple[str, ...]:
        """Addresses of the mapped inputs, in the order they were given."""
        return () if self._map_over is None else tuple(self._outer(name) for name in self._map_over.params)

    @property
    def clone(self) -> bool | list[str]:
        """Which broadcast values each item gets a copy of: all, none, or those with these local names."""
        clone = False if self._map_over is None else self._map_over.clone
        return clone if isinstance(clone, bool) else [self._local(name) for name in clone]

    @property
    def cloned(self) -> bool | tuple[str, ...]:
        """As `clone`, with addresses."""
        clone = False if self._map_over is None else self._map_over.clone
        return clone if isinstance(clone, bool) else tuple(self._outer(name) for name in clone)

    def map_over(
        self,
        *params: str,
        mode: MapMode = "zip",
        error_handling: MapErrors = "raise",
        clone: bool | list[str] = False,
    ) -> Self:
        """Give a node that runs the inner graph once per item and returns lists.

        Args:
            params: the inputs that take a list, one value per item; local names or addresses.
            mode: "zip" pairs the lists, "product" combines all with all.
            error_handling: "raise" gives up at the first failed item, "continue" puts None in its place.
            clone: deep-copy values that are not mapped for each item: all (True), or those named.

        Raises:
            ValueError: no or unknown parameters, a wrong mode, or a mapped parameter among the cloned ones.
            TypeError: `clone` is neither bool nor a list of names.
        """
        how = read_map_over(params, mode, error_handling, clone, owner=self._name, inner_of=self._resolve)
        return self._with(_map_over=how)

    def _resolve(self, name: Any, where: str) -> str:
        """Give the inner address that is meant by an address or a local name."""
        inner = (self._inner_inputs.get(name) or self._input_ports.original(name)) if isinstance(name, str) else None
        if inner is None:
            raise ValueError(
                f"{where}: {name!r} is not an input of {self._name!r}.{did_you_mean(str(name), self.local_inputs)}"
                + fix(f"Its inputs: {listing(self.local_inputs) or 'none'}")
            )
        return inner

    def _is_mapped(self, inner: str) -> bool:
        return self._map_over is not None and inner in self._map_over.params

    def _local(self, inner: str) -> str:
        ports = self._input_ports
        return ports.names[ports.originals.index(inner)]

    def _outer(self, inner: str) -> str:
        return self._address(self._local(inner), self._exposed_inputs)

    # -- copies --

    def with_name(self, name: str) -> Self:
        """Give a node with another name; addresses of a namespaced one follow.

        Raises:
            ValueError: the name contains "." or "/".
        """
        check_title(name)
        return self._with(_name=name, _former_names=tuple(dict.fromkeys((*self._former_names, self._name))))

    def with_inputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose inputs have other local names, all at once: current local name -> new one.

        Raises:
            RenameError: an unknown name, an exposed port, or two inputs would end up with one name.
        """
        changes = merge_changes(mapping, renames)
        self._refuse_exposed(changes, self._exposed_inputs, "input")
        return self._with(_inputs=self._input_ports.renamed(changes, kind="input", owner=self._name))

    def with_outputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose outputs have other local names, all at once: current local name -> new one.

        Raises:
            RenameError: an unknown name, an exposed port, or two outputs would end up with one name.
        """
        changes = merge_changes(mapping, renames)
        self._refuse_exposed(changes, self._exposed_outputs, "output")
        return self._with(_outputs=self._output_ports.renamed(changes, kind="output", owner=self._name))

    def _refuse_exposed(self, changes: Mapping[str, str], exposed: Mapping[str, str], kind: str) -> None:
        fixed = [name for name in changes if name in exposed]
        if fixed:
            raise RenameError(
                f"Cannot rename exposed local {kind} {fixed[0]!r} of {self._name!r}: it goes by its alias {exposed[fixed[0]]!r}."
                + fix("Rename first, then expose()", f"Or give it another alias: expose({fixed[0]}='...')")
            )

    def with_runner(self, runner: Any) -> Self:
        """Give a node whose inner graph is run by `runner`; None gives it back to the outer graph's."""
        return self._with(_runner=runner)

    def expose(self, *names: str | Mapping[str, str], **aliases: str) -> Self:
        """Give a namespaced node some of whose ports are flat.

        Args:
            names: local port names that keep their name outside; a dict local name -> alias is taken too.
            aliases: local port name -> alias outside.

        Raises:
            ValueError: the node is not namespaced, a name is no local port, or two ports would share an alias.
        """
        if not self._namespaced:
            raise ValueError(
                f"expose() is for namespaced nodes; the ports of {self._name!r} are flat already."
                + fix("graph.as_node(namespaced=True).expose(...)", "Or rename ports: with_inputs(), with_outputs()")
            )
        wanted: dict[str, str] = {}
        for name in names:
            wanted.update(name if isinstance(name, Mapping) else {name: name})
        wanted.update(aliases)
        inputs, outputs = dict(self._exposed_inputs), dict(self._exposed_outputs)
        ports = tuple(dict.fromkeys((*self.local_inputs, *self.local_outputs)))
        for local, alias in wanted.items():
            check_exposure(local, alias, ports, {**inputs, **outputs}, self._name)
            if local in self.local_inputs:
                inputs[local] = alias
            if local in self.local_outputs:
                outputs[local] = alias
        return self._with(_exposed_inputs=inputs, _exposed_outputs=outputs)

    # -- identity --

    def _identity(self) -> tuple[Any, ...]:
        return (
            self._name,
            self._namespaced,
            self._complete_on_stop,
            self._map_over,
            self.inputs,
            self.outputs,
            self._exposed_inputs,
            self._exposed_outputs,
        )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, GraphNode):
            return NotImplemented
        return self._graph is other._graph and self._runner is other._runner and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((GraphNode, self._name, self._namespaced))

    def __repr__(self) -> str:
        inner = f" as {self._name!r}" if self._graph.name not in (None, self._name) else ""
        mapped = f", map_over={[*self.mapped_inputs]!r}" if self._map_over is not None else ""
        return f"GraphNode({self._graph.name or self._name}{inner}, inputs={self.inputs!r}, outputs={self.outputs!r}{mapped})"
