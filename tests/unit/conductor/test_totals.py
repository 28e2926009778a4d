"""Every turn that ends is counted once, by how it ended and by how long its user waited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.conductor.ledger import Mark, Turn
from daemon.conductor.totals import BOUNDS_S, DURATIONS, TurnTotals
from daemon.events import Trigger
from daemon.histogram import Histogram
from daemon.words import Outcome


def turn(outcome: Outcome | None = Outcome.ANSWERED, **at_s: float) -> Turn:
    """A turn by voice; `at_s` by the names of its marks."""
    marks = {Mark(name): moment for name, moment in at_s.items()}
    return Turn(1, Trigger.VOICE, online_at_start=True, marks=marks, outcome=outcome)


def counts(totals: TurnTotals, name: str) -> list[int]:
    found: list[int] = totals.report()["durations"][name]["counts"]
    return found


def test_a_turn_is_counted_by_its_outcome_and_its_trigger() -> None:
    totals = TurnTotals()
    totals.add(turn())
    totals.add(turn())
    totals.add(turn(Outcome.CUT))
    told = totals.report()["turns"]
    assert (told["answered"]["voice"], told["cut"]["voice"]) == (2, 1)
    assert sum(count for row in told.values() for count in row.values()) == 3


def test_what_never_came_is_told_as_zero() -> None:
    told = TurnTotals().report()
    assert set(told["turns"]) == {outcome.value for outcome in Outcome}
    assert all(set(row) == {trigger.value for trigger in Trigger} for row in told["turns"].values())
    assert set(told["durations"]) == set(DURATIONS)
    assert all(len(one["counts"]) == len(BOUNDS_S) + 1 for one in told["durations"].values())


def test_the_durations_are_those_of_the_ledger() -> None:
    totals = TurnTotals()
    totals.add(turn(triggered=10.0, first_sent=10.02, speech_ended=12.0, first_reply=12.6, first_sample=13.1))
    told = totals.report()["durations"]
    assert {name: one["sum_s"] for name, one in told.items()} == {
        "first_sent": 0.02,
        "first_reply": 0.6,
        "first_sound": 1.1,
    }
    assert counts(totals, "first_sent").index(1) == 0
    assert BOUNDS_S[counts(totals, "first_reply").index(1)] == 0.75


def test_a_turn_without_an_answer_has_no_duration_to_it() -> None:
    totals = TurnTotals()
    totals.add(turn(Outcome.CANCELLED, triggered=10.0, first_sent=10.2, over=15.0))
    assert [sum(counts(totals, name)) for name in ("first_sent", "first_reply", "first_sound")] == [1, 0, 0]


def test_a_turn_that_goes_on_is_not_counted() -> None:
    totals = TurnTotals()
    totals.add(turn(None, triggered=10.0, first_sent=10.2))
    assert totals.report() == TurnTotals().report()


@pytest.mark.parametrize(
    ("duration_s", "bucket"), [(0.0, 0), (0.1, 0), (0.1001, 1), (10.0, 11), (10.01, 12), (1e9, 12)]
)
def test_a_bound_belongs_to_its_bucket_and_the_last_has_none(duration_s: float, bucket: int) -> None:
    histogram = Histogram(BOUNDS_S)
    histogram.add(duration_s)
    assert histogram.report()["counts"].index(1) == bucket


@given(st.lists(st.floats(0, 1e6)))
def test_none_is_lost_and_none_counted_twice(durations_s: list[float]) -> None:
    histogram = Histogram(BOUNDS_S)
    for duration_s in durations_s:
        histogram.add(duration_s)
    told = histogram.report()
    for place, bound_s in enumerate(BOUNDS_S):
        assert sum(told["counts"][: place + 1]) == sum(one <= bound_s for one in durations_s)
    assert sum(told["counts"]) == len(durations_s)
    assert told["sum_s"] == pytest.approx(sum(durations_s), abs=1e-3)
