"""`HyperNode`, the one interface that every node has.

A node is immutable: its fields lie in `__dict__` under names with an underscore, are set once, and every `with_*` method gives a
new node. Whatever is derived from the fields is computed when it is first asked for and is not carried over to copies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from hypergraph._text import did_you_mean, fix
from hypergraph.nodes._callable import CallableInfo

__all__ = ["HyperNode"]


class HyperNode(ABC):
    """The smallest thing that a graph runs; the base of all nodes."""

    _name: str
    _derived: ClassVar[frozenset[str]] = frozenset()

    is_gate: ClassVar[bool] = False
    is_interrupt: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        own = (name for name, value in vars(cls).items() if isinstance(value, cached_property))
        cls._derived = cls._derived.union(own)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"Nodes are immutable: {name!r} of {self!r} cannot be set." + fix("Make a changed copy, for example with_name()")
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Nodes are immutable: {name!r} of {self!r} cannot be deleted.")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def _with(self, **changes: Any) -> Self:
        """Give a copy with changed fields and nothing derived."""
        new = object.__new__(type(self))
        fields = {name: value for name, value in self.__dict__.items() if name not in self._derived}
        new.__dict__.update(fields, **changes)
        return new

    @property
    def name(self) -> str:
        """The node's name, unique within a graph."""
        return self._name

    @property
    def node_type(self) -> str:
        """Short tag of the node's class, as step records have it."""
        return type(self).__name__

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs, after renames, in signature order."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Data outputs, then emits."""

    @property
    @abstractmethod
    def data_outputs(self) -> tuple[str, ...]:
        """Outputs without emits."""

    @property
    def emits(self) -> tuple[str, ...]:
        """Ordering signals that it gives when it completes."""
        return self.outputs[len(self.data_outputs) :]

    @property
    def wait_for(self) -> tuple[str, ...]:
        """Names that must have been produced before it runs, at the graph's scope."""
        return ()

    @property
    def cache(self) -> bool:
        """True when its results may come from the runner's cache."""
        return False

    @property
    def hide(self) -> bool:
        """True when drawings leave it out."""
        return False

    @property
    @abstractmethod
    def is_async(self) -> bool:
        """True when it must be awaited."""

    @property
    def is_generator(self) -> bool:
        """True when its output is the list of what its function yields."""
        return False

    @property
    @abstractmethod
    def code(self) -> CallableInfo | None:
        """What is known of its function; None for a nested graph."""

    @property
    @abstractmethod
    def definition_hash(self) -> str:
        """SHA-256 of what the node does, 64 hex characters."""

    @property
    @abstractmethod
    def defaults(self) -> dict[str, Any]:
        """Input name -> the value it falls back to."""

    @property
    @abstractmethod
    def parameter_annotations(self) -> dict[str, Any]:
        """Input name -> resolved type, annotated inputs only."""

    @property
    @abstractmethod
    def output_annotation(self) -> dict[str, Any]:
        """Output name -> type, as far as it is known."""

    @abstractmethod
    def with_inputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose inputs are renamed, all at once: current name -> new name.

        Raises:
            RenameError: an unknown name, or two inputs would end up with one name.
        """

    @abstractmethod
    def with_outputs(self, mapping: Mapping[str, str] | None = None, /, **renames: str) -> Self:
        """Give a node whose outputs (emits too) are renamed, all at once: current name -> new name.

        Raises:
            RenameError: an unknown name, or two outputs would end up with one name.
        """

    def with_name(self, name: str) -> Self:
        """Give a node with another name."""
        if not isinstance(name, str):
            raise TypeError(f"A node's name is a str, got {type(name).__name__}." + fix("node.with_name('other_name')"))
        return self._with(_name=name)

    def has_default_for(self, param: str) -> bool:
        """True when the input has something to fall back to; False for unknown names."""
        return param in self.defaults

    def has_signature_default_for(self, param: str) -> bool:
        """True when what the input falls back to stands in a function's signature."""
        return self.has_default_for(param)

    def get_default_for(self, param: str) -> Any:
        """Give what the input falls back to.

        Raises:
            KeyError: it has nothing to fall back to.
        """
        try:
            return self.defaults[param]
        except KeyError:
            hint = did_you_mean(param, self.inputs) if param not in self.inputs else ""
            raise KeyError(f"No default for {param!r} on node {self.name!r}.{hint}") from None

    def get_input_type(self, param: str) -> Any:
        """Give the input's type; None when it has none or there is no such input."""
        return self.parameter_annotations.get(param)

    def get_output_type(self, name: str) -> Any:
        """Give the output's type; None when it has none or there is no such output."""
        return self.output_annotation.get(name)

    @abstractmethod
    def map_inputs_to_params(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the values under the names that they have inside the node; unknown names pass through."""
