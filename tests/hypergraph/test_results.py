"""What a caller gets, made by hand."""

import json
import pickle
import sys
from collections.abc import Sequence

import pytest

from hypergraph.results import LazyResults, MapResult, PauseInfo, RunResult, RunStatus
from hypergraph.runlog import LogLine, build_log

DONE, FAILED, PAUSED, STOPPED = RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.PAUSED, RunStatus.STOPPED


class Page:
    def __init__(self):
        self.shown = ""

    def text(self, text):
        self.shown += text


def pretty(thing, cycle=False):
    page = Page()
    thing._repr_pretty_(page, cycle)
    return page.shown


def done(**values):
    return RunResult(values, DONE)


def failed(error=None, **values):
    return RunResult(values, FAILED, error=error or ValueError("oops"))


def some_log():
    return build_log("g", "run-1", 12.0, [LogLine("generate", 0, 8.0, "completed")])


class TestRunResult:
    def test_it_reads_like_a_dict(self):
        result = done(x=1, y=None)
        assert result["x"] == 1
        assert result.get("y", 5) is None
        assert result.get("z", 5) == 5
        assert "x" in result
        assert "z" not in result
        assert list(result.keys()) == ["x", "y"]
        assert dict(result) == {"x": 1, "y": None}
        assert dict(result.items()) == result.values

    def test_a_result_without_values_is_still_true(self):
        assert done()

    def test_a_missing_key_lists_the_others(self):
        with pytest.raises(KeyError, match=r"No output 'z'. Available: 'x', 'y'"):
            done(x=1, y=2)["z"]

    def test_a_missing_key_of_a_failed_run_says_so(self):
        with pytest.raises(KeyError, match=r"FAILED.*ValueError: oops"):
            failed()["z"]

    def test_a_missing_key_of_a_paused_run_says_where_it_waits(self):
        result = RunResult({}, PAUSED, pause=PauseInfo("ask", "decision", "draft"))
        with pytest.raises(KeyError, match=r"PAUSED.*'ask' for 'decision'"):
            result["z"]

    @pytest.mark.parametrize("status", [DONE, FAILED, PAUSED, STOPPED])
    def test_one_property_per_status(self, status):
        result = RunResult({}, status)
        assert [result.completed, result.failed, result.paused, result.stopped] == [
            status is one for one in (DONE, FAILED, PAUSED, STOPPED)
        ]

    def test_an_id_is_made_up_once_and_is_its_own(self):
        one, two = done(), done()
        assert one.run_id == one.run_id
        assert one.run_id != two.run_id
        assert one.run_id.startswith("run-")
        assert len(one.run_id) == 16
        assert RunResult({}, DONE, run_id="mine").run_id == "mine"

    def test_nothing_can_be_changed(self):
        result = done(x=1)
        for name in ("values", "status", "run_id", "workflow_id", "error", "pause", "log", "other"):
            with pytest.raises(AttributeError):
                setattr(result, name, None)

    def test_defaults_are_empty(self):
        result = done()
        assert (result.workflow_id, result.error, result.pause, result.log) == (None, None, None, None)
        assert (result.pauses, result.checkpoint_ok, result.checkpoint_errors) == ((), True, ())

    def test_the_log_is_built_once_and_only_when_read(self):
        calls = []

        def build():
            calls.append(1)
            return some_log()

        result = RunResult({}, DONE, log=build)
        assert calls == []
        assert result.log is result.log
        assert calls == [1]

    def test_pause_and_pauses_agree(self):
        one, two = PauseInfo("a", "x", 1), PauseInfo("b", "y", 2)
        assert RunResult({}, PAUSED, pause=one).pauses == (one,)
        assert RunResult({}, PAUSED, pauses=(one, two)).pause is one

    def test_summary_is_the_logs_or_the_status(self):
        assert RunResult({}, DONE, log=some_log()).summary() == some_log().summary()
        assert done().summary() == "completed"
        assert failed().summary() == "failed: ValueError: oops"

    def test_to_dict_is_json_without_values(self):
        plain = done(x=object()).to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["status"] == "completed"
        assert plain["outputs"] == ["x"]
        assert "error" not in plain
        assert "log" not in plain

    def test_to_dict_tells_error_log_and_pauses(self):
        plain = RunResult({}, FAILED, error=ValueError("oops"), log=some_log()).to_dict()
        assert plain["error"] == "ValueError: oops"
        assert plain["log"]["graph_name"] == "g"
        paused = RunResult({}, PAUSED, pause=PauseInfo("in/ask", "x", object(), keys={"x": "in.x"})).to_dict()
        assert json.loads(json.dumps(paused))["pauses"] == [{"node_name": "in/ask", "response_keys": {"x": "in.x"}}]

    def test_equality_is_of_one_run(self):
        result = RunResult({"x": 1}, DONE, run_id="r")
        assert result == RunResult({"x": 1}, DONE, run_id="r")
        assert result != RunResult({"x": 1}, DONE, run_id="s")
        assert result != {"x": 1}
        assert len({result, RunResult({"x": 1}, DONE, run_id="r")}) == 1

    def test_it_survives_pickle_with_its_log(self):
        result = RunResult({"x": 1}, DONE, log=lambda: some_log(), workflow_id="wf")
        again = pickle.loads(pickle.dumps(result))
        assert again == result
        assert again.log.run_id == "run-1"


