"""Starting workers, finding those that run, stopping them, and killing them. A worker belongs to nobody: any studio finds it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from studio.services import boot
from studio.services.control import ask
from studio.services.keeping import tell_exit
from studio.services.log_reader import claims_in, last_line, read_claim
from studio.services.order import Order
from studio.services.paths import Places
from studio.services.processes import is_running, mark_of
from studio.services.tidying import tidy

__all__ = ["LaunchError", "Launcher", "Worker"]

_NOT_FOR_WORKERS: Final = ("TEXTUAL", "HYPERGRAPH_STUDIO_")
_KILL_WAIT: Final = 5.0
_LAST_WORDS: Final = 4.0


class LaunchError(RuntimeError):
    """A worker could not be started; the text says why."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves a claim on a run, on this machine.

    Attributes:
        run_id: the top-level run.
        claim: number of the claim.
        pid, mark: which process; it leads the group in which the run's own one is.
        folder: the run's folder.
    """

    run_id: str
    claim: int
    pid: int
    mark: str
    folder: Path

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return is_running(self.pid, self.mark)

    @property
    def has_ended(self) -> bool:
        """True when its event log is closed: the run ended, and the process is about to."""
        try:
            with (self.folder / f"{self.claim}.events").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 65_536))
                last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        except OSError:
            return False
        return last.startswith(b'{"k":"end"')

    @property
    def socket(self) -> Path:
        """Where it listens: under its own name until the run has begun."""
        own = self.folder / f"{self.claim}.sock"
        return own if own.exists() else self.folder / "control.sock"


class Launcher:
    """Starts and ends the workers of one store.

    Args:
        db: the checkpoint database, existing or not.
        state: the studio's folder; None for the user's.
        python: the interpreter that runs graphs; None for this one.
        cwd: the folder that they run in; None for the present one.
    """

    def __init__(self, db: Path, state: Path | None = None, python: str | None = None, cwd: Path | None = None) -> None:
        self._places = Places.of(db, state)
        self._python = python or sys.executable
        self._cwd = cwd or Path.cwd()
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    @property
    def _live(self) -> Path:
        return self._places.store / "live"

    @property
    def runs(self) -> Path:
        """The folder that holds a folder for each run."""
        return self._places.runs

    # Starting.

    def start(self, order: Order) -> Worker:
        """Start a worker; it does what the order says whether or not the studio stays.

        Args:
            order: what to do; `folder` and `claim` are filled in here.

        Raises:
            LaunchError: the run has a worker already, or the process cannot be started.
        """
        found = self._still_serving(order.run_id)
        if found is not None:
            raise LaunchError(f"Run {order.run_id!r} is running already, as process {found.pid}.")
        folder = self._places.make(self._places.run(order.run_id))
        claim = _new_claim(folder)
        order = replace(order, folder=str(folder), claim=claim)
        self._write_about(folder, order)
        try:
            process = self._spawn(folder, order)
        except OSError as error:
            (folder / f"{claim}.events").unlink(missing_ok=True)
            raise LaunchError(f"{self._python} cannot be started: {error.strerror or error}.") from error
        worker = Worker(order.run_id, claim, process.pid, mark_of(process.pid), folder)
        self._places.make(self._live)
        (self._live / folder.name).write_text(
            json.dumps({"run": order.run_id, "claim": claim, "pid": worker.pid, "mark": worker.mark}), encoding="utf-8"
        )
        with self._lock:
            self._children.append(process)
        return worker

    def _still_serving(self, run_id: str) -> Worker | None:
        """Give the worker of a run; one that has said its last word gets a moment to end."""
        deadline = time.monotonic() + _LAST_WORDS
        while (found := self.worker(run_id)) is not None and time.monotonic() < deadline:
            if not found.has_ended:
                return found
            time.sleep(0.02)
        return found

    def _spawn(self, folder: Path, order: Order) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_WORKERS)}
        reading, writing = os.pipe()
        try:
            with _private(folder / f"{order.claim}.out") as out, _private(folder / f"{order.claim}.err") as err:
                process = subprocess.Popen(
                    [self._python, "-P", str(boot.__file__), "worker", str(reading), str(folder / f"{order.claim}.events")],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    cwd=self._cwd,
                    env=environment,
                    pass_fds=(reading,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        # A large order does not fit into the pipe at once; the worker may take its time to read it.
        threading.Thread(target=_send, args=(writing, order.dumps()), daemon=False, name="order").start()
        return process

    def _write_about(self, folder: Path, order: Order) -> None:
        """Keep what is needed to serve this run again: where its graph is, and how it is run. No values."""
        about = {
            "order": {**asdict(order), "texts": {}, "edits": {}},
            "python": self._python,
            "cwd": str(self._cwd),
            "started": time.time(),
        }
        fresh = folder / f"run.json.{order.claim}"
        fresh.write_text(json.dumps(about, default=str, indent=1), encoding="utf-8")
        fresh.replace(folder / "run.json")

    def about(self, run_id: str) -> dict[str, Any]:
        """Give what was kept when a run was last started; {} for a run that was made without a studio."""
        try:
            found = json.loads((self.folder(run_id) / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def folder(self, run_id: str) -> Path:
        """Give the folder of the top-level run that a run is part of."""
        return self._places.run(_root(run_id))

    # Finding.

    def running(self) -> list[Worker]:
        """Give the workers of this store that run, whoever started them."""
        self._collect()
        try:
            entries = list(self._live.iterdir())
        except FileNotFoundError:
            return []
        found: list[Worker] = []
        for entry in entries:
            worker = self._read_live(entry)
            if worker is not None and worker.alive:
                found.append(worker)
            elif worker is not None:
                entry.unlink(missing_ok=True)
        return found

    def worker(self, run_id: str) -> Worker | None:
        """Give the worker that serves a run or the run around it, None when there is none here."""
        self._collect()
        worker = self._read_live(self._live / self.folder(run_id).name)
        return worker if worker is not None and worker.alive else None

    def _read_live(self, entry: Path) -> Worker | None:
        try:
            data = json.loads(entry.read_text("utf-8"))
            return Worker(data["run"], data["claim"], data["pid"], data["mark"], self._places.runs / entry.name)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_alive(self, run_id: str) -> bool | None:
        """Tell whether the newest claim of a run has a living worker; None when it was never served by one here."""
        if self.worker(run_id) is not None:
            return True
        folder = self.folder(run_id)
        claims = claims_in(folder)
        if not claims:
            return None
        opening = read_claim(folder / f"{claims[-1]}.events")
        if opening is None:
            return False
        return is_running(int(opening.get("pid", 0)), str(opening.get("mark", "")))

    def exit_of(self, run_id: str) -> dict[str, Any] | None:
        """Give the line that tells how the newest worker of a run ended, None where it is not known or the worker said it itself."""
        folder = self.folder(run_id)
        claims = claims_in(folder)
        line = last_line(folder / f"{claims[-1]}.events") if claims else {}
        return line if line.get("k") == "exit" else None

    def tidy(self, *, days: int, most_bytes: int) -> list[str]:
        """Remove folders of finished runs, see `studio.services.tidying`."""
        return tidy(self._places.runs, {worker.folder.name for worker in self.running()}, days=days, most_bytes=most_bytes)

    def _collect(self) -> None:
        """Let those that ended be gone: a child that nobody waits for keeps its number."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]

    def close(self) -> None:
        """Let go of the workers; they go on."""
        self._collect()
        with self._lock:
            children, self._children = self._children, []
        for child in children:
            # A process object that is thrown away while its process runs complains; ours are meant to run on.
            child.returncode = 0

    # Ending.

    def stop(self, run_id: str, *, actor: str = "", info: Any = None) -> tuple[bool, str]:
        """Ask a run to stop after the nodes that run now; gives whether it was asked, and a sentence."""
        worker = self.worker(run_id)
        if worker is None:
            return False, f"No worker of this machine serves {run_id}."
        deadline = time.monotonic() + 2.0
        while (reply := ask(worker.socket, {"do": "stop", "actor": actor, "info": info})) is None:
            # The socket changes its name once, when the run begins.
            if time.monotonic() > deadline or not worker.alive:
                break
            time.sleep(0.05)
        if reply is None:
            if not worker.alive:
                return False, f"{run_id} has ended in the meantime."
            return True, "Asked; the worker is busy and has not answered. Kill ends it at once."
        if not reply.get("ok"):
            return False, f"The worker refused: {reply.get('answer', 'no reason given')}."
        return True, f"Asked {run_id} to stop: nodes that run now finish."

    def kill(self, run_id: str, *, actor: str = "") -> tuple[bool, str]:
        """End a run's worker, and what it started, at once.

        Args:
            run_id: the run.
            actor: who wants it; kept with how it ended.
        """
        worker = self.worker(run_id)
        if worker is None:
            return False, f"No worker of this machine serves {run_id}."
        # Its number and the moment it began were compared just now; it leads its own group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        deadline = time.monotonic() + _KILL_WAIT
        while worker.alive:
            self._collect()
            if time.monotonic() > deadline:
                return False, f"Process {worker.pid} was sent SIGKILL and has not ended yet."
            time.sleep(0.01)
        with contextlib.suppress(OSError):
            tell_exit(worker.folder / f"{worker.claim}.events", -signal.SIGKILL, actor=actor)
        (self._live / worker.folder.name).unlink(missing_ok=True)
        for name in (f"{worker.claim}.sock", "control.sock"):
            (worker.folder / name).unlink(missing_ok=True)
        return True, f"Killed process {worker.pid}. What had finished is stored; the run can be resumed."


def _root(run_id: str) -> str:
    return run_id.partition("/")[0]


def _new_claim(folder: Path) -> int:
    """Take the next number; two studios never get the same one."""
    number = max(claims_in(folder), default=0)
    while True:
        number += 1
        with contextlib.suppress(FileExistsError):
            os.close(os.open(folder / f"{number}.events", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return number


@contextlib.contextmanager
def _private(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _send(descriptor: int, data: bytes) -> None:
    # A worker that died early takes nothing; its absence is told elsewhere.
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)
