"""Values of more than 1 MiB are read in a process of their own, page by page; the studio only knows their beginning."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node
from studio.app import StudioApp
from studio.model.parts import NO_PART, part_at, part_page
from studio.model.preview import LargeValue, preview
from studio.model.secrets import HIDDEN
from studio.model.value_view import PAGE
from studio.options import StudioOptions
from studio.services.feed import peek
from studio.services.history import History
from studio.services.large_values import TOO_LARGE, LargeValues
from studio.services.launcher import Launcher
from studio.services.opening import find_value, open_value
from studio.services.studio import Studio
from studio.widgets.value_tree import ValueTree

pytestmark = pytest.mark.filterwarnings("ignore:.*MiB in the checkpoint store:UserWarning")


@node(output_name="rows")
def make(n: int) -> list[dict[str, Any]]:
    return [{"number": number, "text": f"{number} " * (1000 // len(f"{number} ")), "api_key": "hush"} for number in range(n)]


@node(output_name="text")
def write(n: int) -> str:
    return "0123456789" * n


def fill(db: Path, function: Any, n: int) -> None:
    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).run(Graph([function], name="large"), {"n": n}, workflow_id="r")


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a value of a hundred megabytes."""
    db = tmp_path_factory.mktemp("large") / "runs.db"
    fill(db, make, 100_000)
    return db


@pytest.fixture
def history(hundred: Path) -> Iterator[History]:
    made = History(hundred)
    yield made
    made.close()


@pytest.fixture
def large(hundred: Path) -> Iterator[LargeValues]:
    made = LargeValues(hundred)
    yield made
    made.close()


def test_the_studio_itself_never_builds_it(history: History) -> None:
    value = find_value(history, "r", "make", "rows", None)
    assert type(value) is LargeValue
    assert value.size > 100_000_000
    assert value.kind == "list"
    assert len(value.head) < 100_000


def test_it_is_paged_through(history: History, large: LargeValues) -> None:
    def page(*path: str) -> Any:
        return open_value(history, "r", "make", "rows", None, path, large=large)

    whole = page()
    assert (whole.kind, len(whole.children), whole.more) == ("list[100000]", 200, 99_800)
    assert whole.children[0].key == "[0]"
    second = page(whole.after)
    assert [second.children[0].key, second.children[-1].key] == ["[200]", "[399]"]
    last = page(f"{PAGE}99900")
    assert (last.children[-1].key, last.more, last.after) == ("[99999]", 0, "")
    assert page("[99999]", "number").preview == "99999"
    assert "hush" not in page("[5]").text
    assert "hush" not in page("[5]", "api_key").text
    assert page("[100000]").note


def test_nothing_waits_while_it_is_read(history: History, large: LargeValues) -> None:
    """Another thread goes on by the millisecond: this process spends next to nothing on the value."""
    done = threading.Event()
    thread = threading.Thread(target=lambda: (open_value(history, "r", "make", "rows", None, large=large), done.set()))
    before = time.process_time()
    thread.start()
    assert done.wait(30)
    thread.join()
    assert time.process_time() - before < 0.5


def test_a_run_that_made_it_is_shown_without_it(hundred: Path, history: History) -> None:
    launcher = Launcher(hundred, hundred.parent / "state")
    before = time.process_time()
    view = peek(history, launcher, "r")
    assert time.process_time() - before < 0.5
    assert view is not None
    (value,) = view.nodes["make"].outputs
    assert value.kind.startswith("list ")
    assert len(value.text) <= 2048


def test_what_takes_too_much_memory_shows_its_beginning(hundred: Path, history: History) -> None:
    small = LargeValues(hundred, memory=200 << 20)
    try:
        found = open_value(history, "r", "make", "rows", None, large=small)
        assert found.note == TOO_LARGE
        assert found.text.startswith('[{"number":0')
        # Asked again, it is not tried again.
        assert open_value(history, "r", "make", "rows", None, ("[1]",), large=small).note == TOO_LARGE
    finally:
        small.close()


def test_what_takes_too_long_shows_its_beginning(hundred: Path, history: History) -> None:
    hasty = LargeValues(hundred, cpu_seconds=0.05)
    try:
        assert open_value(history, "r", "make", "rows", None, large=hasty).note == TOO_LARGE
    finally:
        hasty.close()


@node(output_name="size")
def weigh(rows: list[dict[str, Any]], other: list[int]) -> int:
    return len(rows) + len(other)


@node(output_name="other")
def widen(n: int) -> list[int]:
    return list(range(n * 500))


