"""What the progress processor shows, driven by events made by hand."""

import io
import re
import subprocess
import sys

import pytest

from hypergraph.events import (
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RichProgressProcessor,
    RunEndEvent,
    RunStartEvent,
    RunStatus,
)


def start(span, *, parent=None, name="g", size=None):
    return RunStartEvent(f"run-{span}", span, parent, graph_name=name, is_map=size is not None, map_size=size)


def end(span, *, parent=None, name="g", status=RunStatus.COMPLETED, **more):
    return RunEndEvent(f"run-{span}", span, parent, graph_name=name, status=status, duration_ms=12.0, **more)


def node(span, name, *, parent="run", end=NodeEndEvent, **more):
    return [NodeStartEvent("r", span, parent, node_name=name), end("r", span, parent, node_name=name, **more)]


def single(*middle, status=RunStatus.COMPLETED, **more):
    return [start("run"), *middle, end("run", status=status, **more)]


def batch(size, failing=(), **more):
    events = [start("map", size=size)]
    for index in range(size):
        span = f"item-{index}"
        failed = index in failing
        step = node(f"n-{index}", "work", parent=span, end=NodeErrorEvent if failed else NodeEndEvent)
        events += [start(span, parent="map"), *step]
        events.append(end(span, parent="map", status=RunStatus.FAILED if failed else RunStatus.COMPLETED))
    status = RunStatus.PARTIAL if failing else RunStatus.COMPLETED
    return [*events, end("map", status=status, batch_total_items=size, batch_failed_items=len(failing))]


@pytest.fixture
def lines(capsys):
    """Feed events to a processor without a terminal, and give the lines that it writes."""

    def feed(*events, **options):
        processor = RichProgressProcessor(**{"force_mode": "non-tty", **options})
        for event in events:
            processor.on_event(event)
        processor.shutdown()
        return capsys.readouterr().out.splitlines()

    return feed


def texts(lines):
    return [re.sub(r"^\[\d\d:\d\d:\d\d\] ", "", line) for line in lines]


