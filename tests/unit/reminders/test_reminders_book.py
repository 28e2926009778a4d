"""The book as its user changes it: bounds, names, days, snoozing; in words, and as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from reminder_world import SATURDAY_S, Zone, utc

from daemon.reminders.advance import advance, next_due_s
from daemon.reminders.book import (
    MAX_ENTRIES,
    MAX_NAME,
    MAX_PAST,
    Book,
    Ending,
    EntryKind,
    Refused,
    Rules,
    add_alarm,
    add_timer,
    cancel,
    silence,
    snooze,
    tell,
)
from daemon.reminders.local_time import Moment
from daemon.reminders.phrases import duration_words, listing, weekday_words
from daemon.reminders.record import LIMIT_BYTES, book_from, content_of
from daemon.reminders.requests import (
    find,
    parse_day,
    parse_duration,
    parse_time,
    parse_weekdays,
    parse_when,
)

NOW = Moment(SATURDAY_S, 5000.0, "boot")
UNSET = Moment(100.0, 5000.0, "boot")
BERLIN = Zone("Europe/Berlin")
WORKDAYS = (0, 1, 2, 3, 4)


def later(seconds: float, now: Moment = NOW) -> Moment:
    return replace(now, wall_s=now.wall_s + seconds, steady_s=now.steady_s + seconds)


def timers(*names: str, duration_s: float = 60.0) -> Book:
    book = Book()
    for name in names:
        book, _ = add_timer(book, duration_s, name, NOW)
    return book


def after(book: Book, seconds: float) -> Book:
    return advance(book, later(seconds), utc, Rules())


# --- changing it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration_s", [0.5, 0.0, -1.0, 700_000.0, float("nan"), float("inf")])
def test_a_timer_of_no_sensible_length_is_refused(duration_s: float) -> None:
    with pytest.raises(Refused, match="1 second to 7 days"):
        add_timer(Book(), duration_s, "", NOW)


def test_one_more_than_the_book_holds_is_refused_and_a_cancelled_one_makes_room() -> None:
    book = timers(*map(str, range(MAX_ENTRIES)))
    with pytest.raises(Refused, match=r"200 timers.*cancel some first"):
        add_timer(book, 60.0, "one more", NOW)
    book, timer = add_timer(cancel(book, {7}), 60.0, "one more", NOW)
    assert (book.size, timer.id) == (MAX_ENTRIES, MAX_ENTRIES + 1)


def test_a_name_is_one_line_of_bounded_length() -> None:
    _, timer = add_timer(Book(), 60.0, "  green\n\ttea\x1b[2J ", NOW)
    assert timer.name == "green tea [2J"
    with pytest.raises(Refused, match="too long: 101 characters of at most 100"):
        add_timer(Book(), 60.0, "x" * (MAX_NAME + 1), NOW)


def test_an_alarm_needs_a_clock_and_a_timer_does_not() -> None:
    with pytest.raises(Refused, match="clock of this device is not set"):
        add_alarm(Book(), time(7), UNSET, utc)
    book, _ = add_timer(Book(), 60.0, "tea", UNSET)
    assert next_due_s(book, UNSET, utc, Rules()) == 60.0


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        (date(2026, 11, 20), "has passed"),
        (date(2026, 11, 21), "has passed"),
        (date(2030, 1, 1), "too far"),
        (date.max, "too far"),
        (date.min, "has passed"),
    ],
)
def test_an_alarm_in_the_past_or_years_ahead_is_refused(day: date, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        add_alarm(Book(), time(7), NOW, utc, day=day)


def test_what_is_over_is_remembered_up_to_a_bound_the_newest_first_to_be_kept() -> None:
    book = timers(*map(str, range(30)))
    book = silence(after(book, 60), later(60))
    assert [past.name for past in book.past] == [str(number) for number in range(30 - MAX_PAST, 30)]


def test_telling_makes_what_was_missed_known() -> None:
    book = after(timers("tea"), 3600)
    assert book.untold
    assert not tell(book).untold


class TestSnoozing:
    def test_what_rings_rings_again_later(self) -> None:
        book, (timer,) = snooze(after(timers("tea"), 60), 600.0, later(70))
        assert (book.ringing, book.past) == ((), ())
        assert after(book, 669).ringing == ()
        assert [one.name for one in after(book, 670).ringing] == [timer.name]

    def test_an_alarm_keeps_its_days_and_its_kind(self) -> None:
        book, _ = add_alarm(Book(), time(12, 1), NOW, utc, name="up", weekdays=tuple(range(7)))
        book, (timer,) = snooze(after(book, 60), 600.0, later(70))
        assert (timer.kind, timer.name, len(book.entries)) == (EntryKind.ALARM, "up", 2)

    def test_what_was_silenced_last_can_be_snoozed_for_ten_minutes(self) -> None:
        book = silence(after(timers("tea", "eggs"), 60), later(60))
        again, both = snooze(book, 300.0, later(60 + 599))
        assert {timer.name for timer in both} == {"tea", "eggs"}
        assert again.past == ()
        with pytest.raises(Refused, match="nothing rings now"):
            snooze(book, 300.0, later(60 + 601))

    def test_a_snoozed_thing_cannot_be_snoozed_twice(self) -> None:
        book, _ = snooze(silence(after(timers("tea"), 60), later(60)), 300.0, later(70))
        with pytest.raises(Refused):
            snooze(book, 300.0, later(80))


def test_cancelling_what_rings_stops_it() -> None:
    book = after(timers("tea", "eggs"), 60)
    assert [one.name for one in cancel(book, {1}).ringing] == ["eggs"]


# --- which one --------------------------------------------------------------------------------------


def found(book: Book, which: str) -> list[str]:
    return [one.name for one in find(book, which, NOW, utc)]


def test_one_is_found_by_number_name_part_of_a_name_or_kind() -> None:
    book = timers("green tea", "eggs")
    book, _ = add_alarm(book, time(7), NOW, utc, name="work")
    assert found(book, "2") == ["eggs"]
    assert found(book, "Green Tea") == ["green tea"]
    assert found(book, "tea") == ["green tea"]
    assert found(book, "alarm") == ["work"]
    assert found(book, "all") == ["green tea", "eggs", "work"]


def test_a_whole_name_goes_before_a_part_of_another() -> None:
    assert found(timers("tea", "green tea"), "tea") == ["tea"]


def test_what_may_be_several_is_refused_with_the_choices() -> None:
    with pytest.raises(Refused, match=r'"tea" may be any of these: 1, timer “tea”: .*; 2, timer “tea”: .*'):
        find(timers("tea", "tea"), "tea", NOW, utc)


def test_what_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(Refused, match='there is none called "pizza"; there are: 1, timer “tea”'):
        find(timers("tea"), "pizza", NOW, utc)
    with pytest.raises(Refused, match="there are no timers"):
        find(Book(), "pizza", NOW, utc)


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (60, "1 minute"),
        (3725, "1 hour 2 minutes 5 seconds"),
        (7200, "2 hours"),
        (0, "0 seconds"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_weekdays_in_words() -> None:
    words = [weekday_words(days) for days in ((0,), (0, 2, 4), WORKDAYS, tuple(range(7)))]
    assert words == ["Monday", "Monday, Wednesday and Friday", "Monday to Friday", "every day"]


def test_the_book_is_listed_with_exact_local_times_the_nearest_first() -> None:
    book = timers("tea", duration_s=600)
    book, _ = add_timer(book, 90, "", NOW)
    book, _ = add_alarm(book, time(7, 30), NOW, BERLIN, name="work", weekdays=WORKDAYS)
    book, _ = add_alarm(book, time(14, 0), NOW, BERLIN)
    book, _ = add_alarm(
        book, time(9, 0), NOW, BERLIN, kind=EntryKind.REMINDER, name="call Ann", day=date(2027, 1, 2)
    )
    assert list(listing(book, NOW, BERLIN)) == [
        "2: timer of 1 minute 30 seconds: 1 minute 30 seconds left, rings today at 13:01:30",
        "1: timer “tea”: 10 minutes left, rings today at 13:10",
        "4: alarm: rings today at 14:00",
        "3: alarm “work”, Monday to Friday at 07:30: rings next on Monday 23 November at 07:30",
        "5: reminder “call Ann”: rings on Saturday 2 January 2027 at 09:00",
    ]


def test_what_rings_and_what_is_over_is_listed_too() -> None:
    book = silence(after(timers("tea"), 60), later(60))
    book, _ = add_timer(book, 30, "eggs", later(60))
    book = after(book, 90)
    assert list(listing(book, later(100), BERLIN)) == [
        "2: timer “eggs”: rings now",
        "timer “tea”: rang today at 13:01",
    ]


def test_an_alarm_whose_time_is_skipped_tells_when_it_really_rings() -> None:
    before_summer = Moment(1_805_976_000.0, 1.0)  # 25 March 2027, 12:00 UTC
    book, _ = add_alarm(Book(), time(2, 30), before_summer, BERLIN, day=date(2027, 3, 28))
    assert list(listing(book, before_summer, BERLIN)) == ["1: alarm: rings on Sunday 28 March at 03:00"]


def test_without_a_clock_nothing_is_said_of_local_times() -> None:
    book = timers("tea")
    book, _ = add_alarm(book, time(7), NOW, utc, weekdays=(0,))
    assert list(listing(book, UNSET, utc)) == [
        "1: timer “tea”: 1 minute left",
        "2: alarm, Monday at 07:00: waits until the clock is set",
    ]


# --- requests ---------------------------------------------------------------------------------------


def test_times_days_and_durations_are_read() -> None:
    assert parse_time(" 7:30 ") == time(7, 30)
    assert (
        parse_when("2026-12-24 18:05") == parse_when("2026-12-24T18:05") == (date(2026, 12, 24), time(18, 5))
    )
    assert parse_when("18:05") == (None, time(18, 5))
    assert parse_weekdays(["Friday", "mon", "weekend"]) == (0, 4, 5, 6)
    assert parse_duration("1h 30M 5s") == 5405.0
    assert parse_day(" ") is None


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_time, "25:00"), (parse_time, "7"), (parse_time, "07:60"), (parse_time, ""),
        (parse_when, "tomorrow 18:00"), (parse_when, "a b c"), (parse_when, ""),
        (parse_day, "24.12.2026"), (parse_day, "2026-02-30"),
        (parse_duration, "10"), (parse_duration, "ten minutes"), (parse_duration, ""),
        (parse_duration, "1.5h"),
        (lambda word: parse_weekdays([word]), "someday"), (lambda word: parse_weekdays([word]), ""),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_an_example(parse: Any, text: str) -> None:
    with pytest.raises(Refused, match=r"write it like|there are mon"):
        parse(text)


# --- the file ---------------------------------------------------------------------------------------


def reread(book: Book, now: Moment = NOW, then: Moment = NOW) -> Book:
    return book_from(json.loads(json.dumps(content_of(book, now))), then)


def full_of_everything() -> Book:
    book = after(timers("tea", "eggs"), 3600)  # both missed
    book, _ = add_timer(book, 60, "soup", NOW)
    book = silence(advance(book, later(60), utc, Rules()), later(60))
    book, _ = add_alarm(book, time(7, 30), NOW, utc, name="work", weekdays=WORKDAYS)
    book, _ = add_alarm(
        book, time(7, 45), NOW, utc, kind=EntryKind.REMINDER, name="Zoë", day=date(2026, 12, 1)
    )
    book = after(book, 3 * 86_400)  # the alarm was missed, and may wait again
    return add_timer(book, 600, "", NOW)[0]


def test_a_book_comes_back_as_it_was() -> None:
    book = full_of_everything()
    assert {past.fate for past in book.past} == {Ending.MISSED, Ending.SILENCED}
    assert reread(book) == book


def test_what_rings_while_it_is_saved_is_due_again() -> None:
    book = reread(after(timers("tea"), 60), later(61), later(62))
    assert [one.name for one in advance(book, later(62), utc, Rules()).ringing] == ["tea"]


def test_the_fullest_book_that_there_can_be_is_shorter_than_what_is_read() -> None:
    book = Book()
    for number in range(MAX_ENTRIES):
        at = time(number % 24, number % 60)
        book, _ = add_alarm(book, at, NOW, utc, name="😀" * MAX_NAME, weekdays=tuple(range(7)))
    for day in (1, 2):  # all of them ring, and then all ring again, so that the past is full too
        book = silence(book, later(day * 86_400))
        book = advance(book, later(day * 86_400), utc, Rules(grace_s=2e5))
    assert (len(book.entries), len(book.ringing), len(book.past)) == (MAX_ENTRIES, MAX_ENTRIES, MAX_PAST)
    size_bytes = len(json.dumps(content_of(book, later(2 * 86_400)), indent=1))
    assert 500_000 < size_bytes < LIMIT_BYTES


def damaged() -> list[Any]:
    good = json.loads(json.dumps(content_of(full_of_everything(), NOW)))
    alarm, timer = good["entries"][0], good["entries"][-1]
    return [
        None, [], {}, "", 1, {"version": 1},
        good | {"version": 2},
        good | {"entries": 5},
        good | {"entries": [timer, timer]},
        good | {"entries": [timer | {"due_s": "nan"}]},
        good | {"entries": [timer | {"due_s": None}]},
        good | {"entries": [timer | {"kind": "bomb"}]},
        good | {"entries": [{}]},
        good | {"entries": [alarm | {"weekdays": [7]}]},
        good | {"entries": [alarm | {"weekdays": []}]},
        good | {"entries": [alarm | {"at": "07:30+01:00"}]},
        good | {"entries": [alarm | {"at": "7 o'clock"}]},
        good | {"past": [{}]},
        good | {"clocks": {"wall_s": 1.0}},
        good | {"next_id": "many"},
    ]  # fmt: skip


@pytest.mark.parametrize("data", damaged())
def test_a_file_that_holds_no_book_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"hold|number|alarm|version|valid|Invalid"):
        book_from(data, NOW)


def test_numbers_are_not_given_twice_after_a_restart() -> None:
    book = reread(timers("tea", "eggs"))
    assert add_timer(book, 60.0, "soup", NOW)[1].id == 3
