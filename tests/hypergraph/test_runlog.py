"""Logs made from lines of a journal."""

import dataclasses
import json
import subprocess
import sys

import pytest

from hypergraph._sequence import LazySequence
from hypergraph.runlog import LogLine, MapLog, NodeRecord, NodeStats, build_log, build_map_log, stand_in


class Page:
    """Stands in for a notebook's pretty printer."""

    def __init__(self):
        self.shown = ""

    def text(self, text):
        self.shown += text


def pretty(thing, cycle=False):
    page = Page()
    thing._repr_pretty_(page, cycle)
    return page.shown


def log(*lines, name="pipeline", spent=12.3456):
    return build_log(name, "run-1", spent, lines)


CLEAN = LogLine("clean", 0, 1.23456, "completed", "span-1")
GENERATE = LogLine("generate", 1, 8.0, "completed", "span-2")
BROKEN = LogLine("save", 2, 3.0, "failed", "span-3", error="ValueError: boom")


class TestRunLog:
    def test_it_is_frozen_and_says_which_run(self):
        made = log(CLEAN)
        assert (made.graph_name, made.run_id) == ("pipeline", "run-1")
        assert isinstance(made.steps, tuple)
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.run_id = "other"

    def test_durations_have_three_decimals(self):
        made = log(CLEAN)
        assert made.total_duration_ms == 12.346
        assert made.steps[0].duration_ms == 1.235
        assert made.timing == {"clean": 1.235}

    def test_timing_adds_up_what_a_node_took(self):
        assert log(CLEAN, GENERATE, GENERATE).timing == {"clean": 1.235, "generate": 16.0}

    def test_errors_are_the_failed_steps(self):
        made = log(CLEAN, BROKEN)
        assert [step.node_name for step in made.errors] == ["save"]
        assert made.errors[0].error == "ValueError: boom"
        assert log(CLEAN).errors == ()

    def test_node_stats_count_by_node(self):
        made = log(GENERATE, GENERATE, LogLine("generate", 2, 0.0, "completed", cached=True), BROKEN)
        assert made.node_stats == {"generate": NodeStats(3, 16.0, 0, 1), "save": NodeStats(1, 3.0, 1, 0)}

    def test_a_question_is_no_success_and_no_error(self):
        made = log(LogLine("inner/approval", 0, 1.0, "paused"))
        assert made.node_stats == {}
        assert made.errors == ()

    def test_summary_is_one_line(self):
        assert log(CLEAN, GENERATE, LogLine("c", 2, 2.0, "completed")).summary() == "3 nodes | 12ms | 0 errors | slowest: generate (8ms)"
        assert log(BROKEN).summary() == "1 node | 12ms | 1 error | slowest: save (3ms)"
        assert log().summary() == "0 nodes | 12ms | 0 errors"

    def test_summary_tells_steps_from_nodes_in_a_loop(self):
        assert log(CLEAN, CLEAN, GENERATE).summary().startswith("2 nodes | 3 steps | ")

    def test_summary_stays_short_whatever_a_node_is_called(self):
        assert len(log(LogLine("n" * 1000, 0, 1.0, "completed")).summary()) < 200

    def test_to_dict_is_json_and_holds_the_logs_inside(self):
        inner = log(CLEAN, name="inner")
        made = log(LogLine("gn", 0, 1.0, "completed", "s", inner=lambda: inner), LogLine("gate", 1, 1.0, "completed", decision=["a"]))
        plain = made.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["steps"][0]["inner_log"] == inner.to_dict()
        assert plain["steps"][1]["inner_log"] is None
        assert plain["steps"][1]["decision"] == ["a"]

    def test_str_is_a_small_table(self):
        inner = log(CLEAN, name="inner")
        text = str(log(CLEAN, LogLine("gn", 1, 95.0, "completed", inner=lambda: inner), BROKEN))
        assert text.splitlines() == [
            "RunLog: pipeline | 3 nodes | 12ms | 1 error | slowest: gn (95ms)",
            "  0  clean  completed  1ms",
            "  1  gn     completed  95ms  (1 inner)",
            "  2  save   failed     3ms   ValueError: boom",
            "  inner: .steps[1].log",
        ]

    def test_str_of_a_long_run_counts_the_rest(self):
        text = str(log(*[CLEAN] * 1000))
        assert len(text.splitlines()) < 50
        assert "960 more in .steps" in text

    def test_repr_is_short(self):
        assert repr(log(CLEAN, BROKEN)) == "<RunLog pipeline: 2 steps, 1 error, 12ms>"
        assert len(repr(log(CLEAN, name="g" * 500))) < 200

    def test_a_notebook_shows_the_table(self):
        made = log(CLEAN)
        assert pretty(made) == str(made)
        assert pretty(made, cycle=True) == "RunLog(...)"
        assert "<td>clean</td>" in made._repr_html_()

    def test_html_shows_names_as_they_are(self):
        assert "<script>" not in log(CLEAN, name="<script>")._repr_html_()

    def test_an_unnamed_graph_reads_unnamed(self):
        assert str(log(name=None)).startswith("RunLog: unnamed")


