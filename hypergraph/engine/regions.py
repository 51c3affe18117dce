"""Which regions lie behind others in a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypergraph.plan import Plan, Region

__all__ = ["reachable"]


def reachable(plan: Plan, regions: Iterable[Region]) -> set[int]:
    """Give the indices of all regions that depend on one of these, however indirectly."""
    found: set[int] = set()
    waiting = [region.index for region in regions]
    while waiting:
        for after in plan.regions[waiting.pop()].feeds:
            if after not in found:
                found.add(after)
                waiting.append(after)
    return found
