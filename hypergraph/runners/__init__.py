"""Runners: what executes graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypergraph._lazy import lazy_face

if TYPE_CHECKING:
    from hypergraph.records import RunStatus
    from hypergraph.results import MapResult, PauseInfo, RunResult
    from hypergraph.runners.async_ import AsyncRunner
    from hypergraph.runners.base import BaseRunner, RunnerCapabilities
    from hypergraph.runners.daft import DaftRunner
    from hypergraph.runners.sync import SyncRunner
else:
    __all__ = [
        "AsyncRunner",
        "BaseRunner",
        "DaftRunner",
        "MapResult",
        "PauseInfo",
        "RunResult",
        "RunStatus",
        "RunnerCapabilities",
        "SyncRunner",
    ]

    # asyncio alone doubles the time of an import, and Daft needs its extra: each runner loads on first use.
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "hypergraph.records": ("RunStatus",),
            "hypergraph.results": ("MapResult", "PauseInfo", "RunResult"),
            "hypergraph.runners.async_": ("AsyncRunner",),
            "hypergraph.runners.base": ("BaseRunner", "RunnerCapabilities"),
            "hypergraph.runners.daft": ("DaftRunner",),
            "hypergraph.runners.sync": ("SyncRunner",),
        },
    )

__all__ = [
    "AsyncRunner",
    "BaseRunner",
    "DaftRunner",
    "MapResult",
    "PauseInfo",
    "RunResult",
    "RunStatus",
    "RunnerCapabilities",
    "SyncRunner",
]
