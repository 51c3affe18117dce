"""A whole session over real modules, a real store and real workers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hypergraph import SqliteCheckpointer
from studio.model.act import Act
from studio.model.run_view import RunView
from studio.options import StudioOptions
from studio.services.studio import Studio, StudioRefused

GRAPHS = """
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from hypergraph import END, Graph, interrupt, node, route

@dataclass
class Doc:
    title: str
    pages: int = 1

@node(output_name="docs")
def load(count: int, extra: Doc | None = None, api_key: str = "none") -> list[Doc]:
    print("loading", count, api_key)
    return [Doc(str(number)) for number in range(count)] + ([extra] if extra else [])

@node(output_name="total")
def add(docs: list[Doc]) -> int:
    return sum(doc.pages for doc in docs)

@node(output_name="report")
def tell(total: int, mark: str = "!") -> str:
    return f"{total}{mark}"

pages = Graph([load, add, tell], name="pages")

@node(output_name="half")
def halve(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2

halves = Graph([halve], name="halves")

@node(output_name="draft")
def write(topic: str = "sky") -> str:
    return f"about {topic}"

@interrupt(output_name="verdict")
def approve(draft: str) -> Literal["publish", "drop"] | None:
    return None

@route(targets={"publish": "it goes out", END: "nothing happens"})
def decide(verdict: str) -> str:
    return "publish" if verdict == "publish" else END

@node(output_name="sent")
def publish(draft: str) -> str:
    return draft.upper()

review = Graph([write, approve, decide, publish], name="review")
"""


class Session:
    """A studio, and the questions that tests ask again and again."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio = studio
        self.folder = folder

    async def launch(self, graph: str, texts: dict[str, str], **options: Any) -> RunView:
        found = self.studio.project.graph(graph)
        plan = self.studio.plan(found, texts=texts, runner=options.pop("runner", "AsyncRunner"), **options)
        outcome = await self.studio.launch(plan)
        assert outcome.ok, outcome.message
        return await self.ended(outcome.run_id)

    async def ended(self, run_id: str, fits: Callable[[RunView], bool] = lambda view: not view.live) -> RunView:
        feed = self.studio.watch(run_id)
        until = time.monotonic() + 30
        try:
            while not fits(view := feed.latest()):
                assert time.monotonic() < until, view
                await asyncio.sleep(0.02)
            return view
        finally:
            feed.close()


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    (tmp_path / "graphs.py").write_text(GRAPHS)
    studio = Studio.open(StudioOptions(targets=("graphs.py",)), start=tmp_path)
    await studio.start()
    studio.project.wait()
    yield Session(studio, tmp_path)
    await studio.close()


async def test_launch_to_result(session):
    """A form becomes a run whose view says what the store says."""
    view = await session.launch("pages", {"count": "2", "extra": '{"title": "x", "pages": 5}', "api_key": "hush-hush"})
    # The store may tell the end a few milliseconds before the event log does.
    view = await session.ended(view.id, lambda found: bool(found.logs))
    assert (view.state, view.done, view.total, view.error) == ("completed", 3, 3, None)
    assert view.nodes["tell"].outputs[0].text == "7!"
    store = SqliteCheckpointer.open_readonly(session.folder / ".hypergraph" / "runs.db")
    assert store.state(view.id)["report"] == "7!"
    assert "@" in store.get_run(view.id).actor
    store.close_sync()
    assert [line.text for line in view.logs] == ["loading 2 (hidden)"]
    assert "hush-hush" not in repr(view)
    assert session.studio.last_runs()["pages"].id == view.id
    assert session.studio.command_log()[-1].object == view.id


async def test_a_value_that_does_not_fit_starts_nothing(session):
    """What only the class can refuse is refused before a worker is started, with the field."""
    graph = session.studio.project.graph("pages")
    outcome = await session.studio.launch(session.studio.plan(graph, texts={"count": "2", "extra": '{"name": 1}'}, runner="AsyncRunner"))
    assert not outcome.ok
    assert "extra" in outcome.problems
    assert session.studio.newest_run() is None


async def test_a_fork_does_what_was_foretold(session):
    """What was said to be kept is not run; what was said to run is."""
    source = await session.launch("pages", {"count": "2"})
    act = Act("fork", source.id, None, {"mark": "?"})
    foretold = await session.studio.forecast(act)
    assert (foretold.kept, foretold.again, foretold.problem, foretold.same_code) == (("load", "add"), ("tell",), None, True)
    outcome = await session.studio.perform(act)
    view = await session.ended(outcome.run_id)
    assert (view.id, view.state) == (foretold.new_id, "completed")
    assert view.nodes["tell"].outputs[0].text == "2?"
    assert {path for path, node in view.nodes.items() if node.state == "kept"} == {"load", "add"}
    compared = await session.studio.compare(source.id, view.id)
    assert [(row.path, row.differs) for row in compared.rows] == [("load", False), ("add", False), ("tell", True)]
    assert any("mark" in cause for cause in compared.causes)


async def test_an_edited_value_in_a_fork(session):
    """A value in the middle is edited; only what reads it runs again."""
    source = await session.launch("pages", {"count": "2"})
    assert session.studio.editable(source.id, "total", "") == "2"
    outcome = await session.studio.perform(Act("fork", source.id, 1, {"total": "40"}))
    view = await session.ended(outcome.run_id)
    assert view.nodes["tell"].outputs[0].text == "40!"


async def test_a_question_is_answered(session):
    """A wrong answer leaves the run paused; a right one lets it go on."""
    view = await session.launch("review", {})
    assert view.state == "paused"
    (pause,) = session.studio.pauses()
    assert session.studio.waiting == 1
    assert pause.asks[0][1].choices == ("publish", "drop")
    assert ("decide", "publish: it goes out") in pause.follows
    assert session.studio.check_answer(pause, "verdict", "perhaps")
    assert not (await session.studio.answer(view.id, {"verdict": "perhaps"})).ok
    assert session.studio.history.run(view.id).status == "paused"
    assert (await session.studio.answer(view.id, {"verdict": "publish"})).ok
    view = await session.ended(view.id, lambda found: found.state not in {"paused", "running", "waiting"})
    assert (view.state, view.nodes["publish"].outputs[0].text) == ("completed", "ABOUT SKY")
    assert session.studio.pauses() == ()


async def test_a_batch_and_its_retry(session):
    """Failures are kept and grouped; a retry makes a new batch from the same items."""
    graph = session.studio.project.graph("halves")
    plan = session.studio.plan(graph, texts={"number": "1, 2, 3, 4"}, runner="SyncRunner", map_over=("number",))
    assert plan.items_text == "4 items"
    outcome = await session.studio.launch(plan)
    view = await session.ended(outcome.run_id)
    assert (view.state, view.batch.counts) == ("partial", {"completed": 2, "failed": 2})
    assert [(group.count, group.node, group.error_type) for group in view.batch.groups] == [(2, "halve", "ValueError")]
    (session.folder / "graphs.py").write_text(GRAPHS.replace("if number % 2:", "if number % 3 == 0:"))
    again = await session.studio.perform(Act("retry", view.id))
    fresh = await session.ended(again.run_id)
    assert fresh.id != view.id
    assert fresh.batch.counts == {"completed": 3, "failed": 1}


async def test_the_same_inputs_again(session):
    """The form of a past run begins with its inputs; what has no text is taken from the run itself."""
    view = await session.launch("pages", {"count": "3", "api_key": "hush-hush"})
    session.studio.prefill(view.id)
    texts = session.studio.draft("pages")
    assert texts == {"count": "3", "api_key": f"@run:{view.id}"}
    again = await session.launch("pages", texts)
    assert again.nodes["tell"].outputs[0].text == "3!"


async def test_copied_python_runs_as_it_stands(session):
    """A script that was copied does what the studio did."""
    view = await session.launch("pages", {"count": "2", "extra": '{"title": "x"}'})
    script = session.studio.yank("Python", view.id, None, None)
    outcome = subprocess.run(
        [sys.executable, "-c", script],
        cwd=session.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "status=completed" in outcome.stdout, outcome.stderr
    assert session.studio.yank("address", view.id, "tell", 2) == f"hg:run/{view.id}/@2/tell"
    assert "def test_tell():" in session.studio.yank("pytest", view.id, "tell", None)


async def test_one_node_alone(session):
    """A recorded node runs again in a process of its own, beside what it gave; the run stays as it is."""
    view = await session.launch("pages", {"count": "2"})
    found = await session.studio.bench(view.id, "add", times=3)
    assert (found.problem, found.recorded, [row[1:] for row in found.rows]) == (None, "total = 2", [("total = 2", True)] * 3)
    edited = await session.studio.bench(view.id, "add", edits={"docs": '[{"title": "x", "pages": 9}]'})
    assert [row[1:] for row in edited.rows] == [("total = 9", False)]
    assert (await session.studio.bench(view.id, "none")).problem
    assert len(session.studio.runs("", None, 10)) == 1


async def test_a_secret_is_shown_on_request_and_that_is_written_down(session):
    """The value comes from the store; who asked for it stands in the log, the value does not; a read-only studio refuses."""
    view = await session.launch("pages", {"count": "1", "api_key": "hush-hush"})
    assert (await session.studio.value(view.id, None, "api_key", None)).text == "(hidden)"
    shown = await session.studio.reveal(view.id, None, "api_key", None)
    assert "hush-hush" in shown.text
    entry = session.studio.command_log()[-1]
    assert (entry.verb, entry.object, entry.outcome) == ("reveal", view.id, "input/api_key")
    assert "hush-hush" not in repr(session.studio.command_log())
    looking = Studio.open(StudioOptions(targets=("graphs.py",), read_only=True), start=session.folder)
    assert await looking.reveal(view.id, None, "api_key", None) is None
    await looking.close()


async def test_inputs_of_before_come_from_names_runs_and_files(session):
    """A preset and a past run give the texts of a form, without secrets; a file fills it too, or says why not."""
    await session.launch("pages", {"count": "2", "mark": "?", "api_key": "hush-hush"})
    graph, recalling = session.studio.project.graph("pages"), session.studio.recalling
    assert recalling.keep("pages", "small", {"count": "1", "api_key": "hush-hush"})
    kept, recent = recalling.known(graph)
    assert (kept.name, kept.preset, kept.texts) == ("small", True, {"count": "1"})
    assert (recent.texts["count"], recent.texts["mark"]) == ("2", "?")
    assert "hush-hush" not in repr(recent)
    recalling.forget("pages", "small")
    assert [found.preset for found in recalling.known(graph)] == [False]
    file = session.folder / "inputs.json"
    file.write_text('{"count": 7, "extra": {"title": "x"}, "other": 1}')
    assert recalling.from_file(graph, str(file), None) == {"count": "7", "extra": "{'title': 'x'}"}
    file.write_text("?!\n")
    assert recalling.from_file(graph, str(file), "mark") == {"mark": "?!"}
    for path in (str(file), str(session.folder / "none.json")):
        with pytest.raises(ValueError, match="json"):
            recalling.from_file(graph, path, None)


async def test_read_only_changes_nothing(session):
    """Every changing verb is refused, and the refusal is written down."""
    view = await session.launch("pages", {"count": "1"})
    looking = Studio.open(StudioOptions(targets=("graphs.py",), read_only=True), start=session.folder)
    await looking.start()
    looking.project.wait()
    graph = looking.project.graph("pages")
    for outcome in (
        await looking.launch(looking.plan(graph, texts={"count": "1"}, runner="SyncRunner")),
        await looking.perform(Act("fork", view.id)),
        await looking.stop(view.id),
        await looking.kill(view.id),
    ):
        assert not outcome.ok
        assert "read-only" in outcome.message
    assert len(looking.runs("", None, 10)) == 1
    await looking.close()


async def test_a_changed_module_is_noticed(session):
    """A module whose file changed says so; one that was broken is tried again by itself."""
    file = session.folder / "graphs.py"
    file.write_text("import nothing_like_it")
    session.studio.reload("graphs.py")
    session.studio.project.wait()
    (broken,) = session.studio.modules()
    assert (broken.state, session.studio.problems()[0].title) == ("broken", "graphs.py cannot be loaded")
    file.write_text(GRAPHS)
    until = time.monotonic() + 20
    while session.studio.modules()[0].state != "ready":
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    os.utime(file, ns=(1, 1))
    while session.studio.modules()[0].state != "changed":
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


def test_a_missing_database_is_refused(tmp_path):
    """A database that was named has to be there, or be asked for."""
    with pytest.raises(StudioRefused, match="--create"):
        Studio.open(StudioOptions(db="none.db"), start=tmp_path)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "other.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StudioRefused):
        Studio.open(StudioOptions(db="other.db"), start=tmp_path)


async def test_an_empty_history_is_no_error(tmp_path):
    """Without a database there is nothing to see, and looking makes none."""
    studio = Studio.open(StudioOptions(), start=tmp_path)
    await studio.start()
    assert (studio.modules(), studio.newest_run(), studio.runs("", None, 5), studio.pauses(), studio.counts(""), studio.goodbye()) == (
        (),
        None,
        [],
        (),
        {},
        "",
    )
    with pytest.raises(LookupError):
        studio.watch("none")
    await studio.close()
    assert list(tmp_path.iterdir()) == []
