"""Many runs of one graph: a batch is a flow over item flows, read only as far as items are being run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hypergraph.engine import reports
from hypergraph.engine.journal import error_text
from hypergraph.engine.matching import match_items
from hypergraph.engine.readiness import frontier
from hypergraph.engine.requests import Ask, Flow, Together
from hypergraph.engine.restore import restore
from hypergraph.engine.run import Ended, Origin, Run, Session
from hypergraph.engine.storing import new_batch
from hypergraph.events.ids import new_run_id
from hypergraph.plan import plan_of
from hypergraph.records import RunStatus, WorkflowStatus

if TYPE_CHECKING:
    from hypergraph.engine.mapping import Items
    from hypergraph.engine.matching import ItemPlan
    from hypergraph.graph import Graph
    from hypergraph.records import Run as StoredRun
    from hypergraph.runlog import MapLog

__all__ = ["Batch", "BatchEnded", "batch_flow", "overall"]


class Batch:
    """What a batch is made of.

    Attributes:
        items: their inputs.
        keep_going: a failed item does not end the batch.
        given: the batch's inputs as they were given, kept with a top-level batch so that it can be called again without them.
        only: run these items alone, in the given order; None runs all.
        plans: stored item -> what it goes on from; None where nothing is stored.
        sink: takes each item as it ends, in place of keeping it.
        prepare: turns an item's inputs into (inputs, error): where an input is missing the item fails without running.
        resumes, source_id: the batch goes on, or is forked from this one.
    """

    __slots__ = (
        "finishes", "given", "graph", "items", "keep_going", "only", "parent_span", "parent_workflow_id", "path", "plans", "prepare",
        "resumes", "retry_index", "retry_of", "run_id", "session", "sink", "source_id", "span_id", "workflow_id",
    )  # fmt: skip

    def __init__(
        self,
        session: Session,
        graph: Graph,
        items: Items,
        *,
        keep_going: bool,
        workflow_id: str | None = None,
        parent_span: str | None = None,
        parent_workflow_id: str | None = None,
        path: tuple[str, ...] = (),
        finishes: bool = False,
        resumes: bool = False,
        source_id: str | None = None,
        retry_of: str | None = None,
        retry_index: int | None = None,
        given: Mapping[str, Any] | None = None,
        only: Sequence[int] | None = None,
        plans: Callable[[int], ItemPlan] | None = None,
        sink: Callable[[int, Ended], None] | None = None,
        prepare: Callable[[dict[str, Any]], Exception | None] | None = None,
    ) -> None:
        self.session = session
        self.graph = graph
        self.items = items
        self.keep_going = keep_going
        self.workflow_id = workflow_id
        self.parent_span = parent_span
        self.parent_workflow_id = parent_workflow_id
        self.path = path
        self.finishes = finishes
        self.resumes = resumes
        self.source_id = source_id
        self.retry_of = retry_of
        self.retry_index = retry_index
        self.given: Mapping[str, Any] = given or {}
        self.only = only
        self.plans = plans
        self.sink = sink
        self.prepare = prepare
        self.run_id = new_run_id()
        self.span_id = ""

    @property
    def stopping(self) -> bool:
        """True when no further item may start."""
        return self.session.signal.requested and not self.finishes


class BatchEnded:
    """How a batch ended.

    Attributes:
        items: per index its `Ended`; None for an item that was not run.
        asked: the items that this call was to run.
        counts: status -> number of items.
        rest: the same for stored items that this call left as they were.
        error: the first failed item's exception, in the order of items.
    """

    __slots__ = (
        "asked",
        "counts",
        "duration_ms",
        "error",
        "graph_name",
        "items",
        "rest",
        "run_id",
        "status",
        "store_errors",
        "workflow_id",
    )

    def __init__(self, batch: Batch) -> None:
        self.run_id = batch.run_id
        self.workflow_id = batch.workflow_id
        self.graph_name = batch.graph.name
        self.items: list[Ended | None] = [None] * batch.items.count if batch.sink is None else []
        self.asked: Sequence[int] = range(batch.items.count) if batch.only is None else sorted(batch.only)
        self.counts: dict[RunStatus, int] = {}
        self.rest: Counter[RunStatus] = Counter()
        self.status = RunStatus.COMPLETED
        self.error: BaseException | None = None
        self.duration_ms = 0.0
        self.store_errors: tuple[str, ...] = ()

    @property
    def stored_status(self) -> RunStatus:
        """The status that is stored and reported, of all items: "partial" when some failed and some completed."""
        every = self.rest + Counter(self.counts)
        status = overall(every, self.status is RunStatus.STOPPED) if self.rest else self.status
        return RunStatus.PARTIAL if status is RunStatus.FAILED and every.get(RunStatus.COMPLETED) else status

    def take(self, index: int, item: Ended, sink: Callable[[int, Ended], None] | None) -> None:
        """Take in one item that has ended: keep it, or hand it on."""
        self.counts[item.status] = self.counts.get(item.status, 0) + 1
        if item.status is RunStatus.FAILED and self.error is None:
            self.error = item.error
        if sink is not None:
            sink(index, item)
        else:
            self.items[index] = item

    def column(self, name: str) -> list[Any]:
        """Give one output of all items; None where an item did not bring it about."""
        return [None if item is None or item.status is RunStatus.FAILED else item.values.get(name) for item in self.items]

    def log(self) -> MapLog:
        """Fold the items' journals into a log."""
        from hypergraph.engine.logs import map_log_of

        return map_log_of(self)


