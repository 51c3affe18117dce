"""What a graph may not be. Each check raises a `GraphConfigError` that says what, where, and how to fix it."""

from __future__ import annotations

import keyword
import types
import typing
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._text import closest, did_you_mean, fix, listing, quoted, shorten
from hypergraph._typing import compatible, format_type
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph._components import cyclic_nodes
from hypergraph.graph.wiring import targets_of

if TYPE_CHECKING:
    from hypergraph.graph.wiring import Wiring
    from hypergraph.nodes import HyperNode

__all__ = [
    "check_entry_for_cycles",
    "check_gates",
    "check_graph_name",
    "check_joined",
    "check_mapped",
    "check_names",
    "check_shared",
    "check_types",
    "check_waits",
    "read_entrypoints",
]


def check_graph_name(name: str | None) -> None:
    """Check a graph's name: it becomes part of addresses and of the ids of stored runs, which '.' and '/' divide."""
    if name is None:
        return
    for mark in "./":
        if mark in name:
            raise GraphConfigError(
                f"Invalid graph name {_short(name)}: it cannot contain {mark!r}, which divides addresses and run ids."
                + fix(f"Use '_' or '-' instead: {_short(name.replace(mark, '_'))}")
            )


def check_names(nodes: Sequence[HyperNode]) -> None:
    """Check that node names are unique and, with the output names, usable as names in Python."""
    seen: set[str] = set()
    for node in nodes:
        name = node.name
        if name in seen:
            raise GraphConfigError(
                f"Duplicate node name: {_short(name)}."
                + fix(f"Give one of them another name: {shorten(name, 60)}.with_name('another_name')")
            )
        seen.add(name)
        nested = node.code is None
        # Nested graphs are no Python names in anybody's code, so hyphens read well there.
        if not (name.replace("-", "_") if nested else name).isidentifier() or keyword.iskeyword(name) or name == "END":
            raise _bad_node_name(name, nested=nested)
        for output in node.outputs:
            last = output.rpartition(".")[2] if nested else output
            if last[:1] == "_" or not last.isidentifier() or keyword.iskeyword(last):
                raise _bad_output_name(output, last, name)


def _bad_node_name(name: str, *, nested: bool) -> GraphConfigError:
    if name == "END":
        return GraphConfigError(
            "Invalid node name 'END': it is reserved for the end of a path (gates return END)."
            + fix("Give the node another name: .with_name('finish')")
        )
    reason = f"{name!r} is a Python keyword" if keyword.iskeyword(name) else "this is none"
    also = ", hyphens are allowed for nested graphs" if nested else ""
    return GraphConfigError(
        f"Invalid node name {_short(name)}: node names must be valid Python identifiers (no keywords{also}), and {reason}."
        + fix("Give it a name of letters, digits and '_' that starts with a letter: .with_name('new_name')")
    )


def _bad_output_name(output: str, last: str, node: str) -> GraphConfigError:
    if last[:1] == "_":
        why = "a leading '_' is reserved for internal use"
    elif keyword.iskeyword(last):
        why = f"{last!r} is a Python keyword"
    else:
        why = "output names must be valid Python identifiers"
    return GraphConfigError(
        f"Invalid output name {_short(output)} of node {_short(node)}: {why}."
        + fix("Use letters, digits and '_', and start with a letter", "Change output_name= (or emit=), or use .with_outputs(...)")
    )


def check_gates(nodes: Sequence[HyperNode], shared: Collection[str]) -> None:
    """Check that gates choose among other nodes of this graph, and that nodes chosen together write different names."""
    by_name: dict[str, HyperNode] | None = None
    for gate in nodes:
        if not gate.is_gate:
            continue
        by_name = by_name or {node.name: node for node in nodes}
        for target in targets_of(gate):
            if target == gate.name:
                raise GraphConfigError(
                    f"Gate {gate.name!r} cannot target itself."
                    + fix("Target the node that should run again; the gate follows when its inputs are new")
                )
            if target not in by_name:
                raise GraphConfigError(
                    f"Gate {gate.name!r} targets an unknown node: {target!r} is no node of this graph.{did_you_mean(target, by_name)}"
                    + fix(f"Use one of the nodes: {listing(list(by_name))}", f"Or add {target!r} to the graph, or END to end the path")
                )
        if gate.multi_target:  # type: ignore[attr-defined]
            _check_chosen_together(gate, [by_name[target] for target in targets_of(gate)], shared)


def _check_chosen_together(gate: HyperNode, targets: Sequence[HyperNode], shared: Collection[str]) -> None:
    count = Counter(name for target in targets for name in target.outputs if name not in shared)
    for name, number in count.items():
        if number > 1:
            makers = [target.name for target in targets if name in target.outputs]
            raise GraphConfigError(
                f"Multiple nodes produce {name!r}: {quoted(makers)} are targets of the multi_target gate {gate.name!r}, "
                f"which may choose several of them at once."
                + fix(
                    f"Give their outputs different names: .with_outputs({name}='another_name')",
                    "Or let the gate choose one at a time: multi_target=False (no emit / wait_for is needed then)",
                )
            )