def test_what_a_node_read_is_opened_without_the_other_values_of_the_run(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).run(Graph([make, widen, weigh], name="two"), {"n": 200 * 10}, workflow_id="r")
    history, large = History(db), LargeValues(db)
    try:
        found = open_value(history, "r", "weigh", "rows", None, ("[1999]", "number"), large=large)
        assert (found.kind, found.text) == ("int", "1999")
    finally:
        large.close()
        history.close()


def test_what_cannot_be_read_shows_nothing_of_what_stands_for_it(hundred: Path, history: History) -> None:
    hasty = LargeValues(hundred, cpu_seconds=0.05)
    try:
        assert open_value(history, "r", "make", "rows", None, large=hasty).children == ()
    finally:
        hasty.close()


def test_a_secret_inside_is_hidden_and_shown_on_request(history: History, large: LargeValues) -> None:
    path = ("[70000]", "api_key")
    hidden = open_value(history, "r", "make", "rows", None, path, large=large)
    assert (hidden.kind, hidden.text) == ("str", HIDDEN)
    shown = open_value(history, "r", "make", "rows", None, path, large=large, revealed=True)
    assert shown.text == "hush"
    assert "hush" not in str(open_value(history, "r", "make", "rows", None, path[:1], large=large))
    named = open_value(history, "r", "make", "rows", None, ("[70000]", "number"), large=large, secrets=("number",))
    assert named.text == HIDDEN


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        ('{"password":"hunter2","rows":[1,2', '{"password":(hidden),"rows":[1,2'),
        ('{"rows":[1],"api_key":"sk-1', '{"rows":[1],"api_key":(hidden)'),
        ('{"rows":1,"secret":{"a":"b","c"', '{"rows":1,"secret":(hidden)'),
        ('{"password":17,"pin":4', '{"password":(hidden),"pin":(hidden)'),
        ('["password","hunter2"', '["password","hunter2"'),
    ],
)
def test_the_beginning_of_a_stored_form_hides_its_secrets(head: str, shown: str) -> None:
    assert preview(LargeValue("dict", 2 << 20, head), secrets=("pin",))[1] == shown


def test_a_long_text_has_its_pieces_as_parts(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    fill(db, write, 500_000)
    history, large = History(db), LargeValues(db)
    try:
        whole = open_value(history, "r", "write", "text", None, large=large)
        assert (len(whole.children), whole.children[-1].key) == (50, "[4900000:5000000]")
        piece = open_value(history, "r", "write", "text", None, ("[4900000:5000000]",), large=large)
        assert (len(piece.text), piece.text[:10]) == (100_000, "0123456789")
    finally:
        large.close()
        history.close()


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ([1, 2, 3], ["[1]", "[2]"]),
        ((1, 2, 3), ["[1]", "[2]"]),
        ({"a": 1, "b": 2, 3: 3}, ["b", "3"]),
        (frozenset({7}), []),
        (5, []),
    ],
)
def test_parts_come_in_pages(value: Any, keys: list[str]) -> None:
    parts, total = part_page(value, 1, 5)
    assert [key for key, _ in parts] == keys
    assert total == (len(value) if hasattr(value, "__len__") else 0)
    assert all(part_at(value, key) == part for key, part in parts)
    assert part_at(value, "[99]") is NO_PART


async def test_the_screen_pages_through_it_and_hears_keys_meanwhile(hundred: Path, tmp_path: Path) -> None:
    from studio.screens.value import ValueScreen

    options = StudioOptions((), db=str(hundred))
    app = StudioApp(options, Studio.open(options, start=tmp_path, state=tmp_path / "state"))
    async with app.run_test(size=(120, 40)) as pilot:
        app.push_screen(ValueScreen(app.studio, "r", "make", "rows", None))
        deadline = time.monotonic() + 30
        longest = 0.0
        while not (trees := app.screen.query(ValueTree)) or trees.first().row_count() < 202:
            before = time.process_time()
            await pilot.pause(0.02)
            longest = max(longest, time.process_time() - before)
            assert time.monotonic() < deadline
        # No turn of the loop had to build the value.
        assert longest < 0.5
        tree = trees.first()
        assert tree.row_count() == 202
        await pilot.press("G", "enter")
        while tree.row_count() < 402:
            await pilot.pause(0.02)
            assert time.monotonic() < deadline
        assert tree.row_count() == 402
        assert "99,600 more" in "".join(segment.text for segment in tree.row(401, 100).strip(app.palette, 100, tree.rich_style))
