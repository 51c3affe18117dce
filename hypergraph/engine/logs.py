"""Logs as folds of the journal, built when somebody reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypergraph.engine.journal import decision_text, error_text
from hypergraph.runlog import LogLine, MapLog, RunLog, build_log, build_map_log

if TYPE_CHECKING:
    from hypergraph.engine.batch import BatchEnded
    from hypergraph.engine.journal import Line

__all__ = ["log_of", "map_log_of"]
