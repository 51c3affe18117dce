"""A graph as a node: names of its ports on both sides, what surfaces, and how it is mapped."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypergraph import END, Graph, GraphConfigError, GraphNode, RenameError, ifelse, interrupt, node


@node(output_name="docs", emit="fetched")
def retrieve(query: str, top_k: int = 3) -> list[str]:
    return [query] * top_k


@node(output_name="answer")
def generate(docs: list[str], model: str) -> str:
    return model


@node(output_name="untyped")
def loose(answer):
    return answer


RAG = Graph([retrieve, generate], name="rag")


@pytest.fixture
def flat() -> GraphNode:
    return RAG.as_node()


@pytest.fixture
def spaced() -> GraphNode:
    return RAG.as_node(namespaced=True)


class TestConstruction:
    def test_the_name_is_the_given_one_or_the_graphs(self):
        assert RAG.as_node().name == "rag"
        assert RAG.as_node(name="other").name == "other"
        with pytest.raises(ValueError, match="needs a name") as caught:
            Graph([retrieve]).as_node()
        assert "as_node(name=" in str(caught.value)
        assert "Graph([...], name=" in str(caught.value)

    @pytest.mark.parametrize("wrong", ["a.b", "a/b"])
    def test_a_name_is_no_address(self, wrong):
        with pytest.raises(ValueError, match="cannot contain"):
            RAG.as_node(name=wrong)
        with pytest.raises(ValueError, match="cannot contain"):
            RAG.as_node().with_name(wrong)
        assert RAG.as_node(name="with-hyphen").name == "with-hyphen"

    def test_it_cannot_be_cached(self):
        with pytest.raises(GraphConfigError, match="cache=True"):
            GraphNode(RAG, cache=True)

    def test_what_it_is(self, flat):
        assert flat.graph is RAG
        assert (flat.is_gate, flat.is_interrupt, flat.is_generator, flat.cache, flat.hide) == (False, False, False, False, False)
        assert (flat.node_type, flat.code, flat.wait_for) == ("GraphNode", None, ())
        assert (flat.complete_on_stop, flat.namespaced, flat.runner_override, flat.map_config) == (False, False, None, None)
        assert RAG.as_node(complete_on_stop=True).complete_on_stop

    def test_it_is_async_when_something_inside_is(self):
        @node(output_name="z")
        async def later(x): ...

        inner = Graph([later], name="inner")
        assert inner.as_node().is_async
        assert Graph([inner.as_node()], name="outer").as_node().is_async
        assert not RAG.as_node().is_async

    def test_it_cannot_be_changed_and_copies_are_itself(self, flat):
        with pytest.raises(AttributeError, match="immutable"):
            flat.name = "other"
        assert copy.deepcopy(flat) is flat

    def test_equality_by_graph_and_boundary(self, flat):
        assert flat.with_inputs() == flat
        assert flat.with_inputs() is not flat
        assert flat.with_inputs(query="q") != flat
        assert flat.with_inputs(query="q").with_inputs(q="query") == flat
        assert flat.map_over("query") != flat
        assert flat != RAG.bind(model="m").as_node()
        assert flat != retrieve
        assert hash(flat.with_inputs()) == hash(flat)

    def test_repr(self, spaced):
        assert repr(spaced.map_over("query")).startswith("GraphNode(rag, inputs=('rag.query', ")
        assert "map_over=['rag.query']" in repr(spaced.map_over("query"))
        assert "rag as 'other'" in repr(spaced.with_name("other"))


class TestPorts:
    def test_flat_ports_keep_their_names(self, flat):
        assert flat.inputs == flat.local_inputs == ("query", "model", "top_k")
        assert flat.data_outputs == ("docs", "answer")
        assert flat.outputs == ("docs", "answer", "fetched")
        assert flat.emits == ("fetched",)

    def test_namespaced_ports_are_addresses(self, spaced):
        assert spaced.inputs == ("rag.query", "rag.model", "rag.top_k")
        assert spaced.local_inputs == ("query", "model", "top_k")
        assert spaced.data_outputs == ("rag.docs", "rag.answer")
        assert spaced.local_outputs == ("docs", "answer", "fetched")

    def test_namespaces_nest(self):
        middle = Graph([RAG.as_node(namespaced=True)], name="middle")
        assert middle.as_node(namespaced=True).inputs == ("middle.rag.query", "middle.rag.model", "middle.rag.top_k")
        assert middle.as_node().inputs == ("rag.query", "rag.model", "rag.top_k")
        renamed = middle.as_node().with_inputs({"rag.query": "question"})
        assert renamed.inputs[0] == "question"
        assert renamed.inner_address("question") == "rag.query"

    def test_renames_are_local_then_projected(self, spaced):
        renamed = spaced.with_inputs(query="user_query").with_outputs(answer="final").with_name("qa")
        assert renamed.inputs[0] == "qa.user_query"
        assert renamed.data_outputs == ("qa.docs", "qa.final")
        assert renamed.inner_address("qa.user_query") == "query"
        assert renamed.inner_output("qa.final") == "answer"
        assert renamed.outer_output("answer") == "qa.final"
        assert renamed.outer_output("nothing") is None
        assert renamed.map_inputs_to_params({"qa.user_query": 1, "else": 2}) == {"query": 1, "else": 2}

    def test_unknown_ports_are_key_errors(self, flat):
        for ask in (flat.inner_address, flat.inner_output):
            with pytest.raises(KeyError):
                ask("nothing")

    def test_renaming_checks_local_names(self, spaced):
        with pytest.raises(RenameError, match=r"'rag\.query' not found"):
            spaced.with_inputs({"rag.query": "x"})
        with pytest.raises(RenameError, match="duplicate"):
            spaced.with_inputs(query="model")
        with pytest.raises(RenameError, match="query→q"):
            spaced.with_inputs(query="q").with_inputs(query="z")

    def test_one_local_name_on_both_sides(self):
        @node(output_name="x")
        def step(x: int) -> int:
            return x + 1

        made = Graph([step], name="loop", entrypoint="step").as_node(namespaced=True)
        assert (made.inputs, made.outputs) == (("loop.x",), ("loop.x",))
        assert (made.expose("x").inputs, made.expose("x").outputs) == (("x",), ("x",))

    def test_ports_follow_the_inner_scope(self):
        chosen = RAG.select("docs").as_node()
        assert (chosen.inputs, chosen.outputs) == (("query", "top_k"), ("docs",))
        started = RAG.with_entrypoint("generate").as_node()
        assert (started.inputs, started.outputs) == (("docs", "model"), ("answer",))

    def test_bound_inputs_stay_ports(self):
        assert "model" in RAG.bind(model="m").as_node().inputs

    def test_former_names_are_remembered(self, spaced):
        renamed = spaced.with_name("a").with_name("b").with_inputs(query="q").with_inputs(q="question")
        assert renamed.former_names == ("rag", "a")
        assert renamed.former_inputs["b.question"] == ("query", "q")
        assert renamed.former_inputs["b.model"] == ()


class TestExpose:
    def test_chosen_ports_become_flat(self, spaced):
        made = spaced.expose("query", answer="final")
        assert made.inputs == ("query", "rag.model", "rag.top_k")
        assert made.data_outputs == ("rag.docs", "final")
        assert made.inner_address("query") == "query"
        assert made.outer_output("answer") == "final"
        assert made.local_outputs == ("docs", "answer", "fetched")

    def test_aliases_survive_a_new_name(self, spaced):
        made = spaced.expose(answer="final").with_name("qa")
        assert made.data_outputs == ("qa.docs", "final")

    def test_an_exposed_port_is_not_renamed(self, spaced):
        made = spaced.expose("query", answer="final")
        with pytest.raises(RenameError, match="Cannot rename exposed local input 'query'"):
            made.with_inputs(query="x")
        with pytest.raises(RenameError, match="Cannot rename exposed local output 'answer'"):
            made.with_outputs(answer="x")
        assert made.with_inputs(model="m").inputs == ("query", "rag.m", "rag.top_k")

    def test_only_on_namespaced_nodes(self, flat):
        with pytest.raises(ValueError, match="namespaced"):
            flat.expose("query")

    def test_addresses_are_not_taken(self, spaced):
        with pytest.raises(ValueError, match="Local port names"):
            spaced.expose("rag.query")

    def test_unselected_outputs_are_no_ports(self):
        with pytest.raises(ValueError, match="not on GraphNode surface"):
            RAG.select("answer").as_node(namespaced=True).expose("docs")

    @pytest.mark.parametrize(
        "clash",
        [
            lambda made: made.expose(query="x", model="x"),
            lambda made: made.expose(query="x").expose(model="x"),
            lambda made: made.expose(query="x", answer="x"),
            lambda made: made.expose(answer="x").expose(query="x"),
            lambda made: made.expose(docs="x", answer="x"),
            lambda made: made.expose("query", model="query"),
        ],
    )
    def test_an_alias_is_for_one_port(self, spaced, clash):
        with pytest.raises(ValueError, match="already used"):
            clash(spaced)

    @pytest.mark.parametrize("alias", ["", 3, "a.b"])
    def test_an_alias_is_a_plain_name(self, spaced, alias):
        with pytest.raises(ValueError, match="alias"):
            spaced.expose(query=alias)

    def test_deep_ports_are_exposed_by_a_dict(self):
        made = Graph([RAG.as_node(namespaced=True)], name="middle").as_node(namespaced=True)
        assert made.expose({"rag.query": "question"}).inputs[0] == "question"


class TestTypes:
    def test_types_come_from_inside_at_any_depth(self):
        outer = Graph([Graph([RAG.as_node()], name="middle").as_node(namespaced=True)], name="outer").as_node()
        assert outer.get_input_type("middle.top_k") is int
        assert outer.get_output_type("middle.docs") == list[str]
        assert outer.get_input_type("nothing") is None
        assert outer.get_output_type("nothing") is None

    def test_every_data_output_is_listed(self):
        made = Graph([generate, loose], name="g").as_node()
        assert made.output_annotation == {"answer": str, "untyped": None}
        assert made.output_annotation is made.output_annotation
        assert made.with_outputs(answer="a").output_annotation == {"a": str, "untyped": None}

    def test_mapping_makes_lists(self):
        made = Graph([generate, loose], name="g").as_node().map_over("docs")
        assert made.output_annotation == {"answer": list[str], "untyped": list}
        assert made.get_input_type("docs") == list[list[str]]
        assert made.get_input_type("model") is str


class TestDefaults:
    def test_defaults_and_bindings_surface(self):
        made = RAG.bind(model="m").as_node()
        assert made.defaults == {"top_k": 3, "model": "m"}
        assert made.has_default_for("model")
        assert made.get_default_for("model") == "m"
        assert not made.has_signature_default_for("model")
        assert made.has_signature_default_for("top_k")
        assert not made.has_default_for("query")
        assert not made.has_default_for("nothing")
        assert not made.has_signature_default_for("nothing")

    def test_a_missing_default_names_the_input(self, flat):
        with pytest.raises(KeyError, match="query"):
            flat.get_default_for("query")

    def test_they_are_asked_for_by_address(self, spaced):
        renamed = spaced.with_inputs(top_k="k")
        assert renamed.defaults == {"rag.k": 3}
        assert Graph([renamed], name="outer").as_node().get_default_for("rag.k") == 3

    def test_a_default_of_an_item_is_no_list_for_a_mapped_input(self, flat):
        mapped = flat.map_over("top_k")
        assert not mapped.has_default_for("top_k")
        assert not mapped.has_signature_default_for("top_k")
        assert "top_k" in Graph([mapped]).inputs.required

    def test_none_can_be_bound(self):
        made = RAG.bind(model=None).as_node()
        assert made.has_default_for("model")
        assert made.get_default_for("model") is None


class TestMapOver:
    def test_configuration(self, flat):
        made = flat.map_over("query", "model", mode="product", error_handling="continue", clone=["top_k"])
        assert made.map_config == (["query", "model"], "product", "continue")
        assert (made.map_mode, made.map_error_handling) == ("product", "continue")
        assert made.mapped_inputs == ("query", "model")
        assert (made.clone, made.cloned) == (["top_k"], ("top_k",))
        assert flat.map_config is None
        assert (flat.map_mode, flat.map_error_handling, flat.mapped_inputs, flat.clone, flat.cloned) == ("zip", "raise", (), False, False)

    def test_defaults(self, flat):
        assert flat.map_over("query").map_config == (["query"], "zip", "raise")
        assert flat.map_over("query", clone=True).clone is True
        assert flat.map_over("query").cloned is False

    def test_addresses_and_local_names(self, spaced):
        for name in ("query", "rag.query"):
            made = spaced.map_over(name, clone=["rag.model", "top_k"])
            assert made.map_config == (["query"], "zip", "raise")
            assert made.mapped_inputs == ("rag.query",)
            assert (made.clone, made.cloned) == (["model", "top_k"], ("rag.model", "rag.top_k"))
        assert spaced.expose(query="q").map_over("q").map_config[0] == ["query"]

    def test_renames_carry_it_along(self, spaced):
        made = spaced.map_over("query", clone=["model"]).with_inputs(query="q", model="m").with_name("qa")
        assert made.map_config == (["q"], "zip", "raise")
        assert made.mapped_inputs == ("qa.q",)
        assert made.cloned == ("qa.m",)
        assert made.with_inputs(q="m", m="q").mapped_inputs == ("qa.m",)

    def test_after_a_rename_the_new_name_is_wanted(self, flat):
        renamed = flat.with_inputs(query="q")
        assert renamed.map_over("q").map_config[0] == ["q"]
        with pytest.raises(ValueError, match="not an input"):
            renamed.map_over("query")

    def test_a_second_call_replaces_the_first(self, flat):
        assert flat.map_over("query", clone=True).map_over("model").map_config == (["model"], "zip", "raise")
        assert flat.map_over("query", clone=True).map_over("model").clone is False

    def test_what_is_given_out_can_be_changed_without_effect(self, flat):
        made = flat.map_over("query")
        made.map_config[0].append("model")
        assert made.map_config[0] == ["query"]

    @pytest.mark.parametrize(
        ("params", "options", "kind", "said"),
        [
            ((), {}, ValueError, "at least one parameter"),
            (("nothing",), {}, ValueError, "not an input"),
            (("answer",), {}, ValueError, "not an input"),
            (("query",), {"mode": "all"}, ValueError, "Invalid mode"),
            (("query",), {"error_handling": "ignore"}, ValueError, "Invalid error_handling"),
            (("query",), {"clone": "model"}, TypeError, "clone must be bool or list"),
            (("query",), {"clone": ("model",)}, TypeError, "clone must be bool or list"),
            (("query",), {"clone": [3]}, TypeError, "clone list entries must be strings"),
            (("query",), {"clone": ["query"]}, ValueError, "Cannot clone mapped parameter"),
            (("query",), {"clone": ["nothing"]}, ValueError, "not an input"),
            (([["query"]]), {}, ValueError, "not an input"),
        ],
    )
    def test_refusals(self, flat, params, options, kind, said):
        with pytest.raises(kind, match=said):
            flat.map_over(*params, **options)

    def test_an_interrupt_inside_is_refused_when_the_outer_graph_is_built(self):
        made = Graph([interrupt("decision")(lambda draft: None).with_name("ask")], name="review").as_node().map_over("draft")
        with pytest.raises(GraphConfigError, match=r"InterruptNode\(s\).*incompatible with map execution"):
            Graph([made])


class TestRunner:
    def test_the_latest_runner_wins_and_survives(self, flat):
        one, two = object(), object()
        made = GraphNode(RAG, runner=one).with_runner(two)
        assert made.runner_override is two
        assert made.map_over("query").with_inputs(query="q").with_name("n").runner_override is two
        assert made.with_runner(None).runner_override is None
        assert RAG.as_node(runner=one).runner_override is one

    def test_it_is_no_part_of_the_definition(self, flat):
        assert flat.with_runner(object()).definition_hash == flat.definition_hash


class TestHash:
    def test_it_covers_graph_and_boundary(self, spaced):
        forms = [
            RAG.as_node(),
            spaced,
            spaced.with_inputs(query="q"),
            spaced.with_outputs(answer="a"),
            spaced.expose("query"),
            spaced.map_over("query"),
            spaced.map_over("query", mode="product"),
            spaced.with_name("other"),
            Graph([retrieve], name="rag").as_node(),
        ]
        assert len({one.definition_hash for one in forms}) == len(forms)
        assert all(len(one.definition_hash) == 64 for one in forms)
        assert RAG.as_node().definition_hash == RAG.as_node().definition_hash


def test_two_copies_need_names_of_their_own(flat):
    with pytest.raises(GraphConfigError):
        Graph([flat, flat.with_name("other")])
    assert Graph([flat, RAG.as_node(name="other", namespaced=True)])


def test_a_gate_may_choose_it(flat):
    @ifelse("rag", END)
    def ask(query) -> bool:
        return bool(query)

    assert Graph([ask, flat])


@given(
    renames=st.permutations(["query", "model", "top_k", "x", "y"]),
    mapped=st.sampled_from(["query", "model", "top_k"]),
    first=st.booleans(),
)
def test_mapping_and_renaming_can_be_done_in_any_order(renames, mapped, first):
    changes = dict(zip(["query", "model", "top_k"], renames, strict=False))
    made = RAG.as_node(namespaced=True)
    done = made.map_over(mapped).with_inputs(changes) if first else made.with_inputs(changes).map_over(changes[mapped])
    assert done.mapped_inputs == (f"rag.{changes[mapped]}",)
    assert done.inner_address(done.mapped_inputs[0]) == mapped
