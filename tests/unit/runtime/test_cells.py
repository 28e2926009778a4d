"""Text in terminal cells: cleaned, measured, clipped, wrapped, painted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.runtime.cells import Span, cells, clean, clip, fold, paint, wrap

WORDS = st.text(st.sampled_from("ab é日e\u0301🙂")).map(clean)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("🙂", 2), ("·→", 2)]
)
def test_a_text_is_as_wide_as_its_cells(text: str, count: int) -> None:
    assert cells(text) == count


def test_what_others_wrote_cannot_command_the_terminal() -> None:
    assert clean("a\x1b[2Jb\x9b31mc\u202ed\ne\x7f") == "a [2Jb 31mcd e "


def test_a_line_is_clipped_before_a_wide_character_that_does_not_fit() -> None:
    line = (Span("ab", "1"), Span("日本"), Span("cd"))
    assert clip(line, 5) == (Span("ab", "1"), Span("日"))


def test_a_line_that_fits_is_not_clipped() -> None:
    line = (Span("ab"), Span("日本"))
    assert clip(line, 6) == line


def test_text_is_broken_between_words_and_in_a_word_only_if_it_must_be() -> None:
    assert wrap("one two three abcdefghij k", 8) == ["one two", "three", "abcdefgh", "ij k"]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (20, ["say", "`sudo apt update`,", "then wait"]),
        (17, ["say `sudo apt", "update`, then", "wait"]),
        (80, ["say `sudo apt update`, then wait"]),
    ],
)
def test_a_command_is_not_broken_where_it_fits(width: int, lines: list[str]) -> None:
    assert fold("say `sudo apt update`, then wait", width) == lines


def test_text_that_is_only_blank_has_no_lines() -> None:
    assert wrap("  ", 8) == []


@given(WORDS, st.integers(min_value=2, max_value=12))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(0 < cells(line) <= width or cells(line) == 0 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_paint_sets_and_resets_each_style() -> None:
    assert paint((Span("a", "32"), Span("b")), colour=True, unicode=True) == "\x1b[32ma\x1b[0mb"


def test_paint_without_colour_sends_the_text_alone() -> None:
    assert paint((Span("a", "32"), Span("b")), colour=False, unicode=True) == "ab"


@pytest.mark.parametrize(
    ("text", "ascii_text"), [("█░─│·→–", "#.-|->-"), ("é", "e"), ("e\u0301", "e"), ("日", "??"), ("№", "?")]
)
def test_ascii_stands_for_other_characters_in_as_many_cells(text: str, ascii_text: str) -> None:
    assert paint((Span(text),), colour=False, unicode=False) == ascii_text
    assert cells(text) == len(ascii_text)
