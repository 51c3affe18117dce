"""Events and who hears them, without a run around them."""

import copy
import dataclasses
import inspect
import logging
import os
import pickle
import subprocess
import sys
import typing

import pytest

import hypergraph.events as events
from hypergraph.events import (
    AsyncEventProcessor,
    EventDispatcher,
    EventProcessor,
    InnerCacheEvent,
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    RunStatus,
    StreamingChunkEvent,
    SuperstepStartEvent,
    TypedEventProcessor,
    maker,
    new_run_id,
    new_span,
)
from hypergraph.events.processor import _METHODS
from hypergraph.records import StepRecord, StepStatus

KINDS = typing.get_args(events.Event)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


class TestEvents:
    def test_an_event_needs_no_more_than_its_run(self, kind):
        event = kind("run-1")
        assert event.run_id == "run-1"
        assert event.parent_span_id is None
        assert event.workflow_id is None
        assert event.item_index is None
        assert event.span_id
        assert event.timestamp > 0

    def test_two_events_have_spans_of_their_own(self, kind):
        assert kind("r").span_id != kind("r").span_id

    def test_no_field_can_be_set(self, kind):
        event = kind("r")
        for field in dataclasses.fields(event):
            with pytest.raises(AttributeError, match="frozen"):
                setattr(event, field.name, 1)

    def test_no_field_can_be_added_or_deleted(self, kind):
        event = kind("r")
        with pytest.raises(AttributeError):
            event.other = 1
        with pytest.raises(AttributeError):
            del event.run_id
        assert not hasattr(event, "__dict__")

    def test_it_is_a_dataclass_of_its_own_class(self, kind):
        event = kind("r")
        assert type(event) is kind
        assert dataclasses.is_dataclass(event)
        changed = dataclasses.replace(event, workflow_id="wf")
        assert changed.workflow_id == "wf"
        assert dataclasses.asdict(changed)["workflow_id"] == "wf"

    def test_it_survives_copy_and_pickle(self, kind):
        event = kind("r", workflow_id="wf")
        assert copy.copy(event) == event
        assert copy.deepcopy(event) == event
        assert pickle.loads(pickle.dumps(event)) == event

    def test_equal_events_have_equal_hashes(self, kind):
        event = kind("r")
        assert hash(copy.copy(event)) == hash(event)
        assert event != kind("r", span_id="another")

    def test_a_maker_builds_the_same(self, kind):
        event = maker(kind)("r", span_id="s", timestamp=2.0)
        assert event == kind("r", span_id="s", timestamp=2.0)
        assert type(event) is kind

    def test_repr_names_class_and_fields(self, kind):
        assert repr(kind("run-1")).startswith(f"{kind.__name__}(run_id='run-1', span_id=")

    def test_an_unknown_field_is_refused(self, kind):
        with pytest.raises(TypeError):
            kind("r", nonsense=1)

    def test_kinds_are_never_equal_to_each_other(self):
        assert NodeStartEvent("r", "s", timestamp=1.0) != NodeEndEvent("r", "s", timestamp=1.0)

    def test_unhashable_contents_do_not_spoil_the_hash(self):
        hash(NodeStartEvent("r", inputs={"x": [1]}))
        hash(StreamingChunkEvent("r", chunk=[1]))
        hash(InterruptEvent("r", value={"draft": 1}))
        hash(RouteDecisionEvent("r", decision=["a", "b"]))

    @pytest.mark.parametrize("kind", [NodeEndEvent, NodeErrorEvent, InterruptEvent])
    def test_the_record_is_carried_by_reference_but_is_not_part_of_the_event(self, kind):
        record = StepRecord("r", 0, "n", 0, StepStatus.COMPLETED, {})
        event = kind("r", "s", timestamp=1.0, record=record)
        assert event.record is record
        assert event == kind("r", "s", timestamp=1.0)
        assert "record" not in repr(event)

    def test_inputs_are_carried_by_reference_and_not_shown(self):
        inputs = {"x": object()}
        event = NodeStartEvent("r", inputs=inputs)
        assert event.inputs is inputs
        assert "inputs" not in repr(event)

    def test_status_compares_with_its_text(self):
        assert RunEndEvent("r", status=RunStatus.FAILED).status == "failed"
        assert SuperstepStartEvent("r").superstep == 0
        assert InnerCacheEvent("r").hit is False

    def test_the_type_of_all_events_is_their_union(self):
        assert len(KINDS) == 12
        assert all(name in events.__all__ for name in (kind.__name__ for kind in KINDS))


