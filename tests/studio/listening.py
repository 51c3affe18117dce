"""A socket that listens on this machine."""

from __future__ import annotations

import socket


def listener(port: int = 0) -> socket.socket:
    """Listen on a port of the loopback address, 0 for a free one."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    found.listen()
    return found
