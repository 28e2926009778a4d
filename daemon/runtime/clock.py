"""Whether the wall clock has been set. Pure."""

from __future__ import annotations

CLOCK_SET_S = 1_767_225_600.0
"""1 January 2026, UTC; this program is younger. A Raspberry Pi has no clock of its own before the Pi 5, and
starts from 1970 or from when it was last on."""


def clock_is_set(wall_s: float) -> bool:
    """Whether a wall clock that shows this (seconds since the epoch) can be right.

    While it cannot, no certificate can be checked, no alarm is due, and no day has a budget.
    """
    return wall_s >= CLOCK_SET_S
