"""Plain writes, for those who keep a store by hand: without a lease, and never into a run that somebody else runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypergraph.checkpointers.queries import lifecycle, runs, saving
from hypergraph.checkpointers.queries.context import Operation, held_by, owner_phrase, root_of
from hypergraph.checkpointers.queries.lifecycle import Ending
from hypergraph.checkpointers.rows import StepRow
from hypergraph.checkpointers.writing import WritingStore
from hypergraph.exceptions import already_running
from hypergraph.records import NewRun, Run, WorkflowStatus

__all__ = ["PlainWrites"]


class PlainWrites(WritingStore):
    """`create_run`, `update_run_status`, and steps of runs that do not run through this object."""

    def create_run_sync(
        self,
        run_id: str,
        *,
        graph_name: str | None = None,
        parent_run_id: str | None = None,
        forked_from: str | None = None,
        fork_superstep: int | None = None,
        retry_of: str | None = None,
        retry_index: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Run:
        """As `create_run`."""
        new = NewRun(run_id, graph_name, parent_run_id, forked_from, fork_superstep, retry_of, retry_index, config)
        return self._write(self._created(new))

    async def create_run(
        self,
        run_id: str,
        *,
        graph_name: str | None = None,
        parent_run_id: str | None = None,
        forked_from: str | None = None,
        fork_superstep: int | None = None,
        retry_of: str | None = None,
        retry_index: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Run:
        """Create a run, ACTIVE; an existing id starts afresh and keeps only when it was created. No lease is taken."""
        new = NewRun(run_id, graph_name, parent_run_id, forked_from, fork_superstep, retry_of, retry_index, config)
        return await self._write_async(lambda: self._created(new))

    def _created(self, new: NewRun) -> Operation[Run]:
        yield from self._refuse_others(new.run_id)
        owner = yield from self._owner()
        yield from lifecycle.begin(self._context, new, {}, owner, claims=False)
        run = yield from runs.get_run(self._context, new.run_id)
        assert run is not None
        return run

    def update_run_status_sync(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
    ) -> None:
        """As `update_run_status`."""
        self._write(self._unkept_end(Ending(run_id, WorkflowStatus(status), duration_ms, node_count, error_count)))

    async def update_run_status(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
    ) -> None:
        """Store how a run stands; figures that are left out stay as they are."""
        ending = Ending(run_id, WorkflowStatus(status), duration_ms, node_count, error_count)
        await self._write_async(lambda: self._unkept_end(ending))

    def _unkept_step(self, row: StepRow) -> Operation[None]:
        """Store a step of a run that does not run through this object, unless somebody else runs it."""
        yield from self._refuse_others(row.run_id)
        run = yield from saving.locate(row.run_id)
        if run is None:
            parent = row.run_id.rpartition("/")[0] or None
            new = NewRun(row.run_id, parent_run_id=parent)
            run = (yield from lifecycle.begin(self._context, new, {}, None, claims=False)).key
        node = yield from saving.ensure_node(row.node_name, row.node_type)
        yield from saving.add_step(run, node, row, self.policy)
        yield "UPDATE runs SET indexed = NULL WHERE key = ? AND indexed IS NOT NULL", (run,)

    def _refuse_others(self, run_id: str) -> Operation[None]:
        root = root_of(run_id)
        held = yield from held_by(self._context, root)
        if held.alive and held.claimed_at is not None:
            raise already_running(root, owner_phrase(held))

    def _unkept_end(self, ending: Ending) -> Operation[None]:
        yield from self._refuse_others(ending.run_id)
        yield from lifecycle.end(ending, releases=True)
