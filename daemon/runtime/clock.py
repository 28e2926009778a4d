"""Whether the wall clock has been set. Pure."""

from __future__ import annotations

CLOCK_SET_S = 1_767_225_600.0
"""1 January 2026, UTC; this program is younger. A Raspberry Pi has no clock of its own before the Pi 5, and
starts from 1970 or from when it was last on."""


CALENDAR_END_S = 7_258_118_400.0
"""1 January 2200, UTC: a clock that shows more has lost its battery. Dates end with the year 9999."""


def clock_is_set(wall_s: float) -> bool:
    """Whether a wall clock that shows this (seconds since the epoch) can be right.

    While it cannot, no certificate can be checked, no alarm is due, and no day has a budget.
    """
    return CLOCK_SET_S <= wall_s < CALENDAR_END_S
