"""Numbers and values from outside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.outside import MAX_DEPTH, MAX_WHOLE, OUT_OF_RANGE, TOO_DEEP, seconds, tame, whole


@pytest.mark.parametrize(
    ("value", "taken"),
    [(0, 0), (100, 100), (101, None), (-1, None), (10**400, None), (1.0, None), ("1", None), (True, None)],
)
def test_a_whole_number_is_from_0_to_the_largest(value: object, taken: int | None) -> None:
    assert whole(value, 100) == taken


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("1.5", 1.5), (0, 0.0), (10, 10.0), (10.1, None), (-0.1, None), ("nan", None), ("inf", None),
        (10**400, None), ("9" * 5000, None), ("soon", None), ("", None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_a_length_of_time_is_from_0_to_the_longest(value: object, taken: float | None) -> None:
    assert seconds(value, 10.0) == taken


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(ANYTHING)
def test_what_is_tame_can_be_written_and_encoded(value: object) -> None:
    json.dumps(tame(value), allow_nan=False, ensure_ascii=False).encode()


@given(ANYTHING)
def test_what_is_tame_stays_as_it_is(value: object) -> None:
    once = tame(value)
    assert tame(once) == once


def test_what_is_out_of_range_says_so() -> None:
    assert tame([MAX_WHOLE, MAX_WHOLE + 1, float("nan"), b"x"]) == [MAX_WHOLE] + [OUT_OF_RANGE] * 3


def test_what_is_too_deep_says_so() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    assert json.dumps(tame(value)).strip("[]") == f'"{TOO_DEEP}"'
