"""The inputs of a batch's items as texts: failures of a kind may share them. Of a large batch the failed items and some others are read."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from studio.model.preview import preview

if TYPE_CHECKING:
    from hypergraph.checkpointers import ReadonlyStore

__all__ = ["ItemInputs"]

_ALL: Final = 2_000
_OTHERS: Final = 400
_FAILED: Final = 4_000
_BUDGET: Final = 0.02
_ASK_AGAIN: Final = 5.0
_LONGEST: Final = 1_000


class ItemInputs:
    """Reads inputs of items, each once.

    Args:
        batch: the batch's run.
    """

    def __init__(self, batch: str) -> None:
        self._batch = batch
        self._known: dict[int, dict[str, str]] = {}
        self._missed: dict[int, float] = {}
        self._all_again = 0.0
        self.left = False

    def of(self, store: ReadonlyStore, size: int, failed: Collection[int], runs: Mapping[int, str]) -> Mapping[int, Mapping[str, str]]:
        """Give item -> its inputs as texts, as far as they are known; `left` says whether there is more to look up.

        Args:
            store: the store.
            size: how many items there are.
            failed: the items that failed; of very many the first ones are looked at.
            runs: item -> its run, where that is not simply its number.
        """
        if size <= _ALL and len(self._known) < len(failed) and time.monotonic() > self._all_again:
            self._all_again = time.monotonic() + _ASK_AGAIN
            for run_id, values in store.children_inputs(self._batch).items():
                number = run_id.removeprefix(f"{self._batch}/")
                if number.isdigit():
                    self._known[int(number)] = _texts(values)
        wanted = [*sorted(failed)[:_FAILED], *range(0, size, max(1, size // _OTHERS))]
        began = time.monotonic()
        self.left = False
        for item in wanted:
            if item in self._known or began < self._missed.get(item, 0.0):
                continue
            if time.monotonic() - began > _BUDGET:
                # The cells wait for nothing of this: the rest is looked up at the next look.
                self.left = True
                break
            found = store.inputs(runs.get(item, f"{self._batch}/{item}"))
            if found:
                self._known[item] = _texts(found)
            else:
                # It runs, and is not stored yet.
                self._missed[item] = began + _ASK_AGAIN
        return self._known


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: preview(value, name=name, limit=_LONGEST)[1] for name, value in values.items()}
    # Of a longer one only the beginning is known: two of them cannot be told apart.
    return {name: text for name, text in texts.items() if len(text) < _LONGEST}
