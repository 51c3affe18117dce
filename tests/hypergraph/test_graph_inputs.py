"""What a graph asks for, bindings, defaults that agree, and what a caller may give to a run."""

from __future__ import annotations

import re
import warnings

import pytest

from hypergraph import END, Graph, GraphConfigError, InputSpec, NodeContext, interrupt, node, route


def make(name, signature, out=None, **options):
    return node(output_name=out, **options)(eval(f"lambda {signature}: 0")).with_name(name)


def nested(signature="x, k=3", name="inner", namespaced=False, **bound):
    return Graph([make(f"{name}_f", signature, f"{name}_y")], name=name).bind(**bound).as_node(namespaced=namespaced)


class TestInputSpec:
    def test_no_default_is_required_and_a_default_or_binding_optional(self):
        spec = Graph([make("a", "x, y, k=1", "p"), make("b", "p, z", "q")]).bind(z=5).inputs
        assert spec == InputSpec(required=("x", "y"), optional=("k", "z"), entrypoints={}, bound={"z": 5})
        assert spec.all == ("x", "y", "k", "z")
        assert spec.entrypoints == {}

    def test_it_is_frozen(self):
        with pytest.raises(AttributeError):
            InputSpec().required = ("x",)

    def test_a_parameter_fed_by_an_edge_is_no_input_even_with_a_default(self):
        assert Graph([make("a", "x", "p"), make("b", "p=1", "q")]).inputs.all == ("x",)

    def test_one_name_read_twice_is_one_input(self):
        assert Graph([make("a", "x", "p"), make("b", "x", "q")]).inputs.required == ("x",)

    def test_namespaced_ports_go_by_their_address(self):
        spec = Graph([nested(namespaced=True), make("a", "x", "p")]).inputs
        assert spec.required == ("inner.x", "x")
        assert spec.optional == ("inner.k",)

    def test_the_context_is_no_input(self):
        @node(output_name="y")
        def work(x, ctx: NodeContext): ...

        graph = Graph([work])
        assert graph.inputs.all == ("x",)
        with pytest.raises(ValueError, match="not a graph input in the current scope"):
            graph.bind(ctx=1)


class TestDefaults:
    def test_different_defaults_of_one_input_are_refused(self):
        with pytest.raises(GraphConfigError, match="Inconsistent defaults for 'value'") as caught:
            Graph([make("a", "value=1", "p"), make("b", "value=2", "q")])
        text = str(caught.value)
        for word in ("'a'", "'b'", "default 1", "default 2", "How to fix"):
            assert word in text

    def test_a_default_beside_none_is_refused(self):
        with pytest.raises(GraphConfigError, match="Inconsistent defaults for 'value'") as caught:
            Graph([make("a", "value=1", "p"), make("b", "value", "q")])
        assert "without default" in str(caught.value)

    def test_equal_defaults_agree(self):
        assert Graph([make("a", "value=[1]", "p"), make("b", "value=[1]", "q")]).inputs.optional == ("value",)

    def test_arrays_are_compared_by_content(self):
        numpy = pytest.importorskip("numpy")

        def pair(one, other):
            return [node(output_name="p")(lambda v=one: v).with_name("a"), node(output_name="q")(lambda v=other: v).with_name("b")]

        assert Graph(pair(numpy.zeros(3), numpy.zeros(3))).inputs.optional == ("v",)
        with pytest.raises(GraphConfigError, match="Inconsistent defaults"):
            Graph(pair(numpy.zeros(3), numpy.ones(3)))

    def test_an_entry_point_that_turns_a_fed_parameter_into_an_input_checks_it(self):
        graph = Graph([make("a", "x", "p"), make("b", "p=1", "q"), make("c", "p=2, q=0", "r")])
        with pytest.raises(GraphConfigError, match="Inconsistent defaults for 'p'"):
            graph.with_entrypoint("b")

    def test_defaults_of_exposed_ports_count(self):
        inner = Graph([make("f", "x=1", "y")], name="inner").as_node(namespaced=True).expose("x")
        with pytest.raises(GraphConfigError, match="Inconsistent defaults for 'x'"):
            Graph([inner, make("a", "x=2", "p")])

    def test_a_binding_inside_beside_a_default_is_refused(self):
        with pytest.raises(GraphConfigError, match="Inconsistent defaults for 'k'"):
            Graph([nested("x, k", k=3), make("a", "k=3", "p")])


