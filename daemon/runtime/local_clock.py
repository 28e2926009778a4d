"""The machine's local time, and its time zone as it is now. Any thread; reading takes microseconds.

Alarms, the day of the usage and the hours of the night all ask here, so that they change their zone together.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")
"""The machine's time zone (localtime(5))."""


class LocalOffset:
    """The offset of local time from UTC, in seconds, at an instant.

    The file of the time zone is read again when it has changed: the C library, and with it `time.localtime`,
    would keep the zone that was in force when the process began. A zone in the environment variable TZ has
    precedence, as everywhere.
    """

    def __init__(self, path: Path = LOCALTIME) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._zone: ZoneInfo | None = None

    def __call__(self, at_s: float) -> float:
        """Seconds by which local time is ahead of UTC at an instant."""
        if self._zone is None:
            return float(time.localtime(at_s).tm_gmtoff)
        offset = datetime.fromtimestamp(at_s, UTC).astimezone(self._zone).utcoffset()
        return offset.total_seconds() if offset else 0.0

    def refresh(self) -> bool:
        """Look whether the zone has changed, and take the new one; returns whether it has."""
        seen = None if "TZ" in os.environ else _identity(self._path)
        if seen == self._seen:
            return False
        self._seen, self._zone = seen, _read_zone(self._path) if seen else None
        return True


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What changes when another file is put there, or another target."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _read_zone(path: Path) -> ZoneInfo | None:
    """The zone in the file; None for one that cannot be used: then the C library decides."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return None


LOCAL = LocalOffset()
"""The machine's own."""


def local_time(at_s: float | None = None, offset: LocalOffset = LOCAL) -> datetime:
    """An instant (None: now) as a clock on the wall shows it, in the zone that is in force now.

    Raises OverflowError or ValueError for an instant that no calendar has.
    """
    offset.refresh()
    wall_s = time.time() if at_s is None else at_s
    return datetime.fromtimestamp(wall_s, timezone(timedelta(seconds=offset(wall_s))))


def local_minute(offset: LocalOffset = LOCAL) -> int:
    """The minute of the local day, 0 to 1439."""
    now = local_time(None, offset)
    return now.hour * 60 + now.minute