class TestRepr:
    def test_it_says_status_values_and_id(self):
        result = RunResult({"x": 1, "y": "hello"}, DONE, run_id="run-1")
        assert repr(result) == "RunResult(status=completed, values={'x': 1, 'y': 'hello'}, run_id='run-1')"

    def test_large_containers_tell_their_length(self):
        assert "len=5000" in repr(done(x=list(range(5000))))
        assert len(repr(done(x={n: list(range(5000)) for n in range(5000)}))) < 4000

    def test_containers_keep_their_brackets(self):
        text = repr(done(t=(1, 2), one=(1,), s={1}, f=frozenset({2}), e=set(), big=tuple(range(100))))
        assert "'t': (1, 2)" in text
        assert "'one': (1,)" in text
        assert "'s': {1}" in text
        assert "'f': frozenset({2})" in text
        assert "'e': set()" in text
        assert "'big': (0, 1, 2, 3, 4, 5, 6, 7, ..., len=100)" in text

    def test_many_values_and_long_texts_stay_within_bounds(self):
        result = RunResult(
            {f"name_{n}": "x" * 10_000 for n in range(500)}, FAILED, error=ValueError("e" * 10_000), workflow_id="w" * 10_000
        )
        assert len(repr(result)) <= 4000
        assert "len=500" in repr(result)

    def test_deep_and_circular_values_end(self):
        circle = []
        circle.append(circle)
        assert "len=1" in repr(done(x=circle))

    def test_a_value_whose_repr_fails_is_named(self):
        class Bad:
            def __repr__(self):
                raise RuntimeError

        assert "Bad" in repr(done(x=Bad()))

    def test_error_and_pause_are_shown(self):
        assert "error=ValueError('oops')" in repr(failed())
        assert "pause=PauseInfo(node_name='ask'" in repr(RunResult({}, PAUSED, pause=PauseInfo("ask", "d", "draft")))
        assert "checkpoint_ok=False" in repr(RunResult({}, DONE, checkpoint_ok=False, checkpoint_errors=("disk full",)))

    def test_a_notebook_shows_it(self):
        result = done(x=1)
        assert pretty(result) == repr(result)
        assert pretty(result, cycle=True) == "RunResult(...)"
        html = done(x="<script>")._repr_html_()
        assert "<script>" not in html
        assert "<td>x</td>" in html


