"""A loss of power, simulated from a recording of what a process really wrote.

A script runs workflows under durability "sync" while `strace` records every write, truncation, sync, creation and removal of a file, and
every acknowledgement: a node that starts acknowledges that the node before it is stored. Then the power fails at a moment of the
recording. What was synced by then is on the disk. Of what was written and not synced, the disk has any part: nothing, all, a beginning
that ends within a write, or any sectors of 512 bytes in any order. A file that was created or removed is so for certain only once its
folder was synced. Memory that is shared between processes (`-shm`) is gone, and so are locks. What is left is opened as a user would open
it: everything acknowledged must be there, the file whole, and the workflow must go on to its end.

What is not modelled: a disk that tells of a sync and has not done it, and sectors that rot.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.durability.hands import ROOT
from benchmarks.durability.report import Row
from hypergraph.checkpointers import SqliteCheckpointer
from hypergraph.exceptions import CheckpointError

__all__ = ["Recording", "can_record", "fail_at", "judge", "points", "power_loss_rows", "record"]

SECTOR = 512
LENGTH = 12

_SCRIPT = """
import asyncio, os, sys
from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, SyncRunner, node
path, face, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
LENGTH = int(sys.argv[4])
DURABILITY = sys.argv[5]
nodes = []
for place in range(LENGTH):
    # Large enough for the log to be written back into the file now and then.
    code = f'''{"async " if face == "async" else ""}def link_{place}(v{place}: str, number: int) -> str:
    os.write(1, f"ack {{number}} {place}\\\\n".encode())
    return v{place}[:2000] + "{place}," * 700
'''
    scope = {"os": os}
    exec(code, scope)
    nodes.append(node(output_name=f"v{place + 1}")(scope[f"link_{place}"]))
graph = Graph(nodes, name="chain")
store = SqliteCheckpointer(path, durability=DURABILITY)
runner = (SyncRunner if face == "sync" else AsyncRunner)(checkpointer=store)
for number in range(runs):
    values = {"v0": f"start {number}", "number": number}
    given = values if store.get_run(f"wf-{number}") is None else {}
    call = runner.run(graph, given, workflow_id=f"wf-{number}")
    if face == "async":
        asyncio.run(call)
    os.write(1, f"ack {number} {LENGTH}\\n".encode())
store.close_sync()
"""

_CALLS = "openat,creat,write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2"
_LINE = re.compile(r"^(\d+)\s+(.*)$")
_DONE = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
_FILE = re.compile(r"^\d+<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the process did: "write", "truncate", "sync", "make", "remove" of a file, or "ack"."""

    what: str
    name: str
    at: int = 0
    data: bytes = b""


@dataclass
class Recording:
    """What a process did to the files of its store, in order."""

    folder: Path
    events: list[Event] = field(default_factory=list)


