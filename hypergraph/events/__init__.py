"""Events: what runners report while they run, and who hears it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

# Loaded on first use: nobody pays for a progress bar or a tracer that is never built.
_LATER = {"OpenTelemetryProcessor": "hypergraph.events.otel", "RichProgressProcessor": "hypergraph.events.progress"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
