"""What a graph asks for: required and optional inputs, defaults that agree, and bindings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_value
from hypergraph._text import did_you_mean, fix, listing, quoted, shorten
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph._warn import warn_user

if TYPE_CHECKING:
    from hypergraph.graph.scope import Cut
    from hypergraph.nodes import HyperNode

__all__ = ["Bindings", "InputSpec", "bindings_of", "check_bindable", "check_defaults", "spec_of", "warn_of_overridden"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a graph's active part asks for, by address.

    Attributes:
        required: has neither default nor binding; must be given.
        optional: has a default or a binding.
        entrypoints: always empty; kept for callers that read it.
        bound: address to bound value, bindings inside nested graphs included.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    entrypoints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bound: dict[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> tuple[str, ...]:
        """Everything that may be given: required, then optional."""
        return self.required + self.optional


@dataclass(frozen=True, slots=True)
class Bindings:
    """Bindings in effect, by address.

    Attributes:
        values: the bound values; this graph's own win over those inside nested graphs.
        inner: addresses whose value comes from inside a nested graph alone.
        overridden: (address, nested graph's node) where this graph's own binding hides one inside.
    """

    values: Mapping[str, Any]
    inner: frozenset[str]
    overridden: tuple[tuple[str, str], ...]


def spec_of(nodes: Sequence[HyperNode], part: Cut, bindings: Bindings) -> InputSpec:
    """Sort the inputs of the active part into required and optional ones."""
    required: list[str] = []
    optional: list[str] = []
    for address, readers in part.asked.items():
        given = address in bindings.values or any(nodes[reader].has_default_for(address) for reader in readers)
        (optional if given else required).append(address)
    return InputSpec(tuple(required), tuple(optional), {}, dict(bindings.values))


def bindings_of(nodes: Sequence[HyperNode], part: Cut, own: Mapping[str, Any]) -> Bindings:
    """Find the bindings in effect in the active part, nested ones included."""
    values: dict[str, Any] = {}
    inner: set[str] = set()
    overridden: list[tuple[str, str]] = []
    nested = any(nodes[number].code is None for number in part.active)
    if not (own or nested):
        return Bindings({}, frozenset(), ())
    for address, readers in part.asked.items():
        surfacing = [nodes[reader] for reader in readers if _bound_inside(nodes[reader], address)] if nested else []
        if address in own:
            values[address] = own[address]
            overridden.extend((address, node.name) for node in surfacing)
        elif surfacing:
            values[address] = surfacing[0].get_default_for(address)
            inner.add(address)
    return Bindings(values, frozenset(inner), tuple(overridden))


def warn_of_overridden(bindings: Bindings) -> None:
    """Warn where a binding of this graph hides one inside a nested graph."""
    for address, node in bindings.overridden:
        warn_user(
            f"Parent bind of {address!r} overrides nested bind inside {node!r}. To keep the nested value, "
            f"leave {address!r} out of bind() here; to silence this, unbind it on the nested graph."
        )


def _bound_inside(node: HyperNode, address: str) -> bool:
    """True when the node is a nested graph that has bound this input."""
    return node.code is None and node.has_default_for(address) and not node.has_signature_default_for(address)


def check_defaults(nodes: Sequence[HyperNode], part: Cut) -> None:
    """Check that all readers of one input fall back to the same value, or none does.

    Raises:
        GraphConfigError: two readers disagree.
    """
    for address, readers in part.asked.items():
        if len(readers) > 1:
            _check_one([nodes[reader] for reader in readers], address)


def _check_one(readers: Sequence[HyperNode], address: str) -> None:
    bound: list[HyperNode] = []
    defaulted: list[HyperNode] = []
    bare: list[HyperNode] = []
    for node in readers:
        kind = bare if not node.has_default_for(address) else bound if _bound_inside(node, address) else defaulted
        kind.append(node)
    for node in bound[1:]:
        if not _same(bound[0].get_default_for(address), node.get_default_for(address)):
            raise GraphConfigError(
                f"Conflicting nested binds for {address!r}: {bound[0].name!r} binds {_value(bound[0], address)} and {node.name!r} "
                f"binds {_value(node, address)}, but both read the one input {address!r}."
                + fix(
                    "Bind the same value in both nested graphs, or in neither and bind it here",
                    f"Or keep the inputs apart: as_node(namespaced=True), or {node.name}.with_inputs({address}='other_name')",
                )
            )
    if not defaulted:
        return
    first = defaulted[0]
    if bare:
        raise _inconsistent(address, first, bare[0], "without default")
    if bound:
        raise _inconsistent(address, first, bound[0], f"bound to {_value(bound[0], address)}")
    for node in defaulted[1:]:
        if not _same(first.get_default_for(address), node.get_default_for(address)):
            raise _inconsistent(address, first, node, f"default {_value(node, address)}")


def _inconsistent(address: str, first: HyperNode, other: HyperNode, theirs: str) -> GraphConfigError:
    return GraphConfigError(
        f"Inconsistent defaults for {address!r}: it is one input, but its readers fall back to different values.\n"
        f"  {first.name!r}: default {_value(first, address)}\n"
        f"  {other.name!r}: {theirs}"
        + fix(
            f"Give {address!r} the same default in both, or in neither",
            f"Or make it two inputs: rename one with .with_inputs({address}='other_name')"
            if address.isidentifier()
            else "Or make it two inputs: rename one of them",
            "Or remove the defaults and set the value once with graph.bind(...)",
        )
    )


def _value(node: HyperNode, address: str) -> str:
    return shorten(repr(node.get_default_for(address)), 80)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two fall-back values are equal; arrays and the like, whose == gives no truth, are compared by content."""
    if one is other:
        return True
    try:
        return bool(one == other)
    except Exception:  # == is user code
        digest = hash_value(one)
        return digest != "" and digest == hash_value(other)


def check_bindable(names: Iterable[str], part: Cut, producers: Mapping[str, Sequence[str]]) -> None:
    """Check that each name is an input of the active part.

    Args:
        names: the addresses to bind.
        part: the active part of the graph.
        producers: name to the nodes that produce it, anywhere in the graph.

    Raises:
        ValueError: a name is none.
    """
    for name in names:
        if name in part.asked:
            continue
        known = tuple(part.asked)
        if name in producers:
            why = f" It is produced by {quoted(producers[name])}."
            steps = [f"Bind an input of {producers[name][0]!r} instead", "Or start after it: graph.with_entrypoint(...), then bind"]
        else:
            why = did_you_mean(name, known)
            steps = [f"Use one of the inputs: {listing(known)}" if known else "This graph has no inputs to bind"]
            if any(reach.endswith(f".{name}") for reach in known):
                steps.append(f"Inputs of a namespaced graph go by their address: {quoted(r for r in known if r.endswith(f'.{name}'))}")
        raise ValueError(
            f"bind() only accepts graph inputs in the current scope: {name!r} is not a graph input in the current scope.{why}" + fix(*steps)
        )