class TestBind:
    def test_values_are_shared_and_earlier_graphs_stay_as_they_were(self):
        graph = Graph([make("a", "x, y", "p")])
        value = object()
        bound = graph.bind({"x": value}, y=None)
        assert bound.inputs.bound["x"] is value
        assert bound.inputs.bound["y"] is None
        assert (bound.inputs.required, graph.inputs.required) == ((), ("x", "y"))

    def test_names_addresses_and_dicts_mean_the_same(self):
        graph = Graph([nested(namespaced=True)])
        ways = [graph.bind({"inner.x": 5}), graph.bind(inner={"x": 5}), graph.bind({"inner": {"x": 5}})]
        assert all(way.inputs.bound == {"inner.x": 5} for way in ways)

    def test_a_dict_for_deeper_namespaces(self):
        middle = Graph([nested(namespaced=True)], name="middle").as_node(namespaced=True)
        graph = Graph([middle]).bind(middle={"inner": {"x": 1}})
        assert graph.inputs.bound == {"middle.inner.x": 1}

    def test_a_dict_for_an_ordinary_parameter_stays_a_dict(self):
        assert Graph([make("a", "config", "p")]).bind(config={"x": 1}).inputs.bound == {"config": {"x": 1}}

    def test_twice_is_refused(self):
        graph = Graph([nested(namespaced=True), make("a", "z", "p")])
        with pytest.raises(ValueError, match="twice"):
            graph.bind({"z": 1}, z=2)
        with pytest.raises(ValueError, match="twice"):
            graph.bind({"inner.x": 1, "inner": {"x": 2}})

    @pytest.mark.parametrize("name", ["unknown", "p"])
    def test_what_is_no_input_is_refused(self, name):
        graph = Graph([make("a", "x", "p"), make("b", "p", "q")])
        with pytest.raises(ValueError, match=r"bind\(\) only accepts graph inputs in the current scope") as caught:
            graph.bind({name: 1})
        assert "not a graph input in the current scope" in str(caught.value)
        assert "How to fix" in str(caught.value)

    def test_a_seed_of_another_node_than_the_entry_point_is_refused(self):
        graph = Graph([make("a", "z", "x"), make("b", "x", "z")], entrypoint="a")
        assert graph.bind(z=1).inputs.bound == {"z": 1}
        with pytest.raises(ValueError, match="only accepts graph inputs"):
            graph.bind(x=1)

    def test_a_later_binding_wins_and_unbind_releases(self):
        graph = Graph([make("a", "x", "p")]).bind(x=1).bind(x=2)
        assert graph.inputs.bound == {"x": 2}
        assert graph.unbind("x", "unknown").inputs.required == ("x",)
        assert graph.bind().inputs == graph.inputs

    def test_added_nodes_keep_bindings_selection_and_options(self):
        graph = Graph([make("a", "x", "p")], name="g").bind(x=1).select("p").add_nodes(make("b", "p", "q"))
        assert (graph.name, graph.selected, graph.inputs.bound) == ("g", ("p",), {"x": 1})

    @pytest.mark.parametrize("options", [{"out": "x"}, {"out": "q", "emit": "x"}])
    def test_a_bound_name_that_becomes_produced_is_refused(self, options):
        graph = Graph([make("a", "x", "p")]).bind(x=1)
        with pytest.raises(ValueError, match=r"no longer valid.*unbind"):
            graph.add_nodes(make("b", "z", **options))

    def test_explicit_edges_allow_no_added_nodes(self):
        graph = Graph([make("a", "x", "p"), make("b", "p", "q")], edges=[("a", "b")])
        with pytest.raises(GraphConfigError, match="Cannot use add_nodes"):
            graph.add_nodes(make("c", "q", "r"))
        assert graph.add_nodes().definition_hash == graph.definition_hash


