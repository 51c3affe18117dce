"""What a node knows of its function, and what may be asked of it."""

from __future__ import annotations

import copy
import functools
import inspect
import math
import pickle
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any, Optional, Union
from unittest.mock import MagicMock

import pytest

from hypergraph import END, FunctionNode, Graph, HyperNode, InterruptNode, NodeContext, RouteNode, ifelse, interrupt, node, route
from hypergraph.nodes import NodeContext as Ctx
from hypergraph.nodes._callable import CallableInfo, read_callable


def add(a: int, b: int = 2) -> int:
    return a + b


@node(output_name="doubled", cache=True)
def double(x: int) -> int:
    """Twice as much."""
    return x * 2


class TestConstruction:
    def test_a_bare_node_cannot_be_made(self):
        with pytest.raises(TypeError):
            HyperNode()

    def test_decorator_works_bare_called_and_with_options(self):
        @node
        def one(x): ...

        @node()
        def two(x): ...

        @node(output_name="y")
        def three(x): ...

        assert [n.name for n in (one, two, three)] == ["one", "two", "three"]
        assert [n.outputs for n in (one, two, three)] == [(), (), ("y",)]

    def test_a_wrongly_used_decorator_says_how_it_is_used(self):
        with pytest.raises(TypeError, match="output_name='y'"):
            node("y")
        with pytest.raises(TypeError, match=r"does not take 'name'"):
            node(name="x")

    def test_a_name_and_outputs_can_be_given(self):
        made = FunctionNode(add, "sum", ("total",))
        assert (made.name, made.outputs, made.func) == ("sum", ("total",), add)

    def test_of_a_node_only_the_function_is_taken(self):
        first = FunctionNode(add, "sum", "total", cache=True, hide=True, emit="done", rename_inputs={"a": "z"})
        again = FunctionNode(first, output_name="other")
        assert (again.name, again.inputs, again.outputs, again.cache, again.hide) == ("add", ("a", "b"), ("other",), False, False)

    def test_a_nested_graph_has_no_function_to_take(self):
        with pytest.raises(TypeError, match="nested graph"):
            FunctionNode(Graph([double], name="g").as_node())

    @pytest.mark.parametrize("wrong", [3, "text", None, classmethod(add)])
    def test_what_cannot_be_called_is_refused(self, wrong):
        with pytest.raises(TypeError, match="How to fix"):
            FunctionNode(wrong)

    @pytest.mark.parametrize("wrong", [3, ("a", 3), {"a"}])
    def test_a_wrong_output_name_is_refused(self, wrong):
        with pytest.raises(TypeError, match="output_name"):
            FunctionNode(add, output_name=wrong)

    def test_one_output_name_twice_is_refused(self):
        with pytest.raises(ValueError, match="duplicate output"):
            FunctionNode(add, output_name=("a", "a"))

    def test_names_are_not_checked_before_a_graph_is_built(self):
        assert FunctionNode(add, "not an identifier", "class").name == "not an identifier"

    def test_a_decorated_static_method_is_read(self):
        class Steps:
            @node(output_name="y")
            @staticmethod
            def step(x: int) -> int:
                return x + 1

        assert (Steps.step.name, Steps.step.inputs, Steps.step(1)) == ("step", ("x",), 2)
        assert inspect.isfunction(Steps.step.func)

    def test_it_is_called_like_its_function(self):
        assert double(4) == 8
        assert double(x=4) == 8


class TestLostResult:
    def test_a_return_type_without_output_name_warns_once_at_the_callers_line(self):
        for make in (lambda: node(add), lambda: node()(add), lambda: FunctionNode(add)):
            with pytest.warns(UserWarning, match=r"has return type.*output_name") as caught:
                make()
            assert len(caught) == 1
            assert caught[0].filename == __file__

    def test_nothing_is_lost_without_annotation_with_none_or_with_an_output(self):
        def nothing(x) -> None: ...

        def bare(x): ...

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            node(nothing)
            node(bare)
            node(output_name="y")(add)
            FunctionNode(add, output_name="y").with_name("other").with_inputs(a="z")

    def test_none_counts_as_none_however_it_is_written(self):
        def plain(x): ...

        plain.__annotations__["return"] = None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            node(plain)


