"""Workers outlive the studio that started them, are found by any other, and end when they are told to."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from studio.services.launcher import Launcher, LaunchError
from studio.services.processes import is_running, mark_of
from studio.services.tidying import tidy
from tests.studio.workshop import Workshop, wait_until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def _running(shop: Workshop, run_id: str) -> None:
    wait_until(lambda: (run := shop.history.run(run_id)) is not None and run.owner is not None)


def test_another_studio_finds_a_run_and_stops_it(shop: Workshop, tmp_path: Path) -> None:
    shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    _running(shop, "w1")
    other = shop.other_launcher()
    assert [worker.run_id for worker in other.running()] == ["w1"]
    asked, sentence = other.stop("w1", actor="bo@dev/tty")
    assert asked, sentence
    shop.ended("w1")
    run = shop.history.run("w1")
    assert run is not None
    assert str(run.status) == "stopped"
    assert other.running() == []


def test_a_run_goes_on_when_its_studio_is_killed(shop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    order = shop.order("waiting", "w1", texts={"gate": str(gate)})
    program = (
        "import json, os, signal, sys; from pathlib import Path\n"
        "from studio.services.launcher import Launcher; from studio.services.order import Order\n"
        "data = json.loads(sys.stdin.read())\n"
        "Launcher(Path(data['db']), Path(data['state'])).start(Order.loads(json.dumps(data['order']).encode()))\n"
        "import threading; [one.join() for one in threading.enumerate() if one.name == 'order']\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    data = {"db": str(shop.db), "state": str(tmp_path / "state"), "order": asdict(order)}
    ended = subprocess.run([sys.executable, "-c", program], input=json.dumps(data), text=True, check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    _running(shop, "w1")
    gate.touch()
    shop.ended("w1")
    run = shop.history.run("w1")
    assert run is not None
    assert str(run.status) == "completed"


def test_a_node_that_hears_nothing_is_killed_with_its_children(shop: Workshop, tmp_path: Path) -> None:
    note = tmp_path / "child"
    worker = shop.start("stubborn", "s1", texts={"gate": str(note)})
    child = int(wait_until(lambda: note.read_text() if note.exists() else ""))
    mark = mark_of(child)
    asked, sentence = shop.launcher.stop("s1")
    assert asked
    assert worker.alive
    killed, sentence = shop.launcher.kill("s1")
    assert killed, sentence
    assert not worker.alive
    wait_until(lambda: not is_running(child, mark))
    view = shop.seen("s1", lambda view: view.state == "interrupted")
    assert view.can_resume
    assert not view.can_stop


def test_a_run_has_one_worker_at_a_time(shop: Workshop, tmp_path: Path) -> None:
    shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    with pytest.raises(LaunchError, match="running already"):
        shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})


def test_an_interpreter_that_is_not_there_is_said(shop: Workshop, tmp_path: Path) -> None:
    launcher = Launcher(shop.db, tmp_path / "state", python=str(tmp_path / "no-python"))
    with pytest.raises(LaunchError, match="cannot be started"):
        launcher.start(shop.order("simple", "r1", texts={"x": "1"}))
    assert launcher.running() == []


def test_a_process_of_the_same_number_is_not_taken_for_the_worker(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    live = tmp_path / "state" / "stores" / worker.folder.parent.parent.name / "live" / "w1"
    data = json.loads(live.read_text("utf-8"))
    live.write_text(json.dumps({**data, "pid": os.getpid()}), encoding="utf-8")
    assert shop.launcher.kill("w1") == (False, "No worker of this machine serves w1.")
    live.write_text(json.dumps(data), encoding="utf-8")
    assert shop.launcher.kill("w1")[0]


def test_a_stop_before_the_run_has_begun_is_kept(shop: Workshop, tmp_path: Path) -> None:
    slow = tmp_path / "slow_to_import.py"
    gate = tmp_path / "import-now"
    waits = f"import time\nfrom pathlib import Path\nwhile not Path({str(gate)!r}).exists():\n    time.sleep(0.01)\n"
    slow.write_text(waits + shop.module.read_text("utf-8"), encoding="utf-8")
    shop.start("waiting", "w1", module=slow, texts={"gate": str(tmp_path / "never")})
    asked, sentence = shop.launcher.stop("w1")
    assert asked, sentence
    gate.touch()
    shop.ended("w1")
    run = shop.history.run("w1")
    assert run is not None
    assert str(run.status) == "stopped"


def test_what_is_kept_about_a_run_holds_no_values_and_is_the_users_alone(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never-never")})
    assert "never-never" not in (worker.folder / "run.json").read_text("utf-8")
    assert shop.launcher.about("w1")["order"]["runner"] == "SyncRunner"
    assert stat.S_IMODE(worker.folder.stat().st_mode) == 0o700
    for name in ("1.events", "1.out", "1.err"):
        assert stat.S_IMODE((worker.folder / name).stat().st_mode) == 0o600


def test_old_and_large_folders_go_but_never_one_that_is_busy(tmp_path: Path) -> None:
    for number, (name, days, size) in enumerate([("old", 40, 1), ("big", 3, 900), ("new", 1, 900), ("busy", 90, 1)]):
        folder = tmp_path / name
        folder.mkdir()
        log = folder / f"{number}.events"
        log.write_bytes(b"x" * size)
        os.utime(log, (1e9 - days * 86_400,) * 2)
    assert tidy(tmp_path, {"busy"}, days=30, most_bytes=1_000, now=1e9) == ["old", "big"]
    assert {entry.name for entry in tmp_path.iterdir()} == {"new", "busy"}
    assert tidy(tmp_path / "nowhere", (), days=1, most_bytes=1) == []