def check_waits(nodes: Sequence[HyperNode]) -> None:
    """Check that each `wait_for` name is an output or emit of another node."""
    makers: dict[str, set[str]] | None = None
    for node in nodes:
        for name in node.wait_for:
            if makers is None:
                makers = {}
                for maker in nodes:
                    for output in maker.outputs:
                        makers.setdefault(output, set()).add(maker.name)
            if not makers.get(name, set()) - {node.name}:
                near = closest(name, [other for other in makers if other != name])
                hint = f" Did you mean {near!r}?" if near is not None else ""
                raise GraphConfigError(
                    f"Node {node.name!r} has wait_for={name!r}, but no other node of this graph has an output or emit of that name.{hint}"
                    + fix(
                        f"Add emit={name!r} to the node that should go first",
                        f"Or wait for what is there: {listing(sorted(makers)) or 'nothing yet'}",
                    )
                )


def check_shared(shared: Collection[str], nodes: Sequence[HyperNode]) -> None:
    """Check that each shared name is read or written by some node."""
    if not shared:
        return
    known = {name for node in nodes for name in (*node.inputs, *node.data_outputs)}
    unknown = sorted(name for name in shared if name not in known)
    if unknown:
        raise GraphConfigError(
            f"Unknown shared params: {quoted(unknown)} {'is' if len(unknown) == 1 else 'are'} neither input nor output of any node."
            f"{did_you_mean(unknown[0], known)}" + fix(f"Use names that nodes read or write: {listing(sorted(known))}")
        )


def check_joined(wiring: Wiring, shared: Collection[str], nodes: Sequence[HyperNode]) -> None:
    """Check that nodes which work on one shared name stand in some order, and so in one connected part."""
    if not shared:
        return
    group = _groups(len(nodes), [(one, other) for one, after in enumerate(wiring.following) for other in after])
    for name in sorted(shared):
        users = [number for number, node in enumerate(nodes) if name in node.inputs or name in node.data_outputs]
        parts = sorted({group[number] for number in users})
        if len(parts) > 1:
            raise _unjoined(name, parts, group, wiring, [node.name for node in nodes])


def _unjoined(name: str, parts: Sequence[int], group: Sequence[int], wiring: Wiring, titles: Sequence[str]) -> GraphConfigError:
    lines: list[str] = []
    samples: list[str] = []
    for number, part in enumerate(parts, 1):
        members = [one for one in range(len(titles)) if group[one] == part]
        edges = [f"{titles[one]} -> {titles[other]}" for one in members for other in wiring.following[one]]
        lines.append(f"  Group {number}: {listing([titles[one] for one in members])}; edges: {', '.join(edges[:20]) or 'none'}")
        samples.append(titles[members[0]])
    return GraphConfigError(
        f"The graph falls into {len(parts)} unconnected groups that all use the shared name {name!r}, and shared names give no order:\n"
        + "\n".join(lines)
        + fix(
            f"Join them with an edge that says who goes first: Graph(..., edges=[({samples[0]!r}, {samples[1]!r})])",
            f"Or with a signal: emit='{samples[0]}_done' on {samples[0]!r} and wait_for='{samples[0]}_done' on {samples[1]!r}",
        )
    )