def can_record() -> bool:
    """Tell whether `strace` is there and may be used."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0


def record(folder: Path, face: str, runs: int, durability: str = "sync") -> Recording:
    """Run workflows and record what reaches the system."""
    store = folder / "files" / "runs.db"
    store.parent.mkdir(parents=True)
    log = folder / "log"
    subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", "4000000", "-e", f"trace={_CALLS}", "-o", str(log),
         sys.executable, "-c", _SCRIPT, str(store), face, str(runs), str(LENGTH), durability],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    recording = Recording(store.parent)
    for line in _whole_lines(log):
        recording.events.extend(_read(line, str(store.parent)))
    return recording


def _whole_lines(log: Path) -> Iterator[str]:
    """Give each call as one line, at the moment of its end."""
    begun: dict[str, str] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        pid, rest = _LINE.match(line).groups()  # type: ignore[union-attr]
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").rstrip()
        elif (resumed := _RESUMED.match(rest)) is not None:
            yield begun.pop(pid) + resumed[2].lstrip()
        else:
            yield rest


def _text(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))


def _name(path: str, folder: str) -> str | None:
    """Give a file's name within the store's folder ("" for the folder); None for any other."""
    if "\\x" in path:
        path = _text(path).decode()
    if path == folder:
        return ""
    name = path.removeprefix(folder + "/")
    return None if name == path or "/" in name or name.endswith("-shm") else name


def _read(line: str, folder: str) -> Iterator[Event]:
    match = _DONE.match(line)
    if match is None or int(match[3]) < 0:
        return
    call, arguments = match[1], match[2]
    file = _FILE.match(arguments)
    texts = [_text(one) for one in _TEXT.findall(arguments)]
    if call == "write" and texts and texts[0].startswith(b"ack "):
        yield Event("ack", texts[0][4:].decode().strip())
        return
    if call in ("openat", "creat"):
        name = _name(texts[0].decode(), folder) if texts else None
        if name and ("O_CREAT" in arguments or call == "creat"):
            yield Event("make", name)
        return
    if call in ("unlink", "unlinkat"):
        name = _name(texts[0].decode(), folder)
        if name:
            yield Event("remove", name)
        return
    name = _name(file[1], folder) if file is not None else None
    if name is None:
        return
    if call in ("fsync", "fdatasync"):
        yield Event("sync", name)
    elif call == "pwrite64":
        yield Event("write", name, int(arguments.rpartition(",")[2]), texts[0])
    elif call == "ftruncate":
        yield Event("truncate", name, int(arguments.rpartition(",")[2]))
    else:
        raise RuntimeError(f"the model knows nothing of this: {call}")


class _Disk:
    """What a disk has for certain, and what it may have."""

    def __init__(self) -> None:
        self.synced: dict[str, bytearray] = {}
        self.waiting: dict[str, list[Event]] = {}
        self.entries: list[Event] = []
        self.known: set[str] = set()
        self.live: set[str] = set()

    def take(self, event: Event) -> None:
        """Let something happen."""
        if event.what == "make" and event.name not in self.live:
            self.live.add(event.name)
            self.synced[event.name], self.waiting[event.name] = bytearray(), []
            self.entries.append(event)
        elif event.what == "remove":
            self.live.discard(event.name)
            self.entries.append(event)
        elif event.what in ("write", "truncate"):
            self.waiting[event.name].append(event)
        elif event.what == "sync" and event.name:
            for one in self.waiting[event.name]:
                _apply(self.synced[event.name], one)
            self.waiting[event.name] = []
        elif event.what == "sync":
            for one in self.entries:
                self.known.add(one.name) if one.what == "make" else self.known.discard(one.name)
            self.entries = []

    def lose_power(self, order: random.Random) -> dict[str, bytes]:
        """Give the files as they may be found afterwards."""
        present = set(self.known)
        for one in self.entries[: order.randint(0, len(self.entries))]:
            present.add(one.name) if one.what == "make" else present.discard(one.name)
        return {name: self._left(name, order) for name in sorted(present) if name in self.synced}

    def _left(self, name: str, order: random.Random) -> bytes:
        content, waiting = bytearray(self.synced[name]), self.waiting[name]
        how = order.choice(("nothing", "all", "beginning", "sectors", "sectors"))
        if how == "beginning" and waiting:
            waiting, last = waiting[: order.randrange(len(waiting))], waiting[order.randrange(len(waiting))]
            for one in waiting:
                _apply(content, one)
            if last.what == "write":
                _apply(content, Event("write", name, last.at, last.data[: order.randrange(len(last.data) + 1)]))
        elif how == "all":
            for one in waiting:
                _apply(content, one)
        elif how == "sectors":
            for one in waiting:
                for piece in _sectors(one):
                    if order.random() < 0.5:
                        _apply(content, piece)
        return bytes(content)


def _sectors(event: Event) -> Iterator[Event]:
    if event.what != "write":
        yield event
        return
    at, end = event.at, event.at + len(event.data)
    while at < end:
        until = min((at // SECTOR + 1) * SECTOR, end)
        yield Event("write", event.name, at, event.data[at - event.at : until - event.at])
        at = until


def _apply(content: bytearray, event: Event) -> None:
    if event.what == "truncate":
        del content[event.at :]
        content.extend(bytes(event.at - len(content)))
        return
    if len(content) < event.at:
        content.extend(bytes(event.at - len(content)))
    content[event.at : event.at + len(event.data)] = event.data


def points(recording: Recording, number: int, order: random.Random) -> list[int]:
    """Choose moments to lose power at: anywhere, but more often just after an acknowledgement, where most is at stake."""
    acks = [place + 1 for place, event in enumerate(recording.events) if event.what == "ack"]
    every = len(recording.events)
    return sorted(order.choice(acks) if order.random() < 0.3 else order.randrange(every + 1) for _ in range(number))


def fail_at(recording: Recording, places: Sequence[int], order: random.Random, folder: Path) -> Iterator[tuple[Path, dict[int, int]]]:
    """Lose power at these moments, in order; gives each store that is left, and workflow -> how many of its steps were acknowledged."""
    disk, acknowledged, done = _Disk(), dict[int, int](), 0
    for place in places:
        for event in recording.events[done:place]:
            if event.what == "ack":
                number, step = map(int, event.name.split())
                acknowledged[number] = step
            else:
                disk.take(event)
        done = place
        left = Path(tempfile.mkdtemp(dir=folder))
        for name, content in disk.lose_power(order).items():
            (left / name).write_bytes(content)
        yield left / "runs.db", dict(acknowledged)


def judge(store: Path, acknowledged: dict[int, int]) -> tuple[int, list[str]]:
    """Open what is left; give how many acknowledged steps are lost, and what must not be."""
    lost, broken = 0, []
    try:
        with SqliteCheckpointer(store, durability="sync") as cp:
            for number, steps in acknowledged.items():
                run = cp.get_run(f"wf-{number}")
                if run is None or cp.inputs(f"wf-{number}") != {"v0": f"start {number}", "number": number}:
                    broken.append(f"wf-{number} or its inputs are gone")
                found = {one.node_name for one in cp.steps(f"wf-{number}") if one.values}
                lost += sum(1 for place in range(steps) if f"link_{place}" not in found)
            cp.create_run_sync("afterwards")
    except CheckpointError as error:
        return sum(acknowledged.values()), [str(error)[:200]]
    db = sqlite3.connect(store)
    whole = db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    if whole != "ok":
        broken.append(f"the file is not whole: {whole}")
    if lost:
        broken.append(f"{lost} acknowledged steps are lost")
    return lost, broken


def _goes_on(store: Path, face: str, acknowledged: dict[int, int]) -> list[str]:
    """Go on with the workflow that the power failed in."""
    begun = max(acknowledged, default=0)
    if acknowledged.get(begun) == LENGTH:
        return []
    with SqliteCheckpointer(store) as cp:
        done = {
            number for number in range(begun + 1) if (run := cp.get_run(f"wf-{number}")) is not None and run.status.value == "completed"
        }
    if done == set(range(begun + 1)):
        return []
    code = _SCRIPT.replace("for number in range(runs):", f"for number in [one for one in range(runs) if one not in {done!r}]:")
    ended = subprocess.run(
        [sys.executable, "-c", code, str(store), face, str(begun + 1), str(LENGTH), "sync"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return [] if ended.returncode == 0 else [f"cannot be gone on with: {ended.stderr[-200:]}"]


def power_loss_rows(folder: Path, number: int, runs: int, resumes: int) -> Iterator[Row]:
    """Lose power at so many moments, shared between the runners; every so often the workflow is gone on with, too."""
    if not can_record():
        yield Row("power loss", "chain sync", 0, "left out: strace is not there, or may not be used", "FULL: 0 acknowledged lost")
        return
    for face in ("sync", "async"):
        order = random.Random(f"power {face}")
        place = folder / f"power-{face}"
        recording = record(place, face, runs)
        lost, broken, steps = 0, list[str](), 0
        moments = points(recording, number // 2, order)
        for count, (store, acknowledged) in enumerate(fail_at(recording, moments, order, place)):
            steps += sum(acknowledged.values())
            gone, wrong = judge(store, acknowledged)
            lost += gone
            broken += wrong
            if count % max(len(moments) // resumes, 1) == 0 and not wrong:
                broken += _goes_on(store, face, acknowledged)
            shutil.rmtree(store.parent, ignore_errors=True)
        syncs = sum(1 for event in recording.events if event.what == "sync")
        yield Row(
            "power loss", f"chain {face} sync", len(moments),
            f"lost {lost} of {steps:,} acknowledged; {len(recording.events):,} operations, {syncs} syncs",
            "FULL: 0 acknowledged lost", broken, {"lost": lost, "acknowledged": steps, "operations": len(recording.events), "syncs": syncs},
        )  # fmt: skip
