"""Hands events to processors: in their order, and without letting one of them disturb the run or the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from hypergraph._text import fix
from hypergraph.events.types import Event

__all__ = ["EventDispatcher"]


_Method = Callable[..., Any]


class _Listener:
    """One processor, its methods looked up once. An async method is present only where the processor's class has it."""

    __slots__ = ("complained", "finish", "finish_async", "hear", "hear_async", "processor")

    def __init__(self, processor: Any) -> None:
        kind = type(processor)
        self.processor = processor
        self.complained = False
        self.hear: _Method | None = getattr(processor, "on_event", None)
        self.finish: _Method | None = getattr(processor, "shutdown", None)
        # Asked of the class: a mock object answers to any name, and its answer cannot be awaited.
        self.hear_async: Callable[[Event], Awaitable[None]] | None = processor.on_event_async if hasattr(kind, "on_event_async") else None
        self.finish_async: Callable[[], Awaitable[None]] | None = processor.shutdown_async if hasattr(kind, "shutdown_async") else None
        if isinstance(processor, type) or not (callable(self.hear) or self.hear_async):
            what = f"the class {processor.__name__}" if isinstance(processor, type) else f"{kind.__name__} object"
            raise TypeError(
                f"event_processors: {what} cannot hear events."
                + fix("Pass an object that has on_event(event) and shutdown(), for example an instance of an EventProcessor subclass")
            )

    def complain(self, doing: str, error: Exception) -> None:
        """Log what a processor raised, the first time only: a broken processor must not flood the log."""
        if not self.complained:
            self.complained = True
            name = type(self.processor).__name__
            import logging

            log = logging.getLogger("hypergraph.events")
            log.warning(
                "Event processor %s raised in %s; the run goes on, further errors of it are not logged", name, doing, exc_info=error
            )


class EventDispatcher:
    """Hands each event to every processor.

    Attributes:
        active: False when there is no processor; then callers build no event.
        has_async: True when a processor wants to be awaited, so that `emit_async` differs from `emit`.

    Args:
        processors: objects with `on_event` and `shutdown`; those with `on_event_async` are awaited by `emit_async`.

    Raises:
        TypeError: for an object that has neither `on_event` nor `on_event_async`.
    """

    __slots__ = ("_done", "_listeners", "active", "has_async")

    def __init__(self, processors: Iterable[Any] | None = None) -> None:
        self._listeners = tuple(_Listener(processor) for processor in processors or ())
        self._done = False
        self.active = bool(self._listeners)
        self.has_async = any(listener.hear_async or listener.finish_async for listener in self._listeners)

    def emit(self, event: Event) -> None:
        """Give `event` to all processors by their plain methods."""
        for listener in self._listeners:
            try:
                if listener.hear is not None:
                    listener.hear(event)
            except Exception as error:
                listener.complain("on_event", error)

    def teller(self) -> Callable[[Event], None]:
        """Give `emit` in its cheapest form: for a single processor, which is the rule, without a loop."""
        if len(self._listeners) != 1 or type(self).emit is not EventDispatcher.emit:
            return self.emit
        (listener,) = self._listeners
        hear = listener.hear
        if hear is None:
            return self.emit

        def tell(event: Event) -> None:
            try:
                hear(event)
            except Exception as error:
                listener.complain("on_event", error)

        return tell

    async def emit_async(self, event: Event) -> None:
        """Give `event` to all processors, awaiting those that can be awaited."""
        for listener in self._listeners:
            try:
                if listener.hear_async is not None:
                    await listener.hear_async(event)
                elif listener.hear is not None:
                    listener.hear(event)
            except Exception as error:
                listener.complain("on_event", error)

    def shutdown(self) -> None:
        """Tell all processors, once, that the run is over."""
        for listener in self._ending():
            try:
                if listener.finish is not None:
                    listener.finish()
            except Exception as error:
                listener.complain("shutdown", error)

    async def shutdown_async(self) -> None:
        """Tell all processors, once, that the run is over, awaiting those that can be awaited."""
        for listener in self._ending():
            try:
                if listener.finish_async is not None:
                    await listener.finish_async()
                elif listener.finish is not None:
                    listener.finish()
            except Exception as error:
                listener.complain("shutdown", error)

    def _ending(self) -> tuple[_Listener, ...]:
        listeners = () if self._done else self._listeners
        self._done = True
        return listeners