def _groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Number the connected parts, whatever the direction of the edges."""
    near: list[list[int]] = [[] for _ in range(count)]
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    group = [-1] * count
    for start in range(count):
        waiting = [start] if group[start] < 0 else []
        while waiting:
            node = waiting.pop()
            if group[node] < 0:
                group[node] = start
                waiting.extend(near[node])
    return group


def read_entrypoints(given: Any, nodes: Mapping[str, HyperNode]) -> tuple[str, ...]:
    """Turn what a user gave as entry point (a name, a node, or several) into names.

    Raises:
        GraphConfigError: nothing was given, or something that is no name, no node of the graph, or a gate.
    """
    entries = list(given) if isinstance(given, (list, tuple)) else [given]
    if not entries:
        raise GraphConfigError("entrypoint cannot be empty." + fix("Name at least one node, or leave entrypoint out"))
    names: dict[str, None] = {}
    for entry in entries:
        name = entry if isinstance(entry, str) else getattr(entry, "name", None)
        if not isinstance(name, str):
            raise GraphConfigError(
                f"entrypoint must be a node name, a node, or a list of them, got {type(entry).__name__}: {entry!r:.100}."
                + fix("Write entrypoint='node_name'")
            )
        node = nodes.get(name)
        if node is None:
            raise GraphConfigError(
                f"Unknown entry point {_short(name)}: it is no node of this graph.{did_you_mean(name, nodes)}"
                + fix(f"Use one of: {listing(_startable(nodes.values()))}")
            )
        if node.is_gate:
            raise GraphConfigError(
                f"{name!r} is a gate, and a gate cannot be an entry point: it only decides about other nodes."
                + fix(f"Start at the node that feeds it or at one of its targets: {listing(targets_of(node)) or 'none'}")
            )
        names[name] = None
    return tuple(names)


def _startable(nodes: Collection[HyperNode]) -> list[str]:
    return [node.name for node in nodes if not node.is_gate]


def check_entry_for_cycles(wiring: Wiring, nodes: Sequence[HyperNode]) -> None:
    """Refuse a graph with a cycle; called where no entry point is configured.

    Raises:
        GraphConfigError: it shows the cycle and the nodes that may start it.
    """
    cycles = cyclic_nodes(len(nodes), wiring.following)
    if not cycles:
        return
    shown = "\n".join(f"  {' -> '.join(_walk(cycle, wiring, nodes))}" for cycle in cycles[:5])
    candidates = [name for cycle in cycles for name in _startable([nodes[number] for number in cycle])]
    first = candidates[0] if candidates else "node_name"
    raise GraphConfigError(
        "Cyclic graphs require an explicit entrypoint: the nodes below feed each other, so nothing says which of them starts.\n"
        + shown
        + fix(
            f"Name the node that runs first: Graph(..., entrypoint={first!r})",
            f"Candidates: {listing(candidates)}; with several cycles, one for each: entrypoint=[...]",
        )
    )


def _walk(cycle: Sequence[int], wiring: Wiring, nodes: Sequence[HyperNode]) -> list[str]:
    """Give one way round a cycle, its first node at both ends."""
    inside = set(cycle)
    start = cycle[0]
    came_from = {start: start}
    waiting = [start]
    for node in waiting:
        for after in wiring.following[node]:
            if after == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [nodes[number].name for number in (*reversed(way), start)]
            if after in inside and after not in came_from:
                came_from[after] = node
                waiting.append(after)
    return [nodes[number].name for number in cycle]


def check_mapped(nodes: Sequence[HyperNode]) -> None:
    """Check that no mapped nested graph can pause: its items have no place to ask."""
    for node in nodes:
        if node.code is None and node.map_config and node.graph.has_interrupts:  # type: ignore[attr-defined]
            names = sorted(_interrupt_names(node))
            raise GraphConfigError(
                f"InterruptNode(s) {quoted(names)} inside {node.name!r} are incompatible with map execution (map_over)."
                + fix(
                    "Ask before or after the map: move the interrupt to the outer graph",
                    f"Or run {node.name!r} without map_over, once per item, from a loop",
                )
            )


def _interrupt_names(node: HyperNode) -> set[str]:
    names: set[str] = set()
    for inner in node.graph.nodes.values():  # type: ignore[attr-defined]
        if inner.is_interrupt:
            names.add(inner.name)
        elif inner.code is None:
            names |= _interrupt_names(inner)
    return names


def check_types(wiring: Wiring, nodes: Sequence[HyperNode]) -> None:
    """Check that each data edge leads from a typed output to a typed input that takes it."""
    for (source, target), names in wiring.data.items():
        for name in names:
            _check_edge(nodes[source], nodes[target], name)


def _check_edge(producer: HyperNode, consumer: HyperNode, name: str) -> None:
    made, wanted = producer.get_output_type(name), consumer.get_input_type(name)
    if made is None or wanted is None:
        lacking = f"output {name!r} of {producer.name!r}" if made is None else f"parameter {name!r} of {consumer.name!r}"
        step = f"def {producer.name}(...) -> ..." if made is None else f"def {consumer.name}({name}: ...)"
        raise GraphConfigError(
            f"Missing type annotation on {lacking}, which the edge {producer.name!r} -> {consumer.name!r} needs with strict_types=True."
            + fix(f"Annotate it: {step}", "Or build the graph without strict_types=True")
        )
    if producer.is_interrupt:
        # None means "ask", and never reaches anybody.
        made = _without_none(made)
    if not compatible(made, wanted):
        raise GraphConfigError(
            f"Type mismatch on the edge {producer.name!r} -> {consumer.name!r}: {producer.name!r} gives {name!r} as {format_type(made)}, "
            f"but parameter {name!r} of {consumer.name!r} takes {format_type(wanted)}."
            + fix(
                f"Change one of the annotations so that {format_type(made)} fits {format_type(wanted)}",
                f"Or put a node between them that turns {format_type(made)} into {format_type(wanted)}",
                "Or build the graph without strict_types=True",
            )
        )


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    members = tuple(member for member in typing.get_args(hint) if member is not type(None))
    return typing.Union[members] if members else hint  # noqa: UP007  # the members are only known here


def _short(name: str) -> str:
    return repr(shorten(name, 200))
