"""The one place that loads daft."""

from __future__ import annotations

import os
import sys
from typing import Any

from hypergraph._text import fix

__all__ = ["load_daft"]

_QUIET = (("DAFT_PROGRESS_BAR", "0"), ("DO_NOT_TRACK", "1"))


def load_daft() -> Any:
    """Import daft, quietly: no bars on the terminal, no reports to its makers, unless the environment says otherwise.

    Daft reads these settings while it works, so they stay. A program that has imported daft itself has made its own choice.

    Raises:
        ImportError: daft is not installed; the message has the line that installs it.
    """
    if "daft" not in sys.modules:
        for name, value in _QUIET:
            os.environ.setdefault(name, value)
    try:
        import daft
    except ImportError as reason:
        raise ImportError("DaftRunner needs daft, which is not installed." + fix("pip install 'hypergraph-studio[daft]'")) from reason
    return daft
