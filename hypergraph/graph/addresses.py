"""From what a caller wrote to the addresses of a graph's inputs, and whether those may be given.

An input of a namespaced nested graph has an address such as "inner.x", which may be written as `{"inner": {"x": ...}}` too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.graph._warn import warn_user

if TYPE_CHECKING:
    from hypergraph.graph.scope import Cut
    from hypergraph.nodes import GraphNode, HyperNode

__all__ = ["answer_addresses", "check_given", "flatten", "refuse_stale"]


def flatten(values: Mapping[str, Any], nodes: Sequence[HyperNode], known: Collection[str]) -> Mapping[str, Any]:
    """Write nested dicts for namespaced nested graphs as addresses; everything else stays as it is.

    Args:
        values: what the caller gave.
        nodes: the graph's nodes.
        known: the addresses that may be given; a name among them is taken as it is, dict or not.

    Raises:
        ValueError: an address is given twice, or is an old one of a port that was renamed, moved or exposed.
    """
    if all(name in known for name in values):
        return values
    graphs = {node.name: node for node in nodes if node.code is None and node.namespaced}  # type: ignore[attr-defined]
    flat: dict[str, Any] = {}
    for name, value in values.items():
        nested = name not in known and isinstance(value, Mapping)
        if nested and name in graphs:
            found = list(_inside(name, value, graphs[name]))
        elif nested and _is_old_title(name, nodes):
            found = [(f"{name}.{key}", item) for key, item in value.items()]
            found = found if any(_current(address, nodes) for address, _ in found) else [(name, value)]
        else:
            found = [(name, value)]
        for address, item in found:
            if address in flat or (address != name and address in values):
                raise ValueError(
                    f"{address!r} is given twice: as an address and inside the dict for {name!r}."
                    + fix(f"Keep one of them, for example {{{address!r}: ...}}")
                )
            flat[address] = item
    refuse_stale(flat, nodes, known)
    return flat


def _inside(prefix: str, value: Mapping[str, Any], node: HyperNode) -> Iterator[tuple[str, Any]]:
    """Give (address, value) for a dict that stands for the ports behind `prefix`; it may hold dicts for deeper namespaces."""
    for key, item in value.items():
        address = f"{prefix}.{key}"
        if address not in node.inputs and isinstance(item, Mapping) and any(name.startswith(f"{address}.") for name in node.inputs):
            yield from _inside(address, item, node)
        else:
            yield address, item


def refuse_stale(names: Collection[str], nodes: Sequence[HyperNode], known: Collection[str]) -> None:
    """Refuse addresses that were right before a port or a nested graph was renamed, moved or exposed.

    Raises:
        ValueError: it gives the address to use.
    """
    for name in names:
        if name in known or "." not in name:
            continue
        current = _current(name, nodes)
        if current is not None and current != name:
            raise ValueError(
                f"{name!r} is no longer valid. Use {current!r}."
                + fix(f"Write {current!r} in place of {name!r}: that is the input's address in this graph now")
            )


def _current(stale: str, nodes: Sequence[HyperNode]) -> str | None:
    """Find the input that an old address meant."""
    prefix, _, port = stale.partition(".")
    for node in nodes:
        if node.code is None and prefix in _titles(node):
            for address in node.inputs:
                if port in _port_names(node, address):
                    return address
    return None


def _is_old_title(name: str, nodes: Sequence[HyperNode]) -> bool:
    # A flat nested graph takes no dict under any name: there the name is just not known.
    return any(node.code is None and node.namespaced and name in _titles(node) for node in nodes)  # type: ignore[attr-defined]


def _titles(node: HyperNode) -> tuple[str, ...]:
    """Give the names that a nested graph goes or went by."""
    nested: GraphNode = node  # type: ignore[assignment]
    return tuple(title for title in (nested.name, *getattr(nested, "former_names", ()), nested.graph.name) if title is not None)


def _port_names(node: HyperNode, address: str) -> tuple[str, ...]:
    """Give the names that an input of a nested graph has or had there: outside, at its boundary, and inside."""
    nested: GraphNode = node  # type: ignore[assignment]
    local = address.removeprefix(f"{nested.name}.")
    return (local, *getattr(nested, "former_inputs", {}).get(address, ()), nested.inner_address(address))


def answer_addresses(nodes: Sequence[HyperNode], active: Sequence[int]) -> Iterator[str]:
    """Give the addresses under which answers to interrupts are passed, those inside nested graphs included."""
    for number in active:
        node = nodes[number]
        if node.is_interrupt:
            yield from node.data_outputs
        elif node.code is None:
            nested: GraphNode = node  # type: ignore[assignment]
            if nested.graph.has_interrupts:
                for inner in nested.graph.answer_addresses:
                    outer = nested.outer_output(inner)
                    yield outer if outer is not None else f"{nested.name}.{inner}"


def check_given(
    values: Mapping[str, Any],
    nodes: Sequence[HyperNode],
    part: Cut,
    bound: Collection[str],
    answers: Collection[str],
) -> None:
    """Check the addresses that a caller gives to a run.

    A name that an active node produces is refused; an unknown name and one that overrides a binding get a warning.

    Raises:
        ValueError: a value was given for what the graph computes.
    """
    unasked = [name for name in values if name not in part.asked and name not in answers]
    if unasked:
        makers = {name: nodes[number] for number in reversed(part.active) for name in nodes[number].outputs}
        _refuse_internal([name for name in unasked if name in makers], makers, values)
        known = (*part.asked, *answers)
        lost = [f"{name!r}{did_you_mean(name, known)}" for name in unasked if name not in makers]
        if lost:
            warn_user(
                f"Not recognized as inputs of this graph, and ignored: {', '.join(lost)}. It asks for: {quoted(part.asked) or 'nothing'}."
            )
    if bound:
        hidden = [name for name in values if name in bound]
        if hidden:
            warn_user(
                f"Given values override bound ones for this run: {quoted(hidden)}. "
                f"To make that the rule, call unbind() or bind() with the new value."
            )


def _refuse_internal(names: Sequence[str], makers: Mapping[str, HyperNode], values: Mapping[str, Any]) -> None:
    if not names:
        return
    lines = "\n".join(f"  {name} <- {makers[name].name}" for name in names)
    clashes = [
        f"a conflict: you provided {quoted(sorted({*given, *(name for name in node.inputs if name in values)}))}, "
        f"and {node.name!r} would compute {quoted(node.data_outputs)} as well"
        for node in {makers[name].name: makers[name] for name in names}.values()
        if (given := [name for name in names if makers[name] is node])
    ]
    raise ValueError(
        f"Values were given for internal parameters, which nodes of this graph produce:\n{lines}\n"
        f"That is {'; '.join(clashes)}."
        + fix(
            "Leave these values out: the graph computes them",
            "Or start after the nodes that produce them: graph.with_entrypoint('the_node_that_reads_them')",
        )
    )
