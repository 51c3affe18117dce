"""Checkpoints that were read before the classes of their values were trusted.

A caller may take a snapshot first and run a graph from it afterwards. Only the run names the graph, and with it the classes that may be
rebuilt; until then their objects are stand-ins, which are stored as what they stand for and so can be read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from hypergraph.checkpointers.serializers import Opaque
from hypergraph.exceptions import SerializationError
from hypergraph.records import Checkpoint

if TYPE_CHECKING:
    from hypergraph.checkpointers.serializers import Serializer

__all__ = ["rebuilt"]


def rebuilt(checkpoint: Checkpoint, serializer: Serializer) -> Checkpoint:
    """Give a checkpoint in which objects stand where stand-ins were, as far as their classes are trusted by now."""

    def again(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: _again(value, serializer) for name, value in values.items()} if _any(values.values()) else values

    return replace(
        checkpoint,
        values=again(checkpoint.values),
        steps=[
            replace(step, values=again(step.values)) if step.values is not None and _any(step.values.values()) else step
            for step in checkpoint.steps
        ],
        inputs=again(checkpoint.inputs),
        edits=again(checkpoint.edits),
        line=tuple([replace(link, inputs=again(link.inputs), seed=again(link.seed)) for link in checkpoint.line]),
    )


def _again(value: Any, serializer: Serializer) -> Any:
    if _stands_in(value):
        # What has no stored form stays what it is.
        with suppress(SerializationError):
            return serializer.deserialize(serializer.serialize(value))
    return value


def _any(values: Any) -> bool:
    return any(_stands_in(value) for value in values)


def _stands_in(value: Any) -> bool:
    """Tell whether a value is a stand-in, or has one inside."""
    if isinstance(value, Opaque):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return _any(value)
    if isinstance(value, Mapping):
        return _any(value.keys()) or _any(value.values())
    return is_dataclass(value) and not isinstance(value, type) and _any(getattr(value, item.name, None) for item in fields(value))
