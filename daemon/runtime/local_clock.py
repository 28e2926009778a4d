"""The machine's local time of day. Any thread; reading takes microseconds."""

from __future__ import annotations

import time


def local_minute() -> int:
    """The minute of the local day, 0 to 1439."""
    now = time.localtime()
    return now.tm_hour * 60 + now.tm_min
