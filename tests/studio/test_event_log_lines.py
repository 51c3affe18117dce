"""What is written of many lines at once is what would be written of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.services.event_log import EventLog
from studio.services.log_reader import LogReader

PLAIN = [{"k": "log", "t": 1.0, "text": f"line {number}"} for number in range(3)]
SLY = [
    {"k": "log", "t": 1.0, "text": 'a text with },{"k": in it'},
    {"k": "stop", "t": 2.0, "info": [{"k": 1}, {"k": 2}]},
    {"k": "log", "t": 3.0, "text": "\\},{\\"},
]


@pytest.mark.parametrize("lines", [PLAIN, SLY, [*SLY, *PLAIN], PLAIN[:1]], ids=["plain", "sly", "both", "one"])
def test_lines_written_together_are_read_one_by_one(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    log = EventLog(tmp_path / "1.events", 1)
    for line in lines:
        log.put(dict(line))
    log.close()
    assert len((tmp_path / "1.events").read_bytes().splitlines()) == len(lines)
    found = LogReader(tmp_path / "1.events").read()
    assert found == [{**line, "c": 1, "n": number} for number, line in enumerate(lines)]


def test_a_broken_line_costs_the_others_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.events"
    lines = [json.dumps({"k": "log", "c": 1, "n": number, "t": 1.0, "text": "x"}) for number in range(3)]
    path.write_text("\n".join([lines[0], '{"k": "log", "c": 1', lines[1], "7", '"k"', lines[2]]) + "\n", encoding="utf-8")
    assert [line["n"] for line in LogReader(path).read()] == [0, 1, 2]


def test_what_begins_inside_items_is_left_out_where_only_items_count(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "1.events", 1)
    for line in (
        {"k": "node+", "t": 1.0, "r": "b/0", "s": 0, "node": "a", "m": ["b", 0]},
        {"k": "node+", "t": 1.0, "r": "b", "s": 0, "node": "a"},
        {"k": "node-", "t": 1.0, "r": "b/0", "s": 0, "node": "a", "status": "failed", "m": ["b", 0]},
    ):
        log.put(line)
    log.close()
    assert [line["n"] for line in LogReader(tmp_path / "1.events", inside=False).read()] == [1, 2]
    assert [line["n"] for line in LogReader(tmp_path / "1.events").read()] == [0, 1, 2]
