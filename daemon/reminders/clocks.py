"""The machine's clocks, read anew at each call. Any thread; reading takes microseconds."""

from __future__ import annotations

import time
from pathlib import Path

from daemon.reminders.local_time import Moment

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""A number that the kernel draws at each start (random(4))."""


class Clocks:
    """Reads the clocks. `CLOCK_BOOTTIME` goes on while the machine sleeps, and is never set (time(7))."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        self._boot = _read_line(boot_id)

    def __call__(self) -> Moment:
        """This moment."""
        return Moment(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), self._boot)


def _read_line(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
