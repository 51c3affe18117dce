"""What makes a store of few methods a whole one: how its runs keep what they start with, and the sync face's part of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypergraph.checkpointers.queries.ancestry import fork_id, source_missing
from hypergraph.checkpointers.tagged import TaggedSerializer
from hypergraph.exceptions import SerializationError
from hypergraph.records import Checkpoint, CheckpointLink, Journal, NewRun, PauseRecord, Run, StepRecord, WorkflowStatus, journal_of

__all__ = ["Link", "SyncDefaults", "checkpoint_of", "cut_of", "kept_of", "options_of", "serializer_of"]

# Under this name a run's config holds its inputs and seed, as the text of their safe stored form.
_KEPT = "starts_with"


@dataclass(frozen=True, slots=True)
class Link:
    """A run in a line of forks, with those of its steps that count."""

    run: Run
    steps: Sequence[StepRecord]


def serializer_of(store: object) -> TaggedSerializer:
    """Give the serializer that a store keeps beginnings with; made on first use, since others may not call our constructor."""
    found: TaggedSerializer | None = store.__dict__.get("_beginnings")
    if found is None:
        found = store.__dict__["_beginnings"] = TaggedSerializer()
    return found


def options_of(store: object, new: NewRun, existing: Run | None) -> dict[str, Any]:
    """Give the options of `create_run` for a run that begins or goes on; what it started with stays as it was."""
    names = ("graph_name", "parent_run_id", "forked_from", "fork_superstep", "retry_of", "retry_index")
    source: NewRun | Run = existing if existing is not None and new.resumes else new
    options: dict[str, Any] = {name: getattr(source, name) for name in names}
    kept = (existing.config or {}).get(_KEPT) if existing is not None and not new.renews else None
    if kept is None:
        kept = _text(serializer_of(store), {"inputs": new.inputs, "seed": new.seed})
    options["config"] = {**(new.config or {}), _KEPT: kept}
    return options


def _text(serializer: TaggedSerializer, parts: Mapping[str, Mapping[str, Any]]) -> str:
    found: dict[str, dict[str, Any]] = {}
    for part, values in parts.items():
        found[part] = {}
        for name, value in values.items():
            try:
                serializer.serialize(value)
            except SerializationError:
                # Left out: the run goes on, and a resume says that this input is missing.
                continue
            found[part][name] = value
    return serializer.serialize(found).decode("utf-8", "surrogatepass")


def kept_of(store: object, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give (inputs, seed) of a run."""
    text = (run.config or {}).get(_KEPT)
    if not isinstance(text, str):
        return {}, {}
    found = serializer_of(store).deserialize(text.encode("utf-8", "surrogatepass"))
    return dict(found["inputs"]), dict(found["seed"])


def cut_of(run: Run, cut: int | None) -> int | None:
    """Give up to which superstep a run's source counts."""
    return min((one for one in (cut, run.fork_superstep) if one is not None), default=None)


def checkpoint_of(store: object, run_id: str, superstep: int | None, line: Sequence[Link]) -> Checkpoint:
    """Fold a line of forks, newest first, into a checkpoint."""
    values: dict[str, Any] = {}
    steps: list[StepRecord] = []
    links: list[CheckpointLink] = []
    inputs: dict[str, Any] = {}
    for link in reversed(line):
        own, seed = kept_of(store, link.run)
        inputs = {**inputs, **own}
        values.update(seed)
        for step in link.steps:
            values.update(step.values or {})
        steps += link.steps
        links.append(CheckpointLink(link.run.id, inputs, seed, len(link.steps)))
    return Checkpoint(values, steps, source_run_id=run_id, source_superstep=superstep, inputs=inputs, line=tuple(links))


class SyncDefaults:
    """What SyncRunner needs beyond `SyncCheckpointerProtocol`, for a store of your own that has a sync face.

    Mix it in beside `Checkpointer`, and implement the protocol's writes with `get_run`, `runs`, `steps` and `state`, which mean what they
    mean on `SqliteCheckpointer`.
    """

    def begin_sync(self: Any, new: NewRun) -> int:
        """As `Checkpointer.begin`."""
        self.create_run_sync(new.run_id, **options_of(self, new, self.get_run(new.run_id)))
        return 0

    def finish_sync(
        self: Any,
        run_id: str,
        status: WorkflowStatus,
        *,
        duration_ms: float | None = None,
        node_count: int | None = None,
        error_count: int | None = None,
        pauses: Iterable[PauseRecord] = (),
        error: str | None = None,
    ) -> tuple[str, ...]:
        """As `Checkpointer.finish`."""
        self.update_run_status_sync(run_id, status, duration_ms=duration_ms, node_count=node_count, error_count=error_count)
        return ()

    def flush_sync(self, run_id: str | None = None) -> None:
        """As `Checkpointer.flush`."""
        return

    def inputs(self: Any, run_id: str) -> dict[str, Any]:
        """As `Checkpointer.get_inputs_async`."""
        run = self.get_run(run_id)
        return kept_of(self, run)[0] if run is not None else {}

    def children_inputs(self: Any, run_id: str) -> dict[str, dict[str, Any]]:
        """As `Checkpointer.get_children_inputs_async`."""
        return {child.id: self.inputs(child.id) for child in self.runs(parent_run_id=run_id, limit=None)}

    def sources(self, run_id: str) -> dict[str, tuple[str, str]]:
        """Give node name -> (hash, source text); a store that keeps none gives {}."""
        return {}

    def checkpoint(self: Any, run_id: str, *, superstep: int | None = None) -> Checkpoint:
        """As `Checkpointer.get_checkpoint`."""
        line: list[Link] = []
        wanted, cut = self.get_run(run_id), superstep
        while wanted is not None and all(wanted.id != link.run.id for link in line):
            line.append(Link(wanted, list(self.steps(wanted.id, superstep=cut))))
            cut = cut_of(wanted, cut)
            wanted = self.get_run(wanted.forked_from) if wanted.forked_from is not None else None
        return checkpoint_of(self, run_id, superstep, line)

    def journal(self: Any, run_id: str) -> Journal:
        """As `Checkpointer.get_journal_async`."""
        return journal_of(self.checkpoint(run_id))

    def rebuilt(self, checkpoint: Checkpoint) -> Checkpoint:
        """As `Checkpointer.rebuilt_async`."""
        return checkpoint

    def fork_journal(self: Any, source: str, *, workflow_id: str | None = None, retry: bool = False) -> tuple[str, Journal]:
        """As `Checkpointer.fork_journal_async`."""
        fork = self.retry_workflow if retry else self.fork_workflow
        new_id, checkpoint = fork(source, workflow_id=workflow_id)
        return new_id, journal_of(checkpoint)

    def fork_workflow(self: Any, source: str, *, workflow_id: str | None = None, superstep: int | None = None) -> tuple[str, Checkpoint]:
        """As `Checkpointer.fork_workflow_async`."""
        if self.get_run(source) is None:
            raise source_missing(source)
        return workflow_id or fork_id(source), self.checkpoint(source, superstep=superstep)

    def retry_workflow(self: Any, source: str, *, workflow_id: str | None = None, superstep: int | None = None) -> tuple[str, Checkpoint]:
        """As `Checkpointer.retry_workflow_async`."""
        if self.get_run(source) is None:
            raise source_missing(source)
        number = sum(1 for run in self.runs(limit=None) if run.retry_of == source) + 1
        checkpoint = self.checkpoint(source, superstep=superstep)
        return workflow_id or f"{source}-retry-{number}", replace(checkpoint, retry_of=source, retry_index=number)
