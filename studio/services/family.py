"""The family of a run: what each fork and retry took over, and which code had changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from studio.model.rows import lineage_rows

if TYPE_CHECKING:
    from hypergraph.checkpointers import LineageView, ReadonlyStore, Run
    from studio.model.lineage_view import LineageRow

__all__ = ["family_rows"]

_NAMED: Final = 3
_MOST: Final = 40


def family_rows(store: ReadonlyStore, run_id: str, now: float, secrets: Collection[str] = ()) -> tuple[LineageRow, ...]:
    """Give the runs that came from one another, each with what was changed from one to the next; () for a run alone.

    Args:
        store: the store.
        run_id: one of them.
        now: Unix seconds.
        secrets: further names whose values are not shown.

    Raises:
        ValueError: there is no such run.
    """
    tree = store.lineage(run_id, include_steps=False)
    if len(tree) < 2:
        return lineage_rows(tree, now, secrets=secrets)
    # Of a large family, what was taken over is counted of its first members alone: each has to be read.
    near = {row.run.id for row in list(tree)[:_MOST]} | {run_id}
    kept = {row.run.id: _kept(store, row.run) for row in tree if row.run.id in near and row.run.forked_from is not None}
    return lineage_rows(tree, now, code=_code(store, tree), kept=kept, secrets=secrets)


def _kept(store: ReadonlyStore, run: Run) -> int:
    """Count the steps of the source that stand in a fork."""
    steps = store.checkpoint(run.id).steps
    # A fork from the end runs again what its change reaches; one from a superstep keeps all that went before.
    again = {step.node_name for step in steps if step.run_id == run.id} if run.fork_superstep is None else set()
    return sum(1 for step in steps if step.run_id != run.id and str(step.status) == "completed" and step.node_name not in again)


def _code(store: ReadonlyStore, tree: LineageView) -> dict[str, str]:
    """Say what code had changed from a run's source to it; nothing of those where it is the same."""
    runs = {row.run.id: row.run for row in tree}
    found: dict[str, str] = {}
    for run in runs.values():
        source = runs.get(run.forked_from or run.retry_of or "")
        if source is None:
            continue
        before, after = (source.config or {}).get("graph_code_hash"), (run.config or {}).get("graph_code_hash")
        if before == after or not before or not after:
            continue
        old, new = store.sources(source.id), store.sources(run.id)
        names = [name for name, (digest, _) in new.items() if name in old and old[name][0] != digest]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        found[run.id] = f"code: {', '.join(names[:_NAMED])}{more} changed" if names else "code changed"
    return found
