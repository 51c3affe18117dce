"""The studio's end of a module host: a process that loads a user's module, so that the studio never does."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from studio.services.order import Target

__all__ = ["HostError", "ModuleHost", "Nursery"]

PATIENCE: Final = 10.0
"""Seconds without an answer after which a host is killed, once its module is loaded."""

LOADING: Final = 120.0
"""Seconds that a module may take to load: large libraries take their time, an endless loop takes for ever."""

_OUTPUT: Final = 4_000
_LAST_WORDS: Final = 0.05
_BOOT: Final = Path(__file__).with_name("boot.py")


class HostError(RuntimeError):
    """A module could not be loaded, or a question about it not be answered.

    Attributes:
        traceback: the whole story, "" where there is none.
    """

    def __init__(self, message: str, traceback: str = "", problems: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.traceback = traceback
        self.problems = dict(problems or {})


class Nursery:
    """Starts child processes from one thread that lives as long as the studio.

    A child that is to end with its parent ends with the thread that started it; a passing thread would take it along.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio-nursery")

    def start(self, argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process."""
        return self._thread.submit(lambda: subprocess.Popen[bytes](argv, **options)).result()

    def close(self) -> None:
        """Start nothing more; children that hang on the thread end."""
        self._thread.shutdown(wait=False)


class ModuleHost:
    """One module, loaded in a process of its own. A host that does not answer is killed, and started afresh for the next question.

    Args:
        target: the module.
        nursery: starts the process.
        python: interpreter; None for this one.
        start: the folder that it runs in.
        patience: seconds to wait for an answer.
        loading: seconds to wait for the first answer, for which the module has to be loaded.
    """

    def __init__(
        self,
        target: Target,
        nursery: Nursery,
        *,
        python: str | None = None,
        start: Path | None = None,
        patience: float = PATIENCE,
        loading: float = LOADING,
    ) -> None:
        self.target = target
        self._nursery = nursery
        self._python = python or sys.executable
        self._start = start
        self._patience = patience
        self._loading = max(loading, patience)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._printed = _Tail()
        self._pending = b""
        self._answered = False
        self._number = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def report(self) -> dict[str, Any]:
        """Load the module, and tell of its graphs.

        Returns:
            "graphs", "problems" (graphs that cannot be described), "files" (whose change matters), "output" (what it printed).

        Raises:
            HostError: it cannot be loaded.
        """
        found = self.ask({"do": "report", "target": asdict(self.target)})
        return {**found, "output": self.output()}

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask one question; blocks until the answer, or until patience ends.

        Raises:
            HostError: the answer is an error, or there is none.
        """
        with self._lock:
            if self._closed.is_set():
                raise HostError(f"{self.target.text} is no longer loaded here.")
            if self._process is None or self._process.poll() is not None:
                self._begin()
            if self._closed.is_set():
                self._end()
                raise HostError(f"{self.target.text} is no longer loaded here.")
            assert self._connection is not None
            self._number += 1
            patience = self._patience if self._answered else self._loading
            data = json.dumps({**question, "id": self._number}).encode() + b"\n"
            try:
                self._connection.settimeout(patience)
                self._connection.sendall(data)
                found = self._answer(self._number, patience)
            except TimeoutError:
                raise self._late(patience) from None
            except (OSError, ValueError):
                raise self._gone() from None
        if not found.get("ok"):
            raise HostError(str(found.get("error", "no reason given")), str(found.get("traceback", "")), found.get("problems"))
        return found

    def _answer(self, number: int, patience: float) -> dict[str, Any]:
        assert self._connection is not None
        until = time.monotonic() + patience
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if newline:
                self._pending = rest
                found = json.loads(line)
                if isinstance(found, dict) and found.get("id") == number:
                    self._answered = True
                    return found
                continue
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._connection], [], [], left)[0]:
                raise TimeoutError
            part = self._connection.recv(1 << 20)
            if not part:
                raise OSError("closed")
            self._pending += part

    def _begin(self) -> None:
        self._end()
        ours, theirs = socket.socketpair()
        self._printed = _Tail()
        self._pending = b""
        self._answered = False
        with theirs, self._printed.writing() as printed:
            self._process = self._nursery.start(
                [self._python, "-P", str(_BOOT), "host", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                cwd=self._start,
                start_new_session=True,
            )
        self._connection = ours

    def _gone(self) -> HostError:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        self._end()
        how = "did not go on" if code is None else f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return HostError(f"The process that loads {self.target.text} {how}.", self.output())

    def _late(self, patience: float) -> HostError:
        loading = not self._answered
        self._end()
        said = f"{self.target.text} gave no answer in {patience:.0f} s, so its process was ended."
        if loading:
            said += " Where loading needs longer, set load_seconds in the settings."
        return HostError(said, self.output())

    def output(self) -> str:
        """Give the end of what the module printed."""
        return self._printed.text()

    def said(self) -> str:
        """Give the end of what the module has printed by now."""
        return self._printed.text(wait=0.0)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        process = self._process
        if process is not None:
            _kill(process)
            process.wait()
            self._process = None

    def close(self) -> None:
        """End the process, for good."""
        with self._lock:
            self._closed.set()
            self._end()

    def abandon(self) -> None:
        """End the process at once, and with it the question that somebody waits for."""
        self._closed.set()
        process = self._process
        if process is not None:
            _kill(process)
        self.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a host and what it started; its group is its own as long as it was not waited for."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


class _Tail:
    """The end of what a process prints. It is always read: whoever prints without end fills no disk, and never has to wait."""

    def __init__(self) -> None:
        self._data = b""
        self._ended = threading.Event()
        self._ended.set()

    @contextlib.contextmanager
    def writing(self) -> Iterator[int]:
        """Give the end that the process gets."""
        reading, writing = os.pipe()
        self._ended.clear()
        threading.Thread(target=self._read, args=(reading,), name="studio-module-output", daemon=True).start()
        try:
            yield writing
        finally:
            os.close(writing)

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            while part := pipe.read(1 << 16):
                self._data = (self._data + part)[-_OUTPUT:]
        self._ended.set()

    def text(self, wait: float = _LAST_WORDS) -> str:
        """Give what was read; a moment is left for the last words of a process that has just ended."""
        self._ended.wait(wait)
        return self._data.decode("utf-8", "replace")
