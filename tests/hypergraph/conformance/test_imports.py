"""Every public name is where it is documented to be, and is one object wherever it is."""

from __future__ import annotations

from importlib import import_module

import pytest

import hypergraph

ROOT = """
    node route ifelse interrupt FunctionNode GraphNode GateNode IfElseNode RouteNode InterruptNode HyperNode END Graph InputSpec
    SyncRunner AsyncRunner DaftRunner BaseRunner PauseInfo RunResult MapResult RunStatus RunLog MapLog NodeRecord NodeStats NodeContext
    GraphConfigError RenameError MissingInputError InfiniteLoopError IncompatibleRunnerError WorkflowAlreadyCompletedError
    GraphChangedError WorkflowForkError InputOverrideRequiresForkError WorkflowAlreadyRunningError CacheBackend InMemoryCache DiskCache
    Checkpointer CheckpointPolicy SqliteCheckpointer RichProgressProcessor EventProcessor AsyncEventProcessor TypedEventProcessor
    EventDispatcher
"""

EVENTS = """
    RunStartEvent RunEndEvent SuperstepStartEvent NodeStartEvent NodeEndEvent NodeErrorEvent RouteDecisionEvent InterruptEvent
    StopRequestedEvent CacheHitEvent StreamingChunkEvent InnerCacheEvent
"""

PARTS = {
    "hypergraph.nodes": "node route ifelse interrupt FunctionNode GraphNode GateNode IfElseNode RouteNode InterruptNode HyperNode END "
    "NodeContext",
    "hypergraph.events": EVENTS + " EventProcessor AsyncEventProcessor TypedEventProcessor EventDispatcher RunStatus RichProgressProcessor",
    "hypergraph.cache": "InMemoryCache DiskCache CacheBackend",
    "hypergraph.runners": "RunStatus RunResult MapResult PauseInfo RunnerCapabilities SyncRunner AsyncRunner DaftRunner",
    "hypergraph.graph": "Graph GraphConfigError InputSpec",
    "hypergraph.exceptions": "MissingInputError InfiniteLoopError IncompatibleRunnerError WorkflowAlreadyCompletedError GraphChangedError "
    "WorkflowForkError InputOverrideRequiresForkError WorkflowAlreadyRunningError",
}


@pytest.mark.parametrize("name", [*ROOT.split(), *EVENTS.split()])
def test_the_root_has_every_public_name(name: str) -> None:
    """It can be imported, and a star import brings it."""
    assert getattr(hypergraph, name) is not None
    assert name in hypergraph.__all__


@pytest.mark.parametrize(("module", "names"), PARTS.items(), ids=PARTS)
def test_a_part_gives_the_same_objects_as_the_root(module: str, names: str) -> None:
    """A re-export is no second class."""
    part = import_module(module)
    for name in names.split():
        found = getattr(part, name)
        assert found is getattr(hypergraph, name, found)
