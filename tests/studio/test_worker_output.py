"""What a run prints: without its secrets, by the node that wrote it, and never more than a folder should hold."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from studio.model.log_lines import LogLines
from studio.services import event_log, raw_output
from studio.services.event_log import EventLog
from studio.services.gathering import EventLogs
from studio.services.hiding import Hider
from studio.services.log_reader import LogReader
from studio.services.output import Place
from studio.services.raw_output import RawOutput
from tests.studio.workshop import Workshop, wait_until

SECRETS = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from hypergraph import Graph, interrupt, node

@dataclass
class Login:
    user: str
    password: str

@node(output_name="seen")
def leak(api_key: str, login: Login, code: str, customer: str = "Ada Lovelace") -> str:
    print("printed", api_key, login.password, login.user, code, customer)
    os.write(1, f"raw {api_key}\\n".encode())
    return "seen"

@interrupt(output_name="go")
def ask(seen: str) -> bool | None:
    return None

@node(output_name="end")
def fail(go: bool, api_key: str) -> str:
    print("again", api_key)
    raise ValueError(f"rejected {api_key}")

leaking = Graph([leak, ask, fail], name="leaking")

@node(output_name="done")
def write(gate: str) -> str:
    os.write(1, b"from below\\n")
    while not Path(gate).exists():
        time.sleep(0.01)
    return "done"

writing = Graph([write], name="writing")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "secretive.py"
    path.write_text(SECRETS, encoding="utf-8")
    return path


def _said(lines: list[dict[str, Any]]) -> list[str]:
    return [line["text"] for line in lines if line["k"] == "log"]


def test_exact_values_of_secret_inputs_are_masked_in_logs_and_errors(shop: Workshop, module: Path) -> None:
    texts = {
        "api_key": '"sk-123456"',
        "login": "{'user': 'ada@example', 'password': 'hunter22'}",
        "code": "short1",
    }
    first = shop.serve("leaking", "s1", module=module, texts=texts, runner="AsyncRunner", secrets=("customer",))
    printed = "printed (hidden) (hidden) ada@example short1 Ada Lovelace"
    assert set(_said(first)) == {printed, "raw (hidden)"}
    second = shop.serve("leaking", "s1", "answer", module=module, texts={"go": "True"}, runner="AsyncRunner")
    assert _said(second) == ["again (hidden)"]
    assert "sk-123456" not in json.dumps(first + second)
    assert "rejected (hidden)" in next(line["error"] for line in second if line["k"] == "end")


def test_a_secret_of_a_secret_type_is_known_by_its_type() -> None:
    hide = Hider()
    hide.learn({"pin": pydantic.SecretStr("998877"), "login": {"name": "ada", "inner": [pydantic.SecretBytes(b"abcdefg")]}})
    assert hide("998877 abcdefg ada") == "(hidden) (hidden) ada"


def test_short_values_and_those_of_other_names_stay() -> None:
    hide = Hider(("customer",))
    hide.learn(
        {"password": "abc", "customer": "Ada Lovelace", "town": "London", "tokens": ["abcdefgh"], "auth_token": ["abcdefgh", 7654321]}
    )
    assert hide("abc Ada Lovelace London abcdefgh 7654321") == "abc (hidden) London (hidden) (hidden)"


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    hide = Hider()
    hide.learn({"password": "secret-one", "api_key": "secret-one-and-two"})
    assert hide("secret-one-and-two") == "(hidden)"


# Which node wrote it.


def test_raw_output_of_the_only_running_node_is_probably_its_own(shop: Workshop, module: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    shop.start("writing", "w1", module=module, texts={"gate": str(gate)})
    view = shop.seen("w1", lambda view: any("below" in line.text for line in view.logs))
    gate.touch()
    line = next(line for line in view.logs if "below" in line.text)
    # Where the node had only just begun, another one might have written it: then nothing is claimed.
    assert (line.node, line.text) in {("write", "(probably) from below"), (None, "from below")}


def test_nothing_is_claimed_when_another_node_ran_since_the_last_look(tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []
    (tmp_path / "1.err").touch()
    raw = RawOutput(tmp_path, 1, taken.append, str, lambda: (1, Place("r", "a/b", 3)))
    raw._stop.set()
    raw._thread.join()
    taken.clear()
    (tmp_path / "1.out").write_text("one\n")
    raw._read()
    (tmp_path / "1.out").write_text("one\ntwo\n")
    raw._seen = 0
    raw._read()
    assert [(line["text"], line.get("path"), line.get("probably")) for line in taken] == [("one", "a/b", True), ("two", None, None)]
    shown = LogLines().of(tuple(line | {"t": 0.0, "c": 1, "n": number} for number, line in enumerate(taken)))
    assert [line.text for line in shown] == ["(probably) one", "two"]


# How much of it.


def test_of_much_output_the_head_and_the_tail_stay_and_can_be_read_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "_HEAD_BYTES", 1_000)
    monkeypatch.setattr(event_log, "_TAIL_BYTES", 1_000)
    monkeypatch.setattr(event_log, "_TAIL_EVERY", 0.0)
    log = EventLog(tmp_path / "1.events", 1)
    log.put({"k": "claim", "format": 1, "r": "r"}, at_once=True)
    for number in range(100):
        log.put_printed({"k": "log", "r": "r", "stream": "stdout", "text": f"line {number}"})
    assert wait_until(lambda: any(line["text"] == "line 99" for line in LogReader(tmp_path / "1.tail").read()))
    reading = EventLogs(tmp_path)
    live = [line["text"] for line in reading.read() if line["k"] == "log"]
    assert "line 0" in live
    assert "line 99" in live
    log.settle()
    log.put({"k": "end", "r": "r"})
    log.close()
    lines = LogReader(tmp_path / "1.events").read()
    assert lines[-1]["k"] == "end"
    ordered = [line["text"] for line in sorted(lines, key=lambda line: line["n"]) if line["k"] == "log"]
    gap = next(at for at, text in enumerate(ordered) if "left out" in text)
    assert ordered[0] == "line 0"
    assert ordered[gap] == f"… {100 - len(ordered) + 1} lines left out …"
    assert ordered[gap + 1 :][-1] == "line 99"
    assert not (tmp_path / "1.tail").exists()


def test_raw_files_begin_anew_when_they_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_output, "_LARGEST", 10_000)
    monkeypatch.setattr(raw_output, "_CHUNK", 1_000)
    taken: list[dict[str, Any]] = []
    out = os.open(tmp_path / "1.out", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(out, b"".join(b"line %05d\n" % number for number in range(2_000)))
    raw = RawOutput(tmp_path, 1, taken.append, str)
    wait_until(lambda: (tmp_path / "1.out").stat().st_size == 0)
    os.write(out, b"after\n")
    wait_until(lambda: any(line["text"] == "after" for line in taken))
    raw.close()
    os.close(out)
    assert taken[0]["text"] == "… run output left out …"
    assert [line["text"] for line in taken[-2:]] == ["line 01999", "after"]
    assert (tmp_path / "1.out").stat().st_size == len("after\n")


def test_a_run_keeps_where_it_was_made(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("5" * 40 + "\n")
    shop.serve("simple", "r1", texts={"x": "2"})
    config = shop.history.config("r1")
    assert config["git_revision"] == "5" * 40
    assert Path(config["python"]).exists()
