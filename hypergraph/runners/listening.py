"""Who listens to a call: the processors that were given, and a progress bar where one was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypergraph.events import EventDispatcher

__all__ = ["dispatcher_of"]


def dispatcher_of(processors: Sequence[Any] | None, show_progress: bool) -> EventDispatcher | None:
    """Give the dispatcher of a call, or None when nobody listens: then no event is ever made."""
    if not processors and not show_progress:
        return None
    from hypergraph.events import EventDispatcher

    listeners = list(processors or ())
    if show_progress:
        from hypergraph.events import RichProgressProcessor

        listeners.append(RichProgressProcessor())
    dispatcher = EventDispatcher(listeners)
    return dispatcher if dispatcher.active else None
