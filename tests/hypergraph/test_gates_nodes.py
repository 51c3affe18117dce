"""Gates on their own: how they are made, and what they make of what their function returns."""

from __future__ import annotations

import copy
import json
import pickle
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypergraph import END, GateNode, IfElseNode, RouteNode, ifelse, route


def pick(x: int) -> str:
    return "a"


def gate(*targets, **options) -> RouteNode:
    return RouteNode(pick, list(targets) or ["a", "b"], **options)


class TestEnd:
    def test_it_reads_end_and_equals_no_such_text(self):
        assert (repr(END), str(END), f"{END}") == ("END", "END", "END")
        assert isinstance(END, str)
        assert END != "END"

    def test_there_is_one(self):
        assert pickle.loads(pickle.dumps(END)) is END
        assert copy.copy(END) is END
        assert copy.deepcopy([END])[0] is END

    def test_it_is_a_key_and_json_takes_it(self):
        assert {END: 1}[END] == 1
        assert isinstance(json.dumps(END), str)


class TestConstruction:
    def test_a_route_keeps_targets_in_order_once(self):
        made = route(["b", "a", "b", END])(pick)
        assert isinstance(made, RouteNode)
        assert isinstance(made, GateNode)
        assert made.targets == ["b", "a", END]
        assert made.descriptions == {}
        assert (made.outputs, made.data_outputs, made.inputs, made.name) == ((), (), ("x",), "pick")
        assert made.is_gate
        assert not made.is_async

    def test_a_dict_describes_the_targets(self):
        made = route({"a": "when small", END: "when done"})(pick)
        assert made.targets == ["a", END]
        assert made.descriptions == {"a": "when small", END: "when done"}

    def test_what_is_given_out_can_be_changed_without_effect(self):
        made = gate()
        made.targets.append("c")
        made.descriptions["c"] = "x"
        assert made.targets == ["a", "b"]
        assert made.descriptions == {}

    def test_a_fallback_becomes_a_target(self):
        assert gate("a", fallback="z").targets == ["a", "z"]
        assert gate("a", "b", fallback="a").targets == ["a", "b"]
        assert gate("a", fallback=END).targets == ["a", END]

    def test_end_alone_is_enough(self):
        assert gate(END).targets == [END]

    def test_an_ifelse_has_two_targets(self):
        @ifelse("yes", END)
        def choose(flag) -> bool:
            return flag

        assert isinstance(choose, IfElseNode)
        assert choose.targets == ["yes", END]
        assert choose.descriptions == {True: "True", False: "False"}
        assert (choose.when_true, choose.when_false) == ("yes", END)
        assert (choose.multi_target, choose.fallback) == (False, None)

    def test_options(self):
        options = {
            "cache": True,
            "hide": True,
            "default_open": False,
            "name": "other",
            "rename_inputs": {"x": "z"},
            "emit": "done",
            "wait_for": "go",
        }
        for made in (route(["a"], **options)(pick), ifelse("a", "b", **options)(pick)):
            assert (made.cache, made.hide, made.default_open, made.name) == (True, True, False, "other")
            assert (made.inputs, made.outputs, made.data_outputs, made.wait_for) == (("z",), ("done",), (), ("go",))
        assert gate().default_open is True

    def test_types_of_inputs_are_known_and_there_are_no_outputs(self):
        made = gate().with_inputs(x="z")
        assert made.get_input_type("z") is int
        assert made.output_annotation == {}
        assert made.map_inputs_to_params({"z": 1}) == {"x": 1}

    @pytest.mark.parametrize("wrong", [[], {}, ()])
    def test_targets_are_needed(self, wrong):
        with pytest.raises(ValueError, match="at least one target"):
            route(wrong)(pick)

    @pytest.mark.parametrize("wrong", ["END", "__hg_end__"])
    def test_end_as_text_is_no_target(self, wrong):
        with pytest.raises(ValueError, match="import END"):
            gate("a", wrong)
        with pytest.raises(ValueError, match="import END"):
            gate("a", fallback=wrong)
        with pytest.raises(ValueError, match="import END"):
            ifelse("a", wrong)(pick)

    @pytest.mark.parametrize("wrong", [[3], "a", 3, [None]])
    def test_targets_are_names(self, wrong):
        with pytest.raises(TypeError, match="target"):
            route(wrong)(pick)

    def test_a_fallback_makes_no_sense_with_several_targets(self):
        with pytest.raises(ValueError, match="cannot have both fallback and multi_target"):
            gate(fallback="a", multi_target=True)

    def test_branches_differ(self):
        with pytest.raises(ValueError, match="both branches"):
            ifelse("a", "a")(pick)

    @pytest.mark.parametrize("decorate", [route(["a"]), ifelse("a", "b")])
    def test_a_decision_is_made_at_once(self, decorate):
        async def later(x): ...

        def several(x):
            yield "a"

        async def both(x):
            yield "a"

        with pytest.raises(TypeError, match="cannot be async"):
            decorate(later)
        for func in (several, both):
            with pytest.raises(TypeError, match=r"cannot be.*generator"):
                decorate(func)

    def test_repr_names_targets(self):
        def decide(x): ...

        assert repr(RouteNode(decide, ["a", END])) == "RouteNode(decide, targets=['a', END])"
        assert "decide as 'my_gate'" in repr(RouteNode(decide, ["a"], name="my_gate"))
        assert repr(IfElseNode(decide, "a", "b")).startswith("IfElseNode(decide, targets=")

    def test_equality_and_hash_see_the_targets(self):
        assert gate().with_inputs() == gate()
        assert gate("a") != gate("b")
        assert gate("a", default_open=False) != gate("a")
        assert gate("a").definition_hash != gate("b").definition_hash
        assert gate("a").with_name("other").with_inputs(x="z").definition_hash == gate("a").definition_hash
        assert len(gate().definition_hash) == 64
        assert {gate(): 1}[gate()] == 1

    def test_it_is_called_like_its_function(self):
        assert gate()(1) == "a"


