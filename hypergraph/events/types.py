"""What runners report: one frozen class per kind of event, and `Event`, their union.

Every event can be built from its `run_id` alone. On a hot path use `maker(NodeStartEvent)`, which builds the same object for less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeAlias

from hypergraph.events._frozen import event, event_base, maker
from hypergraph.events.ids import new_run_id, new_span
from hypergraph.records import RunStatus, StepRecord

__all__ = [
    "BaseEvent",
    "CacheHitEvent",
    "Event",
    "InnerCacheEvent",
    "InterruptEvent",
    "NodeEndEvent",
    "NodeErrorEvent",
    "NodeStartEvent",
    "RouteDecisionEvent",
    "RunEndEvent",
    "RunStartEvent",
    "RunStatus",
    "StopRequestedEvent",
    "StreamingChunkEvent",
    "SuperstepStartEvent",
    "maker",
    "new_run_id",
    "new_span",
]


@event_base
class BaseEvent:
    """What all events say.

    Attributes:
        run_id: the run that reports; a nested run and a map item have their own.
        span_id: the thing that the event is about: a run or one execution of a node. Start and end of it share the id.
        parent_span_id: the span around it; None for a top-level run.
        workflow_id: the run's id in the store, or the one that the caller gave.
        item_index: position in the batch, for everything that belongs to a map item.
        timestamp: Unix seconds.
    """

    run_id: str
    span_id: str = ""
    parent_span_id: str | None = None
    workflow_id: str | None = None
    item_index: int | None = None
    timestamp: float = 0.0


@event
class RunStartEvent(BaseEvent):
    """A run, a nested run, a batch or one item of a batch begins.

    Attributes:
        is_map, map_size: True and the number of items for a batch.
        parent_workflow_id: the workflow around it.
        forked_from, fork_superstep, retry_of, retry_index: where the run comes from.
        is_resume: it goes on where a stored run ended.
    """

    graph_name: str | None = None
    is_map: bool = False
    map_size: int | None = None
    parent_workflow_id: str | None = None
    forked_from: str | None = None
    fork_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    is_resume: bool = False


@event
class RunEndEvent(BaseEvent):
    """A run ended, however it ended.

    Attributes:
        status: how; a batch of which some items failed and some completed says "partial".
        error: type and text of what ended a failed run.
        batch_total_items ... batch_stopped_items: counts of a batch's items, None for a single run.
        batch_outcome: the batch's status as text.
    """

    graph_name: str | None = None
    status: RunStatus = RunStatus.COMPLETED
    error: str | None = None
    duration_ms: float = 0.0
    batch_total_items: int | None = None
    batch_completed_items: int | None = None
    batch_failed_items: int | None = None
    batch_paused_items: int | None = None
    batch_stopped_items: int | None = None
    batch_outcome: str | None = None


@event
class SuperstepStartEvent(BaseEvent):
    """The nodes that are ready start together."""

    graph_name: str | None = None
    superstep: int = 0
    node_names: tuple[str, ...] = ()


@event
class NodeStartEvent(BaseEvent):
    """A node starts. `inputs` are its argument values by name, by reference, or None; not part of the repr."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    inputs: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)


@event
class NodeEndEvent(BaseEvent):
    """A node returned. `record` is its line of the journal, `inner_logs` the logs of the runs inside a GraphNode."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    duration_ms: float = 0.0
    cached: bool = False
    inner_logs: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    record: StepRecord | None = field(default=None, repr=False, compare=False)


@event
class NodeErrorEvent(BaseEvent):
    """A node raised. `error` is the exception's text, `error_type` the fully qualified name of its class."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    error: str = ""
    error_type: str = ""
    record: StepRecord | None = field(default=None, repr=False, compare=False)


@event
class RouteDecisionEvent(BaseEvent):
    """A gate decided: a target's name, END, a list of them, or None. `node_span_id` is the span of the gate."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    decision: str | list[str] | None = field(default=None, hash=False)
    node_span_id: str | None = None


@event
class InterruptEvent(BaseEvent):
    """A node waits for an answer: `value` is what it shows, `response_param` the name under which the answer is passed."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    value: Any = field(default=None, hash=False)
    response_param: str = ""
    record: StepRecord | None = field(default=None, repr=False, compare=False)


@event
class StopRequestedEvent(BaseEvent):
    """Someone asked the run to stop; `info` is what they said."""

    graph_name: str | None = None
    info: Any = field(default=None, hash=False)


@event
class CacheHitEvent(BaseEvent):
    """A cache answered in a node's place."""

    node_name: str = ""
    graph_name: str | None = None
    superstep: int = 0
    cache_key: str = ""


@event
class StreamingChunkEvent(BaseEvent):
    """A running node handed out a piece of its result."""

    chunk: Any = field(default=None, hash=False)
    node_name: str = ""
    graph_name: str | None = None


@event
class InnerCacheEvent(BaseEvent):
    """A cache inside a node's own code was asked; reported only with the optional hypercache package."""

    node_name: str = ""
    graph_name: str | None = None
    instance: str = ""
    operation: str = ""
    hit: bool = False
    stale: bool = False
    refreshing: bool = False
    wrote: bool = False
    mode: str = ""


Event: TypeAlias = (
    RunStartEvent
    | RunEndEvent
    | SuperstepStartEvent
    | NodeStartEvent
    | NodeEndEvent
    | NodeErrorEvent
    | RouteDecisionEvent
    | InterruptEvent
    | StopRequestedEvent
    | CacheHitEvent
    | StreamingChunkEvent
    | InnerCacheEvent
)
