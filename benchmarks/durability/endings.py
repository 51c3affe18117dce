"""How programs end: Ctrl-C and SIGTERM in the middle of a run, and those that forget to close their store."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.durability.crimes import Crime
from benchmarks.durability.hands import ROOT, Hands
from benchmarks.durability.report import Row, busy
from benchmarks.durability.shapes import FACES, Durability, Face
from hypergraph.checkpointers import SqliteCheckpointer

__all__ = ["FORGETS", "Ended", "ending_rows", "forget", "interrupt"]

# A script of a user: nobody but the library handles signals in it. A shell lets what it starts in the background ignore Ctrl-C.
_SCRIPT = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from benchmarks.durability.server import perform
print("=" + json.dumps(perform(json.loads(sys.argv[1]))))
"""


@dataclass
class Ended:
    """How a program ended that was asked to.

    Attributes:
        seconds: from the signal to its end.
        finished: nodes that had finished by then.
        lost: those of them that are not stored.
        broken: what must not be.
    """

    seconds: float = 0.0
    finished: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def interrupt(crime: Crime, number: signal.Signals, order: random.Random) -> Ended:
    """Send a signal to a script while its nodes are in flight, and go on with the run afterwards."""
    found = Ended()
    told = {"store": str(crime.store), "marks": str(crime.path), "shape": crime.shape, "face": crime.face, "durability": crime.durability}
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, json.dumps({**told, "loud": True})],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # All fifty arms have begun, or the eleventh of them where they go one by one.
    for _ in range(51 if crime.face == "async" else 12):
        process.stdout.readline()
    time.sleep(order.uniform(0.02, 0.09) if crime.face == "async" else order.uniform(0, 0.04))
    began = time.monotonic()
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    found.seconds = time.monotonic() - began
    if process.returncode != -number:
        if "={" in out:
            # It was quicker than the signal.
            return found
        found.broken.append(f"exit status {process.returncode}: {errors[-200:]}")
    # What ends while it is told to end may have been interrupted in its last line.
    ended = {mark.step for mark in crime.marks() if mark.sign == "-" and mark.at < began}
    stored = crime.stored(partial=True)
    found.finished, found.lost = len(ended), len(ended - stored)
    if ended - stored:
        found.broken.append(f"finished and not stored: {', '.join(sorted(ended - stored)[:3])}")
    run = crime.run()
    if run is None or run.status.value != "stopped" or run.owner is not None:
        found.broken.append(f"stands as {run!r}")
    if found.seconds > 1 and not busy():
        found.broken.append(f"took {found.seconds:.1f} s to end")
    crime.look_round(began)
    crime.go_on()
    found.broken += crime.judge().trouble
    return found


FORGETS = {
    "sync": "cp.begin_sync(NewRun('wf')); cp.save_step_sync(step)",
    "async": "async def go():\n    await cp.begin(NewRun('wf')); await cp.save_step(step)\nasyncio.run(go())",
    "async-read": "async def go():\n    await cp.save_step(step); await cp.get_steps('wf')\nasyncio.run(go())",
    "error": "async def go():\n    await cp.save_step(step); await cp.get_steps('wf'); raise SystemExit(0)\nasyncio.run(go())",
    "both": "cp.save_step_sync(step)\nasyncio.run(cp.list_runs())",
    "thread": "import threading\nthreading.Thread(target=lambda: asyncio.run(cp.save_step(step))).start()",
}

_FORGETFUL = """
import asyncio, sys
from hypergraph.checkpointers import *
step = StepRecord("wf", 0, "work", 0, StepStatus.COMPLETED, {}, values={"y": 1})
cp = SqliteCheckpointer(sys.argv[1])
"""


def forget(how: str, path: Path) -> Ended:
    """Let a program end without closing its store."""
    found = Ended()
    code = f"{_FORGETFUL}{FORGETS[how]}\nprint('end', flush=True)\n"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    try:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        _, errors = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        errors = "it does not end"
    finally:
        process.kill()
        process.communicate()
    found.seconds = time.monotonic() - began
    if process.returncode != 0 or errors:
        found.broken.append(f"exit status {process.returncode}: {errors[-300:]}")
    with SqliteCheckpointer.open_readonly(path) as store:
        found.lost = 1 - len(store.steps("wf"))
    if found.lost:
        found.broken.append("the step is not stored")
    return found


def ending_rows(hands: Hands, folder: Path, times: int) -> Iterator[Row]:
    """Interrupt on both runners, and forget in each way."""
    durabilities: tuple[Durability, ...] = ("sync", "async", "exit")
    for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
        for face in FACES:
            for durability in durabilities:
                yield _interrupted(hands, folder, number, name, face, durability, times)
    forgotten = {how: forget(how, folder / f"forgotten-{how}.db") for how in FORGETS}
    slowest = max(one.seconds for one in forgotten.values())
    broken = [f"{how}: {text}" for how, one in forgotten.items() for text in one.broken]
    if slowest > 2 and not busy():
        broken.append(f"took {slowest:.1f} s")
    yield Row("no close()", "six ways to forget it", len(forgotten), f"ended within {slowest * 1000:.0f} ms, lost 0", "exit in 2 s", broken)


def _interrupted(hands: Hands, folder: Path, number: signal.Signals, name: str, face: Face, durability: Durability, times: int) -> Row:
    found = []
    for place in range(times):
        with hands.some() as (hand,):
            crime = Crime(folder / f"{name}-{face}-{durability}-{place}", hand, "fan", face, durability)
            found.append(interrupt(crime, number, random.Random(f"{name} {face} {durability} {place}")))
    slowest, lost, finished = max(one.seconds for one in found), sum(one.lost for one in found), sum(one.finished for one in found)
    in_flight = "50 nodes" if face == "async" else "1 node"
    return Row(
        name, f"fan {face} {durability}", times,
        f"{in_flight} in flight; lost {lost} of {finished} finished; ended within {slowest * 1000:.0f} ms",
        "all finished stored, exit in 1 s", [text for one in found for text in one.broken],
        {"lost": lost, "finished": finished, "slowest_ms": slowest * 1000},
    )  # fmt: skip
