"""The one place that imports daft."""

from __future__ import annotations

import os
from typing import Any

from hypergraph._text import fix

__all__ = ["load_daft"]


def load_daft() -> Any:
    """Import daft, quietly: no bars on the terminal, no reports to its makers, unless the environment says otherwise.

    Raises:
        ImportError: daft is not installed; the message has the line that installs it.
    """
    for name, value in (("DAFT_PROGRESS_BAR", "0"), ("DO_NOT_TRACK", "1")):
        os.environ.setdefault(name, value)
    try:
        import daft
    except ImportError as reason:
        raise ImportError("DaftRunner needs daft, which is not installed." + fix("pip install 'hypergraph-studio[daft]'")) from reason
    return daft
