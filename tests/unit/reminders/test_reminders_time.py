"""Timers and alarms over restarts, power cuts, clocks that are set, and daylight saving: each rings once."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reminder_world import SATURDAY_S, World, Zone

from daemon.reminders.book import Alarm, EntryKind, add_alarm, add_timer
from daemon.reminders.local_time import EPOCH, instant

HOUR_S, DAY_S = 3600.0, 86_400.0
EVERY_DAY = tuple(range(7))

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
CHANGES = {
    # a day before which summer time begins, and ends
    "Europe/Berlin": (date(2027, 3, 28), date(2027, 10, 31)),
    "America/New_York": (date(2027, 3, 14), date(2027, 11, 7)),
    "Australia/Lord_Howe": (date(2027, 10, 3), date(2027, 4, 4)),  # by half an hour
}


def noon_s(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def put_timer(world: World, duration_s: float, name: str) -> None:
    world.book, _ = add_timer(world.book, duration_s, name, world.now)


def put_alarm(world: World, at: time, name: str = "alarm", weekdays: tuple[int, ...] = EVERY_DAY) -> None:
    world.book, _ = add_alarm(world.book, at, world.now, world.offset, name=name, weekdays=weekdays)


# --- local times ------------------------------------------------------------------------------------


@cache
def latest_shown(zone: str, year: int) -> tuple[float, list[float]]:
    """When a year begins in UTC, and for each of its minutes the latest local time until then."""
    begin_s, shown_at = datetime(year, 1, 1, tzinfo=UTC).timestamp(), Zone(zone)
    minutes = (begin_s + 60 * minute for minute in range(366 * 1440))
    return begin_s, list(accumulate((at_s + shown_at(at_s) for at_s in minutes), max))


def first_minute(when: datetime, zone: str) -> float:
    """The oracle: of all the minutes of the year, the first whose local time is not before `when`."""
    begin_s, shown = latest_shown(zone, when.year)
    return begin_s + 60 * bisect_left(shown, (when - EPOCH).total_seconds())


@pytest.mark.parametrize("zone", ZONES)
def test_a_local_time_is_the_first_minute_that_is_not_before_it(zone: str) -> None:
    midnights = [datetime(day.year, day.month, day.day) for day in CHANGES[zone]]  # noqa: DTZ001 - local
    for midnight, shift, minutes in product(midnights, (-1, 0, 1), range(0, 240, 15)):
        when = midnight + timedelta(days=shift, minutes=minutes)
        assert instant(when, Zone(zone)) == first_minute(when, zone), when


def test_a_time_that_does_not_exist_is_the_next_minute_that_does() -> None:
    berlin = Zone("Europe/Berlin")
    at_s = instant(datetime(2027, 3, 28, 2, 30), berlin)  # noqa: DTZ001 - local
    assert World(berlin).local(at_s) == datetime(2027, 3, 28, 3, 0)  # noqa: DTZ001 - local


def test_a_time_that_exists_twice_is_its_first() -> None:
    berlin = Zone("Europe/Berlin")
    at_s = instant(datetime(2027, 10, 31, 2, 30), berlin)  # noqa: DTZ001 - local
    assert World(berlin).local(at_s) == World(berlin).local(at_s + HOUR_S)


@given(
    zone=st.sampled_from(ZONES),
    summer=st.booleans(),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda chosen: tuple(sorted(chosen))),
)
@example(zone="Europe/Berlin", summer=True, at=time(2, 30), weekdays=EVERY_DAY)
@example(zone="Europe/Berlin", summer=False, at=time(2, 30), weekdays=EVERY_DAY)
@example(zone="Australia/Lord_Howe", summer=True, at=time(2, 15), weekdays=EVERY_DAY)
@example(zone="Australia/Lord_Howe", summer=False, at=time(1, 45), weekdays=EVERY_DAY)
@settings(max_examples=100)
def test_a_repeated_alarm_rings_once_on_each_of_its_days_over_daylight_saving(
    zone: str, summer: bool, at: time, weekdays: tuple[int, ...]
) -> None:
    change = CHANGES[zone][0 if summer else 1]
    world = World(Zone(zone), true_s=noon_s(change) - 9 * DAY_S)
    begin = world.true_s
    put_alarm(world, at, weekdays=weekdays)
    world.run(18 * DAY_S)
    first = world.local(begin).date()
    due = [first_minute(datetime.combine(first + timedelta(days=ahead), at), zone) for ahead in range(20)]
    chosen = [
        at_s
        for ahead, at_s in enumerate(due)
        if (first + timedelta(days=ahead)).weekday() in weekdays and begin < at_s <= world.true_s
    ]
    assert [at_s for _, at_s in world.rings] == pytest.approx(chosen, abs=0.01)


# --- timers -----------------------------------------------------------------------------------------


@given(
    durations=st.lists(st.floats(1, 5 * HOUR_S), min_size=1, max_size=30),
    errors=st.lists(st.floats(-400 * DAY_S, 400 * DAY_S), max_size=4),
)
@settings(max_examples=60)
def test_setting_the_wall_clock_neither_delays_nor_hastens_a_timer(
    durations: list[float], errors: list[float]
) -> None:
    world = World(true_s=SATURDAY_S + 500 * DAY_S)
    begin = world.true_s
    for number, duration_s in enumerate(durations):
        put_timer(world, duration_s, str(number))
    world.look()
    for error_s in errors:
        world.run(HOUR_S)
        world.set_clock(error_s)
    world.run(6 * HOUR_S)
    assert Counter(name for name, _ in world.rings) == Counter(map(str, range(len(durations))))
    for name, at_s in world.rings:
        assert 0 <= at_s - (begin + durations[int(name)]) <= 30.01
    assert [at_s for _, at_s in world.rings] == sorted(at_s for _, at_s in world.rings)


def test_two_hundred_timers_ring_in_their_order() -> None:
    world = World()
    durations = [1.0 + (number * 7919 % 200) * 13.7 for number in range(200)]
    for number, duration_s in enumerate(durations):
        put_timer(world, duration_s, str(number))
    world.run(HOUR_S)
    in_order = sorted(range(200), key=lambda number: durations[number])
    assert [int(name) for name, _ in world.rings] == in_order
    assert world.book.entries == ()


STOPS = st.one_of(
    st.tuples(st.just("run"), st.floats(0, 3 * HOUR_S)),
    st.tuples(st.just("restart"), st.floats(0, 3 * HOUR_S)),
    st.tuples(st.just("power cut"), st.floats(1, 3 * HOUR_S)),
    st.tuples(st.just("unset"), st.floats(1, 3 * HOUR_S)),
    st.tuples(st.just("stale"), st.floats(1, 3 * HOUR_S)),
    st.tuples(st.just("time arrives"), st.just(0.0)),
)


def go_through(world: World, stops: list[tuple[str, float]]) -> None:
    for what, seconds in stops:
        match what:
            case "run":
                world.run(seconds)
            case "restart":
                world.restart(seconds)
            case "power cut":
                world.power_cut(seconds)
            case "unset":
                world.power_cut(seconds, clock_known=False)
            case "stale":
                world.power_cut(seconds, behind_s=2 * seconds)
            case "time arrives":
                world.set_clock(0.0)


@given(
    durations=st.lists(st.floats(1, 5 * HOUR_S), min_size=1, max_size=20), stops=st.lists(STOPS, max_size=8)
)
@settings(max_examples=150)
def test_over_restarts_and_power_cuts_a_timer_rings_once_and_never_early_or_is_missed_once(
    durations: list[float], stops: list[tuple[str, float]]
) -> None:
    world = World()
    begin = world.true_s
    for number, duration_s in enumerate(durations):
        put_timer(world, duration_s, str(number))
    world.look()
    go_through(world, stops)
    world.set_clock(0.0)
    world.run(8 * HOUR_S)
    ended = Counter([*(name for name, _ in world.rings), *world.missed()])
    assert ended == Counter(map(str, range(len(durations))))
    for name, at_s in world.rings:
        assert at_s - (begin + durations[int(name)]) >= -0.01
    assert world.book.entries == ()


@given(off_s=st.floats(1, 3 * HOUR_S), left_s=st.floats(1, 3 * HOUR_S))
def test_after_a_power_cut_with_a_right_clock_a_timer_is_in_time_late_by_the_grace_or_missed(
    off_s: float, left_s: float
) -> None:
    world = World()
    put_timer(world, left_s, "tea")
    due_s = world.true_s + left_s
    world.power_cut(off_s)
    world.run(6 * HOUR_S)
    late_s = max(0.0, off_s - left_s)
    if late_s > world.rules.grace_s:
        assert (world.rings, world.missed()) == ([], ["tea"])
        assert world.book.untold
    else:
        assert [name for name, _ in world.rings] == ["tea"]
        assert world.rings[0][1] == pytest.approx(due_s + late_s, abs=0.01)


def test_a_timer_set_while_the_clock_was_unset_goes_on_with_what_was_left_of_it() -> None:
    world = World()
    world.power_cut(10.0, clock_known=False)
    put_timer(world, 600.0, "tea")
    world.run(100.0)
    world.power_cut(50.0)
    world.run(HOUR_S)
    assert [name for name, _ in world.rings] == ["tea"]
    assert world.rings[0][1] == pytest.approx(SATURDAY_S + 10 + 600 + 50, abs=0.01)


def test_a_clock_that_is_behind_after_a_power_cut_keeps_a_timer_no_longer_than_what_was_left_of_it() -> None:
    """As a machine without a clock of its own starts from when it last wrote down the time."""
    world = World()
    put_timer(world, 600.0, "tea")
    world.run(100.0)
    world.power_cut(50.0, behind_s=3 * HOUR_S)
    world.run(HOUR_S)
    assert [name for name, _ in world.rings] == ["tea"]
    assert world.rings[0][1] == pytest.approx(SATURDAY_S + 600 + 50, abs=0.01)


def test_a_clock_that_is_set_back_some_time_after_a_power_cut_does_not_delay_a_timer() -> None:
    world = World()
    put_timer(world, 600.0, "tea")
    world.power_cut(300.0)
    world.set_clock(-3 * HOUR_S)
    world.run(HOUR_S)
    assert [name for name, _ in world.rings] == ["tea"]
    assert world.rings[0][1] == pytest.approx(SATURDAY_S + 600, abs=0.01)


# --- alarms and wrong clocks ------------------------------------------------------------------------


@given(
    errors=st.lists(st.tuples(st.floats(0, 30 * HOUR_S), st.floats(-HOUR_S, HOUR_S)), min_size=1, max_size=6),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=100)
def test_a_clock_that_is_set_by_up_to_an_hour_neither_loses_nor_doubles_an_alarm(
    errors: list[tuple[float, float]], at: time, zone: str
) -> None:
    """Each day has just one ringing, or one miss that stays; both would be one too many."""
    world = World(Zone(zone))
    put_alarm(world, at)
    first = world.local(world.true_s).date()
    for run_s, error_s in errors:
        world.run(run_s)
        world.set_clock(error_s)
    world.set_clock(0.0)
    world.run(3 * DAY_S)
    days = Counter(_day_of(world, at_s, at) for _, at_s in world.rings)
    days += Counter(
        world.local(past.at_wall_s).date()
        for past in world.book.past
        if past.name == "alarm" and past.entry is not None and past.at_wall_s is not None
    )
    ahead = (first + timedelta(days=count) for count in range(15))
    due = {day: instant(datetime.combine(day, at), world.offset) for day in ahead}
    assert days == Counter(day for day, at_s in due.items() if SATURDAY_S < at_s <= world.true_s)


def _day_of(world: World, at_s: float, at: time) -> date:
    """The day whose alarm this was: the nearest, for the clock was off by an hour at most."""
    days = [world.local(at_s).date() + timedelta(days=shift) for shift in (-1, 0, 1)]
    return min(days, key=lambda day: abs(instant(datetime.combine(day, at), world.offset) - at_s))


@given(
    error_s=st.floats(-3000 * DAY_S, 3000 * DAY_S),
    wrong_for_s=st.floats(60, 2 * DAY_S),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
@settings(max_examples=100)
def test_whatever_a_clock_was_set_to_once_it_is_right_each_day_rings_once(
    error_s: float, wrong_for_s: float, at: time
) -> None:
    world = World(true_s=SATURDAY_S + 4000 * DAY_S)
    put_alarm(world, at)
    world.run(HOUR_S)
    world.set_clock(error_s)
    world.run(wrong_for_s)
    world.set_clock(0.0)
    right_since_s = world.true_s
    world.run(4 * DAY_S)
    after = [at_s for _, at_s in world.rings if at_s > right_since_s + 2.5 * HOUR_S]
    assert all(world.local(at_s).time().replace(second=0, microsecond=0) == at for at_s in after)
    assert len(after) in (3, 4)
    assert all(abs(later - earlier - DAY_S) < 1 for earlier, later in pairwise(after))


@given(error_s=st.floats(3 * HOUR_S, 900 * DAY_S), ahead_s=st.floats(HOUR_S, 20 * HOUR_S))
def test_an_alarm_that_a_wrong_clock_counted_as_missed_waits_again_when_the_clock_is_right(
    error_s: float, ahead_s: float
) -> None:
    world = World()
    at = world.local(world.true_s + ahead_s).time().replace(second=0, microsecond=0)
    world.book, alarm = add_alarm(world.book, at, world.now, world.offset, name="once")
    world.set_clock(error_s)
    world.run(60.0)
    was_missed = world.missed() == ["once"]
    world.set_clock(0.0)
    world.run(2 * DAY_S)
    assert len(world.rings) == 1
    assert world.missed() == []
    assert alarm.day is not None
    if was_missed:
        assert world.local(world.rings[0][1]) == datetime.combine(alarm.day, at)


def test_nothing_rings_by_a_clock_that_is_not_set() -> None:
    world = World()
    put_alarm(world, time(0, 5))
    world.power_cut(10.0, clock_known=False)
    world.run(3 * DAY_S)
    assert world.rings == []
    world.set_clock(0.0)
    world.run(DAY_S)
    assert len(world.rings) == 1


def test_a_restart_without_a_clock_does_not_forget_that_an_alarm_has_rung() -> None:
    world = World()
    put_alarm(world, time(13, 0))
    world.run(HOUR_S + 60)
    world.power_cut(60.0, clock_known=False)
    world.run(60.0)
    world.set_clock(0.0)
    assert (len(world.rings), world.missed()) == (1, [])


def test_after_a_week_without_power_a_daily_alarm_is_missed_once_and_rings_the_next_day() -> None:
    world = World()
    put_alarm(world, time(7, 30))
    world.power_cut(7 * DAY_S)
    assert world.missed() == ["alarm"]
    world.run(DAY_S)
    assert len(world.rings) == 1


@pytest.mark.parametrize("step_s", [-HOUR_S, -60.0, 60.0])
def test_a_clock_that_is_set_a_little_just_after_an_alarm_rings_it_no_second_time(step_s: float) -> None:
    world = World()
    put_alarm(world, time(13, 0))
    world.run(HOUR_S + 30)
    world.set_clock(step_s)
    world.run(3 * HOUR_S)
    assert len(world.rings) == 1


def test_an_alarm_that_rings_when_the_power_fails_rings_again() -> None:
    world = World(answered=False)
    put_timer(world, 60.0, "tea")
    world.run(90.0)
    world.power_cut(100.0)
    assert [name for name, _ in world.rings] == ["tea", "tea"]
    world.answered = True
    world.look()
    world.restart()
    assert (world.book.ringing, world.missed(), len(world.rings)) == ((), [], 2)


def test_what_nobody_stops_gives_up_and_is_told() -> None:
    world = World(answered=False)
    put_timer(world, 60.0, "tea")
    world.run(60.0 + world.rules.ring_s - 1)
    assert [one.name for one in world.book.ringing] == ["tea"]
    world.run(1.0)
    assert world.book.ringing == ()
    assert world.book.untold


def test_a_zone_that_changes_moves_an_alarm_with_it() -> None:
    world = World(Zone("Europe/Berlin"))
    put_alarm(world, time(7, 30))
    world.offset = Zone("America/New_York")
    world.run(DAY_S)
    assert [world.local(at_s).time() for _, at_s in world.rings] == [time(7, 30)]


def test_an_alarm_once_is_the_next_such_time() -> None:
    world = World()
    for at in (time(11, 59), time(12, 1)):
        world.book, _ = add_alarm(world.book, at, world.now, world.offset, kind=EntryKind.ALARM)
    tomorrow, today = (entry for entry in world.book.entries if isinstance(entry, Alarm))
    assert (tomorrow.day, today.day) == (date(2026, 11, 22), date(2026, 11, 21))
