"""Interrupts on their own: how they are made, what an answer must be, and where it goes."""

from __future__ import annotations

from enum import Enum
from typing import Literal, Optional

import pytest

from hypergraph import FunctionNode, InterruptNode, interrupt


def handler(draft: str) -> str | None:
    return None


def of_type(returned, output_name="y"):
    def ask(x): ...

    ask.__annotations__["return"] = returned
    return InterruptNode(ask, output_name=output_name)


class TestConstruction:
    def test_it_is_a_function_node_that_may_pause(self):
        made = interrupt("decision", cache=True, hide=True, emit="asked", wait_for="ready", rename_inputs={"draft": "text"})(handler)
        assert isinstance(made, InterruptNode)
        assert isinstance(made, FunctionNode)
        assert made.is_interrupt
        assert (made.name, made.inputs, made.outputs, made.data_outputs) == ("handler", ("text",), ("decision", "asked"), ("decision",))
        assert (made.cache, made.hide, made.wait_for, made.batch) == (True, True, ("ready",), False)

    def test_an_output_name_is_needed(self):
        for make in (
            lambda: InterruptNode(handler),
            lambda: InterruptNode(handler, output_name=None),
            lambda: interrupt()(handler),
            lambda: interrupt(handler),
        ):
            with pytest.raises(TypeError, match="output_name"):
                make()

    def test_handlers_of_every_kind(self):
        async def later(x): ...

        def several(x):
            yield 1

        assert interrupt("y")(later).is_async
        assert interrupt("y")(several).is_generator
        assert not interrupt("y")(handler).is_async

    def test_repr_and_rename(self):
        made = interrupt("y")(handler).with_name("review")
        assert repr(made) == "InterruptNode(handler as 'review', outputs=('y',))"
        assert made.with_inputs(draft="text").map_inputs_to_params({"text": 1}) == {"draft": 1}
        assert made.is_interrupt

    def test_a_return_annotation_is_no_reason_to_warn(self, recwarn):
        interrupt("y")(handler)
        assert not recwarn.list


class TestAnswerType:
    @pytest.mark.parametrize(
        ("returned", "expected"),
        [
            (str, str),
            (str | None, str),
            (Optional[bool], bool),  # noqa: UP045  # users write it both ways
            (int | str | None, int | str),
            (Literal["yes", "no"], Literal["yes", "no"]),
            (None, None),
            (type(None), None),
        ],
    )
    def test_it_is_the_return_annotation_without_none(self, returned, expected):
        assert of_type(returned).answer_type == expected

    def test_without_annotation_everything_fits(self):
        assert interrupt("y")(lambda x: None).answer_type is None

    def test_readers_get_the_answers_type(self):
        made = interrupt("decision")(handler)
        assert made.output_annotation == {"decision": str}
        assert made.with_outputs(decision="verdict").get_output_type("verdict") is str

    def test_several_answers_have_their_own_types(self):
        assert of_type(tuple[bool, str] | None, ("ok", "note")).output_annotation == {"ok": bool, "note": str}
        assert of_type(dict | None, ("ok", "note")).output_annotation == {}

    def test_choices_are_listed_where_the_annotation_lists_them(self):
        class Verdict(Enum):
            GOOD = 1
            BAD = 2

        assert of_type(bool | None).choices == ("True", "False")
        assert of_type(Literal["yes", "no"] | None).choices == ("yes", "no")
        assert of_type(Verdict).choices == ("GOOD", "BAD")
        assert of_type(Literal["a"] | bool).choices == ("a", "True", "False")
        assert of_type(str | bool).choices is None
        assert of_type(str).choices is None
        assert of_type(None).choices is None


class TestSpread:
    def test_one_output_takes_the_answer_as_it_is(self):
        made = interrupt("y")(handler)
        assert made.spread({"y": 1}) == {"y": {"y": 1}}
        assert made.spread(0) == {"y": 0}

    def test_a_dict_is_spread_over_several_outputs(self):
        made = interrupt(("ok", "note"))(handler)
        assert made.spread({"note": "fine", "ok": True}) == {"note": "fine", "ok": True}
        assert made.spread({"ok": True}) == {"ok": True}

    def test_anything_else_goes_to_the_first_output_only(self):
        made = interrupt(("ok", "note"))(handler)
        for answer in ("text", {}, {"other": 1}, [1, 2], (1, 2)):
            assert made.spread(answer) == {"ok": answer}

    def test_the_handler_need_not_know_of_renames(self):
        made = interrupt(("ok", "note"))(handler).with_outputs(ok="approved")
        assert made.spread({"ok": True, "note": ""}) == {"approved": True, "note": ""}
        assert made.spread({"approved": True}) == {"approved": True}
        swapped = interrupt(("a", "b"))(handler).with_outputs(a="b", b="a")
        assert swapped.spread({"a": 1, "b": 2}) == {"b": 1, "a": 2}

    def test_emits_are_no_answers(self):
        made = interrupt(("ok", "note"), emit="asked")(handler)
        assert made.spread({"ok": True, "asked": 1}) == {"ok": True}
