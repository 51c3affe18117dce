"""A worker serves one claim in a process of its own; what its nodes do ends there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio.workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def _last(lines: list[dict[str, Any]]) -> dict[str, Any]:
    assert lines[-1]["k"] == "end", lines[-1]
    return lines[-1]


def _said(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["text"]: line for line in lines if line["k"] == "log"}


def test_a_run_is_stored_with_its_actor_and_logged_line_by_line(shop: Workshop) -> None:
    lines = shop.serve("simple", "r1", texts={"x": "20"})
    assert [line["n"] for line in lines] == list(range(len(lines)))
    assert lines[0]["k"] == "claim"
    assert lines[0]["format"] == 1
    assert _last(lines)["status"] == "completed"
    run = shop.history.run("r1")
    assert run is not None
    assert run.actor == "ana@dev/tty"
    assert shop.history.store is not None
    assert shop.history.store.values("r1") == {"doubled": 40, "answer": 41}


def test_what_a_node_prints_is_tagged_with_the_node(shop: Workshop) -> None:
    said = _said(shop.serve("simple", "r1", texts={"x": "20"}))
    assert said["doubling 20"]["path"] == "double"
    assert said["doubling 20"]["stream"] == "stdout"


def test_words_past_python_are_heard_and_break_nothing(shop: Workshop) -> None:
    lines = shop.serve("talking", "r1", texts={"x": "7"})
    said = _said(lines)
    assert {"raw words", "raw � error", "from a child", "half line", "to stderr", "\x1b[31m[bold]red[/bold]"} <= set(said)
    assert any("be careful 7" in text for text in said)
    assert said["half line"]["path"] == "speak"
    assert _last(lines)["status"] == "completed"


def test_a_failure_is_stored_and_told(shop: Workshop) -> None:
    lines = shop.serve("failing", "r1", texts={"x": "1"})
    failed = next(line for line in lines if line["k"] == "node-" and line["status"] == "failed")
    assert failed["node"] == "odd"
    assert failed["type"].endswith("ValueError")
    assert "Traceback" in failed["tb"]
    assert len(failed["error"]) < 10_000
    assert _last(lines)["status"] == "failed"


def test_sys_exit_in_a_node_ends_the_worker_alone_and_is_said(shop: Workshop) -> None:
    lines = shop.serve("leaving", "r1", texts={"x": "3"})
    assert "exit" in _last(lines)["error"]
    run = shop.history.run("r1")
    assert run is not None
    assert str(run.status) == "stopped"


def test_a_module_that_cannot_be_imported_is_told_with_its_traceback(shop: Workshop, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module_anywhere\n", encoding="utf-8")
    end = _last(shop.serve("simple", "r1", module=broken))
    assert end["status"] == "failed"
    assert "no_such_module_anywhere" in end["error"]
    assert "broken.py" in end["tb"]


def test_a_value_that_does_not_fit_is_refused_before_anything_runs(shop: Workshop) -> None:
    lines = shop.serve("simple", "r1", texts={"x": "twenty"})
    assert _last(lines)["status"] == "refused"
    assert not [line for line in lines if line["k"] == "node+"]
    assert shop.history.run("r1") is None


def test_inputs_are_neither_in_the_arguments_nor_in_the_environment(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.start("waiting", "r1", texts={"gate": f"'{tmp_path}/hush-hush'"})
    process = Path("/proc") / str(worker.pid)
    for name in ("cmdline", "environ"):
        assert b"hush-hush" not in (process / name).read_bytes()
    assert (process / "fd" / "0").readlink() == Path("/dev/null")


def test_a_file_named_like_a_standard_module_is_loaded_itself(shop: Workshop, tmp_path: Path) -> None:
    odd = tmp_path / "json.py"
    odd.write_text(shop.module.read_text("utf-8"), encoding="utf-8")
    assert _last(shop.serve("simple", "r1", module=odd, texts={"x": "2"}))["status"] == "completed"


def test_a_batch_goes_on_past_its_failures(shop: Workshop) -> None:
    end = _last(shop.serve("items", "b1", "map", texts={"n": "[0, 1, 2, 3, 4]"}, map_over=("n",), on_error="continue"))
    assert end["status"] == "partial"
    assert shop.history.store is not None
    assert shop.history.store.item_states("b1") == b"cccfc"


def test_an_answer_resumes_a_paused_run(shop: Workshop) -> None:
    assert _last(shop.serve("asking", "p1", texts={"draft": "hello"}, runner="AsyncRunner"))["status"] == "paused"
    assert _last(shop.serve("asking", "p1", "answer", texts={"approved": "True"}, runner="AsyncRunner"))["status"] == "completed"
    assert shop.history.store is not None
    assert shop.history.store.values("p1", key="published") == {"published": "hello True"}


def test_a_fork_keeps_what_its_edit_does_not_touch(shop: Workshop) -> None:
    shop.serve("simple", "r1", texts={"x": "20"})
    lines = shop.serve("simple", "f1", "fork", source="r1", edits={"y": "5"})
    assert _last(lines)["status"] == "completed"
    assert [line["node"] for line in lines if line["k"] == "node+"] == ["plus"]
    assert shop.history.store is not None
    assert shop.history.store.values("f1", key="answer") == {"answer": 45}


def test_a_retry_carries_its_number(shop: Workshop) -> None:
    shop.serve("failing", "r1", texts={"x": "1"})
    shop.serve("failing", "r1-again", "retry", source="r1")
    run = shop.history.run("r1-again")
    assert run is not None
    assert (run.retry_of, run.retry_index) == ("r1", 1)
