"""Numbers and texts from outside: what is taken, and what is refused or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.outside import MAX_DEPTH, OutOfRange, json_of, number, one_line, plain_text, whole_number

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(10**400)


@given(ANYTHING)
def test_a_number_is_within_its_limits_or_refused(value: Any) -> None:
    try:
        assert -5 <= number(value, -5, 5) <= 5
    except OutOfRange as error:
        assert str(error) == "must be a number from -5 to 5"
        assert isinstance(value, bool | str | None) or not -5 <= value <= 5


@given(ANYTHING)
def test_a_whole_number_is_within_its_limits_or_refused(value: Any) -> None:
    try:
        assert whole_number(value, 0, 5) in range(6)
    except OutOfRange:
        assert isinstance(value, bool | str | None) or value not in range(6)


def test_a_double_that_is_whole_counts_as_whole() -> None:
    """JSON's peers may write 3 as 3.0."""
    assert whole_number(3.0) == 3
    assert isinstance(whole_number(3.0), int)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "9" * 5000,
        "9007199254740993",
        "-1" + "0" * 400,
        "1e400",
        "1e300",
        "NaN",
        "[1, -Infinity]",
        b"\xff",
        b"",
    ],
)
def test_odd_json_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json_of(text)


def test_plain_json_is_what_it_says() -> None:
    assert json_of(b'\xef\xbb\xbf{"a": [1, 2.5, -3, null, "x"]}') == {"a": [1, 2.5, -3, None, "x"]}


@given(st.text(max_size=60), st.integers(1, 20))
def test_a_line_has_no_control_characters_and_its_length(text: str, limit_chars: int) -> None:
    line = one_line(text, limit_chars)
    assert len(line) <= limit_chars
    assert "\x1b" not in line
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a\n\tb \x1b[31mc", "a b [31mc"),
        ("abc\u202edef", "abc def"),
        ("hidden\U000e0041", "hidden"),
        ("family: 👨\u200d👩\u200d👧, क्\u200dष", "family: 👨\u200d👩\u200d👧, क्\u200dष"),
        ("x" * 101, "x" * 99 + "…"),
        ("\n" * 1_000_000, "…"),
    ],
)
def test_a_text_becomes_one_line(text: str, line: str) -> None:
    assert one_line(text, 100) == line


def test_a_plain_text_keeps_its_lines() -> None:
    assert plain_text("a\r\n\tb\x1b]0;title\x07\x9b1m\0") == "a\n\tb]0;title1m"
