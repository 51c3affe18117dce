"""A graph inside a graph: how a GraphNode's step runs its inner graph, once or per item, and takes over how that ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypergraph.engine.answers import answers_for
from hypergraph.engine.batch import Batch, batch_flow
from hypergraph.engine.delegation import delegated_step, inner_clone, settle
from hypergraph.engine.journal import FAILED, Line
from hypergraph.engine.mapping import items_of
from hypergraph.engine.requests import Ask, Flow
from hypergraph.engine.run import Ended, Origin, Run
from hypergraph.exceptions import GraphConfigError
from hypergraph.plan import INNER, plan_of
from hypergraph.records import RunStatus

__all__ = ["nested_step"]


def nested_step(run: Run, line: Line, values: Sequence[Any]) -> Flow:
    """Run the inner graph of `line`'s operation, and fill the line with what came of it."""
    node: Any = line.op.node
    inputs = {node.inner_address(argument.name): value for argument, value in zip(line.op.args, values, strict=True) if value is not INNER}
    if node.runner_override is not None:
        yield from delegated_step(run, line, inputs)
    elif node.map_config is not None:
        yield from _mapped(run, line, inputs)
    else:
        yield from _single(run, line, inputs)


def _single(run: Run, line: Line, inputs: dict[str, Any]) -> Flow:
    from hypergraph.engine.flows import run_flow

    node: Any = line.op.node
    workflow_id, turn = _child_id(run, line), run.turn(line.op)
    if workflow_id is not None and turn > 1:
        workflow_id = f"{workflow_id}/{turn}"
    origin = yield from child_origin(run, workflow_id, f"{node.name}/{turn}" if turn > 1 else node.name)
    child = _child(run, line, workflow_id, inputs, origin)
    child.answers = answers_for(node, run.answers)
    ended: Ended = yield from run_flow(child)
    line.child_run_id = child.stored_id if run.session.stored else None
    line.inner = ended.log
    settle(line, node, ended)


def _child(run: Run, line: Line, workflow_id: str | None, inputs: dict[str, Any], origin: Origin | None) -> Run:
    from hypergraph.events.ids import new_run_id

    node: Any = line.op.node
    return Run(
        run.session,
        node.graph,
        plan_of(node.graph),
        new_run_id(),
        inputs=inputs,
        workflow_id=workflow_id,
        parent_span=line.span_id or None,
        parent_workflow_id=run.workflow_id,
        origin=origin,
        path=(*run.path, node.name),
        finishes=run.finishes or node.complete_on_stop,
    )


def _child_id(run: Run, line: Line) -> str | None:
    return f"{run.workflow_id}/{line.op.name}" if run.workflow_id is not None else None


def child_origin(run: Run, workflow_id: str | None, name: str) -> Flow:
    """Find what a child goes on from: its own earlier run on a resume, its source's unfinished child on a fork."""
    origin = run.origin
    if origin is None or not run.session.stored or workflow_id is None:
        return None
    if origin.resumes:
        existing = yield Ask("get_run_async", workflow_id)
        if existing is None:
            return None
        return Origin(True, (yield Ask("get_journal_async", workflow_id)), lost_claims=origin.lost_claims)
    if origin.source_id is None:
        return None
    source = f"{origin.source_id}/{name}"
    existing = yield Ask("get_run_async", source)
    if existing is None or existing.status.value == "completed":
        return None
    journal = yield Ask("get_journal_async", source)
    return Origin(False, journal, source_id=source, retry_of=source if origin.retry_of else None, retry_index=origin.retry_index)


def _mapped(run: Run, line: Line, inputs: dict[str, Any]) -> Flow:
    node: Any = line.op.node
    params = tuple(node.inner_address(name) for name in node.mapped_inputs)
    try:
        items = items_of(inputs, params, node.map_mode, inner_clone(node))
    except (ValueError, GraphConfigError) as error:
        line.status, line.error = FAILED, error
        return
    workflow_id, turn = _child_id(run, line), run.turn(line.op)
    if workflow_id is not None and turn > 1:
        workflow_id = f"{workflow_id}/turn-{turn}"
    name = f"{node.name}/turn-{turn}" if turn > 1 else node.name
    batch = Batch(
        run.session,
        node.graph,
        items,
        keep_going=node.map_error_handling == "continue",
        workflow_id=workflow_id,
        parent_span=line.span_id or None,
        parent_workflow_id=run.workflow_id,
        path=(*run.path, node.name),
        finishes=run.finishes or node.complete_on_stop,
        resumes=run.origin is not None and run.origin.resumes,
        source_id=f"{run.origin.source_id}/{name}" if run.origin is not None and run.origin.source_id else None,
    )
    ended = yield from batch_flow(batch)
    line.child_run_id = workflow_id if run.session.stored else None
    line.inner = ended.log
    if ended.error is not None and not batch.keep_going:
        line.status, line.error = FAILED, ended.error
        return
    line.values = tuple(ended.column(node.inner_output(name)) for name in node.data_outputs)
    line.partial = ended.status is RunStatus.STOPPED
