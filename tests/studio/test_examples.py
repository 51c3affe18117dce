"""The examples that come with the studio, run for real."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from hypergraph import AsyncRunner, Graph, RunStatus, SqliteCheckpointer, SyncRunner
from studio.examples import orders, refine_loop, review, source_audit

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")


def standard_library(*names: str) -> list[str]:
    return [str(Path(sysconfig.get_path("stdlib")) / name) for name in names]


class TestSourceAudit:
    def test_one_file_needs_no_input(self):
        report = SyncRunner().run(source_audit.file_audit)["file_report"]
        assert report.functions > 10
        assert report.hardest.complexity > 10

    def test_complexity_counts_branches_and_leaves_inner_functions_to_themselves(self, tmp_path):
        path = tmp_path / "sample.py"
        path.write_text(
            "def outer(a, b):\n    if a and b:\n        return [x for x in a if x]\n"
            "    def inner():\n        while a: pass\n    return inner\n"
        )
        functions = SyncRunner().run(source_audit.file_audit.select("functions"), path=str(path))["functions"]
        assert [(one.name, one.line, one.length, one.complexity) for one in functions] == [("outer", 1, 6, 4), ("inner", 4, 2, 2)]

    def test_a_batch_goes_on_over_files_that_do_not_parse(self, tmp_path):
        good = standard_library("json/decoder.py", "ast.py", "heapq.py")
        bad = tmp_path / "bad.py"
        bad.write_bytes(b"# coding: no-such-encoding\n")
        result = SyncRunner().map(source_audit.file_audit, {"path": [*good, str(bad)]}, map_over="path", error_handling="continue")
        assert [item.status for item in result] == [RunStatus.COMPLETED] * 3 + [RunStatus.FAILED]
        assert isinstance(result[3].error, SyntaxError)

    def test_some_real_files_do_not_parse(self):
        bad = [path for path in source_audit.source_files() if "bad" in path or "py2_test_grammar" in path]
        if not bad:
            pytest.skip("this interpreter comes without test material")
        result = SyncRunner().map(source_audit.file_audit, {"path": bad}, map_over="path", error_handling="continue")
        assert result.failed

    def test_the_whole_question_ends_in_a_report(self, tmp_path):
        broken = tmp_path / "library" / "broken.py"
        broken.parent.mkdir()
        broken.write_text("def f(:\n")
        for source in standard_library("heapq.py", "ast.py", "json/decoder.py"):
            (broken.parent / Path(source).name).write_bytes(Path(source).read_bytes())
        target = tmp_path / "report.md"
        result = SyncRunner().run(source_audit.audit, root=str(broken.parent), target=str(target), top=2)
        assert result.completed
        assert result["report_path"] == str(target)
        text = target.read_text(encoding="utf-8")
        assert "3 files" in text
        assert "1 files do not parse" in text
        assert str(broken) in text
        assert len(result["ranking"]) == 2

    def test_a_sample_of_the_library_is_spread_evenly(self):
        every = source_audit.source_files()
        assert len(every) > 500
        assert len(source_audit.source_files(limit=50)) == 50

    async def test_it_is_stored_and_read_back(self, tmp_path):
        store = SqliteCheckpointer(tmp_path / "runs.db")
        graph = source_audit.audit
        values = {"limit": 12, "target": str(tmp_path / "report.md")}
        result = await AsyncRunner(checkpointer=store, sync_nodes="thread").run(graph, values, workflow_id="audit-1", max_concurrency=4)
        assert result.completed
        assert store.state("audit-1")["report_path"] == result["report_path"]
        assert len(store.runs(parent_run_id="audit-1/each_file", limit=None)) == 12
        await store.close()


class TestRefineLoop:
    def test_the_sample_is_rewritten_until_the_target_is_met(self):
        result = SyncRunner().run(refine_loop.refine)
        assert result["score"] >= 70
        assert "met" in result["verdict"]
        assert "utilize" not in result["text"]
        assert sum(step.node_name == "simplify" for step in result.log.steps) > 2

    def test_a_text_that_is_easy_enough_is_left_alone(self):
        with pytest.warns(UserWarning, match="(?i)override"):
            result = SyncRunner().run(refine_loop.refine, text="The cat sat on the mat. It was a good mat.")
        assert "met" in result["verdict"]
        assert not any(step.node_name == "simplify" for step in result.log.steps)

    def test_it_ends_when_nothing_is_left_to_try(self):
        result = SyncRunner().run(refine_loop.refine, target=200.0)
        assert "not met" in result["verdict"]

    def test_two_runs_give_the_same_text(self):
        assert SyncRunner().run(refine_loop.refine)["text"] == SyncRunner().run(refine_loop.refine)["text"]


class TestReview:
    async def test_it_pauses_revises_and_publishes(self, tmp_path):
        store = SqliteCheckpointer(tmp_path / "runs.db")
        runner = AsyncRunner(checkpointer=store)
        first = await runner.run(review.review, workflow_id="note-1")
        assert first.paused
        assert first.pause.node_name == "approval"
        assert first.pause.response_key == "verdict"
        second = await runner.run(review.review, {"verdict": "revise"}, workflow_id="note-1")
        assert second.pause.node_name == "wishes"
        third = await runner.run(review.review, {"wish": "mention the studio"}, workflow_id="note-1")
        assert third.pause.node_name == "approval"
        assert "mention the studio" in third.pause.value
        last = await runner.run(review.review, {"verdict": "publish"}, workflow_id="note-1")
        assert last.completed
        assert last["published"].endswith("The editors")
        await store.close()

    async def test_a_discarded_draft_is_not_published(self):
        result = await AsyncRunner().run(review.review, {"verdict": "discard"})
        assert result.completed
        assert "published" not in result

    async def test_a_word_that_is_no_verdict_is_refused(self):
        with pytest.raises(TypeError, match="approval"):
            await AsyncRunner().run(review.review, {"verdict": "perhaps"})


class TestOrders:
    def test_one_order_needs_no_input(self):
        assert SyncRunner().run(orders.order_price)["total"] == pytest.approx((24.90 * 3 * 0.9 + 1.2 * 1.9 + 3.5) * 1.19)

    def test_a_day_of_orders_is_summed_up_by_country(self):
        result = SyncRunner().run(orders.daily_sales, count=50)
        assert set(result["sales"]) <= set(orders.VAT)
        assert sum(result["sales"].values()) == pytest.approx(sum(result["totals"]), abs=0.05)

    def test_rows_are_priced_the_same_one_by_one(self):
        columns = orders.sample_orders(20)
        result = SyncRunner().map(orders.order_price, columns, map_over=list(columns))
        assert result["total"] == SyncRunner().run(orders.daily_sales, count=20)["totals"]

    def test_daft_gives_the_same_prices_by_rows_and_by_columns(self):
        daft = pytest.importorskip("daft")
        from hypergraph import DaftRunner

        columns = orders.sample_orders(40)
        expected = SyncRunner().map(orders.order_price, columns, map_over=list(columns))["total"]
        frame = daft.from_pydict(columns)
        for graph in (orders.order_price, orders.order_price_columns):
            assert DaftRunner().map_dataframe(graph, frame).to_pydict()["total"] == pytest.approx(expected)

    def test_the_columnar_graph_is_refused_where_nobody_has_columns(self):
        with pytest.raises(TypeError, match="batch"):
            SyncRunner().run(orders.order_price_columns)


@pytest.mark.parametrize("module", [orders, refine_loop, review, source_audit])
def test_every_example_explains_itself_and_runs_without_typing(module):
    assert len(module.__doc__ or "") > 200
    graphs = [value for value in vars(module).values() if isinstance(value, Graph)]
    assert graphs
    for graph in graphs:
        if not graph.name.endswith("columns"):
            assert graph.inputs.required == (), graph.name
        assert graph.to_text()


def test_examples_need_no_screen():
    import subprocess

    code = "import sys, studio.examples.source_audit; sys.exit('textual' in sys.modules or 'daft' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_a_folder_that_is_not_there_is_told() -> None:
    """An audit of nothing would look like a clean one."""
    with pytest.raises(NotADirectoryError, match="leave root empty"):
        source_audit.source_files("no/such/folder")
