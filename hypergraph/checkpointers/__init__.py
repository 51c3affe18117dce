"""Stores that keep each run's step journal, so that it can be resumed, forked, retried and read later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face

if TYPE_CHECKING:
    from hypergraph.checkpointers.base import Checkpointer, SyncCheckpointerProtocol
    from hypergraph.checkpointers.defaults import SyncDefaults
    from hypergraph.checkpointers.history import (
        Changes,
        Counts,
        FailureGroup,
        LargeStored,
        ReadonlyStore,
        RunFilter,
        RunPage,
        ValuePreview,
        WaitingPause,
    )
    from hypergraph.checkpointers.lineage import LineageRow, LineageView
    from hypergraph.checkpointers.memory import MemoryCheckpointer
    from hypergraph.checkpointers.policy import CheckpointPolicy
    from hypergraph.checkpointers.serializers import JsonSerializer, Opaque, PickleSerializer, Serializer
    from hypergraph.checkpointers.sqlite import SqliteCheckpointer
    from hypergraph.checkpointers.tables import RunTable, StepTable
    from hypergraph.checkpointers.tagged import TaggedSerializer
    from hypergraph.records import Checkpoint, CheckpointLink, NewRun, Owner, PauseRecord, Run, StepRecord, StepStatus, WorkflowStatus
else:
    # Loaded on first use: a program that only reads a policy need not pay for a database.
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "hypergraph.checkpointers.base": (
                "Checkpointer",
                "SyncCheckpointerProtocol",
            ),
            "hypergraph.checkpointers.defaults": ("SyncDefaults",),
            "hypergraph.checkpointers.history": (
                "Changes",
                "Counts",
                "FailureGroup",
                "LargeStored",
                "ReadonlyStore",
                "RunFilter",
                "RunPage",
                "ValuePreview",
                "WaitingPause",
            ),
            "hypergraph.checkpointers.lineage": (
                "LineageRow",
                "LineageView",
            ),
            "hypergraph.checkpointers.memory": ("MemoryCheckpointer",),
            "hypergraph.checkpointers.policy": ("CheckpointPolicy",),
            "hypergraph.checkpointers.serializers": (
                "JsonSerializer",
                "Opaque",
                "PickleSerializer",
                "Serializer",
            ),
            "hypergraph.checkpointers.sqlite": ("SqliteCheckpointer",),
            "hypergraph.checkpointers.tables": (
                "RunTable",
                "StepTable",
            ),
            "hypergraph.checkpointers.tagged": ("TaggedSerializer",),
            "hypergraph.records": (
                "Checkpoint",
                "CheckpointLink",
                "NewRun",
                "Owner",
                "PauseRecord",
                "Run",
                "StepRecord",
                "StepStatus",
                "WorkflowStatus",
            ),
        },
    )

__all__ = [
    "Changes",
    "Checkpoint",
    "CheckpointLink",
    "CheckpointPolicy",
    "Checkpointer",
    "Counts",
    "FailureGroup",
    "JsonSerializer",
    "LargeStored",
    "LineageRow",
    "LineageView",
    "MemoryCheckpointer",
    "NewRun",
    "Opaque",
    "Owner",
    "PauseRecord",
    "PickleSerializer",
    "ReadonlyStore",
    "Run",
    "RunFilter",
    "RunPage",
    "RunTable",
    "Serializer",
    "SqliteCheckpointer",
    "StepRecord",
    "StepStatus",
    "StepTable",
    "SyncCheckpointerProtocol",
    "SyncDefaults",
    "TaggedSerializer",
    "ValuePreview",
    "WaitingPause",
    "WorkflowStatus",
]
