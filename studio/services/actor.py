"""Who sits at the screen."""

from __future__ import annotations

import contextlib
import os

__all__ = ["who"]


def who() -> str:
    """Give who sits at the screen: the user of the system, and the terminal or the browser window."""
    served = os.environ.get("HYPERGRAPH_STUDIO_ACTOR")
    if served:
        return served
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    place = "tty"
    with contextlib.suppress(OSError):
        place = os.ttyname(0).removeprefix("/dev/")
    return f"{user}@{socket.gethostname()}/{place}"
