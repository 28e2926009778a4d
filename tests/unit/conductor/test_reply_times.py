"""What is learned of how long a model's answers take, and when one is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.conductor.reply_times import FEWEST, NEWEST, STALE_S, TIMES_OVER, ReplyTimes


def learned(*took_s: float) -> ReplyTimes:
    times = ReplyTimes()
    for each_s in took_s:
        times.note(each_s, 0.0)
    return times


def test_of_few_answers_nothing_is_usual() -> None:
    assert learned(*[1.0] * (FEWEST - 1)).unusual_s(0.0) is None
    assert learned(*[1.0] * FEWEST).unusual_s(0.0) == TIMES_OVER * 1.0


def test_a_model_that_thinks_for_twelve_seconds_is_given_them() -> None:
    unusual_s = learned(*[12.0] * FEWEST).unusual_s(0.0)
    assert unusual_s is not None
    assert unusual_s > 12.0


def test_one_slow_answer_in_ten_changes_little_and_several_change_what_is_usual() -> None:
    assert learned(*[1.0] * 9, 12.0).usual_s(0.0) == 1.0
    assert learned(*[1.0] * 7, *[12.0] * 3).usual_s(0.0) == 12.0


def test_the_newest_count_and_after_a_day_none_does() -> None:
    times = learned(*[12.0] * NEWEST, *[1.0] * NEWEST)
    assert times.usual_s(STALE_S) == 1.0
    assert times.usual_s(STALE_S + 1.0) is None


@given(st.lists(st.floats(min_value=0.0, max_value=60.0), min_size=FEWEST, max_size=NEWEST))
def test_nine_of_ten_answers_are_never_missed(took_s: list[float]) -> None:
    unusual_s = learned(*took_s).unusual_s(0.0)
    assert unusual_s is not None
    assert sum(each_s <= unusual_s for each_s in took_s) >= 0.85 * len(took_s)


@pytest.mark.parametrize("usual_s", [0.5, 1.0, 4.0])
def test_answers_that_grow_slower_are_learned_though_each_was_missed(usual_s: float) -> None:
    times = learned(*[usual_s] * NEWEST)
    slow_s = 4 * usual_s
    for _ in range(NEWEST // 5):
        times.note(slow_s, 1.0)
    unusual_s = times.unusual_s(1.0)
    assert unusual_s is not None
    assert unusual_s > slow_s
