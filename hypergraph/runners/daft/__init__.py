"""Graphs as Daft plans: columnar, on all cores or on a cluster. Importing this package does not import daft."""

from __future__ import annotations

from hypergraph.runners.daft.progress import DaftProgress
from hypergraph.runners.daft.runner import DaftRunner
from hypergraph.runners.daft.stateful import DaftStateful, stateful

__all__ = ["DaftProgress", "DaftRunner", "DaftStateful", "stateful"]
