"""The socket over which a worker is spoken to: one JSON line each way."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["ControlServer", "ask"]

_LONGEST: Final = 64 << 10
_PATH_LIMIT: Final = 100


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name of the socket that fits: systems take about 100 characters."""
    if len(os.fsencode(path)) <= _PATH_LIMIT:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Listens for commands, in a thread of its own: a node that blocks the event loop does not block an answer.

    Args:
        path: where the socket is made.
        answer: gives the reply to a command.
    """

    def __init__(self, path: Path, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._path = path
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        with _short(path) as name:
            self._socket.bind(name)
        path.chmod(0o600)
        self._socket.listen(8)
        threading.Thread(target=self._listen, name="studio-control", daemon=True).start()

    def rename(self, path: Path) -> None:
        """Listen under another name from now on."""
        self._path.rename(path)
        self._path = path

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, ValueError):
                connection.settimeout(2.0)
                command = json.loads(_line(connection))
                reply = self._answer(command) if isinstance(command, dict) else {"ok": False}
                connection.sendall(json.dumps(reply).encode() + b"\n")

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._socket.close()


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            break
        data += part
        if len(data) > _LONGEST:
            raise ValueError("a command of more than 64 KB")
    return data


def ask(path: Path, command: Mapping[str, Any], *, seconds: float = 2.0) -> dict[str, Any] | None:
    """Send a command to a worker; None when nobody answers in time.

    Args:
        path: its socket.
        command: what to do.
        seconds: how long to wait.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            with _short(path) as name:
                connection.connect(name)
            connection.sendall(json.dumps(dict(command)).encode() + b"\n")
            reply = json.loads(_line(connection))
        except (OSError, ValueError):
            return None
    return reply if isinstance(reply, dict) else None
