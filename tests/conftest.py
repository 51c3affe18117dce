"""What every test stands on: a home of its own, the same colours everywhere, and the programs that some tests need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

# Both change every picture that textual draws, and it reads them when it is imported.
os.environ.pop("NO_COLOR", None)
os.environ.pop("TEXTUAL_THEME", None)
# No test asks the outside for anything.
os.environ["DO_NOT_TRACK"] = "1"
os.environ["DAFT_PROGRESS_BAR"] = "0"

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _missing(program: str) -> None:
    """Skip; in continuous integration fail, because there a missing program hides a test that should have run."""
    message = f"{program} is not installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a home folder of its own, so that no state, cache or setting comes in or stays behind."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name, folder in (("STATE", "state"), ("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data")):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return home


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium browser."""
    found = next((path for name in _CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        _missing("Chromium")
    return str(found)


@pytest.fixture(scope="session")
def dot() -> str:
    """Give the path of Graphviz's dot, or of its port that comes as a Python package."""
    found = next((path for name in ("dot", "graphviz-pure") if (path := shutil.which(name))), None)
    if found is None:
        _missing("Graphviz (dot)")
    return str(found)
