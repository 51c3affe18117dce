"""Nested graphs and interrupts in real runs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hypergraph import (
    END,
    AsyncRunner,
    Graph,
    GraphConfigError,
    IncompatibleRunnerError,
    InMemoryCache,
    PauseInfo,
    RunStatus,
    SyncRunner,
    ifelse,
    interrupt,
    node,
    route,
)


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    return doubled + y


@node(output_name="shown")
def show(total) -> str:
    return f"<{total}>"


INNER = Graph([double, add], name="inner")


class Both:
    """Runs a graph with one of the two runners, so that they cannot drift apart."""

    def __init__(self, kind: str) -> None:
        self.runner = SyncRunner() if kind == "sync" else AsyncRunner()

    def run(self, graph, values=None, **options):
        found = self.runner.run(graph, values or {}, **options)
        return asyncio.run(found) if asyncio.iscoroutine(found) else found


@pytest.fixture(params=["sync", "async"])
def both(request) -> Both:
    return Both(request.param)


def run_async(graph, values=None, **options):
    return asyncio.run(AsyncRunner().run(graph, values or {}, **options))


class TestBoundary:
    def test_flat_ports_are_wired_by_name(self, both):
        assert both.run(Graph([INNER.as_node(), show]), {"x": 2}).values == {"doubled": 4, "total": 5, "shown": "<5>"}

    def test_namespaced_ports_are_addressed(self, both):
        graph = Graph([INNER.as_node(namespaced=True)])
        result = both.run(graph, {"inner.x": 2, "inner.y": 3})
        assert result.values == {"inner.doubled": 4, "inner.total": 7}
        assert both.run(graph, {"inner": {"x": 2}}).values["inner.total"] == 5

    def test_namespaces_nest(self, both):
        middle = Graph([INNER.as_node(namespaced=True)], name="middle")
        result = both.run(Graph([middle.as_node(namespaced=True)]), {"middle": {"inner": {"x": 1}}})
        assert result.values == {"middle.inner.doubled": 2, "middle.inner.total": 3}

    def test_renamed_and_exposed_ports(self, both):
        made = INNER.as_node(namespaced=True).with_inputs(x="value").with_outputs(doubled="twice").expose(total="total").with_name("calc")
        result = both.run(Graph([made, show]), {"calc.value": 2})
        assert result.values == {"calc.twice": 4, "total": 5, "shown": "<5>"}

    def test_swapped_inputs_reach_the_right_parameters(self, both):
        swapped = INNER.as_node().with_inputs(x="y", y="x")
        assert both.run(Graph([swapped]), {"y": 10, "x": 1}).values["total"] == 21

    @pytest.mark.parametrize(
        ("made", "old", "new"),
        [
            (INNER.as_node(namespaced=True).with_inputs(x="value"), "inner.x", "inner.value"),
            (INNER.as_node(namespaced=True).with_name("calc"), "inner.x", "calc.x"),
            (INNER.as_node(), "inner.x", "x"),
            (INNER.as_node(namespaced=True).expose("x"), "inner.x", "x"),
        ],
    )
    def test_an_old_address_says_what_to_use(self, both, made, old, new):
        with pytest.raises(ValueError, match=f"Use '{new}'"):
            both.run(Graph([made]), {old: 1})

    def test_selected_outputs_only(self, both):
        assert both.run(Graph([INNER.select("total").as_node()]), {"x": 2}).values == {"total": 5}

    def test_an_unselected_output_is_an_input_outside(self, both):
        graph = Graph([INNER.select("total").as_node(), node(output_name="z")(lambda doubled: doubled).with_name("reader")])
        assert set(graph.inputs.required) == {"x", "doubled"}
        assert both.run(graph, {"x": 2, "doubled": 100}).values == {"total": 5, "z": 100}

    def test_an_inner_signal_orders_outer_nodes(self, both):
        order = []
        first = node(output_name="a", emit="ready")(lambda x: order.append("inner")).with_name("first")
        after = node(output_name="b", wait_for="ready")(lambda x: order.append("outer")).with_name("after")
        result = both.run(Graph([after, Graph([first], name="inner").as_node()]), {"x": 1})
        assert order == ["inner", "outer"]
        assert set(result.values) == {"a", "b"}

    def test_bound_values_are_shared_by_reference(self, both):
        seen, shared = [], []
        keep = node(output_name="z")(lambda store: seen.append(store)).with_name("keep")
        graph = Graph([Graph([keep], name="inner").bind(store=shared).as_node()])
        both.run(graph)
        both.run(graph)
        assert all(one is shared for one in seen)
        assert len(seen) == 2

    def test_a_given_value_overrides_an_inner_binding_and_says_so(self, both):
        graph = Graph([INNER.bind(y=5).as_node(namespaced=True)])
        assert both.run(graph, {"inner.x": 1}).values["inner.total"] == 7
        with pytest.warns(UserWarning, match=r"override.*inner\.y"):
            assert both.run(graph, {"inner.x": 1, "inner.y": 10}).values["inner.total"] == 12

    def test_siblings_share_an_inner_binding(self, both):
        other = node(output_name="z")(lambda y: y).with_name("other")
        graph = Graph([INNER.bind(y=5).as_node(), other])
        assert both.run(graph, {"x": 1}).values == {"doubled": 2, "total": 7, "z": 5}

    def test_a_binding_outside_wins(self, both):
        graph = Graph([INNER.bind(y=5).as_node()]).bind(y=7)
        with pytest.warns(UserWarning, match=r"Parent bind.*y.*overrides nested bind"):
            assert "y" in graph.inputs.bound
        assert both.run(graph, {"x": 1}).values["total"] == 9

    def test_an_edge_beats_an_inner_default(self, both):
        source = node(output_name="y")(lambda seed: seed * 100).with_name("source")
        assert both.run(Graph([source, INNER.as_node()]), {"seed": 1, "x": 1}).values["total"] == 102

    def test_an_inner_failure_is_the_callers_own_exception(self, both):
        def fail(x):
            raise KeyError("inside")

        graph = Graph([Graph([node(output_name="z")(fail)], name="inner").as_node()])
        with pytest.raises(KeyError, match="inside"):
            both.run(graph, {"x": 1})
        result = both.run(graph, {"x": 1}, error_handling="continue")
        assert result.status is RunStatus.FAILED
        assert isinstance(result.error, KeyError)

    def test_the_inner_cycle_runs_to_its_end_each_time(self, both):
        @node(output_name="count")
        def step(count: int) -> int:
            return count + 1

        @ifelse("step", END)
        def again(count: int) -> bool:
            return count % 3 != 0

        loop = Graph([step, again], entrypoint="step", name="loop")
        after = node(output_name="z")(lambda count: count * 10).with_name("after")
        graph = Graph([loop.as_node(), after], entrypoint="loop")
        assert both.run(graph, {"count": 0}).values == {"count": 3, "z": 30}

        outer_gate = route(["loop", END])(lambda count: "loop" if count < 8 else END).with_name("outer_gate")
        outer = Graph([loop.as_node(), outer_gate], entrypoint="loop")
        assert both.run(outer, {"count": 0}).values == {"count": 9}

    def test_a_gate_chooses_between_nested_graphs(self, both):
        one = Graph([node(output_name="z")(lambda x: "one").with_name("a")], name="one").as_node()
        two = Graph([node(output_name="z")(lambda x: "two").with_name("b")], name="two").as_node()
        gate = ifelse("one", "two")(lambda x: x > 0).with_name("gate")
        graph = Graph([gate, one, two])
        assert both.run(graph, {"x": 1}).values == {"z": "one"}
        assert both.run(graph, {"x": -1}).values == {"z": "two"}


class TestMapOver:
    def test_zip_pairs_and_product_combines(self, both):
        zipped = Graph([INNER.as_node().map_over("x", "y")])
        assert both.run(zipped, {"x": [1, 2], "y": [10, 20]}).values["total"] == [12, 24]
        product = Graph([INNER.as_node().map_over("x", "y", mode="product")])
        assert both.run(product, {"x": [1, 2], "y": [10, 20]}).values["total"] == [12, 22, 14, 24]

    def test_lists_flow_on_and_come_in_by_edges(self, both):
        source = node(output_name="x")(lambda n: list(range(n))).with_name("source")
        collect = node(output_name="sum")(lambda total: sum(total)).with_name("collect")
        assert both.run(Graph([source, INNER.as_node().map_over("x"), collect]), {"n": 4}).values["sum"] == 16

    def test_addresses_and_renames(self, both):
        made = INNER.as_node(namespaced=True).map_over("x").with_inputs(x="xs").with_name("each")
        assert both.run(Graph([made]), {"each.xs": [1, 2], "each.y": 0}).values == {"each.doubled": [2, 4], "each.total": [2, 4]}

    def test_an_empty_list_calls_nothing(self, both):
        called = []
        inner = Graph([node(output_name=("a", "b"))(lambda x: called.append(x)).with_name("n")], name="inner")
        assert both.run(Graph([inner.as_node().map_over("x")]), {"x": []}).values == {"a": [], "b": []}
        assert called == []

    def test_unequal_lengths_name_both(self, both):
        with pytest.raises(ValueError, match=r"(?s)equal lengths.*2.*3|2.*3.*equal lengths"):
            both.run(Graph([INNER.as_node().map_over("x", "y")]), {"x": [1, 2], "y": [1, 2, 3]})

    def test_a_failed_item_raises_its_own_exception(self, both):
        inner = Graph([node(output_name="z")(lambda x: 10 // x).with_name("n")], name="inner")
        with pytest.raises(ZeroDivisionError):
            both.run(Graph([inner.as_node().map_over("x")]), {"x": [1, 0, 2]})

    def test_or_leaves_none_in_every_output(self, both):
        first = node(output_name="a")(lambda x: x).with_name("first")
        second = node(output_name="b")(lambda a: 10 // a).with_name("second")
        inner = Graph([first, second], name="inner").as_node().map_over("x", error_handling="continue")
        assert both.run(Graph([inner]), {"x": [1, 0, 2]}).values == {"a": [1, None, 2], "b": [10, None, 5]}

    @pytest.mark.parametrize(("clone", "shared"), [(False, True), (True, False), (["store"], False), (["other"], True)])
    def test_broadcast_values_are_shared_or_copied(self, both, clone, shared):
        seen = []
        keep = node(output_name="z")(lambda x, store, other: seen.append(store)).with_name("keep")
        given: dict = {}
        both.run(Graph([Graph([keep], name="inner").as_node().map_over("x", clone=clone)]), {"x": [1, 2], "store": given, "other": 1})
        assert [one is given for one in seen] == [shared, shared]
        assert (seen[0] is seen[1]) == shared

    def test_what_cannot_be_copied_is_said_so(self, both):
        keep = node(output_name="z")(lambda x, lock: x).with_name("keep")
        made = Graph([keep], name="inner").as_node().map_over("x", clone=True)
        with pytest.raises(GraphConfigError, match="cannot be deep-copied for clone"):
            both.run(Graph([made]), {"x": [1], "lock": threading.Lock()})
        with pytest.raises(GraphConfigError, match="cannot be deep-copied for clone"):
            both.run(Graph([made]).bind(lock=threading.Lock()), {"x": [1]})

    def test_values_bound_inside_are_not_copied(self, both):
        seen, lock = [], threading.Lock()
        keep = node(output_name="z")(lambda x, lock: seen.append(lock)).with_name("keep")
        made = Graph([keep], name="inner").bind(lock=lock).as_node().map_over("x", clone=True)
        both.run(Graph([made]), {"x": [1, 2]})
        assert seen == [lock, lock]

    def test_an_inner_cycle_runs_per_item(self, both):
        @node(output_name="count")
        def step(count: int) -> int:
            return count + 1

        @ifelse("step", END)
        def again(count: int) -> bool:
            return count < 3

        loop = Graph([step, again], entrypoint="step", name="loop").as_node().with_outputs(count="final").map_over("count")
        assert both.run(Graph([loop]), {"count": [0, 2, 7]}).values == {"final": [3, 3, 8]}

    def test_maps_nest(self, both):
        rows = Graph([INNER.select("total").as_node().map_over("x")], name="rows").as_node().map_over("x")
        assert both.run(Graph([rows]), {"x": [[1, 2], [], [3]]}).values == {"total": [[3, 5], [], [7]]}

    def test_the_cache_reaches_in(self):
        calls = []
        inner = Graph([node(output_name="z", cache=True)(lambda x: calls.append(x) or x).with_name("n")], name="inner")
        runner = SyncRunner(cache=InMemoryCache())
        assert runner.run(Graph([inner.as_node().map_over("x")]), {"x": [5, 5, 5]}).values == {"z": [5, 5, 5]}
        assert calls == [5]


class TestStop:
    @pytest.mark.parametrize(("finishes", "expected"), [(False, {"a": 1}), (True, {"a": 1, "b": 2})])
    def test_a_stop_reaches_in_unless_the_graph_finishes_first(self, finishes, expected):
        runner = SyncRunner()
        first = node(output_name="a")(lambda x: runner.stop("wf") and 1).with_name("first")
        second = node(output_name="b")(lambda a: 2).with_name("second")
        inner = Graph([first, second], name="inner").as_node(complete_on_stop=finishes)
        after = node(output_name="c")(lambda b: 3).with_name("after")
        result = runner.run(Graph([inner, after]), {"x": 1}, workflow_id="wf")
        assert result.stopped
        assert result.values == expected


class TestDelegation:
    def test_another_runner_runs_the_inner_graph(self):
        ran = []

        class Spy(SyncRunner):
            def run(self, graph, values=None, **options):
                ran.append(graph.name)
                return super().run(graph, values, **options)

        graph = Graph([INNER.as_node(runner=Spy()), show])
        assert SyncRunner().run(graph, {"x": 2}).values["shown"] == "<5>"
        assert run_async(graph, {"x": 2}).values["shown"] == "<5>"
        assert ran == ["inner", "inner"]

    def test_an_async_child_of_a_sync_parent_is_refused(self):
        with pytest.raises(IncompatibleRunnerError, match="inner") as caught:
            SyncRunner().run(Graph([INNER.as_node(runner=AsyncRunner())]), {"x": 1})
        assert caught.value.capability == "returns_coroutine"

    def test_a_delegated_failure_is_the_inner_exception(self):
        def fail(x):
            raise KeyError("inside")

        made = Graph([node(output_name="z")(fail)], name="inner").as_node(runner=SyncRunner())
        for graph, values in ((Graph([made]), {"x": 1}), (Graph([made.map_over("x")]), {"x": [1]})):
            with pytest.raises(KeyError, match="inside"):
                run_async(graph, values)

    def test_a_delegated_map(self):
        made = INNER.select("total").as_node(runner=SyncRunner()).map_over("x")
        assert run_async(Graph([made]), {"x": [1, 2]}).values == {"total": [3, 5]}


@node(output_name="draft")
def write(topic: str) -> str:
    return f"about {topic}"


@interrupt(output_name="decision")
def review(draft: str) -> str | None: ...


@node(output_name="final")
def publish(draft: str, decision: str) -> str:
    return f"{draft}: {decision}"


REVIEW = Graph([write, review, publish], name="review_flow")


class TestPause:
    def test_it_stops_there_and_says_what_it_asks(self):
        result = run_async(REVIEW, {"topic": "x"})
        assert result.paused
        assert result.values == {"draft": "about x"}
        pause = result.pause
        assert (pause.node_name, pause.output_param, pause.value, pause.response_key) == ("review", "decision", "about x", "decision")
        assert (pause.output_params, pause.values, pause.response_keys) == (None, None, {"decision": "decision"})

    def test_the_answer_is_the_output(self):
        result = run_async(REVIEW, {"topic": "x", "decision": "yes"})
        assert result.completed
        assert result.values == {"draft": "about x", "decision": "yes", "final": "about x: yes"}
        assert [step.status for step in result.log.steps] == ["completed"] * 3

    def test_an_answered_handler_is_not_called(self):
        called = []
        ask = interrupt("a")(lambda x: called.append(x)).with_name("ask")
        assert run_async(Graph([ask]), {"x": 1, "a": 2}).values == {"a": 2}
        assert called == []

    @pytest.mark.parametrize("value", [0, "", False, [], {}])
    def test_any_value_but_none_resolves(self, value):
        result = run_async(Graph([interrupt("a")(lambda x: value).with_name("ask")]), {"x": 1})
        assert result.completed
        assert result.values == {"a": value}

    def test_async_handlers_answer_or_pause(self):
        async def ask(x):
            return "auto" if x else None

        graph = Graph([interrupt("a")(ask)])
        assert run_async(graph, {"x": 1}).values == {"a": "auto"}
        assert run_async(graph, {"x": 0}).paused

    def test_a_handlers_exception_comes_through(self):
        def ask(x):
            raise LookupError("no")

        with pytest.raises(LookupError, match="no"):
            run_async(Graph([interrupt("a")(ask)]), {"x": 1})

    def test_several_inputs_and_outputs(self):
        graph = Graph([interrupt(("ok", "note"))(lambda draft, score: None).with_name("ask")])
        pause = run_async(graph, {"draft": "d", "score": 3}).pause
        assert (pause.output_param, pause.output_params, pause.value) == ("ok", ("ok", "note"), "d")
        assert pause.values == {"draft": "d", "score": 3}
        assert pause.response_keys == {"ok": "ok", "note": "note"}
        assert run_async(graph, {"draft": "d", "score": 3, "ok": True}).paused
        assert run_async(graph, {"draft": "d", "score": 3, "ok": True, "note": "n"}).values == {"ok": True, "note": "n"}

    def test_without_inputs_there_is_no_value(self):
        pause = run_async(Graph([interrupt("a")(lambda: None).with_name("ask")])).pause
        assert (pause.value, pause.values) == (None, None)

    def test_a_handlers_dict_is_spread_over_several_outputs(self):
        graph = Graph([interrupt(("ok", "note"))(lambda x: {"note": "n", "ok": x}).with_name("ask")])
        assert run_async(graph, {"x": 1}).values == {"ok": 1, "note": "n"}

    def test_another_value_goes_to_the_first_output_only(self):
        assert run_async(Graph([interrupt(("ok", "note"))(lambda x: x).with_name("ask")]), {"x": 1}).values == {"ok": 1}

    def test_several_interrupts_of_one_superstep_all_pause(self):
        graph = Graph([interrupt(name)(lambda x: None).with_name(f"ask_{name}") for name in ("a", "b")])
        result = run_async(graph, {"x": 1})
        assert [pause.response_key for pause in result.pauses] == ["a", "b"]
        assert result.pause == result.pauses[0]
        later = run_async(graph, {"x": 1, "b": 2})
        assert [pause.response_key for pause in later.pauses] == ["a"]
        assert later.values == {"b": 2}

    def test_siblings_of_the_superstep_finish(self):
        graph = Graph([interrupt("a")(lambda x: None).with_name("ask"), double])
        assert run_async(graph, {"x": 2}).values == {"doubled": 4}

    @pytest.mark.parametrize(("annotation", "wrong", "right"), [(bool, "yes", True), (int | None, True, 3), (list[str], [1], ["a"])])
    def test_a_misfit_is_refused_before_anything_runs(self, annotation, wrong, right):
        called = []

        def ask(x): ...

        ask.__annotations__["return"] = annotation
        graph = Graph([node(output_name="x")(lambda seed: called.append(seed) or 1).with_name("first"), interrupt("a")(ask)])
        with pytest.raises(TypeError, match=r"'ask'.*expected.*got"):
            run_async(graph, {"seed": 1, "a": wrong})
        assert called == []
        assert run_async(graph, {"seed": 1, "a": right}).values["a"] == right

    def test_sync_runs_and_maps_refuse(self):
        with pytest.raises(IncompatibleRunnerError, match="InterruptNode"):
            SyncRunner().run(REVIEW, {"topic": "x"})
        with pytest.raises(IncompatibleRunnerError, match="InterruptNode"):
            asyncio.run(AsyncRunner().map(REVIEW, {"topic": ["x"]}, map_over="topic"))

    def test_emits_are_not_among_the_values(self):
        graph = Graph(
            [
                interrupt("a", emit="asked")(lambda x: None).with_name("ask"),
                node(output_name="z", wait_for="asked")(lambda x: x).with_name("n"),
            ]
        )
        assert run_async(graph, {"x": 1}).values == {}
        assert run_async(graph, {"x": 1, "a": 2}).values == {"a": 2, "z": 1}

    def test_each_answer_serves_one_visit(self):
        said = []

        @node(output_name="messages")
        def respond(messages: list, user: str) -> list:
            return [*messages, user]

        @interrupt(output_name="user")
        def ask_user(messages: list) -> str | None:
            said.append(len(messages))

        @route(["ask_user", END])
        def go_on(messages: list):
            return "ask_user" if len(messages) < 4 else END

        graph = Graph([ask_user, respond, go_on], entrypoint="ask_user")
        first = run_async(graph, {"messages": []})
        assert first.paused
        assert first.pause.value == []
        second = run_async(graph, {"messages": [], "user": "hi"})
        assert second.paused
        assert second.pause.value == ["hi"]


class TestNestedPause:
    ASK = Graph([interrupt("decision")(lambda draft: None).with_name("approval")], name="inner")

    def test_flat(self):
        graph = Graph([self.ASK.as_node()])
        pause = run_async(graph, {"draft": "d"}).pause
        assert (pause.node_name, pause.output_param, pause.response_key) == ("inner/approval", "decision", "decision")
        assert run_async(graph, {"draft": "d", "decision": "y"}).values == {"decision": "y"}

    def test_renamed(self):
        graph = Graph([self.ASK.as_node().with_outputs(decision="verdict")])
        assert run_async(graph, {"draft": "d"}).pause.response_key == "verdict"
        assert run_async(graph, {"draft": "d", "verdict": "y"}).values == {"verdict": "y"}

    def test_namespaced_at_two_levels(self):
        middle = Graph([self.ASK.as_node(namespaced=True)], name="middle")
        graph = Graph([middle.as_node(namespaced=True)])
        given = {"middle.inner.draft": "d"}
        pause = run_async(graph, given).pause
        assert pause.node_name == "middle/inner/approval"
        assert pause.response_key == "middle.inner.decision"
        assert run_async(graph, {**given, "middle.inner.decision": "y"}).values == {"middle.inner.decision": "y"}
        with pytest.warns(UserWarning, match="Not recognized"):
            assert run_async(graph, {**given, "inner.decision": "y"}).paused

    def test_exposed(self):
        graph = Graph([self.ASK.as_node(namespaced=True).expose(decision="go")])
        assert run_async(graph, {"inner.draft": "d"}).pause.response_key == "go"
        assert run_async(graph, {"inner.draft": "d", "go": "y"}).values == {"go": "y"}

    def test_made_by_hand_the_key_is_the_output(self):
        pause = PauseInfo(node_name="outer/review/approval", output_param="decision", value=1)
        assert pause.response_key == "decision"

    def test_a_handler_inside_may_answer_by_itself(self):
        inner = Graph([interrupt("decision")(lambda draft: "auto").with_name("approval")], name="inner")
        assert run_async(Graph([inner.as_node()]), {"draft": "d"}).values == {"decision": "auto"}

    def test_two_nested_questions_wait_at_once(self):
        graph = Graph([self.ASK.as_node(name=name, namespaced=True).with_inputs(draft="text") for name in ("one", "two")])
        given = {"one.text": 1, "two.text": 2}
        result = run_async(graph, given)
        assert [pause.response_key for pause in result.pauses] == ["one.decision", "two.decision"]
        assert [pause.value for pause in result.pauses] == [1, 2]
        answered = run_async(graph, {**given, "two.decision": "y"})
        assert [pause.response_key for pause in answered.pauses] == ["one.decision"]
        assert answered.values == {"two.decision": "y"}

    def test_an_unselected_answer_goes_through_the_nodes_name(self):
        after = node(output_name="z")(lambda decision: decision).with_name("after")
        inner = Graph([*self.ASK.nodes.values(), after], name="inner").select("z")
        graph = Graph([inner.as_node()])
        key = run_async(graph, {"draft": "d"}).pause.response_key
        assert run_async(graph, {"draft": "d", key: "y"}).values == {"z": "y"}

    def test_the_log_shows_it_as_paused(self):
        log = run_async(Graph([self.ASK.as_node()]), {"draft": "d"}).log
        assert "paused" in [step.status for step in log.steps]
        assert "inner/approval" in str(log)
