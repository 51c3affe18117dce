"""Texts are compared line by line, and within a changed line word by word."""

from __future__ import annotations

from studio.model.text_diff import text_diff


def test_only_the_lines_that_differ_are_marked_and_in_them_the_words() -> None:
    before = "one\ntwo\nthree\nfour\nfive\nsix\nthe last line"
    after = "one\ntwo\nthree\nfour\nfive\nsix\nthe first line"
    found = text_diff(before, after)
    assert [(line.mark, line.text) for line in found] == [
        ("~", "… 4 equal lines …"),
        (" ", "five"),
        (" ", "six"),
        ("-", "the last line"),
        ("+", "the first line"),
    ]
    assert [text for text, differs in found[-1].parts if differs] == ["first"]


def test_a_list_or_a_dict_is_laid_out_an_entry_a_line() -> None:
    before = str({"names": ["a" * 30, "b" * 30, "c" * 30], "size": 3})
    after = str({"names": ["a" * 30, "x" * 30, "c" * 30], "size": 3})
    changed = [line.text.strip() for line in text_diff(before, after) if line.mark in "-+"]
    assert changed == [f"'{'b' * 30}',", f"'{'x' * 30}',"]


def test_lines_that_came_or_went_stand_alone() -> None:
    assert [(line.mark, line.text) for line in text_diff("a", "a\nb")] == [(" ", "a"), ("+", "b")]
    assert [(line.mark, line.text) for line in text_diff("a\nb", "b")] == [("-", "a"), (" ", "b")]
    assert text_diff("", "") == []