class TestParameters:
    def test_every_kind_is_listed_in_signature_order(self):
        def every(a, /, b, *args, c, d=1, **kwargs): ...

        made = FunctionNode(every)
        assert made.inputs == ("a", "b", "args", "c", "d", "kwargs")
        assert made.defaults == {"d": 1}
        assert not made.has_default_for("args")

    def test_reading_code_and_reading_signatures_agree(self):
        def every(a, b=1, /, c=2, *args, d, e=5, **kwargs): ...

        fast = read_callable(every).parameters
        every.mark = True  # functions that carry attributes are read with `inspect`
        assert read_callable(every).parameters == fast

    def test_arguments_are_arranged_and_spread(self):
        def every(a, /, b, *args, c, **kwargs):
            return a, b, args, c, kwargs

        args, kwargs = read_callable(every).arrange([1, 2, [3, 4], 5, {"z": 6}])
        assert every(*args, **kwargs) == (1, 2, (3, 4), 5, {"z": 6})

    def test_plain_parameters_are_passed_by_position(self):
        info = read_callable(add)
        assert info.simple
        assert info.arrange([1, 2]) == ((1, 2), {})

    @pytest.mark.parametrize("wrong", [5, "text", {"a": 1}])
    def test_what_cannot_be_spread_is_refused(self, wrong):
        info = read_callable(lambda *args: args)
        with pytest.raises(TypeError, match=r"\*args"):
            info.arrange([wrong])

    def test_keyword_values_must_be_a_dict_without_the_parameters(self):
        info = read_callable(lambda *, a, **more: more)
        with pytest.raises(TypeError, match=r"\*\*more"):
            info.arrange([1, [2]])
        with pytest.raises(TypeError, match="'a' both"):
            info.arrange([1, {"a": 2}])

    def test_a_mutable_default_stays_the_same_object(self):
        shared: list[int] = []

        def keep(x=shared): ...

        assert FunctionNode(keep).get_default_for("x") is shared

    def test_defaults_are_asked_for_by_present_names(self):
        made = FunctionNode(add, output_name="y").with_inputs(b="z")
        assert made.defaults == {"z": 2}
        assert made.has_default_for("z")
        assert not made.has_default_for("b")
        assert made.get_default_for("z") == 2
        with pytest.raises(KeyError, match="No default for 'a'"):
            made.get_default_for("a")
        with pytest.raises(KeyError, match="No default for 'b'"):
            made.get_default_for("b")