class TestNestedBindings:
    def test_they_surface_and_stay_inputs(self):
        graph = Graph([nested("x, k", k=7)])
        assert graph.inputs.bound == {"k": 7}
        assert graph.inputs.optional == ("k",)

    def test_a_sibling_without_default_shares_them(self):
        graph = Graph([nested("x, k", k=7), make("a", "k", "p")])
        assert graph.inputs.required == ("x",)
        assert graph.scope.bound["k"] == 7

    def test_two_siblings_that_disagree_are_refused(self):
        with pytest.raises(GraphConfigError, match="Conflicting nested binds"):
            Graph([nested("k", "one", k=1), nested("k", "two", k=2)])

    def test_two_siblings_that_agree_are_not(self):
        assert Graph([nested("k", "one", k=1), nested("k", "two", k=1)]).inputs.bound == {"k": 1}

    def test_the_parents_binding_wins_with_a_warning_when_inputs_are_read(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            graph = Graph([nested("x, factor", factor=1)]).bind(factor=2)
            graph.scope, graph.describe()
        with pytest.warns(UserWarning, match=r"Parent bind.*factor.*overrides nested bind") as caught:
            assert graph.inputs.bound == {"factor": 2}
        assert caught[0].filename == __file__
        assert graph.scope.inner_bound == frozenset()


class TestResolving:
    def test_flat_values_come_back_as_they_are(self):
        values = {"x": 1}
        assert Graph([make("a", "x", "p")]).resolve_inputs(values) is values

    def test_nested_dicts_become_addresses(self):
        graph = Graph([nested(namespaced=True)])
        assert graph.resolve_inputs({"inner": {"x": 1, "k": 2}}) == {"inner.x": 1, "inner.k": 2}

    def test_a_dict_for_a_flat_nested_graph_is_not_opened(self):
        values = {"inner": {"x": 1}}
        assert Graph([nested()]).resolve_inputs(values) == values

    def test_a_dict_that_is_a_value_passes_untouched(self):
        graph = Graph([make("a", "config", "p")])
        assert graph.resolve_inputs({"config": {"x": 1}}) == {"config": {"x": 1}}

    @pytest.mark.parametrize(
        ("change", "stale", "current"),
        [
            (lambda one: one.as_node(namespaced=True).with_inputs(query="user_query"), "retrieval.query", "retrieval.user_query"),
            (lambda one: one.as_node(namespaced=True).with_name("search"), "retrieval.query", "search.query"),
            (lambda one: one.as_node(), "retrieval.query", "query"),
            (lambda one: one.as_node(namespaced=True).expose("query"), "retrieval.query", "query"),
            (lambda one: one.as_node(namespaced=True).expose(query="q"), "retrieval.query", "q"),
        ],
    )
    def test_an_old_address_is_refused_with_the_one_to_use(self, change, stale, current):
        graph = Graph([change(Graph([make("f", "query, k=1", "docs")], name="retrieval"))])
        for values in ({stale: "hi"}, {stale: "hi", current: "ho"}):
            with pytest.raises(ValueError, match=re.escape(f"Use {current!r}")):
                graph.resolve_inputs(values)
        with pytest.raises(ValueError, match=re.escape(f"{stale!r} is no longer valid. Use {current!r}")):
            graph.bind({stale: 1})

    def test_an_old_address_inside_a_dict_is_refused_too(self):
        graph = Graph([Graph([make("f", "query, k", "docs")], name="retrieval").as_node(namespaced=True).expose("query")])
        with pytest.raises(ValueError, match="Use 'query'"):
            graph.resolve_inputs({"retrieval": {"query": "hi", "k": 1}})


class TestChecking:
    def graph(self):
        return Graph([make("split", "text", ("left", "right")), make("join", "left, right, mark", "joined")])

    def test_what_is_asked_for_passes(self):
        self.graph().check_inputs({"text": "a", "mark": "-"})

    def test_values_for_what_a_node_produces_are_refused(self):
        with pytest.raises(ValueError, match="internal parameters") as caught:
            self.graph().check_inputs({"left": 1, "right": 2, "mark": "-"})
        assert "left <- split" in str(caught.value)

    @pytest.mark.parametrize("values", [{"left": 1}, {"left": 1, "right": 2, "text": "a"}])
    def test_half_of_a_nodes_outputs_or_its_inputs_too_are_a_conflict(self, values):
        with pytest.raises(ValueError, match=r"conflict.*you provided"):
            self.graph().check_inputs({**values, "mark": "-"})

    def test_a_seed_an_answer_and_shared_state_are_inputs(self):
        @interrupt("query")
        def ask(draft): ...

        Graph([make("a", "z", "x"), make("b", "x", "z")], entrypoint="a").check_inputs({"z": 1})
        Graph([ask]).check_inputs({"draft": 1, "query": "yes"})
        Graph([make("a", "m", "m")], shared=["m"]).check_inputs({"m": []})

    def test_an_answer_inside_a_nested_graph_goes_by_the_parents_address(self):
        @interrupt("decision")
        def ask(draft): ...

        inner = Graph([ask], name="inner")
        assert Graph([inner.as_node()]).answer_addresses == {"decision"}
        assert Graph([inner.as_node(namespaced=True)]).answer_addresses == {"inner.decision"}
        assert Graph([inner.as_node().with_outputs(decision="verdict")]).answer_addresses == {"verdict"}

    def test_unknown_names_warn_with_the_closest_one(self):
        with pytest.warns(UserWarning, match="Not recognized.*'txt'.*'text'"):
            self.graph().check_inputs({"txt": 1, "mark": "-"})

    def test_inputs_of_what_is_out_of_scope_only_warn(self):
        with pytest.warns(UserWarning, match="Not recognized.*'text'"):
            self.graph().with_entrypoint("join").check_inputs({"left": 1, "right": 2, "mark": "-", "text": "a"})

    def test_a_value_for_a_bound_name_warns_once_with_its_address(self):
        graph = Graph([nested(namespaced=True)]).bind({"inner.x": 1})
        with pytest.warns(UserWarning, match=r"override.*inner\.x") as caught:
            graph.check_inputs({"inner.x": 2})
        assert len(caught) == 1

    def test_missing_ones_are_listed_a_cycles_first_value_included(self):
        assert self.graph().missing_inputs({"mark": 1}) == ["text"]
        gate = route(targets=["step", END])(lambda x: END).with_name("gate")
        assert Graph([make("step", "x, k=1", "x"), gate], entrypoint="step").missing_inputs({}) == ["x"]
        assert self.graph().bind(text="a", mark="-").missing_inputs({}) == []
