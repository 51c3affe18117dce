"""The runner that turns a graph into one Daft plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hypergraph.runners.base import BaseRunner, RunnerCapabilities
from hypergraph.runners.daft.loading import load_daft

if TYPE_CHECKING:
    from hypergraph.cache import CacheBackend
    from hypergraph.graph import Graph

__all__ = ["DaftRunner"]

_CAPABILITIES = RunnerCapabilities(
    supports_cycles=False, supports_gates=False, supports_async_nodes=True, supports_events=False, supports_distributed=True
)


class DaftRunner(BaseRunner):
    """Runs graphs without cycles, gates and interrupts as Daft plans.

    Args:
        cache: where results of nodes with `cache=True` are kept.

    Raises:
        ImportError: daft is not installed.
    """

    def __init__(self, *, cache: CacheBackend | None = None) -> None:
        super().__init__()
        load_daft()
        self.cache = cache

    @property
    def capabilities(self) -> RunnerCapabilities:
        """Async nodes and distribution; no cycles, gates, interrupts, events, checkpoints."""
        return _CAPABILITIES

    def run(self, graph: Graph, values: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run a graph once."""
        raise NotImplementedError

    def map(self, graph: Graph, values: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run a graph once per item."""
        raise NotImplementedError
