"""Which stored item is which: a batch's items are recognised by their values, the same position first."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from hypergraph._hashing import hash_value
from hypergraph.engine.requests import Ask, Flow

if TYPE_CHECKING:
    from hypergraph.engine.batch import Batch
    from hypergraph.records import Run as StoredRun

__all__ = ["ItemPlan", "match_items"]


class ItemPlan:
    """Under which id an item is stored, and which stored run it goes on from."""

    __slots__ = ("source", "workflow_id")

    def __init__(self, workflow_id: str, source: StoredRun | None = None) -> None:
        self.workflow_id = workflow_id
        self.source = source


def match_items(batch: Batch) -> Flow:
    """Give, per index, the stored run that an item goes on from; returns a function index -> `ItemPlan`.

    A new item takes its position's id if that is free, else the next unused number; one whose values cannot be hashed is new.
    """
    prefix = batch.workflow_id or batch.run_id
    source = prefix if batch.resumes else batch.source_id
    if source is None:
        return lambda index: ItemPlan(f"{prefix}/{index}")
    stored: list[StoredRun] = yield Ask("list_runs", parent_run_id=source, limit=None)
    inputs: dict[str, dict[str, Any]] = yield Ask("get_children_inputs_async", source)
    children = {_number(child.id): child for child in stored if _number(child.id) >= 0}
    keys: dict[int, str] = {}
    for number, child in children.items():
        keys[number] = hash_value(inputs.get(child.id, {}))
    found = _match([hash_value(batch.items.inputs(index)) for index in range(batch.items.count)], keys)
    taken = set(children) if batch.resumes else set()
    free = max((*children, batch.items.count - 1), default=-1) + 1
    plans: list[ItemPlan] = []
    for index, known in enumerate(found):
        if known is not None:
            own = f"{prefix}/{known}" if batch.resumes else f"{prefix}/{index}"
            plans.append(ItemPlan(own, children[known]))
        elif index not in taken:
            plans.append(ItemPlan(f"{prefix}/{index}"))
        else:
            plans.append(ItemPlan(f"{prefix}/{free}"))
            free += 1
    return plans.__getitem__


def _number(run_id: str) -> int:
    last = run_id.rsplit("/", 1)[-1]
    return int(last) if last.isdigit() else -1


def _match(wanted: list[str], stored: dict[int, str]) -> list[int | None]:
    found: list[int | None] = [None] * len(wanted)
    used: set[int] = set()
    for index, key in enumerate(wanted):
        if key and stored.get(index) == key:
            found[index] = index
            used.add(index)
    by_key: dict[str, deque[int]] = defaultdict(deque)
    for number in sorted(stored):
        if number not in used and stored[number]:
            by_key[stored[number]].append(number)
    for index, key in enumerate(wanted):
        if found[index] is None and key and by_key.get(key):
            found[index] = by_key[key].popleft()
    return found
