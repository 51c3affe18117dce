"""The items of a batch that is looked at: how fast they end, their failures by kind, each one in full, and when each ended."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from studio.model.batch_view import ItemView
from studio.model.batches import batch_view
from studio.model.facts import BatchFacts, RunFacts
from studio.model.preview import one_line, preview
from studio.services.gathering import groups_of, now
from studio.services.item_inputs import ItemInputs

if TYPE_CHECKING:
    from hypergraph.checkpointers import ReadonlyStore
    from hypergraph.viz.scene import Scene
    from studio.model.batch_view import BatchView, FailureGroup
    from studio.services.history import History

__all__ = ["Items"]

_RATE_OVER: Final = 5.0
_MANY: Final = 10_000
_KEEP_RUNNING: Final = 0.5
_PAGE: Final = 5_000
_GROUPS_EVERY: Final = 0.25
_ENDED: Final = 2


class Items:
    """The items of one batch.

    Args:
        history: the store.
        run_id: the batch.
    """

    def __init__(self, history: History, run_id: str) -> None:
        self._history = history
        self._run_id = run_id
        self._pace: deque[tuple[float, int]] = deque()
        self._inputs = ItemInputs(run_id)
        self._grouped_at = float("-inf")
        self._group_every = 0.0
        self._groups: tuple[FailureGroup, ...] = ()
        self._kept: dict[int, tuple[int, float, ItemView]] = {}
        self._shown = False
        self.later = False

    @property
    def quiet(self) -> bool:
        """True when nothing was counted for a second: the rate goes down without anything that happens."""
        return bool(self._pace) and now() - self._pace[-1][0] > 1.0

    def view(self, facts: RunFacts, moment: float, *, live: bool) -> BatchView | None:
        """Give the batch as it stands, None where the run is none."""
        batch = facts.batches.get(self._run_id)
        if batch is None:
            return None
        ended = batch.size - batch.states.count(0) - batch.states.count(1)
        self._pace.append((moment, ended))
        while len(self._pace) > 2 and moment - self._pace[0][0] > _RATE_OVER:
            self._pace.popleft()
        passed = moment - self._pace[0][0]
        rate = (ended - self._pace[0][1]) / passed if passed > 0.2 else 0.0
        # Of many items the cells are shown first: failures are grouped when they stand.
        self.later, self._shown = not self._shown and batch.size > _MANY, True
        if not self.later and (moment - self._grouped_at > self._group_every or not live):
            began = now()
            self._groups = groups_of(self._history.store, self._run_id, batch, lambda failed: self._inputs_of(batch, failed))
            self._grouped_at = now()
            # Cells go first: kinds of failure are read, not watched, and many take their share of the time.
            self._group_every = max(_GROUPS_EVERY, 20 * (self._grouped_at - began))
        return batch_view(self._run_id, batch, self._groups, rate=rate, live=live)

    def _inputs_of(self, batch: BatchFacts, failed: Collection[int]) -> Mapping[int, Mapping[str, str]]:
        store = self._history.store
        if store is None:
            return {}
        known = self._inputs.of(store, batch.size, failed, batch.runs)
        self.later = self.later or self._inputs.left
        return known

    def past(self, facts: RunFacts) -> BatchView | None:
        """Give the batch of facts of a moment in the past."""
        batch = facts.batches.get(self._run_id)
        if batch is None:
            return None
        return replace(batch_view(self._run_id, batch, groups_of(None, self._run_id, batch), live=True), rate=0.0, eta=0.0)

    def item(self, batch: BatchView, number: int, scene: Scene | None) -> ItemView | None:
        """Give one item, None when nothing is stored of it."""
        state = batch.states[number]
        kept = self._kept.get(number)
        if kept is not None and kept[0] == state and (state != 1 or now() - kept[1] < _KEEP_RUNNING):
            return kept[2]
        found = self._read(batch.run_of(number), scene) if state else None
        if found is not None:
            self._kept[number] = state, now(), found
        return found

    def _read(self, run_id: str, scene: Scene | None) -> ItemView | None:
        store = self._history.store
        run = store.get_run(run_id) if store is not None else None
        if store is None or run is None:
            return None
        states: dict[str, str] = {node.name: "waiting" for node in scene.nodes} if scene is not None else {}
        error, took = run.error or "", 0.0
        for step in store.steps(run_id):
            states[step.node_name] = "cached" if step.cached else str(step.status)
            took += step.duration_ms / 1000
            if step.traceback or step.error:
                error = step.traceback or step.error or ""
        given = ", ".join(
            f"{name}={one_line(preview(value, name=name, secrets=self._history.secrets, limit=200)[1], 100)}"
            for name, value in store.inputs(run_id).items()
        )
        return ItemView(given, tuple(states.items()), error, took)

    def with_times(self, facts: RunFacts) -> RunFacts:
        """Look up when each item began and ended, where no event log told of it. May take a second for many items."""
        batch, store = facts.batches.get(self._run_id), self._history.store
        if batch is None or store is None or all(moment or state < _ENDED for state, moment in zip_longest(batch.states, batch.ended)):
            return facts
        began, ended = _times(store, self._run_id, batch.size)
        for item, (first, last) in enumerate(zip(batch.began, batch.ended, strict=True)):
            # What was seen as it happened counts.
            began[item], ended[item] = first or began[item], last or ended[item]
        return replace(facts, batches={**facts.batches, self._run_id: replace(batch, began=began, ended=ended)})


def _times(store: ReadonlyStore, batch: str, size: int) -> tuple[array[float], array[float]]:
    from hypergraph.checkpointers import RunFilter

    began, ended = array("d", bytes(8 * size)), array("d", bytes(8 * size))
    after: int | None = None
    while True:
        page = store.page(RunFilter(parent_run_id=batch), after=after, limit=_PAGE)
        for run in page.runs:
            number = run.id.removeprefix(f"{batch}/")
            if number.isdigit() and int(number) < size:
                began[int(number)] = run.created_at.timestamp()
                ended[int(number)] = run.completed_at.timestamp() if run.completed_at is not None else 0.0
        after = page.next
        if after is None:
            return began, ended
