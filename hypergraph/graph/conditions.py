"""Which decisions of gates a node depends on, and which nodes can therefore never run in one round.

A node needs a decision (gate, target) when it is that target, or when it needs a value or a signal that only nodes with this need
bring. Needs are sets of bits in an int. They are the smallest solution of these rules, so the order of nodes does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from hypergraph.graph._components import strong_components

__all__ = ["Conditions"]


class Conditions:
    """The decisions that each node needs.

    Args:
        needs: per node, for each value or signal that it cannot do without, the nodes that may bring it.
        forward: (gate, target) pairs whose gate comes first in the round; the others only begin the next round.
        targets: gate to all its targets.
        single: the gates that choose one target at a time.
    """

    def __init__(
        self,
        needs: Sequence[Sequence[tuple[int, ...]]],
        forward: Iterable[tuple[int, int]],
        targets: Mapping[int, Sequence[int]],
        single: Collection[int],
    ) -> None:
        self._needs = needs
        self._targets = targets
        self._single = single
        self._bit: dict[tuple[int, int], int] = {}
        self._gate: list[int] = []
        self._choices: dict[int, int] = {}
        self._gates_of: dict[int, list[int]] = {}
        for gate, target in forward:
            bit = 1 << len(self._gate)
            self._gate.append(gate)
            self._bit[gate, target] = bit
            self._choices[gate] = self._choices.get(gate, 0) | bit
            self._gates_of.setdefault(target, []).append(gate)

    def exclusive(self, one: int, other: int) -> bool:
        """True when some gate has to choose differently for each of them."""
        return self.all_exclusive((one, other))

    def all_exclusive(self, nodes: Sequence[int]) -> bool:
        """True when some gate that chooses one target has to choose differently for each of these nodes."""
        gates = self._all_gates_of.get(nodes[0], [])
        # Targets of one gate and of no other: each of its decisions picks one, also where it leads back.
        if len(gates) == 1 and gates[0] in self._single and all(self._all_gates_of.get(node) == gates for node in nodes):
            return True
        if not self._bit:
            return False
        masks = [self._mask[node] for node in nodes]
        for gate in self._gates_in(masks[0] & ~masks[1]):
            choices = [mask & self._choices[gate] for mask in masks]
            if gate in self._single and 0 not in choices and _disjoint(choices):
                return True
        return False

    def implied(self, other: int, *by: int) -> bool:
        """True when `other` needs no decision that none of the nodes `by` needs."""
        left = self._mask[other]
        for node in by:
            left &= ~self._mask[node]
        return not left

    @cached_property
    def _all_gates_of(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for gate, chosen in self._targets.items():
            for target in chosen:
                found.setdefault(target, []).append(gate)
        return found

    def _gates_in(self, mask: int) -> Iterator[int]:
        """Give the gates whose decisions are in `mask`, the latest ones in the graph first: they are the likely ones."""
        while mask:
            place = mask.bit_length() - 1
            yield self._gate[place]
            mask ^= 1 << place

    @cached_property
    def _mask(self) -> list[int]:
        count = len(self._needs)
        mask = [0] * count
        if not self._bit:
            return mask
        following: list[list[int]] = [[] for _ in range(count)]
        for node, needs in enumerate(self._needs):
            for before in {maker for makers in needs for maker in makers} | set(self._gates_of.get(node, ())):
                following[before].append(node)
        for component in strong_components(count, following):
            changed = True
            while changed:
                changed = False
                for node in component:
                    found = self._needed(node, mask)
                    if found != mask[node]:
                        mask[node] = found
                        changed = len(component) > 1
        return mask

    def _needed(self, node: int, mask: Sequence[int]) -> int:
        found = 0
        for makers in self._needs[node]:
            shared = -1
            for maker in makers:
                shared &= mask[maker]
            found |= shared
        gates = self._gates_of.get(node)
        if gates:
            shared = -1
            for gate in gates:
                shared &= mask[gate] | self._bit[gate, node]
            found |= shared
        return found


def _disjoint(masks: Iterable[int]) -> bool:
    seen = 0
    for mask in masks:
        if seen & mask:
            return False
        seen |= mask
    return True