class TestIds:
    def test_spans_are_unique(self):
        assert len({new_span() for _ in range(10_000)}) == 10_000

    def test_run_ids_are_unique_and_of_fixed_form(self):
        ids = {new_run_id() for _ in range(10_000)}
        assert len(ids) == 10_000
        assert all(one.startswith("run-") and len(one) == 16 for one in ids)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
    def test_a_forked_child_has_ids_of_its_own(self):
        code = (
            "import os, sys; from hypergraph.events import new_run_id, new_span\n"
            "child = os.fork()\n"
            "sys.stdout.write(f'{new_span()} {new_run_id()}\\n'); sys.stdout.flush()\n"
            "child and os.waitpid(child, 0)"
        )
        out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        assert len(set(out)) == 4


class Recorder:
    """Any object with the two methods will do."""

    def __init__(self):
        self.heard = []
        self.ended = 0

    def on_event(self, event):
        self.heard.append(event)

    def shutdown(self):
        self.ended += 1


class Broken(EventProcessor):
    def on_event(self, event):
        raise RuntimeError("broken ear")

    def shutdown(self):
        raise RuntimeError("broken end")


class AsyncRecorder(AsyncEventProcessor):
    def __init__(self):
        self.awaited = []
        self.called = []

    def on_event(self, event):
        self.called.append(event)

    def shutdown(self):
        self.called.append("end")

    async def on_event_async(self, event):
        self.awaited.append(event)

    async def shutdown_async(self):
        self.awaited.append("end")


