"""Events: what runners report while they run, and who hears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face
from hypergraph.events.dispatcher import EventDispatcher
from hypergraph.events.processor import AsyncEventProcessor, EventProcessor, TypedEventProcessor
from hypergraph.events.types import (
    BaseEvent,
    CacheHitEvent,
    Event,
    InnerCacheEvent,
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    RunStatus,
    StopRequestedEvent,
    StreamingChunkEvent,
    SuperstepStartEvent,
    maker,
    new_run_id,
    new_span,
)

if TYPE_CHECKING:
    from hypergraph.events.otel import OpenTelemetryProcessor as OpenTelemetryProcessor
    from hypergraph.events.progress import RichProgressProcessor as RichProgressProcessor
else:
    # Loaded on first use: nobody pays for a progress bar or a tracer that is never built.
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "hypergraph.events.otel": ("OpenTelemetryProcessor",),
            "hypergraph.events.progress": ("RichProgressProcessor",),
        },
        submodules=("otel", "progress"),
    )

__all__ = [
    "AsyncEventProcessor",
    "BaseEvent",
    "CacheHitEvent",
    "Event",
    "EventDispatcher",
    "EventProcessor",
    "InnerCacheEvent",
    "InterruptEvent",
    "NodeEndEvent",
    "NodeErrorEvent",
    "NodeStartEvent",
    "RichProgressProcessor",
    "RouteDecisionEvent",
    "RunEndEvent",
    "RunStartEvent",
    "RunStatus",
    "StopRequestedEvent",
    "StreamingChunkEvent",
    "SuperstepStartEvent",
    "TypedEventProcessor",
    "maker",
    "new_run_id",
    "new_span",
]