class Colour(str, Enum):  # noqa: UP042  # its hash is not that of its text
    A = "a"
    C = "c"


class TestRoute:
    def test_a_target_or_end_is_the_decision(self):
        made = gate("a", END)
        assert made.decide("a") == "a"
        assert made.decide(END) is END

    def test_an_enum_member_that_reads_like_a_target_means_it(self):
        decision = gate().decide(Colour.A)
        assert decision == "a"
        assert type(decision) is str
        with pytest.raises(ValueError, match="invalid target"):
            gate().decide(Colour.C)

    def test_none_is_the_fallback_or_nothing(self):
        assert gate().decide(None) is None
        assert gate(fallback="b").decide(None) == "b"
        assert gate(fallback=END).decide(None) is END

    @pytest.mark.parametrize("wrong", ["c", "", 3, "END", {"a": 1}, True, ("x",)[0]])
    def test_anything_else_lists_the_valid_ones(self, wrong):
        with pytest.raises(ValueError, match=r"'pick' returned an invalid target.*'a', 'b'"):
            gate().decide(wrong)

    def test_end_must_be_among_the_targets(self):
        with pytest.raises(ValueError, match="Add END to the targets"):
            gate().decide(END)

    def test_valid_ones_include_end(self):
        with pytest.raises(ValueError, match=r"Valid targets: 'a', END"):
            gate("a", END).decide("END")

    def test_a_near_miss_is_named(self):
        with pytest.raises(ValueError, match="Did you mean 'retrieve'"):
            gate("retrieve").decide("retreive")

    def test_a_text_never_ends_a_run(self):
        with pytest.raises(ValueError, match="not the END sentinel"):
            gate("a", END).decide("__hg_end__")
        with pytest.raises(ValueError, match="not the END sentinel"):
            gate("a", END, multi_target=True).decide(["a", "__hg_end__"])

    @pytest.mark.parametrize("wrong", [["a"], []])
    def test_a_list_is_for_several_targets(self, wrong):
        with pytest.raises(TypeError, match="multi_target=False but returned a list"):
            gate().decide(wrong)

    def test_so_are_tuples_and_sets(self):
        for wrong in (("a",), {"a"}):
            with pytest.raises(TypeError, match="multi_target=False"):
                gate().decide(wrong)


class TestSeveralTargets:
    def test_a_list_is_the_decision_each_target_once(self):
        made = gate("a", "b", END, multi_target=True)
        assert made.decide(["b", "a", "b"]) == ["b", "a"]
        assert made.decide(["a", END])[1] is END

    @pytest.mark.parametrize("nothing", [None, []])
    def test_nothing_may_be_chosen(self, nothing):
        assert gate(multi_target=True).decide(nothing) == []

    @pytest.mark.parametrize(("wrong", "kind"), [("a", "str"), (END, "str"), (3, "int"), (("a",), "tuple")])
    def test_anything_but_a_list_is_refused(self, wrong, kind):
        with pytest.raises(TypeError, match=f"multi_target=True but returned {kind}"):
            gate("a", END, multi_target=True).decide(wrong)

    def test_so_is_a_list_with_something_else_in_it(self):
        for wrong in (["a", "c"], ["a", None], [["a"]]):
            with pytest.raises(ValueError, match="invalid target"):
                gate(multi_target=True).decide(wrong)


class TestIfElse:
    def test_true_and_false_only(self):
        made = IfElseNode(pick, "yes", "no")
        assert made.decide(True) == "yes"
        assert made.decide(False) == "no"

    @pytest.mark.parametrize(("wrong", "kind"), [(1, "int"), (0, "int"), (None, "NoneType"), ("yes", "str"), ([], "list")])
    def test_anything_else_names_gate_and_type(self, wrong, kind):
        with pytest.raises(TypeError, match=rf"'pick' must return exactly True or False, got {kind}"):
            IfElseNode(pick, "yes", "no").decide(wrong)


@given(
    targets=st.lists(st.text(min_size=1, max_size=4), min_size=1),
    raw=st.one_of(st.text(max_size=4), st.integers(), st.none(), st.lists(st.text(max_size=3))),
)
def test_a_decision_is_always_one_of_the_targets_or_nothing(targets, raw):
    targets = [target for target in targets if target != "END"] or ["a"]
    made = RouteNode(pick, targets)
    try:
        decision = made.decide(raw)
    except (ValueError, TypeError):
        assert raw not in targets
    else:
        assert decision == raw
        assert decision is None or decision in targets
