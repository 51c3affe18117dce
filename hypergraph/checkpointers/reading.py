"""The reading half of a store, once for both faces: each operation is driven over sqlite3 or over aiosqlite."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any, TypeVar

from hypergraph.checkpointers.base import Checkpointer
from hypergraph.checkpointers.lineage import LineageView
from hypergraph.checkpointers.queries import ancestry, journals, runs, searching, steps
from hypergraph.checkpointers.queries.context import Context, Operation
from hypergraph.checkpointers.queries.runs import ANY
from hypergraph.checkpointers.rebuilding import rebuilt
from hypergraph.checkpointers.tables import RunTable, StepTable
from hypergraph.records import Checkpoint, Journal, Run, StepRecord, WorkflowStatus

__all__ = ["ReadingFaces"]

T = TypeVar("T")


class ReadingFaces(Checkpointer):
    """Every way of reading a store, blocking and awaited."""

    _context: Context

    @abstractmethod
    def _read(self, operation: Operation[T]) -> T:
        """Perform an operation now."""

    @abstractmethod
    async def _read_async(self, operation: Operation[T]) -> T:
        """Perform an operation without blocking the event loop."""

    @abstractmethod
    def _index(self) -> bool:
        """Bring the search index up to date, if the store can be written; tells whether it is."""

    @abstractmethod
    async def _index_async(self) -> bool:
        """As `_index`."""

    # -- one run

    def get_run(self, run_id: str) -> Run | None:
        """Give a run, or None."""
        return self._read(runs.get_run(self._context, run_id))

    async def get_run_async(self, run_id: str) -> Run | None:
        """As `get_run`."""
        return await self._read_async(runs.get_run(self._context, run_id))

    def inputs(self, run_id: str) -> dict[str, Any]:
        """Give the inputs that a run was started with; {} for an unknown one."""
        return self._read(runs.get_inputs(self._context, run_id))

    async def get_inputs_async(self, run_id: str) -> dict[str, Any]:
        """As `inputs`."""
        return await self._read_async(runs.get_inputs(self._context, run_id))

    async def get_children_inputs_async(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Give the inputs of all children of a run, by child id: what a batch needs to recognise its items again."""
        return await self._read_async(runs.get_children_inputs(self._context, run_id))

    def children_inputs(self, run_id: str) -> dict[str, dict[str, Any]]:
        """As `get_children_inputs_async`."""
        return self._read(runs.get_children_inputs(self._context, run_id))

    def sources(self, run_id: str) -> dict[str, tuple[str, str]]:
        """Give node name -> (hash, source text) of the graph that a run was made with."""
        return self._read(runs.get_sources(self._context, run_id))

    async def get_sources_async(self, run_id: str) -> dict[str, tuple[str, str]]:
        """As `sources`."""
        return await self._read_async(runs.get_sources(self._context, run_id))

    # -- many runs

    def runs(
        self,
        *,
        status: WorkflowStatus | str | None = None,
        graph_name: str | None = None,
        since: datetime | None = None,
        parent_run_id: Any = ANY,
        limit: int | None = 100,
    ) -> RunTable:
        """Give runs, newest first.

        Args:
            status: only those that stand so.
            graph_name: only those of this graph.
            since: only those created at this moment or later.
            parent_run_id: only children of this run; None gives top-level runs only; left out, all.
            limit: no more than this many; None gives all.
        """
        return RunTable(
            self._read(
                runs.list_runs(self._context, status=status, graph_name=graph_name, since=since, parent_run_id=parent_run_id, limit=limit)
            )
        )

    async def list_runs(
        self,
        *,
        status: WorkflowStatus | str | None = None,
        graph_name: str | None = None,
        since: datetime | None = None,
        parent_run_id: Any = ANY,
        limit: int | None = 100,
    ) -> list[Run]:
        """As `runs`."""
        return await self._read_async(
            runs.list_runs(self._context, status=status, graph_name=graph_name, since=since, parent_run_id=parent_run_id, limit=limit)
        )

    async def count_runs(self, *, status: WorkflowStatus | str | None = None, parent_run_id: Any = ANY, retry_of: str | None = None) -> int:
        """Count runs."""
        return await self._read_async(runs.count_runs(self._context, status=status, parent_run_id=parent_run_id, retry_of=retry_of))

    # -- steps and what they fold into

    def steps(self, run_id: str, *, superstep: int | None = None) -> StepTable:
        """Give a run's own steps (up to `superstep`), in the order in which they were completed."""
        return StepTable(self._read(steps.get_steps(self._context, run_id, superstep=superstep)))

    async def get_steps(self, run_id: str, *, superstep: int | None = None) -> list[StepRecord]:
        """As `steps`."""
        return await self._read_async(steps.get_steps(self._context, run_id, superstep=superstep))

    def state(self, run_id: str, *, superstep: int | None = None) -> dict[str, Any]:
        """Give the values that a run's steps fold into, what a fork inherits first; run inputs are not among them."""
        return self._read(steps.get_state(self._context, run_id, superstep=superstep))

    async def get_state(self, run_id: str, *, superstep: int | None = None) -> dict[str, Any]:
        """As `state`."""
        return await self._read_async(steps.get_state(self._context, run_id, superstep=superstep))

    def values(self, run_id: str, *, key: str | None = None) -> dict[str, Any]:
        """Give a run's state, or one value of it; {} when there is none of that name."""
        found = self.state(run_id)
        if key is None:
            return found
        return {key: found[key]} if key in found else {}

    def checkpoint(self, run_id: str, *, superstep: int | None = None) -> Checkpoint:
        """Give a run's state at one moment, with the steps that made it and the run's inputs: what a fork starts from."""
        return self._read(steps.get_checkpoint(self._context, run_id, superstep=superstep))

    async def get_checkpoint(self, run_id: str, *, superstep: int | None = None) -> Checkpoint:
        """As `checkpoint`."""
        return await self._read_async(steps.get_checkpoint(self._context, run_id, superstep=superstep))

    def stats(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Give figures per node: steps, total_ms, avg_ms, max_ms, errors, cache_hits, attempts, node_type."""
        return self._read(steps.stats(self._context, run_id))

    # -- across runs

    def lineage(self, workflow_id: str, *, include_steps: bool = True, max_runs: int = 200) -> LineageView:
        """Give the tree of forks and retries that a run stands in.

        Raises:
            ValueError: there is no such run.
        """
        return self._read(ancestry.lineage(self._context, workflow_id, include_steps=include_steps, max_runs=max_runs))

    def search(self, query: str, *, field: str | None = None, limit: int = 20) -> StepTable:
        """Give steps that contain all words of `query`, newest first.

        Args:
            query: plain words; the last one may be the beginning of a word.
            field: look in "node_name", "error" or "values" only.
            limit: no more than this many.
        """
        indexed = self._index()
        return StepTable(self._read(searching.search(self._context, query, field=field, limit=limit, indexed=indexed)))

    async def search_async(self, query: str, *, field: str | None = None, limit: int = 20) -> list[StepRecord]:
        """As `search`."""
        indexed = await self._index_async()
        return await self._read_async(searching.search(self._context, query, field=field, limit=limit, indexed=indexed))

    def fork_workflow(self, source: str, *, workflow_id: str | None = None, superstep: int | None = None) -> tuple[str, Checkpoint]:
        """Give (id of the fork, checkpoint to start it from); nothing is stored yet.

        Raises:
            ValueError: there is no such source.
            WorkflowForkError: `workflow_id` is taken.
        """
        return self._read(ancestry.fork_workflow(self._context, source, workflow_id=workflow_id, superstep=superstep))

    async def fork_workflow_async(
        self, source: str, *, workflow_id: str | None = None, superstep: int | None = None
    ) -> tuple[str, Checkpoint]:
        """As `fork_workflow`."""
        return await self._read_async(ancestry.fork_workflow(self._context, source, workflow_id=workflow_id, superstep=superstep))

    def journal(self, run_id: str) -> Journal:
        """Give what a run goes on from."""
        return self._read(journals.get_journal(self._context, run_id))

    async def get_journal_async(self, run_id: str) -> Journal:
        """As `journal`."""
        return await self._read_async(journals.get_journal(self._context, run_id))

    def rebuilt(self, checkpoint: Checkpoint) -> Checkpoint:
        """Give a checkpoint whose stand-ins are rebuilt where their classes are trusted by now."""
        return rebuilt(checkpoint, self._context.codec.reader)

    async def rebuilt_async(self, checkpoint: Checkpoint) -> Checkpoint:
        """As `rebuilt`."""
        return self.rebuilt(checkpoint)

    def fork_journal(self, source: str, *, workflow_id: str | None = None, retry: bool = False) -> tuple[str, Journal]:
        """As `fork_workflow` or `retry_workflow`, but give what the new run goes on from."""
        return self._read(journals.fork_journal(self._context, source, workflow_id=workflow_id, retry=retry))

    async def fork_journal_async(self, source: str, *, workflow_id: str | None = None, retry: bool = False) -> tuple[str, Journal]:
        """As `fork_journal`."""
        return await self._read_async(journals.fork_journal(self._context, source, workflow_id=workflow_id, retry=retry))

    def retry_workflow(self, source: str, *, workflow_id: str | None = None, superstep: int | None = None) -> tuple[str, Checkpoint]:
        """Give (id of the retry, checkpoint to start it from, which carries the retry's number); nothing is stored yet.

        Raises:
            ValueError: there is no such source.
            WorkflowForkError: `workflow_id` is taken.
        """
        return self._read(ancestry.fork_workflow(self._context, source, workflow_id=workflow_id, superstep=superstep, retry=True))

    async def retry_workflow_async(
        self, source: str, *, workflow_id: str | None = None, superstep: int | None = None
    ) -> tuple[str, Checkpoint]:
        """As `retry_workflow`."""
        return await self._read_async(
            ancestry.fork_workflow(self._context, source, workflow_id=workflow_id, superstep=superstep, retry=True)
        )
