"""What README and docs show is true: Python snippets run and print what they say, shell lines name what exists, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pytest_examples import EvalExample, find_examples

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
COMMANDS = {"cd", "git", "hypergraph", "make", "pip", "python", "ssh"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


@each_page
def test_python_snippets_run_and_print_what_they_say(page: Path, eval_example: EvalExample, tmp_path, monkeypatch):
    """Snippets of one page follow each other, like cells of a notebook; `#>` lines are compared with what they print."""
    monkeypatch.chdir(tmp_path)
    eval_example.set_config(line_length=140, quotes="double", target_version="py311")
    names: dict = {}
    for example in find_examples(page):
        run = eval_example.run_print_update if eval_example.update_examples else eval_example.run_print_check
        failure = ""
        try:
            names |= run(example, module_globals=names)
        except Exception as error:
            failure = repr(error)
        # Outside the handler: the traceback of a snippet ends in a frame that pytest cannot print.
        assert not failure, f"{page.name}:{example.start_line}"


@each_page
def test_shell_snippets_parse_and_name_what_exists(page: Path):
    """They are not run: most of them open a screen or install something."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for fence in (token for token in _tokens(page) if token.type == "fence" and token.info in ("sh", "bash", "console", "shell")):
        assert subprocess.run(["sh", "-n"], input=fence.content, text=True, capture_output=True).returncode == 0
        for words in (shlex.split(line, comments=True) for line in fence.content.replace("\\\n", " ").splitlines()):
            assert not words or words[0] in COMMANDS
            if words[:1] == ["make"]:
                assert [word for word in words[1:] if "=" not in word and word not in targets] == []


@each_page
def test_every_fence_says_its_language(page: Path):
    """Without it a snippet would be neither run nor checked."""
    known = {"python", "sh", "toml", "text", "ini", "mermaid", "json"}
    assert [token.map for token in _tokens(page) if token.type == "fence" and token.info not in known] == []


@each_page
def test_links_to_files_lead_somewhere(page: Path):
    inline = [child for token in _tokens(page) for child in token.children or []]
    targets = [str(child.attrs.get("href") or child.attrs.get("src")) for child in inline if child.type in ("link_open", "image")]
    files = [target.partition("#")[0] for target in targets if not re.match(r"https?:|#|mailto:", target)]
    assert [file for file in files if not (page.parent / file).exists()] == []


@each_page
def test_no_path_of_one_machine_is_named(page: Path):
    assert re.findall(r"(?<![\w.~])/(?:home|root|tmp|Users)/\w+", page.read_text(encoding="utf-8")) == []
