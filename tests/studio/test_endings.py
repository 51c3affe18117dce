"""How a worker that could not say so itself came to its end, in words, for every studio and for ever."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypergraph.checkpointers import Owner, ReadonlyStore, Run
from studio.model.endings import exit_words, silence_words
from studio.services.keeping import tell_exit
from studio.services.log_reader import last_line
from studio.services.processes import is_running
from studio.services.unstored import Unstored
from tests.studio.workshop import Workshop, wait_until

GRAPHS = """
import ctypes, os, sys
from hypergraph import Graph, node

@node(output_name="dead")
def crash(x: int) -> int:
    os.write(2, b"about to read address 0\\n")
    ctypes.string_at(0)
    return x

crashing = Graph([crash], name="crashing")

@node(output_name="gone")
def abort(x: int) -> int:
    os.abort()

aborting = Graph([abort], name="aborting")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    module = tmp_path / "worse.py"
    module.write_text(GRAPHS, encoding="utf-8")
    return module


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (None, "its process is gone"),
        ({"code": "odd"}, "its process is gone"),
        ({"code": 7}, "its process ended with exit code 7"),
        ({"code": -11}, "its process crashed: a segmentation fault (SIGSEGV)"),
        ({"code": -9}, "its process was killed (SIGKILL)"),
        ({"code": -9, "memory": True}, "its process was killed (SIGKILL), most likely by the system for want of memory"),
        ({"code": -9, "actor": "ana@dev/tty"}, "its process was killed by ana@dev/tty"),
        ({"code": -15}, "its process was killed (SIGTERM)"),
        ({"code": -200}, "its process was killed (signal 200)"),
    ],
)
def test_every_end_has_words(line: dict[str, Any] | None, words: str) -> None:
    assert exit_words(line) == words


def test_an_exit_past_python_is_told_with_its_code_and_its_last_words(shop: Workshop) -> None:
    shop.serve("crashing", "c1", texts={"x": "1"})
    view = shop.seen("c1", lambda view: view.state == "interrupted" and view.logs)
    assert view.note == "its process ended with exit code 7"
    assert view.error == "Its process ended with exit code 7. Its last words:\nlast words"
    assert view.nodes["crash"].state == "interrupted"


def test_a_crash_in_c_is_told_with_the_line_that_did_it(shop: Workshop, worse: Path) -> None:
    shop.serve("crashing", "c1", module=worse, texts={"x": "1"})
    view = shop.seen("c1", lambda view: view.state == "interrupted" and "worse.py" in (view.error or ""))
    assert view.note == "its process crashed: a segmentation fault (SIGSEGV)"
    assert {"about to read address 0", "Fatal Python error: Segmentation fault"} <= {line.text for line in view.logs}


def test_an_abort_is_told(shop: Workshop, worse: Path) -> None:
    shop.serve("aborting", "a1", module=worse, texts={"x": "1"})
    assert shop.seen("a1", lambda view: view.state == "interrupted").note == "its process crashed: it aborted itself (SIGABRT)"


def test_a_worker_that_somebody_else_killed_is_told(shop: Workshop, tmp_path: Path) -> None:
    """The process that the store names is killed, not the one that the studio started."""
    worker = shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    run = wait_until(lambda: (run := shop.history.run("w1")) is not None and run.owner is not None and run)
    assert run.owner is not None
    assert run.owner.pid != worker.pid
    os.kill(run.owner.pid, signal.SIGKILL)
    view = shop.seen("w1", lambda view: view.state == "interrupted")
    assert view.note == "its process was killed (SIGKILL)"
    assert view.can_resume
    assert not worker.alive


def test_with_its_keeper_a_worker_ends_too(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    run = wait_until(lambda: (run := shop.history.run("w1")) is not None and run.owner is not None and run)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(run.owner.pid))
    assert shop.seen("w1", lambda view: view.state == "interrupted").note == "its process is gone"


def test_a_kill_names_who_wanted_it(shop: Workshop, tmp_path: Path) -> None:
    shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    wait_until(lambda: (run := shop.history.run("w1")) is not None and run.owner is not None)
    assert shop.launcher.kill("w1", actor="bo@dev/tty")[0]
    assert shop.seen("w1", lambda view: view.state == "interrupted").note == "its process was killed by bo@dev/tty"


def test_sigterm_stops_the_run_and_not_its_word(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    wait_until(lambda: shop.seen("w1", lambda view: view).nodes.get("wait") is not None)
    os.killpg(worker.pid, signal.SIGTERM)
    shop.ended("w1")
    assert shop.log(worker)[-1]["k"] == "end"
    run = shop.history.run("w1")
    assert run is not None
    assert str(run.status) == "stopped"


def test_a_worker_that_dies_before_its_run_began_is_listed_with_the_reason(shop: Workshop, tmp_path: Path) -> None:
    module = tmp_path / "gone.py"
    module.write_text("import os\nos._exit(3)\n", encoding="utf-8")
    shop.serve("simple", "r1", module=module)
    (row,) = Unstored(shop.history, shop.launcher).rows()
    assert (row.state, row.cause) == ("interrupted", "its process ended with exit code 3")
    assert shop.seen("r1", lambda view: view.state == "interrupted").note == "its process ended with exit code 3"


def test_the_words_of_a_log_that_closed_itself_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "4.events"
    log.write_text('{"k":"claim","c":4,"n":0}\n{"k":"node', encoding="utf-8")
    tell_exit(log, -9)
    assert last_line(log)["code"] == -9
    before = log.read_bytes()
    tell_exit(log, 1)
    assert log.read_bytes() == before


# Signs of life.


def test_silence_is_given_in_words() -> None:
    assert [silence_words(seconds) for seconds in (41.9, 600, 90_000)] == [
        "alive, silent 41 s",
        "alive, silent 10 min",
        "alive, silent 25 h",
    ]


def _owned(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    honest = ReadonlyStore.get_run

    def get_run(self: ReadonlyStore, run_id: str) -> Run | None:
        found = honest(self, run_id)
        return None if found is None else replace(found, **change)

    monkeypatch.setattr(ReadonlyStore, "get_run", get_run)


def test_a_process_that_says_nothing_any_more_is_alive_and_silent(shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start("waiting", "w1", texts={"gate": str(tmp_path / "never")})
    wait_until(lambda: (run := shop.history.run("w1")) is not None and run.owner is not None)
    heard = datetime.now(UTC) - timedelta(seconds=41)
    _owned(monkeypatch, {"owner": Owner(1, socket.gethostname(), heard, 1, heard)})
    view = shop.seen("w1", lambda view: "silent" in view.note)
    assert view.state == "running"
    assert view.note.startswith("alive, silent 4")


def test_a_run_of_another_host_that_is_not_heard_of_is_unknown(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.serve("crashing", "c1", texts={"x": "1"})
    for log in (shop.launcher.folder("c1")).glob("*.events"):
        log.unlink()
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    _owned(monkeypatch, {"last_owner": Owner(1, "gpu-7", long_ago, 1, long_ago)})
    feed = shop.feed("c1")
    assert wait_until(lambda: (view := feed.latest()).state == "interrupted" and view.note) == "unknown: host gpu-7"
