"""What all nodes made from a function share: ports that are renamed, options, and the rules for ordering names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Self

from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.exceptions import RenameError
from hypergraph.nodes._callable import CallableInfo
from hypergraph.nodes._rename import Ports, merge_changes
from hypergraph.nodes.base import HyperNode

__all__ = ["CallableNode", "names_of"]


class CallableNode(HyperNode):
    """What nodes that are made from a function share."""

    _info: CallableInfo
    _inputs: Ports
    _outputs: Ports
    _data_count: int
    _wait_for: tuple[str, ...]
    _cache: bool
    _hide: bool

    def _fill(
        self,
        info: CallableInfo,
        name: str | None,
        outputs: tuple[str, ...],
        *,
        rename_inputs: Mapping[str, str] | None,
        emit: str | Iterable[str] | None,
        wait_for: str | Iterable[str] | None,
        cache: bool,
        hide: bool,
        **more: Any,
    ) -> None:
        """Set the fields once, and check the names that may be checked without a graph.

        Raises:
            ValueError: emits, outputs, inputs and `wait_for` share names that they may not share.
        """
        title = info.name if name is None else name
        inputs = Ports([param.name for param in info.parameters])
        if rename_inputs:
            inputs = _renamed_at_birth(inputs, rename_inputs, title)
        emits = names_of(emit, "emit") if emit is not None else ()
        waits = names_of(wait_for, "wait_for") if wait_for is not None else ()
        if len(outputs) > 1 and len(set(outputs)) != len(outputs):
            raise ValueError(f"Node {title!r} has duplicate output names: {outputs!r}." + fix("Give every output a name of its own"))
        if emits or waits:
            check_signals(title, inputs.names, outputs, emits, waits)
        self.__dict__.update(
            _info=info,
            _name=title,
            _inputs=inputs,
            _outputs=Ports(outputs + emits),
            _data_count=len(outputs),
            _wait_for=waits,
            _cache=bool(cache),
            _hide=bool(hide),
            **more,
        )

    @property
    def func(self) -> Callable[..., Any]:
        """The function itself."""
        return self._info.func

    @property
    def code(self) -> CallableInfo:
        """What is known of the function."""
        return self._info

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, after renames, in signature order."""
        return self._inputs.names

    @property
    def outputs(self) -> tuple[str, ...]:
        """Data outputs, then emits."""
        return self._outputs.names

    @property
    def data_outputs(self) -> tuple[str, ...]:
        """Outputs without emits."""
        return self._outputs.names[: self._data_count]

    @property
    def wait_for(self) -> tuple[str, ...]:
        """Names that must have been produced before it runs, at the graph's scope."""
        return self._wait_for

    @property
    def cache(self) -> bool:
        """True when its results may come from the runner's cache."""
        return self._cache

    @property
    def hide(self) -> bool:
        """True when drawings leave it out."""
        return self._hide

    @property
    def is_async(self) -> bool:
        """True when the function must be awaited."""
        return self._info.is_async

    @property
    def is_generator(self) -> bool:
        """True when its output is the list of what its function yields."""
        return self._info.is_generator

    @property
    def definition_hash(self) -> str:
        """SHA-256 of the function's definition; renames leave it as it is."""
        return self._info.definition_hash

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Input name -> default of the signature."""
        named = zip(self.inputs, self._info.parameters, strict=True)
        return {name: param.default for name, param in named if param.has_default}

    @cached_property
    def parameter_annotations(self) -> dict[str, Any]:
        """Input name -> resolved type, annotated inputs only."""
        hints = self._info.hints
        named = zip(self.inputs, self._info.parameters, strict=True)
        return {name: hints[param.name] for name, param in named if param.name in hints}

    @property
    def output_annotation(self) -> dict[str, Any]:
        """Output name -> type; empty where the return annotation says nothing of the outputs."""
        return {}

    def with_inputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose inputs are renamed, all at once: current name -> new name.

        Raises:
            RenameError: an unknown name, or two inputs would end up with one name.
        """
        ports = self._inputs.renamed(merge_changes(mapping, renames), kind="input", owner=self.name)
        self._check_renamed(ports.names, self.data_outputs, self.emits)
        return self._with(_inputs=ports)

    def with_outputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose outputs (emits too) are renamed, all at once: current name -> new name.

        Raises:
            RenameError: an unknown name, or two outputs would end up with one name.
        """
        ports = self._outputs.renamed(merge_changes(mapping, renames), kind="output", owner=self.name)
        self._check_renamed(self.inputs, ports.names[: self._data_count], ports.names[self._data_count :])
        return self._with(_outputs=ports)

    def _check_renamed(self, inputs: tuple[str, ...], outputs: tuple[str, ...], emits: tuple[str, ...]) -> None:
        if not self._wait_for:
            return
        try:
            check_signals(self.name, inputs, outputs, emits, self._wait_for)
        except ValueError as clash:
            raise RenameError(str(clash)) from None

    def map_inputs_to_params(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the values under the function's own parameter names; unknown names pass through."""
        original = self._inputs.original
        return {original(name) or name: value for name, value in inputs.items()}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as it is."""
        return self._info.func(*args, **kwargs)

    def _identity(self) -> tuple[Any, ...]:
        """Give what makes two nodes of one class equal."""
        return (self._info.func, self._name, self._inputs, self._outputs, self._data_count, self._wait_for, self._cache, self._hide)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, CallableNode) or type(other) is not type(self):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self), self._name, self._inputs.names, self._outputs.names))

    def _title(self) -> str:
        """Give the function's name, and the node's where it is another one, for reprs."""
        return self._info.name if self._info.name == self._name else f"{self._info.name} as {self._name!r}"

    def __repr__(self) -> str:
        return f"{self.node_type}({self._title()}, outputs={self.outputs!r})"


def _renamed_at_birth(ports: Ports, changes: Mapping[str, str], owner: str) -> Ports:
    unknown = [name for name in changes if name not in ports]
    if unknown:
        raise RenameError(
            f"Cannot rename unknown inputs: {quoted(unknown)}. Node {owner!r} has: {quoted(ports.names) or 'no inputs'}."
            f"{did_you_mean(str(unknown[0]), ports.names)}" + fix("Use the function's parameter names in rename_inputs")
        )
    return ports.renamed(merge_changes(changes, {}), kind="input", owner=owner)


def check_signals(owner: str, inputs: tuple[str, ...], outputs: tuple[str, ...], emits: tuple[str, ...], waits: tuple[str, ...]) -> None:
    """Check that a node's ordering names keep apart from its data names.

    Raises:
        ValueError: they do not.
    """
    _keep_apart(f"Node {owner!r}: emit names overlap with output names", emits, outputs, "Give the signal a name of its own")
    _keep_apart(
        f"Node {owner!r}: wait_for names overlap with input parameters",
        waits,
        inputs,
        "Leave the name out of wait_for: a node waits for its inputs anyway",
    )
    _keep_apart(f"Node {owner!r}: emit and wait_for share names", emits, waits, "A node cannot wait for its own signal: use two names")


def _keep_apart(message: str, one: tuple[str, ...], other: tuple[str, ...], step: str) -> None:
    shared = [name for name in one if name in other]
    if shared:
        raise ValueError(f"{message}: {quoted(shared)}." + fix(step))


def names_of(given: str | Iterable[str] | None, option: str) -> tuple[str, ...]:
    """Read an option that takes one name or several; repeated names count once.

    Raises:
        TypeError: something in it is no text.
    """
    if given is None:
        return ()
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{option} takes a name or several names, got {type(name).__name__}: {name!r}.")
    return tuple(dict.fromkeys(names))
