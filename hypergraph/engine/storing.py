"""What a store is told about a run: where it comes from, what it was given, and which questions wait."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from hypergraph._typing import format_type
from hypergraph.engine.restore import good_values
from hypergraph.plan import plan_of
from hypergraph.records import NewRun, PauseRecord

if TYPE_CHECKING:
    from hypergraph.engine.batch import Batch
    from hypergraph.engine.run import Run
    from hypergraph.graph import Graph
    from hypergraph.results import PauseInfo

__all__ = ["annotated_types", "new_batch", "new_run", "pause_records"]


def new_run(run: Run) -> NewRun:
    """Say what a run begins with, or goes on with."""
    origin = run.origin
    resumes = origin is not None and origin.resumes
    fork = origin if origin is not None and not origin.resumes else None
    top = run.parent_workflow_id is None
    return NewRun(
        run_id=run.stored_id,
        graph_name=run.graph.name,
        parent_run_id=run.parent_workflow_id,
        forked_from=fork.source_id if fork is not None else None,
        fork_superstep=fork.source_superstep if fork is not None else None,
        retry_of=fork.retry_of if fork is not None else None,
        retry_index=fork.retry_index if fork is not None else None,
        config=config_of(run.graph, "run"),
        inputs={**fork.journal.inputs, **run.inputs} if fork is not None else run.inputs,
        seed=(good_values(run.plan, fork, run.inputs) if fork.foreign else fork.edits) if fork is not None else {},
        sources=run.graph.sources if top else {},
        changes=fork.changes if fork is not None else None,
        actor=run.session.actor,
        resumes=resumes,
        take_over=run.session.take_over and top,
    )


def new_batch(batch: Batch) -> NewRun:
    """Say what a batch begins with."""
    top = batch.parent_workflow_id is None
    return NewRun(
        run_id=batch.workflow_id or batch.run_id,
        graph_name=batch.graph.name,
        parent_run_id=batch.parent_workflow_id,
        forked_from=batch.retry_of,
        retry_of=batch.retry_of,
        retry_index=batch.retry_index,
        config={
            **config_of(batch.graph, "map"),
            "map_over": list(batch.items.params),
            "map_mode": batch.items.mode,
            "map_size": batch.items.count,
        },
        inputs=dict(batch.given) if top else {},
        sources=batch.graph.sources if top else {},
        actor=batch.session.actor,
        resumes=batch.resumes,
        take_over=batch.session.take_over and top,
        # Each child keeps what it was given; the batch is what it was last called with.
        renews=top,
    )


def config_of(graph: Graph, kind: str) -> dict[str, Any]:
    """Give what is kept of a graph beside its steps: both hashes, and whether it was run or mapped."""
    return {"kind": kind, "graph_struct_hash": graph.structural_hash, "graph_code_hash": graph.code_hash}


def pause_records(pauses: Iterable[PauseInfo]) -> tuple[PauseRecord, ...]:
    """Give questions as they are stored: what is asked, which type the answer has, and what may be chosen."""
    return tuple(
        PauseRecord(
            node_name=pause.node_name,
            response_keys=dict(pause.response_keys),
            values=dict(pause.inputs if pause.inputs is not None else pause.values or {}),
            answer_type=format_type(pause.answer_type) if pause.answer_type is not None else None,
            choices=choices_of(pause.answer_type),
        )
        for pause in pauses
    )


def choices_of(annotation: Any) -> tuple[str, ...] | None:
    """Give the admissible answers where an annotation lists them."""
    if annotation is bool:
        return ("True", "False")
    if get_origin(annotation) is Literal:
        return tuple(str(one) for one in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(member.name for member in annotation)
    return None


def annotated_types(graph: Graph) -> frozenset[Any]:
    """Give every type that a graph's annotations name, and the modules that its functions are from: trusted when values are read back."""
    derived = plan_of(graph).derived
    found: frozenset[Any] | None = derived.get("types")
    if found is None:
        found = derived["types"] = frozenset(_types(graph))
    return found


def _types(graph: Graph) -> set[Any]:
    found: set[Any] = set()
    for node in graph.scope.nodes:
        if node.code is None:
            found |= annotated_types(node.graph)  # type: ignore[attr-defined]
            continue
        found.add(getattr(node.code.func, "__module__", None) or "builtins")
        for name in node.inputs:
            _collect(node.get_input_type(name), found)
        for name in node.data_outputs:
            _collect(node.get_output_type(name), found)
    return found


def _collect(annotation: Any, found: set[Any]) -> None:
    if isinstance(annotation, type):
        found.add(annotation)
    for part in get_args(annotation):
        _collect(part, found)