class TestContext:
    def test_it_is_no_input_whatever_its_name_and_place(self):
        def first(run: NodeContext, x): ...
        def last(x, *, anything: NodeContext): ...
        def optional(x, c: NodeContext | None = None): ...
        def old_style(x, c: Optional[NodeContext] = None): ...  # noqa: UP045  # users write it both ways
        def renamed(x, c: Ctx): ...

        for func in (first, last, optional, old_style, renamed):
            assert FunctionNode(func).inputs == ("x",)

    def test_real_annotations_work_like_text(self):
        def real(x, c): ...

        for annotation in (NodeContext, NodeContext | None, Union[NodeContext, None], "NodeContext", "hypergraph.NodeContext"):  # noqa: UP007
            real.__annotations__["c"] = annotation
            assert FunctionNode(real).inputs == ("x",)

    def test_what_merely_contains_it_is_an_input(self):
        def many(contexts: list[NodeContext]): ...
        def real(contexts): ...

        real.__annotations__["contexts"] = list[NodeContext]
        assert FunctionNode(many).inputs == ("contexts",)
        assert FunctionNode(real).inputs == ("contexts",)

    def test_gates_leave_it_out_too(self):
        def choose(x, ctx: NodeContext): ...

        assert RouteNode(choose, [END]).inputs == ("x",)

    @pytest.mark.parametrize(
        "func",
        [
            lambda a, ctx, b: (a, ctx, b),
            lambda ctx, a, b: (a, ctx, b),
            lambda a, b, *, ctx: (a, ctx, b),
            lambda a, *, ctx, b: (a, ctx, b),
        ],
    )
    def test_it_is_put_in_its_place(self, func):
        func.__annotations__["ctx"] = NodeContext
        args, kwargs = read_callable(func).arrange([1, 2], "the context")
        assert func(*args, **kwargs) == (1, "the context", 2)

    def test_it_stands_beside_spread_arguments(self):
        def spread(a, *args, ctx: NodeContext, **kwargs):
            return a, args, ctx, kwargs

        args, kwargs = read_callable(spread).arrange([1, [2, 3], {"z": 4}], "the context")
        assert spread(*args, **kwargs) == (1, (2, 3), "the context", {"z": 4})

    def test_it_is_found_behind_wrappers_and_methods(self):
        @logged
        def wrapped(a, *, ctx: NodeContext, b):
            return a, ctx, b

        class Talker:
            def talk(self, a, ctx: NodeContext, b):
                return a, ctx, b

        for func in (wrapped, Talker().talk, functools.partial(wrapped)):
            info = read_callable(func)
            assert [param.name for param in info.parameters] == ["a", "b"]
            args, kwargs = info.arrange([1, 2], "the context")
            assert func(*args, **kwargs) == (1, "the context", 2)

    def test_the_node_can_be_tested_with_a_stand_in(self):
        @node(output_name="y")
        def talk(x: str, ctx: NodeContext) -> str:
            if not ctx.stop_requested:
                ctx.stream(x)
            return ctx.step_key

        stand_in = MagicMock(spec=NodeContext, stop_requested=False, step_key="key")
        assert talk("hello", stand_in) == "key"
        stand_in.stream.assert_called_once_with("hello")

    def test_it_streams_until_a_stop_is_requested(self):
        stopped, chunks = [False], []
        ctx = NodeContext("wf/n/1", lambda: stopped[0], chunks.append)
        ctx.stream(1)
        stopped[0] = True
        ctx.stream(2)
        assert (ctx.step_key, ctx.stop_requested, chunks) == ("wf/n/1", True, [1])
        assert "wf/n/1" in repr(ctx)


class Counter:
    """Counts."""

    def __call__(self, x: int, step: int = 1) -> int:
        return x + step

    def method(self, y: str) -> str:
        return y


class AsyncCall:
    async def __call__(self, x: int) -> int:
        return x


@functools.cache
def cached(x: int) -> int:
    return x


