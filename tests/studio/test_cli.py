"""The command line: what it takes, what it refuses, and what it says when the studio's extra is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio import cli
from studio.options import StudioOptions


def test_the_command_loads_no_terminal_library_before_it_needs_one() -> None:
    heavy = ("textual", "rich", "aiohttp", "platformdirs", "hypergraph")
    code = f"import sys, studio.cli; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["studio", "serve"])
def test_without_the_extra_the_install_line_is_printed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert cli.main([command, "my_module"]) == 1
    assert "pip install 'hypergraph-studio[studio]'" in capsys.readouterr().err


def test_without_a_command_the_usage_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: hypergraph" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    assert "hypergraph studio my_module" in capsys.readouterr().out


def test_a_window_of_the_server_gets_the_same_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets that look like options stay targets."""
    options = StudioOptions(
        ("a.py", "--odd"),
        db="runs.db",
        at="hg:run/x y",
        python="python3",
        read_only=True,
        create=True,
        plain=True,
        ascii=True,
        theme="light",
    )
    found: list[StudioOptions] = []
    monkeypatch.setattr("studio.app.run_studio", lambda given: found.append(given) or 0)
    assert cli.main(["studio", *options.argv()]) == 0
    assert found == [options]


def test_a_missing_database_is_refused_and_not_made(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.db"
    assert cli.main(["studio", "--db", str(missing)]) == 1
    assert "--create" in capsys.readouterr().err
    assert not missing.exists()


def test_without_a_terminal_it_says_so_and_draws_nothing(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "studio", "studio", "--db", "runs.db", "--create"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert started.returncode == 1
    assert "needs a terminal" in started.stderr
    assert started.stdout == ""