class TestLines:
    def test_a_line_says_when_a_node_starts_and_ends(self, lines):
        out = lines(*single(*node("n", "embed", duration_ms=95.0)))
        assert all(re.match(r"\[\d\d:\d\d:\d\d\] ", line) for line in out)
        assert texts(out) == ["▶ embed started", "✓ embed completed (95ms)", "✓ g completed! (12ms)"]

    def test_a_cached_node_says_so(self, lines):
        assert "✓ embed completed (cached)" in texts(lines(*single(*node("n", "embed", cached=True))))

    def test_a_failing_node_and_run_give_the_error(self, lines):
        step = node("n", "embed", end=NodeErrorEvent, error="boom")
        out = texts(lines(*single(*step, status=RunStatus.FAILED, error="ValueError: boom")))
        assert out == ["▶ embed started", "✗ embed FAILED: boom", "✗ g failed: ValueError: boom"]

    def test_a_waiting_node_names_what_it_waits_for(self, lines):
        step = node("n", "ask", end=InterruptEvent, response_param="decision")
        out = texts(lines(*single(*step, status=RunStatus.PAUSED)))
        assert out == ["▶ ask started", "⏸ ask waits for 'decision'", "⏸ g paused"]

    def test_a_stopped_run_says_so(self, lines):
        assert texts(lines(*single(status=RunStatus.STOPPED))) == ["■ g stopped"]

    def test_nested_runs_are_indented_and_end_with_their_node(self, lines):
        outer_start, outer_end = node("gn", "inner")
        inner = [start("in", parent="gn", name="inner"), *node("n", "deep", parent="in"), end("in", parent="gn")]
        out = texts(lines(*single(outer_start, *inner, outer_end)))
        assert out == [
            "▶ inner started",
            "  ▶ deep started",
            "  ✓ deep completed (0ms)",
            "✓ inner completed (0ms)",
            "✓ g completed! (12ms)",
        ]

    @pytest.mark.parametrize("size", [1, 3, 4, 10, 20, 101])
    def test_a_batch_gives_each_milestone_once_and_no_line_per_item(self, lines, size):
        out = texts(lines(*batch(size)))
        assert [line.split()[2] for line in out[:-1]] == ["10%", "25%", "50%", "75%", "100%"]
        assert all(line.startswith("◈ g ") for line in out[:-1])
        assert out[-1] == "✓ g completed! (12ms)"

    def test_a_batch_with_failures_counts_them(self, lines):
        out = texts(lines(*batch(10, failing={0, 4})))
        assert out[0] == "◈ g 10% (1/10, 1 failed)"
        assert out[-1] == "◐ g completed with failures (2 of 10 items failed)"

    def test_a_nested_batch_speaks_in_milestones(self, lines):
        outer_start, outer_end = node("gn", "embed")
        inner = [start("map", parent="gn", size=2)]
        for index in range(2):
            inner += [start(f"i{index}", parent="map"), *node(f"n{index}", "work", parent=f"i{index}"), end(f"i{index}", parent="map")]
        out = texts(lines(*single(outer_start, *inner, end("map", parent="gn"), outer_end)))
        assert out[1] == "  ◈ embed 10% (1/2)"
        assert not any("work" in line for line in out)

    def test_a_batch_inside_a_batch_is_quiet(self, lines):
        events = [start("map", size=1), start("i", parent="map"), NodeStartEvent("r", "gn", "i", node_name="embed")]
        events += [start("m2", parent="gn", size=1), start("i2", parent="m2"), end("i2", parent="m2"), end("m2", parent="gn")]
        events += [NodeEndEvent("r", "gn", "i", node_name="embed"), end("i", parent="map"), end("map")]
        assert not any("embed" in line for line in texts(lines(*events)))

    def test_an_error_text_cannot_move_the_cursor_or_break_the_line(self, lines):
        out = lines(*single(*node("n", "a", end=NodeErrorEvent, error="one\ntwo\x1b[2J")))
        assert "one two" in out[1]
        assert not any("\x1b" in line for line in out)

    def test_an_unnamed_graph_has_a_name_for_people(self, lines):
        assert texts(lines(start("run", name=None), end("run", name=None))) == ["✓ graph completed! (12ms)"]

    def test_an_output_that_cannot_encode_the_signs_does_not_fail(self, monkeypatch):
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", out)
        processor = RichProgressProcessor(force_mode="non-tty")
        for event in single():
            processor.on_event(event)
        assert b"g completed!" in out.buffer.getvalue()

    def test_without_a_terminal_auto_means_lines(self, lines, monkeypatch):
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "JUPYTER_COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        assert texts(lines(*single(), force_mode="auto")) == ["✓ g completed! (12ms)"]

    def test_unknown_ends_are_ignored(self, lines):
        assert lines(end("never"), NodeEndEvent("r", "never", node_name="x")) == []