def logged(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


class TestSources:
    @pytest.mark.parametrize(
        ("source", "name", "inputs"),
        [
            (lambda x, y: x, "<lambda>", ("x", "y")),
            (functools.partial(add, 1), "add", ("b",)),
            (functools.partial(add, b=5), "add", ("a", "b")),
            (functools.partial(functools.partial(add, 1), 2), "add", ()),
            (Counter(), "Counter", ("x", "step")),
            (Counter().method, "method", ("y",)),
            (len, "len", ("obj",)),
            (math.sqrt, "sqrt", ("x",)),
            (max, "max", ("args",)),
            (cached, "cached", ("x",)),
            (logged(add), "add", ("a", "b")),
            (str.upper, "upper", ("self",)),
        ],
    )
    def test_all_kinds_of_callables(self, source, name, inputs):
        made = FunctionNode(source, output_name="y")
        assert (made.name, made.inputs) == (name, inputs)
        assert len(made.definition_hash) == 64
        assert made.definition_hash == FunctionNode(source, output_name="y").definition_hash

    def test_bound_values_of_partials_are_defaults(self):
        made = FunctionNode(functools.partial(add, b=5), output_name="y")
        assert made.defaults == {"b": 5}
        args, kwargs = made.code.arrange([1, 7])
        assert made.func(*args, **kwargs) == 8

    def test_c_functions_without_signature_take_positions(self):
        args, kwargs = FunctionNode(max, output_name="y").code.arrange([[3, 9, 4]])
        assert max(*args, **kwargs) == 9

    def test_a_class_is_a_function_that_makes_an_instance(self):
        class Point:
            def __init__(self, x: int, y: int = 0) -> None:
                self.x, self.y = x, y

        made = FunctionNode(Point, output_name="p")
        assert (made.name, made.inputs, made.defaults) == ("Point", ("x", "y"), {"y": 0})
        assert made.get_input_type("x") is int
        assert made.get_output_type("p") is Point

    @pytest.mark.parametrize("source", [Counter(), functools.partial(Counter(), step=2), logged(add), cached, Counter().method])
    def test_annotations_are_found_behind_wrappers(self, source):
        made = FunctionNode(source, output_name="out")
        assert made.get_output_type("out") in (int, str)
        assert all(made.get_input_type(name) in (int, str) for name in made.inputs)

    def test_async_callable_objects_and_partials_are_async(self):
        async def fetch(x): ...

        assert FunctionNode(AsyncCall(), output_name="y").is_async
        assert FunctionNode(functools.partial(fetch, 1), output_name="y").is_async


class TestKinds:
    def test_kinds_come_from_the_function(self):
        def plain(): ...
        async def later(): ...
        def several():
            yield 1

        async def several_later():
            yield 1

        def gives_a_generator():
            return (one for one in range(3))

        def has_one_inside():
            def inner():
                yield 1

            return list(inner())

        found = {
            func.__name__: (made.is_async, made.is_generator, made.code.is_async_gen)
            for func in (plain, later, several, several_later, gives_a_generator, has_one_inside)
            for made in [FunctionNode(func, output_name="y")]
        }
        assert found == {
            "plain": (False, False, False),
            "later": (True, False, False),
            "several": (False, True, False),
            "several_later": (True, True, True),
            "gives_a_generator": (False, False, False),
            "has_one_inside": (False, False, False),
        }

    def test_every_node_answers_every_question(self):
        @ifelse("double", END)
        def gate(x): ...

        @interrupt("answer")
        def ask(x): ...

        nested = Graph([double], name="inner").as_node()
        plain = FunctionNode(add, output_name="y")
        for one in (plain, double, gate, ask, nested):
            for question in ("is_async", "is_generator", "is_gate", "is_interrupt", "hide", "cache"):
                assert type(getattr(one, question)) is bool
            assert isinstance(one.wait_for, tuple)
            assert isinstance(one.data_outputs, tuple)
            assert one.node_type == type(one).__name__
        assert [one.is_gate for one in (plain, gate, ask, nested)] == [False, True, False, False]
        assert [one.is_interrupt for one in (plain, gate, ask, nested)] == [False, False, True, False]
        assert plain.batch is False
        assert FunctionNode(add, output_name="y", batch=True).batch is True


class TestTypes:
    def test_annotations_go_by_present_names_and_are_resolved(self):
        def mixed(a: int, b, c: str | None = None) -> float: ...

        made = FunctionNode(mixed, output_name="y").with_inputs(a="z", c="d").with_outputs(y="out")
        assert made.parameter_annotations == {"z": int, "d": str | None}
        assert made.output_annotation == {"out": float}
        assert (made.get_input_type("z"), made.get_input_type("a"), made.get_input_type("b")) == (int, None, None)
        assert (made.get_output_type("out"), made.get_output_type("y")) == (float, None)

    @pytest.mark.parametrize(
        ("returned", "outputs", "found"),
        [
            (int, "a", {"a": int}),
            (tuple[int, str], "a", {"a": tuple[int, str]}),
            (tuple[int, str], ("a", "b"), {"a": int, "b": str}),
            (tuple[int, str, int], ("a", "b"), {}),
            (tuple[int, ...], ("a", "b"), {}),
            (list[int], ("a", "b"), {}),
            (inspect.Signature.empty, "a", {}),
        ],
    )
    def test_outputs_get_their_part_of_the_return_annotation(self, returned, outputs, found):
        def func(): ...

        if returned is not inspect.Signature.empty:
            func.__annotations__["return"] = returned
        assert FunctionNode(func, output_name=outputs).output_annotation == found

    def test_without_outputs_nothing_is_annotated(self):
        def nothing(x) -> None: ...

        assert FunctionNode(nothing).output_annotation == {}

    def test_a_generator_gives_a_list_of_what_it_yields(self):
        def several() -> Iterator[int]:
            yield 1

        async def later() -> AsyncIterator[str]:
            yield ""

        assert FunctionNode(several, output_name="y").get_output_type("y") == list[int]
        assert FunctionNode(later, output_name="y").get_output_type("y") == list[str]

    def test_local_types_named_in_text_are_found(self):
        class Local: ...

        def use(x: Local, y: list[Local] | None = None) -> Local: ...

        made = FunctionNode(use, output_name="y")
        assert made.parameter_annotations == {"x": Local, "y": list[Local] | None}
        assert made.output_annotation == {"y": Local}

    def test_hints_that_nobody_can_resolve_are_left_out_with_one_warning(self):
        def use(x: Nowhere, y: int): ...  # noqa: F821

        made = FunctionNode(use, output_name="y")
        with pytest.warns(UserWarning, match="Unresolvable type hint") as caught:
            assert made.parameter_annotations == {"y": int}
        assert len(caught) == 1
        assert made.with_inputs(y="z").parameter_annotations == {"z": int}

    def test_making_a_node_resolves_nothing(self):
        def use(x: Nowhere) -> Nowhere: ...  # noqa: F821

        assert FunctionNode(use, output_name="y").inputs == ("x",)


class TestUnpack:
    def test_by_number_of_outputs(self):
        assert FunctionNode(lambda: 0).unpack(5) == ()
        assert FunctionNode(lambda: 0, output_name="a").unpack((1, 2)) == ((1, 2),)
        pair = FunctionNode(lambda: 0, output_name=("a", "b"))
        assert pair.unpack((1, 2)) == (1, 2)
        assert pair.unpack([1, 2]) == (1, 2)

    @pytest.mark.parametrize(
        ("wrong", "got"),
        [((1, 2, 3), "3 values"), (5, "one value"), ("ab", "one value"), ({"a": 1, "b": 2}, "one value"), (None, "NoneType")],
    )
    def test_a_wrong_count_names_node_expected_and_got(self, wrong, got):
        pair = FunctionNode(lambda: 0, "pair", ("a", "b"))
        with pytest.raises(ValueError, match=r"'pair'.*expected 2 values") as caught:
            pair.unpack(wrong)
        assert got in str(caught.value)


class TestSignals:
    def test_emits_come_after_data_outputs(self):
        made = FunctionNode(add, output_name=("x", "y"), emit=("e", "f"))
        assert (made.outputs, made.data_outputs, made.emits) == (("x", "y", "e", "f"), ("x", "y"), ("e", "f"))

    def test_one_name_or_several(self):
        assert FunctionNode(add, output_name="y", emit="e", wait_for="w").wait_for == ("w",)
        assert FunctionNode(add, output_name="y", wait_for=("v", "w")).wait_for == ("v", "w")
        assert FunctionNode(add, output_name="y").wait_for == ()

    DECORATORS = [
        lambda **options: node(output_name="y", **options),
        lambda **options: interrupt("y", **options),
        lambda **options: route([END], **options),
        lambda **options: ifelse("a", "b", **options),
    ]

    @pytest.mark.parametrize("decorator", DECORATORS)
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"wait_for": "x"}, "wait_for names overlap with input parameters"),
            ({"emit": "e", "wait_for": ("e", "f")}, "emit and wait_for share names"),
        ],
    )
    def test_ordering_names_are_kept_apart(self, decorator, options, said):
        with pytest.raises(ValueError, match=said):
            decorator(**options)(lambda x: x)

    @pytest.mark.parametrize("decorator", DECORATORS[:2])
    def test_an_emit_is_no_output(self, decorator):
        with pytest.raises(ValueError, match="emit names overlap with output names"):
            decorator(emit="y")(lambda x: x)

    def test_renames_are_looked_at_before_the_check(self):
        with pytest.raises(ValueError, match="wait_for names overlap"):
            node(output_name="y", rename_inputs={"x": "w"}, wait_for="w")(lambda x: x)

    def test_a_name_must_be_text(self):
        with pytest.raises(TypeError, match="emit"):
            node(output_name="y", emit=(3,))(lambda x: x)


