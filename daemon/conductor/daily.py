"""How long people waited for the first sound, by calendar day: counts in buckets, for some weeks. Pure.

The buckets are those of `totals`, so a day is 13 numbers, however much was asked on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from daemon.conductor.accounts import Accounts, Day, checked_day, forget_far_days, no_calendar
from daemon.conductor.ledger import Mark, Turn
from daemon.conductor.totals import BOUNDS_S, bucket_of
from daemon.outside import whole_number

MOST_TURNS = 1_000_000
"""In one bucket of a day; a file that tells of more is not one of ours."""

Counts = list[int]
"""Turns in each bucket of `BOUNDS_S`, and last those above them all."""


class DailyTimes:
    """The first sounds of each day. Event loop only."""

    def __init__(
        self, today: Callable[[], str] = no_calendar, days: Mapping[str, Counts] | None = None
    ) -> None:
        """`today` gives the present day as "2026-11-21", or UNSET; `days` is what is known of old."""
        self._today = today
        self.days = {day: list(counts) for day, counts in (days or {}).items()}

    def add(self, line: Turn) -> None:
        """Count a turn of the ledger; one that was not answered by a sound is passed over."""
        waited_ms = line.between_ms(Mark.SPEECH_ENDED, Mark.FIRST_SAMPLE)
        if waited_ms is None:
            return
        day = self._today()
        self.days.setdefault(day, [0] * (len(BOUNDS_S) + 1))[bucket_of(waited_ms / 1000)] += 1
        forget_far_days(self.days, day)

    def as_dict(self) -> dict[str, Any]:
        """For the file, the oldest day first; `read_times` takes it back."""
        return {
            "bounds_s": list(BOUNDS_S),
            "days": {day: counts[:] for day, counts in sorted(self.days.items())},
        }


def read_times(data: Any) -> dict[str, Counts]:
    """What `as_dict` gave. Raises ValueError for whatever else, other buckets among it."""
    match data:
        case {"bounds_s": bounds, "days": dict(days)} if bounds == list(BOUNDS_S):
            return {checked_day(day): _read_counts(counts) for day, counts in days.items()}
    raise ValueError("there are no days with these buckets in it")


def _read_counts(counts: Any) -> Counts:
    if not isinstance(counts, list) or len(counts) != len(BOUNDS_S) + 1:
        raise ValueError("a day has one number for each bucket")
    return [whole_number(count, 0, MOST_TURNS) for count in counts]


def day_rows(accounts: Accounts, times: DailyTimes) -> list[dict[str, Any]]:
    """Each day that is known, the oldest first, one without a date last: what was used, and the waits."""
    days = sorted({*accounts.days, *times.days})
    return [
        {"day": day, **accounts.days.get(day, Day()).as_words(), **waits(times.days.get(day, []))}
        for day in days
    ]


def waits(counts: Counts) -> dict[str, Any]:
    """How many turns, and within what half and nine of ten of them sounded; None where there was none."""
    return {
        "turns": sum(counts),
        "median_ms": quantile_ms(counts, 0.5),
        "p90_ms": quantile_ms(counts, 0.9),
    }


def quantile_ms(counts: Counts, share: float) -> int | None:
    """About how long this share (0 to 1) waited at most: the turns of a bucket count as evenly spread in it.

    Above the last bound nothing is known but that bound.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    before, low_s = 0, 0.0
    for count, up_to, high_s in zip(counts, accumulate(counts), BOUNDS_S, strict=False):
        if up_to >= wanted:
            return round(1000 * (low_s + (high_s - low_s) * (wanted - before) / count))
        before, low_s = up_to, high_s
    return round(1000 * BOUNDS_S[-1])


class DayCommand:
    """The control command `days`."""

    def __init__(self, accounts: Accounts, times: DailyTimes) -> None:
        self._accounts = accounts
        self._times = times

    async def handle(self, _args: dict[str, Any]) -> dict[str, Any]:
        """All days that are known."""
        return {"days": day_rows(self._accounts, self._times)}