class TestNodeRecord:
    def test_it_is_frozen_and_hashable(self):
        record = NodeRecord("classify", 0, 95.0, "completed", "s", decision=["a"])
        hash(record)
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.status = "failed"

    def test_repr_says_what_came_of_it(self):
        assert repr(NodeRecord("classify", 0, 95.0, "completed", "s", decision="branch_a")) == (
            "NodeRecord: classify | completed | 95ms | -> branch_a"
        )
        assert repr(NodeRecord("a", 0, 0.0, "completed", "s", cached=True)) == "NodeRecord: a | cached | 0ms"
        assert repr(NodeRecord("a", 0, 1500.0, "failed", "s", "ValueError: x")) == "NodeRecord: a | failed | 1.5s | error: ValueError: x"

    def test_the_log_inside_is_built_once_and_only_when_read(self):
        calls = []

        def inner():
            calls.append(1)
            return stand_in("inner", None)

        (step,) = log(LogLine("gn", 0, 1.0, "completed", inner=inner)).steps
        assert calls == []
        assert step.log is step.log
        assert calls == [1]

    def test_a_plain_node_has_no_log_inside(self):
        assert log(CLEAN).steps[0].log is None

    def test_a_plain_tuple_is_a_line_too(self):
        (step,) = log(("clean", 0, 1.0, "completed")).steps
        assert step.node_name == "clean"
        assert step.span_id


class TestNodeStats:
    def test_defaults_are_empty(self):
        assert NodeStats() == NodeStats(0, 0.0, 0, 0)
        assert repr(NodeStats()) == "NodeStats: empty"
        assert NodeStats().avg_ms == 0.0

    def test_averages_are_per_success(self):
        stats = NodeStats(10, 500.0, 3, 2)
        assert stats.succeeded == 5
        assert stats.avg_ms == 100.0
        assert repr(stats) == "NodeStats: 5 succeeded | avg 100ms | 3 errors | 2 cached"

    def test_only_failures_have_no_average(self):
        stats = NodeStats(1, 3.0, 1)
        assert stats.avg_ms == 0.0
        assert repr(stats) == "NodeStats: 1 error"


class TestMapLog:
    def made(self):
        return MapLog("pipeline", 12.3456, (log(CLEAN, GENERATE), log(CLEAN, BROKEN)))

    def test_it_is_a_sequence_of_logs(self):
        made = self.made()
        assert len(made) == 2
        assert list(made) == [made[0], made[1]]
        assert made.total_duration_ms == 12.346

    def test_it_rolls_up_errors_stats_and_times(self):
        made = self.made()
        assert [step.node_name for step in made.errors] == ["save"]
        assert MapLog("g", 1.0, ()).errors == ()
        assert made.node_stats["clean"] == NodeStats(2, 2.47, 0, 0)
        assert made.timing == {"clean": 2.47, "generate": 8.0, "save": 3.0}

    def test_summary_counts_items(self):
        assert self.made().summary() == "2 items | 1 completed | 1 error | avg 6ms/item"
        assert MapLog("g", 0.0, ()).summary().startswith("0 items")

    def test_str_lists_the_items(self):
        assert str(self.made()).splitlines() == [
            "MapLog: pipeline | 2 items | 1 completed | 1 error | avg 6ms/item",
            "  [0]  completed  12ms  2 steps",
            "  [1]  failed     12ms  2 steps",
            "  one item: [i]",
        ]

    def test_a_large_batch_is_cut(self):
        made = MapLog("g", 1.0, [log(CLEAN)] * 500)
        assert "460 more" in str(made)
        assert len(made._repr_html_()) < 10_000

    def test_repr_and_notebook(self):
        made = self.made()
        assert repr(made) == "<MapLog pipeline: items=2, 12ms>"
        assert pretty(made) == str(made)
        assert pretty(made, cycle=True) == "MapLog(...)"

    def test_to_dict_is_json(self):
        plain = self.made().to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert len(plain["items"]) == 2

    def test_items_are_built_when_looked_at(self):
        built = []

        def item(index):
            built.append(index)
            return log(CLEAN)

        made = build_map_log("g", 1.0, 1000, item)
        assert len(made) == 1000
        assert made[3] is made[3]
        assert built == [3]

    def test_an_item_without_a_log_gets_an_empty_one(self):
        assert build_map_log("g", 1.0, 1, lambda _: None)[0].steps == ()


class TestLazySequence:
    def test_it_reads_like_a_list(self):
        squares = LazySequence(5, lambda index: index * index)
        assert list(squares) == [0, 1, 4, 9, 16]
        assert squares[-1] == 16
        assert squares[1:3] == [1, 4]
        assert list(reversed(squares)) == [16, 9, 4, 1, 0]
        with pytest.raises(IndexError):
            squares[5]

    def test_what_passes_by_in_a_loop_is_not_kept(self):
        things = LazySequence(3, lambda index: object())
        assert all(thing is not None for thing in things)
        assert things._kept == {}
        first = things[0]
        assert next(iter(things)) is first


def test_logs_and_results_load_nothing_heavy():
    code = (
        "import sys; import hypergraph.runlog, hypergraph.results\n"
        "sys.exit(bool({'asyncio', 'rich', 'networkx', 'html'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
