"""What every test stands on: a home of its own, the same colours everywhere, and the programs that some tests need."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

# Both change every picture that textual draws, and it reads them when it is imported.
os.environ.pop("NO_COLOR", None)
os.environ.pop("TEXTUAL_THEME", None)
# No test asks the outside for anything.
os.environ["DO_NOT_TRACK"] = "1"
os.environ["DAFT_PROGRESS_BAR"] = "0"


def _missing(program: str) -> NoReturn:
    """Skip; in continuous integration fail, because there a missing program hides a test that should have run."""
    message = f"{program} is not installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def _find(*names: str) -> str | None:
    # Programs of the environment count too, whether or not it is activated.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give every test a home folder of its own, so that no state, cache or setting comes in or stays behind."""
    # Not below pytest's own folder: a socket's path may have no more than about 100 characters.
    with tempfile.TemporaryDirectory(prefix="hg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        monkeypatch.setenv("HOME", folder)
        for name in ("STATE", "CACHE", "CONFIG", "DATA"):
            monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield home


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium browser."""
    found = _find("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return found if found is not None else _missing("Chromium")


@pytest.fixture(scope="session")
def dot() -> str:
    """Give the path of Graphviz's dot, or of its port that comes as a Python package."""
    found = _find("dot", "graphviz-pure")
    return found if found is not None else _missing("Graphviz")


@pytest.fixture(scope="session")
def real_dot() -> str:
    """Give the path of Graphviz's own dot, which writes formats that its port does not."""
    found = _find("dot")
    return found if found is not None else _missing("Graphviz's dot")
