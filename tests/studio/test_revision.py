"""The commit that a run's code was checked out from, told without starting git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from studio.services.revision import revision_of


def _git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    ended = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "graphs.py").write_text("x = 1\n", encoding="utf-8")
    _git(folder, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_branch(repository: Path) -> None:
    assert revision_of(repository / "deep" / "graphs.py") == _git(repository, "rev-parse", "HEAD")


def test_packed_references(repository: Path) -> None:
    _git(repository, "pack-refs", "--all")
    assert revision_of(repository) == _git(repository, "rev-parse", "HEAD")


def test_no_branch(repository: Path) -> None:
    _git(repository, "checkout", "-q", "--detach")
    assert revision_of(repository) == _git(repository, "rev-parse", "HEAD")


def test_a_worktree(repository: Path, tmp_path: Path) -> None:
    _git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    (tmp_path / "tree" / "new.py").write_text("", encoding="utf-8")
    _git(tmp_path / "tree", "add", ".")
    _git(tmp_path / "tree", "commit", "-q", "-m", "second")
    assert revision_of(tmp_path / "tree" / "new.py") == _git(tmp_path / "tree", "rev-parse", "HEAD") != revision_of(repository)


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none", "not a digest", "ref: " + "../" * 30 + "etc/hostname"])
def test_what_is_no_repository_has_none(tmp_path: Path, head: str) -> None:
    assert revision_of(tmp_path / "nowhere.py") is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head, encoding="utf-8")
    assert revision_of(tmp_path) is None
