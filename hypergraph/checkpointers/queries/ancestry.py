"""Forks and retries: what a new one starts from, and the tree that they make."""

from __future__ import annotations

import secrets
from dataclasses import replace

from hypergraph._text import fix
from hypergraph.checkpointers.lineage import LineageView, parent_of, rows_of_tree
from hypergraph.checkpointers.queries.context import Context, Operation
from hypergraph.checkpointers.queries.runs import count_runs, get_run
from hypergraph.checkpointers.queries.steps import get_checkpoint, get_steps, refuse_dropped
from hypergraph.exceptions import WorkflowForkError
from hypergraph.records import Checkpoint, Run

__all__ = ["fork_id", "fork_workflow", "lineage", "next_id", "source_missing"]


def fork_workflow(
    context: Context, source: str, *, workflow_id: str | None = None, superstep: int | None = None, retry: bool = False
) -> Operation[tuple[str, Checkpoint]]:
    """Give the id of a fork or retry, and the checkpoint that it starts from.

    Raises:
        ValueError: there is no such source.
        WorkflowForkError: the id is taken.
        CheckpointError: the source's window has dropped steps.
    """
    new_id, number = yield from next_id(context, source, workflow_id=workflow_id, retry=retry)
    yield from refuse_dropped(source)
    checkpoint = yield from get_checkpoint(context, source, superstep=superstep)
    return new_id, replace(checkpoint, retry_of=source, retry_index=number) if retry else checkpoint


def next_id(context: Context, source: str, *, workflow_id: str | None, retry: bool) -> Operation[tuple[str, int | None]]:
    """Give the id of a fork or retry, and a retry's number.

    Raises:
        ValueError: there is no such source.
        WorkflowForkError: the id is taken.
    """
    if not (yield from _exists(source)):
        raise source_missing(source)
    if workflow_id is not None and (yield from _exists(workflow_id)):
        raise WorkflowForkError(
            f"Workflow {workflow_id!r} exists already; nothing can be forked or retried into it."
            + fix("Use a new workflow_id, or leave it out to get one made up"),
            workflow_id=workflow_id,
        )
    if not retry:
        return workflow_id or fork_id(source), None
    number = (yield from count_runs(context, retry_of=source)) + 1
    return workflow_id or f"{source.replace('/', '-')}-retry-{number}", number


def _exists(run_id: str) -> Operation[bool]:
    return bool((yield "SELECT 1 FROM runs WHERE id = ?", (run_id,)))


def lineage(context: Context, run_id: str, *, include_steps: bool = True, max_runs: int = 200) -> Operation[LineageView]:
    """Give the tree that a run stands in: its oldest ancestor, and all forks and retries of that.

    Raises:
        ValueError: there is no such run.
    """
    selected = yield from get_run(context, run_id)
    if selected is None:
        raise ValueError(f"Unknown workflow_id {run_id!r}." + fix("Look up the id with checkpointer.runs()"))
    root: Run = selected
    seen = {root.id}
    while (source := parent_of(root)) is not None and source not in seen:
        found = yield from get_run(context, source)
        if found is None:
            break
        seen.add(source)
        root = found
    # The way from the root to the selected run is in it whatever the limit is.
    ids = yield (
        "WITH RECURSIVE tree (id, depth) AS (SELECT ?1, 0 UNION SELECT r.id, tree.depth + 1 FROM tree JOIN runs r "
        "ON r.forked_from = tree.id OR (r.retry_of = tree.id AND r.forked_from IS NULL) WHERE tree.depth < 10000 LIMIT ?2) "
        "SELECT DISTINCT id FROM tree",
        (root.id, max_runs),
    )
    wanted = list(dict.fromkeys([*(row[0] for row in ids), *seen]))
    runs: list[Run] = []
    for one in wanted:
        run = yield from get_run(context, one)
        if run is not None:
            runs.append(run)
    steps = {}
    if include_steps:
        for run in runs:
            steps[run.id] = yield from get_steps(context, run.id)
    return LineageView(rows_of_tree(runs, root.id, run_id), selected_run_id=run_id, root_run_id=root.id, steps_by_run=steps)


def fork_id(source: str) -> str:
    """Make up an id for a fork: "SRC-fork-xxxxxx". A child's fork is a top-level run, so its slashes go."""
    return f"{source.replace('/', '-')}-fork-{secrets.token_hex(3)}"


def source_missing(source: str) -> ValueError:
    """Say that there is no run to fork or retry."""
    return ValueError(f"Unknown source workflow_id {source!r}." + fix("Look up the id with checkpointer.runs()"))