class TestPauseInfo:
    def test_made_by_hand_its_key_is_its_output(self):
        pause = PauseInfo(node_name="outer/review/approval", output_param="decision", value="draft")
        assert pause.response_key == "decision"
        assert pause.response_keys == {"decision": "decision"}
        assert (pause.output_params, pause.values) == (None, None)

    def test_several_outputs_have_a_key_each(self):
        pause = PauseInfo("ask", "a", 1, output_params=("a", "b"), values={"x": 1, "y": 2})
        assert pause.response_keys == {"a": "a", "b": "b"}

    def test_nested_keys_are_of_the_outer_scope(self):
        pause = PauseInfo("in/ask", "a", 1, output_params=("a", "b"), keys={"a": "in.a", "b": "verdict"})
        assert pause.response_key == "in.a"
        assert pause.response_keys == {"a": "in.a", "b": "verdict"}

    def test_it_is_frozen(self):
        with pytest.raises(AttributeError):
            PauseInfo("ask", "a", 1).value = 2


def batch(*items, spent=12.0):
    return MapResult(items, "run-b", spent, "x", "zip", "g")


class TestMapResult:
    def test_it_is_a_sequence_but_no_list(self):
        one, two = done(y=1), done(y=2)
        result = batch(one, two)
        assert isinstance(result, Sequence)
        assert not isinstance(result, list)
        assert len(result) == 2
        assert list(result) == [one, two]
        assert result[0] is one
        assert result[-1] is two
        assert result[:1] == [one]
        assert type(result[:1]) is list
        assert list(reversed(result)) == [two, one]
        assert one in result
        assert result.index(two) == 1
        assert result.results == (one, two)

    def test_a_name_collects_an_output_of_all_items(self):
        result = batch(done(y=1), failed(), done(y=3))
        assert result["y"] == [1, None, 3]
        assert result.get("y", 0) == [1, 0, 3]
        assert "y" not in result

    @pytest.mark.parametrize("wrong", [1.5, None, ("a",)])
    def test_other_indices_are_refused(self, wrong):
        with pytest.raises(TypeError, match="indices must be"):
            batch(done())[wrong]

    def test_it_equals_what_holds_equal_results(self):
        one, two = done(y=1), done(y=2)
        assert batch(one, two) == batch(one, two, spent=99.0)
        assert batch(one, two) == [one, two]
        assert batch(one) != [one, two]
        assert batch(one) != (one,)

    def test_it_is_true_when_it_has_items(self):
        assert batch(done())
        assert not batch()

    def test_nothing_can_be_changed(self):
        result = batch(done())
        for name in ("results", "run_id", "status", "log", "other"):
            with pytest.raises(AttributeError):
                setattr(result, name, None)

    def test_map_over_is_a_tuple(self):
        assert batch().map_over == ("x",)
        assert MapResult((), None, 0, ["a", "b"], "product", None).map_over == ("a", "b")

    @pytest.mark.parametrize(
        ("items", "status"),
        [
            ((), DONE),
            ((DONE, DONE), DONE),
            ((DONE, STOPPED), STOPPED),
            ((STOPPED, PAUSED), PAUSED),
            ((DONE, PAUSED, FAILED), FAILED),
        ],
    )
    def test_the_gravest_status_wins(self, items, status):
        result = batch(*(RunResult({}, one) for one in items))
        assert result.status is status
        assert [result.completed, result.failed, result.paused, result.stopped] == [
            status is one for one in (DONE, FAILED, PAUSED, STOPPED)
        ]

    def test_it_is_partial_when_some_failed_and_some_completed(self):
        assert batch(done(), failed()).partial
        assert not batch(failed()).partial
        assert not batch(done()).partial

    def test_failures_are_the_failed_results(self):
        bad = failed()
        assert batch(done(), bad).failures == [bad]
        assert batch(done()).failures == []

    def test_summary_counts(self):
        assert batch(done(), done(), done()).summary() == "3 items | 3 completed | 12ms | avg 4ms/item"
        assert batch(done(), done(), failed()).summary() == "3 items | 2 completed | 1 failed | 12ms | avg 4ms/item"
        assert batch(spent=0).summary() == "0 items | 0 completed | 0ms"

    def test_to_dict_is_json(self):
        plain = batch(done(y=object()), failed()).to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert list(plain) == [
            "run_id", "total_duration_ms", "map_over", "map_mode", "graph_name", "item_count", "completed_count", "failed_count", "items",
        ]  # fmt: skip
        assert (plain["map_over"], plain["item_count"], plain["failed_count"]) == (["x"], 2, 1)

    def test_repr_and_notebook(self):
        result = batch(done(), done())
        assert repr(result) == "<MapResult 'g': 2 items | 2 completed | 12ms | avg 6ms/item, zip over x>"
        assert pretty(result) == repr(result)
        assert pretty(result, cycle=True) == "MapResult(...)"
        assert "<td>failed</td>" in batch(failed())._repr_html_()
        assert "60 more" in batch(*[done()] * 100)._repr_html_()

    def test_its_log_has_one_item_each_with_stand_ins_for_missing_ones(self):
        log = batch(RunResult({}, DONE, log=some_log()), done(), failed()).log
        assert len(log) == 3
        assert log[0].steps[0].node_name == "generate"
        assert log[1].steps == ()
        assert [error.error for error in log.errors] == ["ValueError: oops"]

    def test_a_failure_outside_all_nodes_is_in_its_log_too(self):
        item = RunResult({}, FAILED, error=ValueError("missing"), log=some_log())
        log = batch(item).log[0]
        assert [step.node_name for step in log.steps] == ["generate", "g"]
        assert log.errors[0].error == "ValueError: missing"

    def test_its_log_stays_the_same(self):
        result = batch(done())
        assert result.log is result.log

    def test_it_survives_pickle(self):
        result = batch(done(y=1))
        assert pickle.loads(pickle.dumps(result)) == result


