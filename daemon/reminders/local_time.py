"""Local clock times and the instants at which they are, over daylight saving. Pure.

An *instant* is seconds since the epoch, as the system clock counts them. An `OffsetAt` tells how far ahead of
UTC local time is at an instant, so these functions need no time zone data and no clock of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from daemon.runtime.clock import clock_is_set

OffsetAt = Callable[[float], float]
"""Seconds by which local time is ahead of UTC at an instant."""

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are without a zone here; the zone is the OffsetAt

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the clocks."""

    wall_s: float
    """The system clock. It may be wrong, and it may be set, forward or back, at any time."""
    steady_s: float
    """Seconds since the machine was started, those in which it slept included. Never set, never back."""
    boot: str = ""
    """Which start of the machine that is; empty: unknown. `steady_s` compares within one only."""

    @property
    def clock_set(self) -> bool:
        """Whether the wall clock can be right."""
        return clock_is_set(self.wall_s)

    @property
    def lead_s(self) -> float:
        """The wall clock less the steady one: changes when the wall clock is set, and at no other time."""
        return self.wall_s - self.steady_s


def local(at_s: float, offset: OffsetAt) -> datetime:
    """What the local clock shows at an instant."""
    return EPOCH + timedelta(seconds=at_s + offset(at_s))


def instant(when: datetime, offset: OffsetAt) -> float:
    """The first instant at which the local clock shows `when`, or jumps over it.

    So a time that exists twice, when summer time ends, is taken once, the first time; and one that does not
    exist, when it begins, is the moment of the jump: the next minute that there is. At most one change of the
    offset within two days is provided for.
    """
    as_utc_s = (when - EPOCH).total_seconds()
    before_s, after_s = offset(as_utc_s - DAY_S), offset(as_utc_s + DAY_S)
    candidates = sorted({as_utc_s - before_s, as_utc_s - after_s})
    exact = [at_s for at_s in candidates if local(at_s, offset) == when]
    return exact[0] if exact else _jump(when, candidates[0], candidates[-1], offset)


def _jump(when: datetime, early_s: float, late_s: float, offset: OffsetAt) -> float:
    """The first whole second after `early_s` at which the local clock is past `when`; `late_s` is one."""
    while late_s - early_s > 1.0:
        middle_s = (early_s + late_s) // 2
        if local(middle_s, offset) < when:
            early_s = middle_s
        else:
            late_s = middle_s
    return late_s


def days_from(first: date, count: int) -> list[date]:
    """`count` days from `first` on; backward where it is negative, the nearest first."""
    step = 1 if count >= 0 else -1
    return [first + timedelta(days=step * index) for index in range(abs(count))]
