"""Text on its way to cells: cut, wrapped, made safe, shortened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from studio.theme import DARK, Palette
from studio.widgets.boxes import box_lines
from studio.widgets.figures import ago, bar, clock, count, short_path, took
from studio.widgets.line import Line, clip, safe, wrap
from studio.widgets.traceback_text import own_frames
from tests.studio.fakes import NODES, SCENE


@given(st.text(), st.integers(0, 40))
def test_clipped_text_never_takes_more_cells_than_it_may(text: str, width: int) -> None:
    assert cell_len(clip(text, width)) <= width


@given(st.text())
def test_safe_text_has_no_control_and_no_line_break(text: str) -> None:
    assert not [char for char in safe(text) if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0]


@given(st.text(max_size=300), st.integers(4, 40))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(cell_len(line) <= width for line in wrap(text, width))


@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["text", "failed", "muted"])), max_size=6), st.integers(1, 60))
def test_a_painted_line_is_as_wide_as_its_pane(parts: list[tuple[str, str]], width: int) -> None:
    line = Line()
    for text, role in parts:
        line.add(text, role)
    palette = Palette({**DARK.to_color_system().generate(), **DARK.variables})
    assert line.cut(width).strip(palette, width, Style()).cell_length == width


@given(st.text(max_size=60), st.text(max_size=20), st.integers(30, 80))
def test_what_is_set_flush_right_is_never_lost(left: str, right: str, width: int) -> None:
    plain = Line(left).right(Line(right), width).plain
    assert plain.endswith(safe(right))


def test_a_line_for_a_braille_display_ends_with_a_whole_word() -> None:
    assert Line("rag/rerank: failed, TimeoutError").cut_words(22).plain == "rag/rerank: failed, …"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.0001, "0ms"), (0.0804, "80ms"), (2.14, "2.1s"), (13, "13s"), (192, "3m12s"), (7500, "2h05m"), (200_000, "2d07h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert took(seconds) == text


def test_clocks_counts_and_ages() -> None:
    assert (clock(41), clock(3723)) == ("00:41", "1:02:03")
    assert count(10_000) == "10 000"
    assert (ago(100, 105), ago(0, 59), ago(0, 7200), ago(0, 200_000)) == ("just now", "59s ago", "2h ago", "2d ago")


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 60))
def test_a_bar_stays_in_its_column(start: float, length: float, width: int) -> None:
    space, drawn = bar(start, start + length, 100, width)
    assert len(drawn) >= 1
    assert len(space) + len(drawn) <= width


def test_a_long_path_keeps_its_end() -> None:
    assert short_path("/very/long/way/to/graphs.py", 16) == "…/to/graphs.py"


def test_a_traceback_shows_the_readers_own_frames() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/x/site-packages/hypergraph/runners/sync.py", line 3, in call\n    f()\n    ^^^\n'
        '  File "mine.py", line 8, in f\n    raise ValueError("no")\n'
        "ValueError: no"
    )
    assert own_frames(text) == (
        "Traceback (most recent call last):\n  … 1 frame of the library\n"
        '  File "mine.py", line 8, in f\n    raise ValueError("no")\nValueError: no'
    )


def test_a_traceback_of_library_frames_alone_is_left_whole() -> None:
    text = 'Traceback (most recent call last):\n  File "/x/hypergraph/engine/run.py", line 3, in call\n    f()\nValueError: no'
    assert own_frames(text) == text


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_boxes_fit_their_width(width: int) -> None:
    lines = box_lines(SCENE, NODES, "rag", width)
    assert all(line.cells <= width for line in lines)
    assert any("rag" in line.plain for line in lines)
