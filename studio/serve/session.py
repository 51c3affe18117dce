"""One window in a browser: an app process of its own, which ends when the window or the server does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from typing import Any, Final

from textual_serve.app_service import AppService

__all__ = ["SessionProcess", "die_with_parent", "keep_stdout_clean"]

_PARENT: Final = "HYPERGRAPH_STUDIO_PARENT"
_FRAMES: Final = "20"
_QUIT_AFTER: Final = 2.0
_KILL_AFTER: Final = 1.0
_LOOK_EVERY: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
_WIDTHS: Final = (20, 500)
_HEIGHTS: Final = (5, 200)
_OWN_VARIABLES: Final = (
    "TEXTUAL",
    "TEXTUAL_LOG",
    "NO_COLOR",
)


def clamp(width: Any, height: Any) -> tuple[int, int]:
    """Give a size that an app can draw, whatever the browser says."""

    def fit(value: Any, low: int, high: int) -> int:
        return min(max(int(value), low), high)

    return fit(width, *_WIDTHS), fit(height, *_HEIGHTS)


class SessionProcess(AppService):
    """textual-serve's process, started without a shell and never left behind.

    Args:
        argv: the command, as words.
        extra: environment variables of this window.
        options: what textual-serve's `AppService` takes.
    """

    def __init__(self, argv: Sequence[str], extra: Mapping[str, str], **options: Any) -> None:
        super().__init__(" ".join(argv), **options)
        self._argv = list(argv)
        self._extra = dict(extra)
        self.stopping = False
        """True once the server ends the app, False while an end would be the user's own."""

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        width, height = clamp(width, height)
        environment = self._build_environment(width=width, height=height)
        for name in _OWN_VARIABLES:
            environment.pop(name, None)
        environment.update(self._extra)
        environment["TEXTUAL_FPS"] = _FRAMES
        environment[_PARENT] = str(os.getpid())
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the app its size, within bounds."""
        await super().set_terminal_size(*clamp(width, height))

    async def stop(self) -> None:
        """Ask the app to quit, then end it: a blocked app must not outlive its window.

        Its process alone is ended, never its group: workers that it started go on.
        """
        if self._task is None or self._process is None:
            return
        self.stopping = True
        task, self._task = self._task, None
        process = self._process
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        with contextlib.suppress(OSError, RuntimeError):
            await asyncio.wait_for(self.send_meta({"type": "quit"}), _QUIT_AFTER)
        for wait, end in ((_QUIT_AFTER, process.terminate), (_KILL_AFTER, process.kill)):
            if process.returncode is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), wait)
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    end()
        await process.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def die_with_parent() -> None:
    """In an app process: end when the server ends, however it ends."""
    parent = os.environ.pop(_PARENT, "")
    if not parent or not sys.platform.startswith("linux"):
        return
    import ctypes
    import signal

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        # The server went away before we could ask to be told.
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=_end_for_good, args=(int(parent),), name="studio-parent", daemon=True).start()


def _end_for_good(parent: int) -> None:
    """End an app that is too busy to hear that the server has gone."""
    import signal

    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    time.sleep(_QUIT_AFTER + _KILL_AFTER)
    os.kill(os.getpid(), signal.SIGKILL)


def keep_stdout_clean() -> None:
    """In an app process: give the screen's packets a descriptor of their own.

    Whatever else writes to descriptor 1, a library in C or a child process, would break the packet stream for good; it goes to
    standard error instead.
    """
    packets = os.dup(1)
    os.dup2(2, 1)
    sys.__stdout__ = os.fdopen(packets, "w", closefd=False)  # type: ignore[misc]  # textual's driver looks for it there
