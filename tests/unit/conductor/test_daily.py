"""Each day's waits for the first sound: counted, kept for some weeks, and told with what was used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.conductor.accounts import HISTORY_DAYS, UNSET, Accounts, Day
from daemon.conductor.daily import DailyTimes, DayCommand, day_rows, quantile_ms, read_times
from daemon.conductor.ledger import Mark, Turn
from daemon.conductor.totals import BOUNDS_S
from daemon.events import Trigger

MONDAY = "2026-11-30"


def turn(waited_s: float | None) -> Turn:
    marks = {Mark.SPEECH_ENDED: 10.0} | ({} if waited_s is None else {Mark.FIRST_SAMPLE: 10.0 + waited_s})
    return Turn(1, Trigger.VOICE, online_at_start=True, marks=marks)


def times_of(*waited_s: float | None, day: str = MONDAY) -> DailyTimes:
    times = DailyTimes(lambda: day)
    for one_s in waited_s:
        times.add(turn(one_s))
    return times


def test_a_turn_counts_on_its_day_and_one_without_a_sound_does_not() -> None:
    times = times_of(0.6, 0.6, None, 20.0)
    assert {day: sum(counts) for day, counts in times.days.items()} == {MONDAY: 3}
    assert times.days[MONDAY][-1] == 1


def test_it_comes_back_from_its_file() -> None:
    times = times_of(0.6, 1.2)
    assert read_times(json.loads(json.dumps(times.as_dict()))) == times.days


def test_what_was_given_for_the_file_does_not_change_any_more() -> None:
    times = times_of(0.6)
    before = times.as_dict()
    times.add(turn(0.6))
    assert before != times.as_dict()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"days": {}},
        {"bounds_s": [1.0], "days": {}},
        {"bounds_s": list(BOUNDS_S), "days": {"yesterday": [0] * 13}},
        {"bounds_s": list(BOUNDS_S), "days": {MONDAY: [0] * 12}},
        {"bounds_s": list(BOUNDS_S), "days": {MONDAY: 13}},
        {"bounds_s": list(BOUNDS_S), "days": {MONDAY: [-1] * 13}},
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_times(data)


def test_of_too_many_days_the_farthest_goes() -> None:
    days = {f"2026-{month:02}-{day:02}": [0] * 13 for month in (9, 10) for day in range(1, 31)}
    times = DailyTimes(lambda: MONDAY, days)
    times.add(turn(0.6))
    assert (len(times.days), "2026-09-01" in times.days, MONDAY in times.days) == (HISTORY_DAYS, False, True)


def test_without_turns_there_is_no_quantile() -> None:
    assert quantile_ms([], 0.5) is None
    assert quantile_ms([0] * 13, 0.9) is None


def test_turns_count_as_evenly_spread_in_their_bucket() -> None:
    counts = times_of(0.6, 0.6, 0.6, 0.6).days[MONDAY]  # all between 0.5 and 0.75 s
    assert quantile_ms(counts, 0.5) == 625
    assert quantile_ms(counts, 1.0) == 750


def test_beyond_the_last_bound_only_that_is_known() -> None:
    assert quantile_ms(times_of(30.0).days[MONDAY], 0.5) == 10_000


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=50))
def test_a_greater_share_waited_no_less(waited_s: list[float]) -> None:
    counts = times_of(*waited_s).days[MONDAY]
    found_ms = [quantile_ms(counts, share / 10) or 0 for share in range(1, 11)]
    assert found_ms == sorted(found_ms)
    assert found_ms[-1] <= BOUNDS_S[-1] * 1000


def test_a_day_that_only_one_of_them_knows_is_told_too() -> None:
    accounts = Accounts(days={"2026-11-29": Day(prompt_tokens=7), UNSET: Day()})
    rows = day_rows(accounts, times_of(0.6))
    assert [row["day"] for row in rows] == ["2026-11-29", MONDAY, UNSET]
    assert (rows[0]["prompt_tokens"], rows[0]["turns"], rows[0]["median_ms"]) == (7, 0, None)
    assert (rows[1]["sent_s"], rows[1]["turns"], rows[1]["p90_ms"]) == (0.0, 1, 725)


async def test_the_command_tells_all_days() -> None:
    accounts, times = Accounts(), times_of(0.6)
    assert await DayCommand(accounts, times).handle({}) == {"days": day_rows(accounts, times)}