class TestBars:
    @pytest.fixture
    def screen(self, monkeypatch):
        """Feed events to a processor on a pretended terminal, and give the last state of its bars by label."""
        from rich.console import Console

        from hypergraph.events import _progress_bars

        def feed(*events):
            view = _progress_bars.Bars(transient=True, console=Console(file=io.StringIO(), force_terminal=True, width=100))
            processor = RichProgressProcessor(force_mode="tty")
            processor._view = view
            for event in events:
                processor.on_event(event)
            tasks = {task.description: (task.completed, task.total, task.fields["failed"], task.visible) for task in view._progress.tasks}
            processor.shutdown()
            assert processor._view is None
            return tasks

        return feed

    def test_a_run_has_a_bar_and_each_node_one_below_it(self, screen):
        bars = screen(*single(*node("1", "a"), *node("2", "b")))
        assert bars == {"g": (2, 2, 0, True), "  a": (1, 1, 0, True), "  b": (1, 1, 0, True)}

    def test_a_node_that_runs_again_grows_its_bar(self, screen):
        bars = screen(*single(*node("1", "a"), *node("2", "a"), *node("3", "a")))
        assert bars["  a"][:2] == (3, 3)

    def test_a_batch_counts_items_and_failures_and_shares_the_bars_of_its_nodes(self, screen):
        bars = screen(*batch(20, failing={3, 7}))
        assert bars == {"g": (20, 20, 2, True), "  work": (20, 20, 2, True)}

    def test_a_mapped_node_counts_its_items(self, screen):
        outer_start, outer_end = node("gn", "embed")
        inner = [start("map", parent="gn", size=3)]
        for index in range(3):
            inner += [start(f"i{index}", parent="map"), *node(f"n{index}", "work", parent=f"i{index}"), end(f"i{index}", parent="map")]
        bars = screen(*single(outer_start, *inner, end("map", parent="gn"), outer_end))
        assert bars == {"g": (1, 1, 0, True), "  embed": (3, 3, 0, True), "    work": (3, 3, 0, True)}

    def test_a_nested_run_stands_below_its_node(self, screen):
        outer_start, outer_end = node("gn", "inner")
        inner = [start("in", parent="gn", name="inner"), *node("n", "deep", parent="in"), end("in", parent="gn")]
        bars = screen(*single(outer_start, *inner, outer_end))
        assert bars == {"g": (1, 1, 0, True), "  inner": (1, 1, 0, True), "    deep": (1, 1, 0, True)}

    def test_finished_bars_make_room_for_running_ones(self, screen):
        steps = [event for index in range(60) for event in node(str(index), f"n{index}")]
        bars = screen(*single(*steps))
        assert sum(visible for *_, visible in bars.values()) <= 24
        assert bars["  n59"][3] is True

    def test_a_hidden_bar_comes_back_when_its_node_runs_again(self, screen):
        steps = [event for index in range(60) for event in node(str(index), f"n{index}")]
        bars = screen(*single(*steps, NodeStartEvent("r", "again", "run", node_name="n0")))
        assert bars["  n0"] == (1, 2, 0, True)

    def test_markup_in_a_name_is_shown_as_it_is(self, screen):
        assert "[red]g" in screen(start("run", name="[red]g"), end("run", name="[red]g"))

    def test_the_bars_stay_while_another_run_goes_on(self):
        processor = RichProgressProcessor(force_mode="non-tty")
        processor.on_event(start("one"))
        processor.on_event(start("two"))
        processor.on_event(end("one"))
        processor.shutdown()
        assert processor._view is not None
        processor.on_event(end("two"))
        processor.shutdown()
        assert processor._view is None

    def test_real_bars_are_drawn_and_taken_away(self, capsys):
        processor = RichProgressProcessor(force_mode="tty")
        for event in batch(3):
            processor.on_event(event)
        processor.shutdown()
        capsys.readouterr()
        assert not processor._places.busy


def test_nothing_is_kept_of_what_has_ended():
    processor = RichProgressProcessor(force_mode="non-tty")
    waiting = NodeStartEvent("r", "cancelled", "run", node_name="x")
    for event in single(waiting):
        processor.on_event(event)
    places = processor._places
    assert (places._runs, places._items, places._nodes) == ({}, set(), {})


def test_an_unknown_mode_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match="'auto', 'tty', 'non-tty'"):
        RichProgressProcessor(force_mode="loud")


def test_rich_is_not_loaded_before_a_bar_is_drawn():
    code = (
        "import sys; from hypergraph.events import RichProgressProcessor, RunStartEvent, RunEndEvent\n"
        "p = RichProgressProcessor(force_mode='non-tty'); p.on_event(RunStartEvent('r', 's')); p.on_event(RunEndEvent('r', 's'))\n"
        "sys.exit('rich' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
