"""What a store is: the contract that runners speak, with working defaults for stores that others write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, Self, runtime_checkable

from hypergraph.checkpointers import defaults
from hypergraph.checkpointers.policy import CheckpointPolicy
from hypergraph.checkpointers.queries.ancestry import fork_id, source_missing
from hypergraph.checkpointers.queries.runs import ANY
from hypergraph.records import Checkpoint, Journal, NewRun, PauseRecord, Run, StepRecord, WorkflowStatus, journal_of

__all__ = ["Checkpointer", "SyncCheckpointerProtocol"]


@runtime_checkable
class SyncCheckpointerProtocol(Protocol):
    """What SyncRunner asks of a store: the writes, without an event loop."""

    def create_run_sync(self, run_id: str, **options: Any) -> Run:
        """Create a run, or start an existing one afresh."""
        ...

    def save_step_sync(self, record: StepRecord) -> None:
        """Store a step."""
        ...

    def update_run_status_sync(self, run_id: str, status: WorkflowStatus, **figures: Any) -> None:
        """Store how a run stands."""
        ...


class Checkpointer(ABC):
    """A store of runs and their steps.

    A store of your own implements the abstract methods; everything that runners need beyond them is built on those here.

    Args:
        policy: when steps are written and which are kept.
    """

    supports_sync = False

    def __init__(self, policy: CheckpointPolicy | None = None) -> None:
        self.policy = policy or CheckpointPolicy()

    async def initialize(self) -> None:
        """Prepare the store; called as often as you like."""
        return

    async def close(self) -> None:
        """Let go of what the store holds open."""
        return

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @abstractmethod
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
        """Create a run, ACTIVE; an existing id starts afresh and keeps only when it was created."""

    @abstractmethod
    async def save_step(self, record: StepRecord) -> None:
        """Store a step; one with the same run, superstep and node is replaced."""

    @abstractmethod
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

    @abstractmethod
    async def get_run_async(self, run_id: str) -> Run | None:
        """Give a run, or None."""

    @abstractmethod
    async def get_steps(self, run_id: str, *, superstep: int | None = None) -> list[StepRecord]:
        """Give a run's own steps (up to `superstep`), in the order in which they were completed."""

    @abstractmethod
    async def get_state(self, run_id: str, *, superstep: int | None = None) -> dict[str, Any]:
        """Give the values that the steps fold into."""

    @abstractmethod
    async def list_runs(
        self,
        *,
        status: WorkflowStatus | str | None = None,
        graph_name: str | None = None,
        since: datetime | None = None,
        parent_run_id: Any = ANY,
        limit: int | None = 100,
    ) -> list[Run]:
        """Give runs, newest first; `parent_run_id=None` gives top-level runs only."""

    async def get_checkpoint(self, run_id: str, *, superstep: int | None = None) -> Checkpoint:
        """Give a run's state at one moment, with the steps that made it: those of the runs it was forked from first."""
        line: list[defaults.Link] = []
        wanted, cut = await self.get_run_async(run_id), superstep
        while wanted is not None and all(wanted.id != link.run.id for link in line):
            line.append(defaults.Link(wanted, await self.get_steps(wanted.id, superstep=cut)))
            cut = defaults.cut_of(wanted, cut)
            wanted = await self.get_run_async(wanted.forked_from) if wanted.forked_from is not None else None
        return defaults.checkpoint_of(self, run_id, superstep, line)

    async def count_runs(self, *, status: WorkflowStatus | str | None = None, parent_run_id: Any = ANY, retry_of: str | None = None) -> int:
        """Count runs."""
        found = await self.list_runs(status=status, parent_run_id=parent_run_id, limit=None)
        return sum(1 for run in found if retry_of is None or run.retry_of == retry_of)

    async def search_async(self, query: str, *, field: str | None = None, limit: int = 20) -> list[StepRecord]:
        """Give steps that contain `query`, newest first; a store without an index finds nothing."""
        return []

    async def get_inputs_async(self, run_id: str) -> dict[str, Any]:
        """Give a run's inputs."""
        run = await self.get_run_async(run_id)
        return defaults.kept_of(self, run)[0] if run is not None else {}

    async def get_children_inputs_async(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Give the inputs of all children of a run, by child id."""
        children = await self.list_runs(parent_run_id=run_id, limit=None)
        return {child.id: await self.get_inputs_async(child.id) for child in children}

    async def get_sources_async(self, run_id: str) -> dict[str, tuple[str, str]]:
        """Give node name -> (hash, source text); a store that keeps none gives {}."""
        return {}

    async def fork_workflow_async(
        self, source: str, *, workflow_id: str | None = None, superstep: int | None = None
    ) -> tuple[str, Checkpoint]:
        """Give (id of the fork, checkpoint to start it from).

        Raises:
            ValueError: there is no such source.
        """
        await self._require(source)
        return workflow_id or fork_id(source), await self.get_checkpoint(source, superstep=superstep)

    async def retry_workflow_async(
        self, source: str, *, workflow_id: str | None = None, superstep: int | None = None
    ) -> tuple[str, Checkpoint]:
        """Give (id of the retry, checkpoint to start it from, which carries the retry's number).

        Raises:
            ValueError: there is no such source.
        """
        await self._require(source)
        number = await self.count_runs(retry_of=source) + 1
        checkpoint = await self.get_checkpoint(source, superstep=superstep)
        return workflow_id or f"{source}-retry-{number}", replace(checkpoint, retry_of=source, retry_index=number)

    async def get_journal_async(self, run_id: str) -> Journal:
        """Give what a run goes on from."""
        return journal_of(await self.get_checkpoint(run_id))

    async def rebuilt_async(self, checkpoint: Checkpoint) -> Checkpoint:
        """Give a checkpoint whose stand-ins are rebuilt where their classes are trusted by now; a store without stand-ins gives it back."""
        return checkpoint

    async def fork_journal_async(self, source: str, *, workflow_id: str | None = None, retry: bool = False) -> tuple[str, Journal]:
        """As `fork_workflow_async` or `retry_workflow_async`, but give what the new run goes on from."""
        fork = self.retry_workflow_async if retry else self.fork_workflow_async
        new_id, checkpoint = await fork(source, workflow_id=workflow_id)
        return new_id, journal_of(checkpoint)

    async def _require(self, source: str) -> None:
        if await self.get_run_async(source) is None:
            raise source_missing(source)

    # -- what the engine asks for

    def trust(self, things: Iterable[Any]) -> None:
        """Let stored objects of these classes be rebuilt: those that the graph's annotations name."""
        defaults.serializer_of(self).trust(things)

    async def begin(self, new: NewRun) -> int:
        """Take note that a run begins or goes on; returns the epoch under which it is owned (0: this store has no leases).

        What a run starts with is kept within its config, so that any store which keeps that can resume.
        """
        existing = await self.get_run_async(new.run_id)
        await self.create_run(new.run_id, **defaults.options_of(self, new, existing))
        return 0

    async def finish(
        self,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
        pauses: Iterable[PauseRecord] = (),
        error: str | None = None,
    ) -> tuple[str, ...]:
        """Take note of how a run ended; returns what could not be stored."""
        await self.update_run_status(run_id, status, duration_ms=duration_ms, node_count=node_count, error_count=error_count)
        return ()

    async def flush(self, run_id: str | None = None) -> None:
        """Return when everything that was given to the store is stored."""
        return