def overall(counts: Mapping[RunStatus, int], stopped: bool) -> RunStatus:
    """Give a batch's status: FAILED before PAUSED before STOPPED before COMPLETED."""
    for status in (RunStatus.FAILED, RunStatus.PAUSED):
        if counts.get(status):
            return status
    return RunStatus.STOPPED if stopped or counts.get(RunStatus.STOPPED) else RunStatus.COMPLETED


def batch_flow(batch: Batch) -> Flow:
    """Run all items; returns a `BatchEnded`. What an item raises stays in its `Ended`."""
    session = batch.session
    started = perf_counter()
    ended = BatchEnded(batch)
    if session.stored:
        yield Ask("begin", new_batch(batch))
        if batch.plans is None:
            batch.plans = yield from _item_plans(batch)
    if session.emit is not None:
        reports.batch_started(batch)
    until = None if batch.keep_going else _failed
    try:
        yield Together(_item_flows(batch, ended), until=until)
    except BaseException as error:
        ended.status = RunStatus.FAILED if isinstance(error, Exception) else RunStatus.STOPPED
        ended.error = error
        yield from _close(batch, ended, started)
        raise
    ended.status = overall(ended.counts, batch.stopping)
    yield from _close(batch, ended, started)
    return ended


def _close(batch: Batch, ended: BatchEnded, started: float) -> Flow:
    ended.duration_ms = (perf_counter() - started) * 1000
    session = batch.session
    if session.stored:
        if batch.only is not None and batch.plans is not None and batch.retry_of is None:
            ended.rest = _left(batch, batch.only, batch.plans)
        total = sum(ended.counts.values())
        failed = ended.counts.get(RunStatus.FAILED, 0) + ended.rest[RunStatus.FAILED]
        status = WorkflowStatus(ended.stored_status.value)
        unsaved = session.unsaved_of(batch.workflow_id or batch.run_id)
        if unsaved and status is WorkflowStatus.COMPLETED:
            status = WorkflowStatus.FAILED
        told = (
            yield Ask(
                "finish",
                batch.workflow_id or batch.run_id,
                status,
                duration_ms=ended.duration_ms,
                node_count=max(total, batch.items.count) if batch.only is None else batch.items.count,
                error_count=failed,
                error=error_text(ended.error) if ended.error is not None else next(iter(unsaved), None),
            )
        ) or ()
        ended.store_errors = (*unsaved, *told)
    if session.emit is not None:
        reports.batch_ended(batch, ended)


def _left(batch: Batch, only: Sequence[int], plans: Callable[[int], ItemPlan]) -> Counter[RunStatus]:
    """Count the items that this call does not touch by how they stand; those that never ended can be gone on with, like stopped ones."""
    left = Counter[RunStatus]()
    for index in set(range(batch.items.count)).difference(only):
        source = plans(index).source
        ended = source is not None and source.status is not WorkflowStatus.ACTIVE
        left[RunStatus(source.status.value) if source is not None and ended else RunStatus.STOPPED] += 1
    return left


def _failed(ended: Ended | None) -> bool:
    return ended is not None and ended.status is RunStatus.FAILED


def _item_flows(batch: Batch, ended: BatchEnded) -> Iterator[Flow]:
    indices = range(batch.items.count) if batch.only is None else batch.only
    for index in indices:
        if batch.stopping:
            return
        yield _item_flow(batch, ended, index)


def _item_flow(batch: Batch, ended: BatchEnded, index: int) -> Flow:
    from hypergraph.engine.flows import run_flow

    inputs = batch.items.inputs(index)
    run = _item_run(batch, index, inputs)
    error = batch.prepare(inputs) if batch.prepare is not None else None
    kept = whole = False
    if error is None and batch.plans is not None:
        plan = batch.plans(index)
        run.workflow_id = plan.workflow_id
        if plan.source is not None:
            run.origin = yield from _item_origin(batch, plan.source)
            if batch.resumes:
                restore(run)
                kept = plan.source.status is WorkflowStatus.COMPLETED
                # All of it was done, and only its end not told any more.
                whole = not kept and frontier(run.state) == len(run.plan.layers)
    if error is not None:
        item = Ended(run, RunStatus.FAILED, {}, duration_ms=0.0, error=error)
    elif kept or whole:
        if whole:
            yield Ask("finish", run.stored_id, WorkflowStatus.COMPLETED, duration_ms=0.0, node_count=run.kept, error_count=0)
        item = Ended(run, RunStatus.COMPLETED, run.state.outputs(), duration_ms=0.0)
    else:
        item = yield from run_flow(run)
    ended.take(index, item, batch.sink)
    return item


def _item_run(batch: Batch, index: int, inputs: dict[str, Any]) -> Run:
    return Run(
        batch.session,
        batch.graph,
        plan_of(batch.graph),
        new_run_id(),
        inputs=inputs,
        workflow_id=f"{batch.workflow_id}/{index}" if batch.workflow_id is not None else None,
        parent_span=batch.span_id or None,
        parent_workflow_id=batch.workflow_id,
        item_index=index,
        path=batch.path,
        finishes=batch.finishes,
    )


def _item_origin(batch: Batch, source: StoredRun) -> Flow:
    journal = yield Ask("get_journal_async", source.id)
    if batch.resumes:
        return Origin(True, journal)
    retry_of = source.id if batch.retry_of is not None else None
    return Origin(False, journal, source_id=source.id, retry_of=retry_of, retry_index=batch.retry_index)


def _item_plans(batch: Batch) -> Flow:
    """Match a batch's items with the stored runs of an earlier call."""
    return (yield from match_items(batch))