class TestIdentity:
    @pytest.mark.parametrize(
        ("made", "text"),
        [
            (FunctionNode(lambda: 0, "foo"), "FunctionNode(<lambda> as 'foo', outputs=())"),
            (double, "FunctionNode(double, outputs=('doubled',))"),
            (double.with_name("bar"), "FunctionNode(double as 'bar', outputs=('doubled',))"),
        ],
    )
    def test_repr(self, made, text):
        assert repr(made) == text

    def test_a_node_cannot_be_changed(self):
        with pytest.raises(AttributeError, match="immutable"):
            double.name = "other"
        with pytest.raises(AttributeError, match="immutable"):
            double.anything = 1
        with pytest.raises(AttributeError, match="immutable"):
            del double.name

    def test_copies_are_equal_or_not_by_what_they_say(self):
        assert double.with_inputs() == double
        assert double.with_inputs() is not double
        assert hash(double.with_inputs()) == hash(double)
        assert double.with_inputs(x="y") != double
        assert double.with_inputs(x="y").with_inputs(y="x") == double
        assert FunctionNode(double, output_name="doubled") != double
        assert double != "double"
        assert copy.copy(double) is double
        assert copy.deepcopy(double) is double

    def test_the_definition_hash_is_the_functions(self):
        renamed = double.with_name("other").with_inputs(x="y").with_outputs(doubled="z")
        assert renamed.definition_hash == double.definition_hash

        def one(x):
            return x

        def two(x):
            return x

        assert FunctionNode(one).definition_hash != FunctionNode(two).definition_hash

    def test_options_survive_renames(self):
        renamed = double.with_name("other").with_inputs(x="y").with_outputs(doubled="z")
        assert renamed.cache
        assert renamed.func is double.func

    def test_a_decorated_function_can_be_pickled(self):
        back = pickle.loads(pickle.dumps(double.with_inputs(x="y")))
        assert back == double.with_inputs(x="y")
        assert back.func is double.func

    def test_so_can_one_made_from_an_importable_function(self):
        made = FunctionNode(add, output_name="y")
        assert pickle.loads(pickle.dumps(made)) == made

    def test_a_name_must_be_text(self):
        with pytest.raises(TypeError, match="name is a str"):
            double.with_name(3)

    def test_an_interrupt_is_a_function_node_with_another_tag(self):
        made = InterruptNode(add, output_name="y")
        assert isinstance(made, FunctionNode)
        assert made.node_type == "InterruptNode"

    def test_info_reads_well(self):
        assert repr(read_callable(add)) == "CallableInfo(add, ('a', 'b'))"
        assert isinstance(double.code, CallableInfo)


def test_hints_of_any_kind_are_read_only_when_asked_for():
    asked = []

    class Probe:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise AttributeError(name)

    def use(x): ...

    use.__annotations__["x"] = Probe()
    FunctionNode(use, output_name="y")
    assert not [name for name in asked if name in ("__forward_arg__", "__evaluate__")]
