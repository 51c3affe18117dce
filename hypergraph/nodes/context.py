"""What a node may ask of the run it is part of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["NodeContext"]


class NodeContext:
    """The run as seen from inside one node; injected wherever a parameter is annotated `NodeContext`.

    Args:
        step_key: stable name of this step (workflow, node, turn, item).
        stopped: tells whether a stop was requested.
        emit: takes each streamed chunk.
    """

    __slots__ = ("_emit", "_step_key", "_stopped")

    def __init__(self, step_key: str, stopped: Callable[[], bool], emit: Callable[[Any], None]) -> None:
        self._step_key = step_key
        self._stopped = stopped
        self._emit = emit

    @property
    def step_key(self) -> str:
        """A name of this step that stays the same when the step is tried again: a key for idempotent effects."""
        return self._step_key

    @property
    def stop_requested(self) -> bool:
        """True once `runner.stop(workflow_id)` was called for this run."""
        return self._stopped()

    def stream(self, chunk: Any) -> None:
        """Emit a `StreamingChunkEvent`; the node's return value is untouched. Silent once a stop was requested."""
        if not self._stopped():
            self._emit(chunk)

    def __repr__(self) -> str:
        return f"NodeContext({self._step_key!r})"