class TestLazyResults:
    def made(self, length=5, **known):
        built = []

        def build(index):
            built.append(index)
            return RunResult({"y": index}, FAILED if index == 2 else DONE)

        return MapResult(LazyResults(length, build, **known), "run-b", 1.0, "x", "zip", "g"), built

    def test_nothing_is_built_before_it_is_looked_at(self):
        result, built = self.made()
        assert len(result) == 5
        assert built == []
        assert result[3]["y"] == 3
        assert result[3] is result[3]
        assert built == [3]

    def test_status_and_columns_need_no_results_when_they_are_known(self):
        result, built = self.made(status=lambda index: FAILED if index == 2 else DONE, values=lambda index: {"y": index * 10})
        assert result.status is FAILED
        assert result.partial
        assert result["y"] == [0, 10, 20, 30, 40]
        assert result.summary().startswith("5 items | 4 completed | 1 failed")
        assert built == []
        assert [item["y"] for item in result.failures] == [2]
        assert built == [2]

    def test_one_status_for_all_is_enough(self):
        result, built = self.made(length=10**9, status=DONE)
        assert result.completed
        assert result.failures == []
        assert built == []

    def test_without_hints_everything_is_found_by_building(self):
        result, _ = self.made()
        assert result.status is FAILED
        assert result["y"] == [0, 1, 2, 3, 4]
        assert [item["y"] for item in result.failures] == [2]
        assert result.get("z", 7) == [7] * 5

    def test_all_results_together_are_a_tuple_that_stays(self):
        result, _ = self.made()
        third = result[3]
        assert type(result.results) is tuple
        assert result.results is result.results
        assert result.results[3] is third
        assert result[0] is result.results[0]

    def test_one_status_may_be_asked_for_by_name(self):
        lazy = LazyResults(2, lambda index: done(y=index), status=DONE)
        assert [item["y"] for item in lazy.with_status(DONE)] == [0, 1]
        assert lazy.tally() == {DONE: 2}


def test_a_result_is_small():
    """A mapped item may keep no more than 500 bytes, its values included."""
    assert sys.getsizeof(done()) <= 128
