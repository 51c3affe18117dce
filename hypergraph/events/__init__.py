"""Events: what runners report while they run, and who hears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face

if TYPE_CHECKING:
    from hypergraph.events.dispatcher import EventDispatcher
    from hypergraph.events.ids import new_run_id, new_span
    from hypergraph.events.otel import OpenTelemetryProcessor as OpenTelemetryProcessor
    from hypergraph.events.processor import AsyncEventProcessor, EventProcessor, TypedEventProcessor
    from hypergraph.events.progress import RichProgressProcessor
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
    )
else:
    # Loaded on first use: nobody pays for events that are never made, a progress bar or a tracer.
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "hypergraph.events.dispatcher": ("EventDispatcher",),
            "hypergraph.events.ids": ("new_run_id", "new_span"),
            "hypergraph.events.otel": ("OpenTelemetryProcessor",),
            "hypergraph.events.processor": ("AsyncEventProcessor", "EventProcessor", "TypedEventProcessor"),
            "hypergraph.events.progress": ("RichProgressProcessor",),
            "hypergraph.events.types": (
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
            ),
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
