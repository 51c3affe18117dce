"""Who hears events: base classes to derive from. None of them is needed; any object with `on_event` and `shutdown` will do."""

from __future__ import annotations

from typing import ClassVar

from hypergraph.events.types import (
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
    StopRequestedEvent,
    StreamingChunkEvent,
    SuperstepStartEvent,
)

__all__ = ["AsyncEventProcessor", "EventProcessor", "TypedEventProcessor"]


class EventProcessor:
    """Hears every event of the runs that it is given to. What it raises is logged and never reaches the run."""

    def on_event(self, event: Event) -> None:
        """Take one event. Called in the runner's own thread, so it should be quick."""

    def shutdown(self) -> None:
        """Finish. Called once at the end of each top-level run or batch."""


class AsyncEventProcessor(EventProcessor):
    """Hears events with coroutines under AsyncRunner; under SyncRunner the plain methods are called instead."""

    async def on_event_async(self, event: Event) -> None:
        """Take one event; the run goes on when this returns. Hands it to `on_event` unless overridden."""
        self.on_event(event)

    async def shutdown_async(self) -> None:
        """Finish. Calls `shutdown` unless overridden."""
        self.shutdown()


_METHODS: dict[type, str] = {
    RunStartEvent: "on_run_start",
    RunEndEvent: "on_run_end",
    SuperstepStartEvent: "on_superstep_start",
    NodeStartEvent: "on_node_start",
    NodeEndEvent: "on_node_end",
    NodeErrorEvent: "on_node_error",
    RouteDecisionEvent: "on_route_decision",
    InterruptEvent: "on_interrupt",
    StopRequestedEvent: "on_stop_requested",
    CacheHitEvent: "on_cache_hit",
    StreamingChunkEvent: "on_streaming_chunk",
    InnerCacheEvent: "on_inner_cache",
}


class TypedEventProcessor(EventProcessor):
    """Hears each kind of event with a method of its own; override those that you care for.

    Which methods a class overrides is found out once, when the class is made; other events cost one failed lookup.
    """

    _wanted: ClassVar[dict[type, str]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._wanted = {kind: name for kind, name in _METHODS.items() if getattr(cls, name) is not getattr(TypedEventProcessor, name)}

    def on_event(self, event: Event) -> None:
        """Call the method for this kind of event, if it is overridden."""
        name = self._wanted.get(type(event))
        if name is not None:
            getattr(self, name)(event)

    def on_run_start(self, event: RunStartEvent) -> None:
        """A run, nested run, batch or item begins."""

    def on_run_end(self, event: RunEndEvent) -> None:
        """A run, nested run, batch or item ended."""

    def on_superstep_start(self, event: SuperstepStartEvent) -> None:
        """A set of ready nodes starts."""

    def on_node_start(self, event: NodeStartEvent) -> None:
        """A node starts."""

    def on_node_end(self, event: NodeEndEvent) -> None:
        """A node returned."""

    def on_node_error(self, event: NodeErrorEvent) -> None:
        """A node raised."""

    def on_route_decision(self, event: RouteDecisionEvent) -> None:
        """A gate decided."""

    def on_interrupt(self, event: InterruptEvent) -> None:
        """A node waits for an answer."""

    def on_stop_requested(self, event: StopRequestedEvent) -> None:
        """The run was asked to stop."""

    def on_cache_hit(self, event: CacheHitEvent) -> None:
        """A cache answered for a node."""

    def on_streaming_chunk(self, event: StreamingChunkEvent) -> None:
        """A node handed out a piece of its result."""

    def on_inner_cache(self, event: InnerCacheEvent) -> None:
        """A cache inside a node was asked."""
