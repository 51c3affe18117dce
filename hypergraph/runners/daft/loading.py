"""The one place that loads daft."""

from __future__ import annotations

import atexit
import os
import sys
from functools import cache
from pathlib import Path
from threading import get_native_id
from time import monotonic, sleep
from typing import Any, Final

from hypergraph._text import fix
from hypergraph.runners.daft.underway import abandon

__all__ = ["load_daft"]

_QUIET = (("DAFT_PROGRESS_BAR", "0"), ("DO_NOT_TRACK", "1"))

_TASKS: Final = Path("/proc/self/task")
_PAUSE: Final = 0.01
_CALM: Final = 3
_LONGEST: Final = 0.5


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
    _wait_at_exit()
    return daft


@cache
def _wait_at_exit() -> None:
    atexit.register(_settled)


def _settled() -> None:
    """Begin no further row, and wait until Daft's threads have come to rest, for half a second at most.

    They let go of Python objects a moment after a query's last result. A process that ends in that moment is killed by Python,
    with "PyGILState_Release: thread state must be current", after it has done all its work.
    """
    abandon()
    quiet, until = 0, monotonic() + _LONGEST
    while quiet < _CALM and monotonic() < until:
        sleep(_PAUSE)
        quiet = 0 if _busy() else quiet + 1


def _busy() -> bool:
    """Tell whether another thread of this process is running; where the system does not say, none is."""
    own = str(get_native_id())
    try:
        others = [task for task in _TASKS.iterdir() if task.name != own]
        return any((task / "stat").read_text().rpartition(")")[2].split()[0] == "R" for task in others)
    except OSError:  # no Linux, or a thread that ended just now
        return False
