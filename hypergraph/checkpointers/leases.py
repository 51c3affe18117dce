"""Who runs a workflow, and whether they still live.

Each process holds one lock file per database with flock: the kernel lets go of it when the process dies, however it dies. A workflow is
owned through its `epoch`, a number that every claim raises and every write checks; so an owner that was displaced can no longer write.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["HEARTBEAT_SECONDS", "STALE_SECONDS", "Claims", "Identity", "OwnerRow", "claims_of", "is_alive", "start_time"]

HEARTBEAT_SECONDS = 5.0
# Without proof either way (another host) an owner counts as gone this long after its last heartbeat.
STALE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one process from every other: its id, where and since when it runs."""

    pid: int
    host: str
    boot: str
    started: str


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """A row of `owners`: an identity, the name of its lock file, and its last heartbeat in microseconds."""

    key: int
    token: str
    identity: Identity
    beat_at: int


def boot_id() -> str:
    """Give what names this boot of this machine, and the process namespace that process ids are valid in."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{socket.gethostname()}/?"


def start_time(pid: int) -> str:
    """Give when a process started, in clock ticks since boot; empty when it has ended, or nothing can be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The command's name stands in brackets and may contain anything, brackets too.
    state, *rest = stat.rpartition(")")[2].split()
    # One that has ended stays in the table until its parent asks for it, which may take long: in containers the first process is no init.
    return "" if state in "ZX" else rest[18]


def this_process() -> Identity:
    """Give the identity of this process."""
    pid = os.getpid()
    return Identity(pid, socket.gethostname(), boot_id(), start_time(pid))


def is_alive(owner: OwnerRow, here: Identity, folder: Path | None, now: int, *, looks_only: bool = False) -> bool:
    """Tell whether the process of an owner row may still be running.

    The lock is proof: free means gone. A held lock may be held by a native fork of a dead owner, so a process that provably does not
    exist is gone too. A suspended process counts as alive. Where nothing can be proved, the last heartbeat decides. With `looks_only`
    nothing in the folder is changed.
    """
    theirs = owner.identity
    if theirs == here:
        return True
    same_boot = theirs.boot == here.boot
    same_kernel = theirs.boot.partition("/")[0] == here.boot.partition("/")[0]
    if same_boot and not _runs(theirs):
        if folder is not None and not looks_only:
            (folder / f"{owner.token}.lock").unlink(missing_ok=True)
        return False
    if folder is not None and (same_kernel or theirs.host == here.host):
        free = _lock_is_free(folder / f"{owner.token}.lock", remove=not looks_only)
        if free is not None:
            return not free
    if same_boot:
        return True
    return now - owner.beat_at < STALE_SECONDS * 1_000_000


def _runs(theirs: Identity) -> bool:
    if not theirs.started:
        # No process table to look at (another system than Linux): only the lock can tell.
        try:
            os.kill(theirs.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True
    return start_time(theirs.pid) == theirs.started


def _lock_is_free(path: Path, *, remove: bool) -> bool | None:
    """Tell whether nobody holds a lock file; None when there is no such file or no such lock."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        # A shared lock tells as much, and does not stand in the way of another who looks.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        # Its owner is gone for good; nobody needs the file any more.
        if remove:
            path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove the lock files of processes that are gone."""
    for path in folder.glob("*.lock"):
        _lock_is_free(path, remove=True)


@dataclass
class Claims:
    """What this process owns in one database: its lock, its row in `owners`, and the workflows that it runs.

    Attributes:
        folder: where lock files are kept; None for an in-memory store.
        token: name of our lock file.
        key: our row in `owners`, once it is there.
        running: root id -> the epoch that runs here.
    """

    path: str
    folder: Path | None
    identity: Identity = field(default_factory=this_process)
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    key: int | None = None
    running: dict[str, int] = field(default_factory=dict)
    mutex: Any = field(default_factory=threading.RLock)
    _descriptor: int | None = None
    _heart: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def hold_lock(self) -> None:
        """Take our lock file, so that others can tell that we live."""
        if self.folder is None or self._descriptor is not None:
            return
        try:
            import fcntl
        except ImportError:
            return
        path = self.folder / f"{self.token}.lock"
        for _ in range(100):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                # The folder was empty, and its last user took it away.
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError:
                # A file system without locks: the process table and the heartbeat have to do.
                os.close(descriptor)
                return
            if path.exists():
                self._descriptor = descriptor
                break
            # Swept away by somebody who saw it before it was locked.
            os.close(descriptor)
        _sweep(self.folder)

    def beat(self, write: Any) -> None:
        """Start the heartbeat thread, which calls `write()` every few seconds while something runs here."""
        with self.mutex:
            if self._heart is not None and self._heart.is_alive():
                return
            self._stop = threading.Event()
            self._heart = threading.Thread(target=self._beats, args=(write, self._stop), name="hypergraph-heartbeat", daemon=True)
            self._heart.start()

    def _beats(self, write: Any, stop: threading.Event) -> None:
        idle = 0
        while not stop.wait(HEARTBEAT_SECONDS):
            # A thread that has nothing to tell ends after a minute.
            idle = 0 if self.running else idle + 1
            if idle > 12:
                return
            if self.running:
                write()

    def release(self, *, forked: bool = False) -> None:
        """Let go of the lock; in a forked child only of the descriptor, since the lock is the parent's."""
        self._stop.set()
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            if not forked and self.folder is not None:
                (self.folder / f"{self.token}.lock").unlink(missing_ok=True)
            os.close(descriptor)
            if not forked and self.folder is not None:
                # Others' locks may be in it.
                with suppress(OSError):
                    self.folder.rmdir()


class _Registry:
    """The claims of this process, one per database. Process-wide, because a lock belongs to the process, not to a store object."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.claims: dict[str, Claims] = {}
        self.prepared = False

    def of(self, path: str) -> Claims:
        with self.mutex:
            if not self.prepared:
                self.prepared = True
                if hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self.forget)
                import atexit

                atexit.register(self.release)
            found = self.claims.get(path)
            if found is None:
                found = self.claims[path] = Claims(path, Path(path + ".locks"))
            return found

    def forget(self) -> None:
        """In a forked child: nothing here is ours."""
        claims, self.claims = self.claims, {}
        self.mutex = threading.Lock()
        for one in claims.values():
            one.release(forked=True)

    def release(self) -> None:
        for one in self.claims.values():
            one.release()


_registry = _Registry()


def claims_of(path: str | None) -> Claims:
    """Give this process's claims in the database at `path`; a fresh one for an in-memory store (None)."""
    if path is None:
        return Claims("", None)
    return _registry.of(os.path.realpath(path))
