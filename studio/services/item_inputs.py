"""The inputs of a batch's items as texts: failures of a kind may share them. Of a large batch the failed items and some others are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from studio.model.preview import preview

if TYPE_CHECKING:
    from hypergraph.checkpointers import ReadonlyStore

__all__ = ["ItemInputs"]

_ALL: Final = 2_000
_OTHERS: Final = 400
_FAILED: Final = 4_000
_AT_ONCE: Final = 300
_LONGEST: Final = 1_000


class ItemInputs:
    """Reads inputs of items, each once.

    Args:
        batch: the batch's run.
    """

    def __init__(self, batch: str) -> None:
        self._batch = batch
        self._known: dict[int, dict[str, str]] = {}
        self.left = False

    def of(self, store: ReadonlyStore, size: int, failed: Collection[int], runs: Mapping[int, str]) -> Mapping[int, Mapping[str, str]]:
        """Give item -> its inputs as texts, as far as they are known; `left` says whether there is more to look up.

        Args:
            store: the store.
            size: how many items there are.
            failed: the items that failed; of very many the first ones are looked at.
            runs: item -> its run, where that is not simply its number.
        """
        if size <= _ALL and len(self._known) < len(failed):
            for run_id, values in store.children_inputs(self._batch).items():
                number = run_id.removeprefix(f"{self._batch}/")
                if number.isdigit():
                    self._known[int(number)] = _texts(values)
        wanted = [*sorted(failed)[:_FAILED], *range(0, size, max(1, size // _OTHERS))]
        missing = [item for item in wanted if item not in self._known]
        self.left = len(missing) > _AT_ONCE
        for item in missing[:_AT_ONCE]:
            found = store.inputs(runs.get(item, f"{self._batch}/{item}"))
            if found:
                self._known[item] = _texts(found)
        return self._known


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: preview(value, name=name, limit=_LONGEST)[1] for name, value in values.items()}
    # Of a longer one only the beginning is known: two of them cannot be told apart.
    return {name: text for name, text in texts.items() if len(text) < _LONGEST}
