"""The order in which a level is drawn, which arrows lead back, and which ones a longer path already implies."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Arrangement", "arrange", "reduce_parents"]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A level, put in order.

    Attributes:
        order: every name, each one after what it follows from.
        back: the pairs that close a cycle; without them `order` is a topological order.
    """

    order: tuple[str, ...]
    back: frozenset[tuple[str, str]]


def arrange(names: Sequence[str], pairs: Iterable[tuple[str, str]], entries: Iterable[str] = ()) -> Arrangement:
    """Put `names` in topological order, keeping the given order wherever it is free.

    Args:
        names: the nodes in their own order.
        pairs: the arrows, (from, to).
        entries: where cycles begin; an arrow that leads back there closes the cycle.
    """
    position = {name: index for index, name in enumerate(names)}
    after: dict[str, set[str]] = {name: set() for name in names}
    back = set()
    for source, target in pairs:
        if source == target:
            back.add((source, target))
        elif source in after and target in after:
            after[source].add(target)
    order = _kahn(position, after)
    if len(order) < len(names):
        closing = _closing(names, position, after, entries)
        back |= closing
        forward = {source: {target for target in targets if (source, target) not in closing} for source, targets in after.items()}
        order = _kahn(position, forward)
    return Arrangement(tuple(order), frozenset(back))


def _kahn(position: Mapping[str, int], after: Mapping[str, Iterable[str]]) -> list[str]:
    waiting = dict.fromkeys(position, 0)
    for targets in after.values():
        for target in targets:
            waiting[target] += 1
    ready = [(index, name) for name, index in position.items() if not waiting[name]]
    order = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(name)
        for target in after[name]:
            waiting[target] -= 1
            if not waiting[target]:
                heapq.heappush(ready, (position[target], target))
    return order


def _closing(
    names: Sequence[str], position: Mapping[str, int], after: Mapping[str, Iterable[str]], entries: Iterable[str]
) -> set[tuple[str, str]]:
    """Walk depth first, entry points first: an arrow to a node that is still being walked closes a cycle."""
    fed = {target for targets in after.values() for target in targets}
    starts = [*(name for name in entries if name in position), *(name for name in names if name not in fed), *names]
    closing: set[tuple[str, str]] = set()
    done: set[str] = set()
    for start in starts:
        if start in done:
            continue
        path = {start}
        # A stack of our own: a chain of 10,000 nodes is deeper than Python's.
        stack = [(start, iter(sorted(after[start], key=position.__getitem__)))]
        while stack:
            name, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                stack.pop()
                path.discard(name)
                done.add(name)
            elif target in path:
                closing.add((name, target))
            elif target not in done:
                path.add(target)
                stack.append((target, iter(sorted(after[target], key=position.__getitem__))))
    return closing


def reduce_parents(parents: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[int]]:
    """Leave out every parent that is also an ancestor of another parent.

    Args:
        parents: for each item, in topological order, the positions of its parents.

    Returns:
        the parents that are left, and each item's ancestors as a bit set.
    """
    ancestors: list[int] = []
    kept: list[list[int]] = []
    for own in parents:
        covered = 0
        left = []
        # The latest first: only what comes later can have an earlier one as its ancestor.
        for parent in sorted(set(own), reverse=True):
            if not covered >> parent & 1:
                left.append(parent)
            covered |= ancestors[parent] | 1 << parent
        kept.append(sorted(left))
        ancestors.append(covered)
    return kept, ancestors
