"""How far Daft has come. Daft's subscriber API, which is still in flux, is met here and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any, Self

from hypergraph.runners.daft.loading import load_daft

__all__ = ["DaftProgress", "OperatorRows"]

_ALIASES = count()


@dataclass(frozen=True, slots=True)
class OperatorRows:
    """What one operator of a running query has done.

    Attributes:
        name: Daft's name for it; a UDF's has the names of its nodes.
        rows_in: rows it has taken in.
        rows_out: rows it has given.
        finished: it is through.
    """

    name: str
    rows_in: int = 0
    rows_out: int = 0
    finished: bool = False


class DaftProgress(AbstractContextManager["DaftProgress"]):
    """Counts the rows that Daft has seen while this is open, in all queries of this process.

        with DaftProgress(lambda progress: print(progress.rows)) as progress:
            DaftRunner().map(graph, items, map_over="x")

    Args:
        changed: called with this object after each change, from a thread of Daft's; what it raises is ignored.
    """

    def __init__(self, changed: Callable[[DaftProgress], None] | None = None) -> None:
        self._changed = changed
        self._operators: dict[tuple[str, int], OperatorRows] = {}
        self._lock = threading.Lock()
        self._alias = f"hypergraph-progress-{next(_ALIASES)}"

    @property
    def operators(self) -> tuple[OperatorRows, ...]:
        """Every operator that has started, the first one first."""
        with self._lock:
            return tuple(self._operators.values())

    @property
    def rows(self) -> int:
        """Rows that have gone through a UDF; the one that has seen fewest counts, since all rows go through each."""
        given = [one.rows_out for one in self.operators if one.name.startswith("UDF")]
        return min(given, default=0)

    def __enter__(self) -> Self:
        load_daft().attach_subscriber(self._alias, _subscriber(self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        load_daft().detach_subscriber(self._alias)

    def started(self, query: str, node: int, name: str) -> None:
        """Take in that an operator has started."""
        self._update(query, node, lambda known: known if known.name else OperatorRows(name, known.rows_in, known.rows_out))

    def counted(self, query: str, stats: Mapping[int, Mapping[str, tuple[Any, Any]]]) -> None:
        """Take in numbers of rows."""
        for node, figures in stats.items():
            rows = {name: figures[name][1] for name in ("rows.in", "rows.out") if name in figures}
            self._update(
                query,
                node,
                lambda known, rows=rows: OperatorRows(  # type: ignore[misc]  # a default carries this turn's figures
                    known.name, rows.get("rows.in", known.rows_in), rows.get("rows.out", known.rows_out), known.finished
                ),
            )

    def ended(self, query: str, node: int) -> None:
        """Take in that an operator is through."""
        self._update(query, node, lambda known: OperatorRows(known.name, known.rows_in, known.rows_out, finished=True))

    def _update(self, query: str, node: int, change: Callable[[OperatorRows], OperatorRows]) -> None:
        with self._lock:
            known = self._operators.get((query, node), OperatorRows(""))
            new = change(known)
            self._operators[query, node] = new
        if new != known and self._changed is not None:
            try:
                self._changed(self)
            except Exception:  # a listener must not stop the query that it watches
                return


def _subscriber(progress: DaftProgress) -> Any:
    from daft.subscribers import Subscriber

    class Listener(Subscriber):  # type: ignore[misc, unused-ignore]
        """Passes on what counts."""

        def on_operator_start(self, event: Any) -> None:
            progress.started(event.query_id, event.node_id, event.name)

        def on_operator_end(self, event: Any) -> None:
            progress.ended(event.query_id, event.node_id)

        def on_stats(self, event: Any) -> None:
            progress.counted(event.query_id, event.stats)

    return Listener()
