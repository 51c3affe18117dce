"""Strongly connected components of a graph whose nodes are numbers.

Written out because building a graph must not pay for importing networkx, and because a chain of 10,000 nodes must not recurse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["cyclic_nodes", "strong_components"]


def strong_components(count: int, successors: Sequence[Sequence[int]]) -> list[list[int]]:
    """Give the strongly connected components in topological order (Tarjan's algorithm, iterative).

    Where the edges leave the order open, nodes with smaller numbers come first.

    Args:
        count: how many nodes there are; they are numbered from 0.
        successors: per node the nodes that its edges lead to.
    """
    unseen = -1
    number = [unseen] * count
    low = [0] * count
    on_stack = [False] * count
    stack: list[int] = []
    components: list[list[int]] = []
    clock = 0
    # Roots and successors are taken from the last to the first, because Tarjan's finds come in reverse.
    for root in range(count - 1, -1, -1):
        if number[root] != unseen:
            continue
        number[root] = low[root] = clock
        clock += 1
        stack.append(root)
        on_stack[root] = True
        work: list[tuple[int, Iterator[int]]] = [(root, reversed(successors[root]))]
        while work:
            node, pending = work[-1]
            for after in pending:
                if number[after] == unseen:
                    number[after] = low[after] = clock
                    clock += 1
                    stack.append(after)
                    on_stack[after] = True
                    work.append((after, reversed(successors[after])))
                    break
                if on_stack[after] and number[after] < low[node]:
                    low[node] = number[after]
            else:
                work.pop()
                if work and low[node] < low[work[-1][0]]:
                    low[work[-1][0]] = low[node]
                if low[node] == number[node]:
                    components.append(_popped(stack, on_stack, node))
    components.reverse()
    return components


def _popped(stack: list[int], on_stack: list[bool], root: int) -> list[int]:
    component: list[int] = []
    while True:
        member = stack.pop()
        on_stack[member] = False
        component.append(member)
        if member == root:
            return component


def cyclic_nodes(count: int, successors: Sequence[Sequence[int]]) -> list[list[int]]:
    """Give the components that hold a cycle, an edge from a node to itself included; members in ascending order."""
    components = strong_components(count, successors)
    return [sorted(members) for members in components if len(members) > 1 or members[0] in successors[members[0]]]