class TestDispatcher:
    @pytest.mark.parametrize("nobody", [None, [], ()])
    def test_it_is_inactive_without_processors(self, nobody):
        assert EventDispatcher(nobody).active is False

    def test_every_processor_hears_every_event_in_order(self):
        one, two = Recorder(), Recorder()
        dispatcher = EventDispatcher([one, two])
        assert dispatcher.active
        sent = [RunStartEvent("r"), RunEndEvent("r")]
        for event in sent:
            dispatcher.emit(event)
        assert one.heard == two.heard == sent

    def test_shutdown_reaches_every_processor_once(self):
        one = Recorder()
        dispatcher = EventDispatcher([one])
        dispatcher.shutdown()
        dispatcher.shutdown()
        assert one.ended == 1

    def test_a_broken_processor_is_logged_once_and_disturbs_nobody(self, caplog):
        good = Recorder()
        dispatcher = EventDispatcher([Broken(), good])
        with caplog.at_level(logging.WARNING, logger="hypergraph.events"):
            for _ in range(3):
                dispatcher.emit(RunStartEvent("r"))
            dispatcher.shutdown()
        assert len(good.heard) == 3
        assert good.ended == 1
        assert [record.name for record in caplog.records] == ["hypergraph.events"]
        assert "Broken" in caplog.text
        assert "broken ear" in caplog.text

    async def test_a_broken_processor_disturbs_nobody_when_awaited_either(self, caplog):
        class BrokenAsync(AsyncEventProcessor):
            async def on_event_async(self, event):
                raise RuntimeError("broken")

            async def shutdown_async(self):
                raise RuntimeError("broken")

        good = Recorder()
        dispatcher = EventDispatcher([BrokenAsync(), Broken(), good])
        await dispatcher.emit_async(RunStartEvent("r"))
        await dispatcher.shutdown_async()
        assert len(good.heard) == 1
        assert good.ended == 1
        assert len(caplog.records) == 2

    def test_an_interrupt_from_the_keyboard_is_not_swallowed(self):
        class Impatient(EventProcessor):
            def on_event(self, event):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            EventDispatcher([Impatient()]).emit(RunStartEvent("r"))

    def test_an_async_processor_is_called_plainly_by_emit(self):
        processor = AsyncRecorder()
        dispatcher = EventDispatcher([processor])
        dispatcher.emit(RunStartEvent("r"))
        dispatcher.shutdown()
        assert len(processor.called) == 2
        assert processor.awaited == []

    async def test_async_and_plain_processors_share_a_list(self):
        processor, plain = AsyncRecorder(), Recorder()
        dispatcher = EventDispatcher([processor, plain])
        assert dispatcher.has_async
        await dispatcher.emit_async(RunStartEvent("r"))
        await dispatcher.shutdown_async()
        assert len(processor.awaited) == 2
        assert processor.called == []
        assert len(plain.heard) == 1
        assert plain.ended == 1

    async def test_an_async_processor_falls_back_on_its_plain_methods(self):
        class Plain(AsyncEventProcessor):
            heard: typing.ClassVar[list] = []

            def on_event(self, event):
                self.heard.append(event)

        await EventDispatcher([Plain()]).emit_async(RunStartEvent("r"))
        assert len(Plain.heard) == 1

    async def test_a_mock_is_heard_as_a_plain_processor(self):
        from unittest.mock import MagicMock

        mock = MagicMock()
        dispatcher = EventDispatcher([mock])
        assert not dispatcher.has_async
        await dispatcher.emit_async(RunStartEvent("r"))
        assert mock.on_event.call_count == 1

    @pytest.mark.parametrize("wrong", [object(), Recorder, 3])
    def test_what_cannot_hear_is_refused_with_advice(self, wrong):
        with pytest.raises(TypeError, match="How to fix"):
            EventDispatcher([wrong])


class TestTypedProcessor:
    def test_each_kind_reaches_the_method_of_its_name(self):
        heard = []
        methods = {name: lambda self, event, name=name: heard.append((name, type(event))) for name in _METHODS.values()}
        processor = type("All", (TypedEventProcessor,), methods)()
        for kind in KINDS:
            processor.on_event(kind("r"))
        assert heard == [(_METHODS[kind], kind) for kind in KINDS]

    def test_what_is_not_overridden_costs_no_call(self):
        class One(TypedEventProcessor):
            def on_run_start(self, event):
                self.event = event

        one = One()
        for kind in KINDS:
            one.on_event(kind("r"))
        assert type(one.event) is RunStartEvent
        assert list(One._wanted) == [RunStartEvent]

    def test_a_subclass_inherits_what_its_base_hears(self):
        class Base(TypedEventProcessor):
            def on_node_start(self, event):
                self.node = event.node_name

        class Child(Base):
            def on_node_end(self, event):
                self.ended = event.node_name

        child = Child()
        child.on_event(NodeStartEvent("r", node_name="a"))
        child.on_event(NodeEndEvent("r", node_name="b"))
        assert (child.node, child.ended) == ("a", "b")

    def test_every_kind_has_a_method(self):
        assert set(_METHODS) == set(KINDS)
        assert all(inspect.getdoc(getattr(TypedEventProcessor, name)) for name in _METHODS.values())

    def test_a_raising_handler_is_logged_and_the_others_go_on(self, caplog):
        class Bad(TypedEventProcessor):
            def on_run_start(self, event):
                raise ValueError("no")

        good = Recorder()
        EventDispatcher([Bad(), good]).emit(RunStartEvent("r"))
        assert len(good.heard) == 1
        assert len(caplog.records) == 1


def test_heavy_processors_load_on_first_use():
    from hypergraph.events.progress import RichProgressProcessor

    assert events.RichProgressProcessor is RichProgressProcessor
    with pytest.raises(AttributeError, match="nothing"):
        _ = events.nothing
