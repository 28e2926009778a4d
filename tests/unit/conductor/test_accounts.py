"""Every second and token is counted once, on its day, and the budget of a day ends with it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.conductor.accounts import HISTORY_DAYS, UNSET, Accounts, Day, read_days
from daemon.config.settings import UsageSettings
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

FIRST = date(2026, 11, 21)


def day_word(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


class Calendar:
    """The present day, as the test says."""

    def __init__(self, day: str = FIRST.isoformat()) -> None:
        self.day = day

    def today(self) -> str:
        return self.day


def accounts(calendar: Calendar, *, minutes: float = 0.0, tokens: int = 0) -> Accounts:
    return Accounts(UsageSettings(daily_minutes=minutes, daily_tokens=tokens), calendar.today)


def audio(*, sent_s: float = 0.0, received_s: float = 0.0) -> Day:
    return Day(sent_bytes=MIC_FORMAT.bytes(sent_s), received_bytes=SPEAKER_FORMAT.bytes(received_s))


class TestCounting:
    def test_audio_is_seconds_of_both_directions(self) -> None:
        assert audio(sent_s=2.5, received_s=4.0).audio_s == 6.5

    def test_adds_up_within_a_day(self) -> None:
        books = accounts(Calendar())
        books.add(audio(sent_s=1.0))
        books.add(audio(received_s=2.0))
        books.add(Day(prompt_tokens=30, response_tokens=12))
        assert books.used_today() == Day(
            sent_bytes=32_000, received_bytes=96_000, prompt_tokens=30, response_tokens=12
        )
        assert books.used_today().tokens == 42

    def test_a_new_day_begins_at_nothing(self) -> None:
        calendar = Calendar()
        books = accounts(calendar)
        books.add(audio(sent_s=1.0))
        calendar.day = day_word(1)
        assert books.used_today() == Day()

    def test_a_clock_that_jumps_back_and_forth_neither_loses_nor_doubles_a_day(self) -> None:
        calendar = Calendar()
        books = accounts(calendar)
        for number in (0, 1, 0, 400, 0, -1, 1):
            calendar.day = day_word(number)
            books.add(Day(prompt_tokens=1))
        assert {day: used.tokens for day, used in books.days.items()} == {
            day_word(-1): 1,
            day_word(0): 3,
            day_word(1): 2,
            day_word(400): 1,
        }

    @given(st.lists(st.tuples(st.integers(0, HISTORY_DAYS - 1), st.integers(0, 1000))))
    def test_within_the_history_nothing_is_ever_lost(self, counted: list[tuple[int, int]]) -> None:
        calendar = Calendar()
        books = accounts(calendar)
        for number, tokens in counted:
            calendar.day = day_word(number)
            books.add(Day(prompt_tokens=tokens))
        assert sum(used.tokens for used in books.days.values()) == sum(tokens for _, tokens in counted)

    def test_what_this_process_has_counted_outlives_the_days(self) -> None:
        calendar = Calendar()
        books = Accounts(UsageSettings(), calendar.today, {day_word(-1): Day(prompt_tokens=5)})
        for number in range(HISTORY_DAYS + 2):
            calendar.day = day_word(number)
            books.add(Day(prompt_tokens=1))
        assert books.since_start == Day(prompt_tokens=HISTORY_DAYS + 2)


class TestHistory:
    @given(st.lists(st.one_of(st.integers(-100_000, 100_000).map(day_word), st.just(UNSET)), max_size=150))
    def test_is_bounded_and_never_forgets_today(self, days: list[str]) -> None:
        calendar = Calendar()
        books = accounts(calendar)
        for day in days:
            calendar.day = day
            books.add(Day(refused=1))
            assert books.used_today().refused >= 1
            assert len(books.days) <= HISTORY_DAYS + 1
            assert len([day for day in books.days if day != UNSET]) <= HISTORY_DAYS

    def test_forgets_the_oldest_day(self) -> None:
        calendar = Calendar()
        books = accounts(calendar)
        for number in range(HISTORY_DAYS + 3):
            calendar.day = day_word(number)
            books.add(Day(prompt_tokens=1))
        assert min(books.days) == day_word(3)
        assert len(books.days) == HISTORY_DAYS

    def test_forgets_the_day_of_a_clock_that_was_years_ahead_before_any_other(self) -> None:
        calendar = Calendar(day_word(20_000))
        books = accounts(calendar)
        books.add(Day(prompt_tokens=1))
        for number in range(HISTORY_DAYS):
            calendar.day = day_word(number)
            books.add(Day(prompt_tokens=1))
        assert day_word(20_000) not in books.days
        assert len(books.days) == HISTORY_DAYS


class TestBudget:
    def test_without_a_limit_is_never_used_up(self) -> None:
        books = accounts(Calendar())
        books.add(audio(sent_s=1e6) + Day(prompt_tokens=10**9))
        assert not books.used_up()
        assert books.budget_words() is None

    @pytest.mark.parametrize(
        ("used", "used_up"),
        [
            (audio(sent_s=30.0, received_s=29.9), False),
            (audio(sent_s=30.0, received_s=30.0), True),
            (Day(prompt_tokens=60, response_tokens=39), False),
            (Day(prompt_tokens=60, response_tokens=40), True),
        ],
    )
    def test_is_used_up_when_either_limit_is_reached(self, used: Day, used_up: bool) -> None:
        books = accounts(Calendar(), minutes=1.0, tokens=100)
        books.add(used)
        assert books.used_up() is used_up
        ratio = books.budget_ratio()
        assert ratio is not None and (ratio >= 1.0) is used_up

    def test_the_limit_that_is_nearer_counts(self) -> None:
        books = accounts(Calendar(), minutes=10.0, tokens=100)
        books.add(audio(sent_s=60.0) + Day(prompt_tokens=80))
        assert books.report()["budget_ratio"] == 0.8

    @pytest.mark.parametrize(("minutes", "day"), [(0.0, FIRST.isoformat()), (10.0, UNSET)])
    def test_where_there_is_no_budget_nothing_of_it_is_used(self, minutes: float, day: str) -> None:
        books = accounts(Calendar(day), minutes=minutes)
        books.add(audio(sent_s=1e6))
        assert books.report()["budget_ratio"] is None

    def test_starts_again_with_the_next_day_and_not_with_the_clock_put_back(self) -> None:
        calendar = Calendar()
        books = accounts(calendar, tokens=100)
        books.add(Day(prompt_tokens=100))
        calendar.day = day_word(1)
        assert not books.used_up()
        calendar.day = day_word(0)
        assert books.used_up()

    def test_a_clock_that_is_not_set_counts_and_never_blocks(self) -> None:
        calendar = Calendar(UNSET)
        books = accounts(calendar, tokens=100)
        books.add(Day(prompt_tokens=500))
        assert not books.used_up()
        assert books.days == {UNSET: Day(prompt_tokens=500)}
        assert books.budget_words() == "500 of 100 tokens; not limited while the clock is not set"
        calendar.day = day_word(0)
        assert books.used_today() == Day()

    def test_says_how_much_is_used_and_when_it_starts_again(self) -> None:
        books = accounts(Calendar(), minutes=30, tokens=2000)
        books.add(audio(sent_s=6 * 60, received_s=3 * 60) + Day(prompt_tokens=50))
        assert books.budget_words() == "9.0 of 30 minutes, 50 of 2000 tokens used"
        books.add(audio(received_s=21 * 60))
        assert books.budget_words() == (
            "used up (30.0 of 30 minutes, 50 of 2000 tokens); starts again at midnight"
        )

    def test_tells_the_first_refusal_of_each_day(self) -> None:
        calendar = Calendar()
        books = accounts(calendar, tokens=1)
        assert [books.refuse(), books.refuse()] == [True, False]
        calendar.day = day_word(1)
        assert books.refuse()


def test_the_report_has_today_and_the_calendar_month() -> None:
    calendar = Calendar("2026-10-31")
    books = accounts(calendar, tokens=1000)
    books.add(Day(prompt_tokens=500))
    calendar.day = "2026-11-01"
    books.add(audio(sent_s=1.0))
    calendar.day = "2026-11-02"
    books.add(audio(sent_s=2.0, received_s=0.5) + Day(sent_bytes=1, prompt_tokens=7, response_tokens=3))
    report = books.report()
    assert report["today"] == {
        "day": "2026-11-02",
        "sent_s": 2.0,
        "received_s": 0.5,
        "prompt_tokens": 7,
        "response_tokens": 3,
        "refused": 0,
        "eager_ends": 0,
        "eager_wasted": 0,
        "eager_wasted_s": 0.0,
    }
    assert report["this_month"]["sent_s"] == 3.0
    assert report["this_month"]["prompt_tokens"] == 7
    assert report["budget"] == "10 of 1000 tokens used"


def test_what_was_asked_for_too_early_is_told_as_audio_of_both_directions() -> None:
    wasted = Day(eager_ends=2, eager_wasted=1, again_bytes=MIC_FORMAT.bytes(1.5))
    words = (wasted + Day(eager_ends=1, unheard_bytes=SPEAKER_FORMAT.bytes(0.5))).as_words()
    assert (words["eager_ends"], words["eager_wasted"], words["eager_wasted_s"]) == (3, 1, 2.0)


class TestTheFile:
    def test_comes_back_as_it_was_kept(self) -> None:
        calendar = Calendar(UNSET)
        books = accounts(calendar)
        books.add(Day(sent_bytes=1, received_bytes=2, prompt_tokens=3, response_tokens=4, refused=5))
        calendar.day = day_word(0)
        books.add(audio(sent_s=1.0))
        assert read_days(json.loads(json.dumps(books.as_dict()))) == books.days

    def test_may_know_more_or_less_than_this_version(self) -> None:
        data = {"version": 9, "days": {day_word(0): {"sent_bytes": 5, "video_frames": 7}}}
        assert read_days(data) == {day_word(0): Day(sent_bytes=5)}

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {},
            {"days": []},
            {"days": {"yesterday": {"sent_bytes": 1}}},
            {"days": {"20261121": {"sent_bytes": 1}}},
            {"days": {day_word(0): 5}},
            {"days": {day_word(0): {}}},
            {"days": {day_word(0): {"sent_bytes": -1}}},
            {"days": {day_word(0): {"sent_bytes": 1.5}}},
            {"days": {day_word(0): {"sent_bytes": True}}},
            {"days": {day_word(0): {"sent_bytes": None}}},
        ],
    )
    def test_that_is_something_else_is_refused(self, data: Any) -> None:
        with pytest.raises(ValueError, match=r"."):
            read_days(data)
