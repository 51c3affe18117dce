"""Renames: all at once, in any order, and always undone on the way to the function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypergraph import END, FunctionNode, Graph, InterruptNode, RenameError, RouteNode, node
from hypergraph.nodes._rename import Ports


def three(a, b, c=3):
    return a, b, c


KINDS = {
    "function": lambda: FunctionNode(three, output_name=("p", "q", "r")),
    "route": lambda: RouteNode(three, [END]),
    "interrupt": lambda: InterruptNode(three, output_name=("p", "q", "r")),
    "graph": lambda: Graph([FunctionNode(three, output_name=("p", "q", "r"))], name="inner").as_node(),
}


@pytest.fixture(params=KINDS)
def made(request):
    return KINDS[request.param]()


class TestInputs:
    def test_one_call_renames_in_parallel(self, made):
        swapped = made.with_inputs(a="b", b="a")
        assert swapped.inputs == ("b", "a", "c")
        assert swapped.map_inputs_to_params({"a": 1, "b": 2, "c": 3}) == {"b": 1, "a": 2, "c": 3}
        assert made.inputs == ("a", "b", "c")

    def test_a_mapping_and_keywords_are_joined(self, made):
        assert made.with_inputs({"a": "x"}, b="y").inputs == ("x", "y", "c")

    def test_a_contradiction_is_refused(self, made):
        with pytest.raises(RenameError, match="twice"):
            made.with_inputs({"a": "x"}, a="y")

    def test_parameters_may_be_called_mapping(self):
        plain = FunctionNode(lambda mapping: mapping, output_name="y")
        assert plain.with_inputs(mapping="x").inputs == ("x",)

    def test_an_empty_call_gives_an_equal_copy(self, made):
        again = made.with_inputs()
        assert again is not made
        assert again == made
        assert again.with_outputs() == made

    def test_an_unknown_name_is_not_found(self, made):
        with pytest.raises(RenameError, match=r"'nonexistent' not found. Current inputs: \('a', 'b', 'c'\)"):
            made.with_inputs(nonexistent="x")

    def test_a_near_miss_is_named(self):
        with pytest.raises(RenameError, match="Did you mean 'question'"):
            FunctionNode(lambda question: 0).with_inputs(qestion="x")

    def test_an_old_name_says_what_became_of_it(self):
        renamed = FunctionNode(lambda x: 0).with_inputs(x="input")
        with pytest.raises(RenameError) as caught:
            renamed.with_inputs(x="y")
        assert "'x' was renamed to 'input'. Current inputs: ('input',)" in str(caught.value)

    def test_the_whole_chain_is_told(self):
        renamed = FunctionNode(lambda a: 0).with_inputs(a="x").with_inputs(x="z")
        for old in ("a", "x"):
            with pytest.raises(RenameError, match=r"a→x→z"):
                renamed.with_inputs({old: "y"})

    def test_two_inputs_may_not_get_one_name(self, made):
        with pytest.raises(RenameError, match="duplicate"):
            made.with_inputs(a="x", b="x")
        with pytest.raises(RenameError, match="duplicate"):
            made.with_inputs(a="b")

    def test_a_new_name_is_text(self, made):
        with pytest.raises(RenameError, match="must be a str"):
            made.with_inputs(a=3)

    def test_renames_at_construction(self):
        made = FunctionNode(three, output_name="y", rename_inputs={"a": "b", "b": "a"})
        assert made.inputs == ("b", "a", "c")
        with pytest.raises(RenameError, match="Cannot rename unknown inputs: 'z'") as caught:
            FunctionNode(three, output_name="y", rename_inputs={"z": "x"})
        assert "'a', 'b', 'c'" in str(caught.value)

    def test_an_input_may_not_become_what_the_node_waits_for(self):
        made = node(output_name="y", wait_for="ready")(lambda x: x)
        with pytest.raises(RenameError, match="wait_for names overlap with input parameters"):
            made.with_inputs(x="ready")

    def test_unknown_names_pass_through_to_the_function(self, made):
        assert made.map_inputs_to_params({"a": 1, "else": 2}) == {"a": 1, "else": 2}


class TestOutputs:
    def test_data_outputs_and_emits_are_renamed(self):
        made = FunctionNode(three, output_name="y", emit="done").with_outputs(y="z", done="over")
        assert (made.outputs, made.data_outputs, made.emits) == (("z", "over"), ("z",), ("over",))

    def test_a_swap_and_a_clash(self):
        made = FunctionNode(three, output_name=("p", "q"), emit="done")
        assert made.with_outputs(p="q", q="p").outputs == ("q", "p", "done")
        with pytest.raises(RenameError, match="duplicate"):
            made.with_outputs(p="done")
        with pytest.raises(RenameError, match=r"'x' not found. Current outputs"):
            made.with_outputs(x="y")

    def test_a_signal_may_not_become_what_the_node_waits_for(self):
        made = node(output_name="y", emit="done", wait_for="ready")(lambda x: x)
        with pytest.raises(RenameError, match="emit and wait_for share names"):
            made.with_outputs(done="ready")


NAMES = st.sampled_from([*"abcdefgh"])


@st.composite
def chains(draw, names=("a", "b", "c")):
    """Some legal renames in a row, each of some names at once, to names that may have been used before."""
    current, found = list(names), []
    for _ in range(draw(st.integers(0, 5))):
        chosen = draw(st.lists(st.sampled_from(current), unique=True, max_size=len(current)))
        free = [name for name in "abcdefgh" if name not in current or name in chosen]
        targets = draw(st.permutations(free))[: len(chosen)]
        changes = dict(zip(chosen, targets, strict=True))
        current = [changes.get(name, name) for name in current]
        found.append(changes)
    return found, tuple(current)


class TestLaws:
    @pytest.mark.parametrize("kind", KINDS)
    @given(chain=chains())
    def test_any_chain_is_undone_on_the_way_to_the_function(self, kind, chain):
        changes, names = chain
        renamed = KINDS[kind]()
        for step in changes:
            renamed = renamed.with_inputs(step)
        assert renamed.inputs == names
        assert renamed.map_inputs_to_params({name: at for at, name in enumerate(names)}) == {"a": 0, "b": 1, "c": 2}
        assert renamed.defaults == {names[2]: 3}

    @given(chain=chains())
    def test_defaults_types_and_hash_follow_the_function(self, chain):
        def typed(a: int, b: str = "b", c: float = 0.5) -> int: ...

        made = FunctionNode(typed, output_name="y")
        renamed = made
        for step in chain[0]:
            renamed = renamed.with_inputs(step)
        assert [renamed.get_input_type(name) for name in renamed.inputs] == [int, str, float]
        assert [renamed.has_default_for(name) for name in renamed.inputs] == [False, True, True]
        assert renamed.definition_hash == made.definition_hash

    @given(chain=chains())
    def test_renaming_back_gives_an_equal_node(self, chain):
        made = KINDS["function"]()
        renamed = made
        for step in chain[0]:
            renamed = renamed.with_inputs(step)
        assert renamed.with_inputs(dict(zip(chain[1], "abc", strict=True))) == made

    @given(chain=chains())
    def test_one_parallel_rename_does_what_the_chain_does(self, chain):
        made = KINDS["function"]()
        renamed = made
        for step in chain[0]:
            renamed = renamed.with_inputs(step)
        assert made.with_inputs(dict(zip("abc", chain[1], strict=True))) == renamed

    @given(chain=chains(), stale=NAMES)
    def test_an_old_name_is_never_taken_for_a_present_one(self, chain, stale):
        ports = Ports(("a", "b", "c"))
        seen = set(ports.names)
        for step in chain[0]:
            ports = ports.renamed(step, kind="input", owner="n")
            seen |= set(ports.names)
        if stale in ports.names:
            assert ports.original(stale) == "abc"[ports.names.index(stale)]
        else:
            assert ports.original(stale) is None
            told = ports.history(stale)
            assert (told is not None) == (stale in seen)
            if told is not None:
                assert stale in told
                assert told[-1] in ports.names
                assert told[0] == ports.original(told[-1])

    @given(chain=chains(names=("p", "q", "r")))
    def test_outputs_keep_their_positions(self, chain):
        changes, names = chain
        renamed = KINDS["function"]()
        for step in changes:
            renamed = renamed.with_outputs(step)
        assert renamed.data_outputs == names
        assert dict(zip(renamed.data_outputs, renamed.unpack((1, 2, 3)), strict=True)) == dict(zip(names, (1, 2, 3), strict=True))
