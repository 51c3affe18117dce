"""Graphs of plain Python functions that run, resume and branch.

Write functions, name their outputs, and a graph wires itself: an output named `x` feeds every parameter named `x`.

    from hypergraph import Graph, SyncRunner, node

    @node(output_name="doubled")
    def double(x: int) -> int:
        return x * 2

    SyncRunner().run(Graph([double]), x=5)["doubled"]  # 10
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend, DiskCache, InMemoryCache
    from hypergraph.checkpointers import Checkpointer, CheckpointPolicy, SqliteCheckpointer
    from hypergraph.events import (
        AsyncEventProcessor,
        CacheHitEvent,
        Event,
        EventDispatcher,
        EventProcessor,
        InnerCacheEvent,
        InterruptEvent,
        NodeEndEvent,
        NodeErrorEvent,
        NodeStartEvent,
        RichProgressProcessor,
        RouteDecisionEvent,
        RunEndEvent,
        RunStartEvent,
        StopRequestedEvent,
        StreamingChunkEvent,
        SuperstepStartEvent,
        TypedEventProcessor,
    )
    from hypergraph.exceptions import (
        CheckpointError,
        GraphChangedError,
        GraphConfigError,
        HypergraphError,
        IncompatibleRunnerError,
        InfiniteLoopError,
        InputOverrideRequiresForkError,
        MissingInputError,
        NotACheckpointError,
        RenameError,
        SchemaVersionError,
        SerializationError,
        StoreBusyError,
        StoreCorruptError,
        WorkflowAlreadyCompletedError,
        WorkflowAlreadyRunningError,
        WorkflowForkError,
    )
    from hypergraph.graph import Graph, InputSpec
    from hypergraph.nodes import (
        END,
        FunctionNode,
        GateNode,
        GraphNode,
        HyperNode,
        IfElseNode,
        InterruptNode,
        NodeContext,
        RouteNode,
        ifelse,
        interrupt,
        node,
        route,
    )
    from hypergraph.records import RunStatus
    from hypergraph.results import MapResult, PauseInfo, RunResult
    from hypergraph.runlog import MapLog, NodeRecord, NodeStats, RunLog
    from hypergraph.runners import AsyncRunner, BaseRunner, SyncRunner
    from hypergraph.runners.daft import DaftRunner
else:
    # Loaded on first use: `import hypergraph` must stay cheap for programs that only pass by.
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "hypergraph.cache": (
                "CacheBackend",
                "DiskCache",
                "InMemoryCache",
            ),
            "hypergraph.checkpointers": (
                "CheckpointPolicy",
                "Checkpointer",
                "SqliteCheckpointer",
            ),
            "hypergraph.events": (
                "AsyncEventProcessor",
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
                "StopRequestedEvent",
                "StreamingChunkEvent",
                "SuperstepStartEvent",
                "TypedEventProcessor",
            ),
            "hypergraph.exceptions": (
                "CheckpointError",
                "GraphChangedError",
                "GraphConfigError",
                "HypergraphError",
                "IncompatibleRunnerError",
                "InfiniteLoopError",
                "InputOverrideRequiresForkError",
                "MissingInputError",
                "NotACheckpointError",
                "RenameError",
                "SchemaVersionError",
                "SerializationError",
                "StoreBusyError",
                "StoreCorruptError",
                "WorkflowAlreadyCompletedError",
                "WorkflowAlreadyRunningError",
                "WorkflowForkError",
            ),
            "hypergraph.graph": (
                "Graph",
                "InputSpec",
            ),
            "hypergraph.nodes": (
                "END",
                "FunctionNode",
                "GateNode",
                "GraphNode",
                "HyperNode",
                "IfElseNode",
                "InterruptNode",
                "NodeContext",
                "RouteNode",
                "ifelse",
                "interrupt",
                "node",
                "route",
            ),
            "hypergraph.records": ("RunStatus",),
            "hypergraph.results": (
                "MapResult",
                "PauseInfo",
                "RunResult",
            ),
            "hypergraph.runlog": (
                "MapLog",
                "NodeRecord",
                "NodeStats",
                "RunLog",
            ),
            "hypergraph.runners": (
                "AsyncRunner",
                "BaseRunner",
                "SyncRunner",
            ),
            "hypergraph.runners.daft": ("DaftRunner",),
        },
        submodules=("cache", "checkpointers", "events", "exceptions", "graph", "nodes", "results", "runlog", "runners"),
    )

__all__ = [
    "END",
    "AsyncEventProcessor",
    "AsyncRunner",
    "BaseRunner",
    "CacheBackend",
    "CacheHitEvent",
    "CheckpointError",
    "CheckpointPolicy",
    "Checkpointer",
    "DaftRunner",
    "DiskCache",
    "Event",
    "EventDispatcher",
    "EventProcessor",
    "FunctionNode",
    "GateNode",
    "Graph",
    "GraphChangedError",
    "GraphConfigError",
    "GraphNode",
    "HyperNode",
    "HypergraphError",
    "IfElseNode",
    "InMemoryCache",
    "IncompatibleRunnerError",
    "InfiniteLoopError",
    "InnerCacheEvent",
    "InputOverrideRequiresForkError",
    "InputSpec",
    "InterruptEvent",
    "InterruptNode",
    "MapLog",
    "MapResult",
    "MissingInputError",
    "NodeContext",
    "NodeEndEvent",
    "NodeErrorEvent",
    "NodeRecord",
    "NodeStartEvent",
    "NodeStats",
    "NotACheckpointError",
    "PauseInfo",
    "RenameError",
    "RichProgressProcessor",
    "RouteDecisionEvent",
    "RouteNode",
    "RunEndEvent",
    "RunLog",
    "RunResult",
    "RunStartEvent",
    "RunStatus",
    "SchemaVersionError",
    "SerializationError",
    "SqliteCheckpointer",
    "StopRequestedEvent",
    "StoreBusyError",
    "StoreCorruptError",
    "StreamingChunkEvent",
    "SuperstepStartEvent",
    "SyncRunner",
    "TypedEventProcessor",
    "WorkflowAlreadyCompletedError",
    "WorkflowAlreadyRunningError",
    "WorkflowForkError",
    "ifelse",
    "interrupt",
    "node",
    "route",
]
