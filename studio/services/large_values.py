"""Looking into values of more than 1 MiB: a process of its own reads and builds them, bounded in time and memory, and gives pages.

The studio itself never builds such a value: a hundred megabytes of it would hold up every key for seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from studio.model.value_view import ValueChild, ValueNode

__all__ = ["TOO_LARGE", "LargeValues"]

CPU_SECONDS: Final = 2.0
MEMORY: Final = 1 << 30
TOO_LARGE: Final = "reading all of it takes more than 2 s or 1 GB: this is the beginning of its stored form"

_BOOT: Final = Path(__file__).with_name("boot.py")
_PATIENCE: Final = 20.0


class LargeValues:
    """Asks the process that builds large values, and starts it when there is none.

    Args:
        db: the checkpoint database.
        cpu_seconds: what reading a value, and then each look at it, may take of a processor.
        memory: bytes of address space that the process may have.
    """

    def __init__(self, db: Path, *, cpu_seconds: float = CPU_SECONDS, memory: int = MEMORY) -> None:
        self._db = db
        self._limits = cpu_seconds, memory
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._pending = b""
        self._lock = threading.Lock()
        self._refused: set[str] = set()

    def open(
        self,
        run_id: str,
        node: str | None,
        name: str,
        superstep: int | None,
        path: Sequence[str],
        *,
        secrets: Collection[str] = (),
        revealed: bool = False,
    ) -> ValueNode | None:
        """Give a value, or the part of it at `path`; None when that takes more time or memory than there is for it. Blocks.

        Args:
            run_id, node, name, superstep: which value.
            path: keys, from the whole value on.
            secrets: further names whose parts are not shown.
            revealed: show the part at `path` even where its name says that it is secret.
        """
        value = [run_id, node, name, superstep]
        mark = json.dumps(value)
        if mark in self._refused:
            return None
        with self._lock:
            found = self._ask({"value": value, "path": list(path), "secrets": list(secrets), "revealed": revealed})
            if found is None:
                # It will not go better the next time.
                self._refused.add(mark)
                return None
        children = tuple(ValueChild(**child) for child in found.pop("children"))
        return ValueNode(**found, children=children)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        self._number += 1
        try:
            process = self._running()
            assert process.stdin is not None
            process.stdin.write(json.dumps({**question, "id": self._number}).encode() + b"\n")
            process.stdin.flush()
            answer = self._answer(process)
        except OSError:
            answer = None
        if answer is None:
            self._end()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._pending = b""
            cpu, memory = self._limits
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_BOOT), "values", "0", str(self._db), str(cpu), str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
        assert process.stdout is not None
        reading, until = process.stdout.fileno(), time.monotonic() + _PATIENCE
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if newline:
                self._pending = rest
                found = json.loads(line)
                if found.get("id") == self._number:
                    node: dict[str, Any] | None = found["node"]
                    return node
                continue
            left = until - time.monotonic()
            if left <= 0 or not select.select([reading], [], [], left)[0]:
                return None
            part = os.read(reading, 1 << 20)
            if not part:
                return None
            self._pending += part

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()
