"""From what is known of a batch's items to what a screen shows of them: counts, rate, and failures by kind with what they share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from hypergraph.viz.scene import SceneNode
from studio.model.batch_view import BatchView, FailureGroup
from studio.model.facts import BatchFacts
from studio.model.preview import one_line
from studio.model.run_view import NodeView
from studio.model.states import ITEM_STATES, item_code

__all__ = ["batch_view", "failure_groups", "inside_batch", "stored_states"]

_CHANGING: Final = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"|/[\w./-]+")
_MESSAGE: Final = 100
_MOST_GROUPS: Final = 50
_STORE_CODES: Final = {"a": "running", "p": "paused", "s": "stopped", "t": "partial", "c": "completed", "f": "failed", ".": "waiting"}
_TABLE: Final = bytes.maketrans("".join(_STORE_CODES).encode(), bytes(item_code(state) for state in _STORE_CODES.values()))

Failure = tuple[str, str, str]


def stored_states(states: bytes) -> bytes:
    """Turn the store's letters, one an item, into our codes."""
    return states.translate(_TABLE)


def batch_view(batch: str, facts: BatchFacts, groups: Sequence[FailureGroup], *, rate: float = 0.0, live: bool = False) -> BatchView:
    """Give the items of a batch.

    Args:
        batch: its run.
        facts: what is known of it.
        groups: its failures by kind.
        rate: items that ended per second, lately.
        live: it still goes on; what runs in one that does not was interrupted.
    """
    states = facts.states if live else facts.states.replace(bytes([item_code("running")]), bytes([item_code("stopped")]))
    counts = {state: number for code, state in enumerate(ITEM_STATES) if (number := states.count(code))}
    left = counts.get("waiting", 0) + counts.get("running", 0)
    eta = left / rate if live and rate > 0 and left else 0.0
    return BatchView(states, counts, rate if live else 0.0, eta, tuple(groups), batch, facts.runs)


def inside_batch(drawn: SceneNode, facts: BatchFacts, outer: NodeView) -> dict[str, NodeView]:
    """Give the nodes inside a mapped graph, each for all items together.

    Args:
        drawn: the mapped graph's node as it is drawn.
        facts: its items.
        outer: the mapped graph's node as it stands.
    """
    inner = drawn.inner.nodes if drawn.inner is not None else ()
    failed: Counter[str] = Counter(failure[2] for failure in facts.failures.values())
    gates = any(node.kind == "gate" for node in inner)
    nodes: dict[str, NodeView] = {}
    for node in inner:
        number = failed[node.name]
        state = outer.state
        if state == "completed":
            # Behind a gate nobody counted how many items came by.
            state = "partial" if number else "unknown" if gates else "completed"
        error = f"{number} of {facts.size} items failed here" if number else None
        nodes[node.path] = NodeView(node.path, state, turns=1, error=error, started_kind="unknown")
    return nodes


def failure_groups(failures: Mapping[int, Failure], inputs: Mapping[int, Mapping[str, str]] | None = None) -> tuple[FailureGroup, ...]:
    """Group failures by node, class of exception and message, and say which inputs a group shares that are rare outside it.

    Args:
        failures: item -> (node, error type, message).
        inputs: item -> its inputs as texts, of all items as far as they are known.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for item, (node, kind, message) in sorted(failures.items()):
        # The log has the class before the message, the store has it beside.
        bare = message.removeprefix(f"{kind}: ").removeprefix(f"{kind.rpartition('.')[2]}: ")
        groups.setdefault((node, kind.rpartition(".")[2], _CHANGING.sub("…", bare)), []).append(item)
    found = [
        FailureGroup(
            len(items), node, kind, _without_kind(failures[items[0]][2], kind), _shared(items, inputs or {}), items[0], tuple(items)
        )
        for (node, kind, _), items in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.count, group.first))[:_MOST_GROUPS])


def _without_kind(message: str, kind: str) -> str:
    return one_line(message.removeprefix(f"{kind}: ").removeprefix(f"{kind.rpartition('.')[2]}: "), _MESSAGE)


def _shared(items: Sequence[int], inputs: Mapping[int, Mapping[str, str]]) -> str:
    """Give the input that says most about the group: the same in nearly all of it, and rarely so elsewhere."""
    if len(items) < 2 or not inputs:
        return ""
    members = set(items)
    known = sum(1 for item in items if item in inputs)
    if known < 2:
        return ""
    inside: Counter[tuple[str, str]] = Counter()
    everywhere: Counter[tuple[str, str]] = Counter()
    for item, values in inputs.items():
        for pair in values.items():
            everywhere[pair] += 1
            if item in members:
                inside[pair] += 1
    best, text = 0.0, ""
    for (name, value), number in inside.items():
        if number < 0.8 * known or number < 2:
            continue
        outside = (everywhere[name, value] - number) / max(1, len(inputs) - known)
        score = number / known - outside
        if score > max(best, 0.5):
            best, text = score, f"{name}={one_line(value, 40)} {number}/{known}"
    return text if known == len(items) or not text else f"{text} looked at"
