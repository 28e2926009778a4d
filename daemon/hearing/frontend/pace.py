"""A device's sample clock, seen through a thread that is sometimes late. Pure.

Whoever looks at a clock through such a thread sees it late, never early: of many looks the least late is the
right one. But sound servers hand over in periods of 10 ms, whose phase may stay the same for seconds and then
be another. So the samples themselves are the better clock, and what is seen only steers it, softly: an echo
path that slides by as much as two crystals differ is what every canceller can follow.
"""

from __future__ import annotations

from collections import deque
from math import inf

from hw.base import CHUNK_MS

CHUNK_S = CHUNK_MS / 1000

SOON_CHUNKS = 50
"""1 s: so long the least late of them tells where the clock is."""

LOST_S = 0.006
"""A clock that is so far away in three such seconds in a row, and stays there, has lost samples, or had a
silence
put in. A sound server's word may be wrong by its period for one of them."""

LOST_TWICE_S = CHUNK_S
"""What is farther away is believed at once."""

STEADY_S = 0.0015
"""So little the three differ."""

LONG_CHUNKS = 500
"""10 s: the time constant of the steering."""

DRIFT_SHARE = 0.3
"""Of what the clock is off after LONG_CHUNKS, taken for a lasting difference of the crystals."""

MAX_SLOPE = 250e-6
"""Two bad crystals differ by some 200 millionths."""


class Least:
    """The least of so many values, then of the next so many."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._left = self._count
        self._least = float("inf")

    def add(self, value: float) -> float | None:
        """Take a value; returns the least of them when there are enough, else None."""
        self._least = min(self._least, value)
        self._left -= 1
        if self._left:
            return None
        least = self._least
        self.forget()
        return least


class Follower:
    """By how much a timeline must be moved to stay with a clock."""

    def __init__(self) -> None:
        self._soon = Least(SOON_CHUNKS)
        self._long = Least(LONG_CHUNKS)
        self._last_soon: deque[float] = deque(maxlen=3)
        self._drift = 0.0
        self._slope = 0.0

    def forget(self) -> None:
        """The timeline begins anew. By how much the crystals differ stays known: they are the same."""
        self._soon.forget()
        self._long.forget()
        self._last_soon.clear()
        self._slope = self._drift

    def shift_s(self, late_s: float) -> float:
        """Take how late the next chunk was; returns what to add to the timeline for this chunk."""
        soon_s, long_s = self._soon.add(late_s), self._long.add(late_s)
        if soon_s is not None and self._has_lost(soon_s):
            self.forget()
            return soon_s
        if long_s is not None:
            off = long_s / (LONG_CHUNKS * CHUNK_S)
            self._drift = _limited(self._drift + DRIFT_SHARE * off)
            self._slope = _limited(self._drift + off)
        return self._slope * CHUNK_S

    def _has_lost(self, soon_s: float) -> bool:
        self._last_soon.append(soon_s)
        steady = len(self._last_soon) == 3 and max(self._last_soon) - min(self._last_soon) < STEADY_S
        return abs(soon_s) > LOST_TWICE_S or (steady and abs(soon_s) > LOST_S)


def _limited(slope: float) -> float:
    return min(MAX_SLOPE, max(-MAX_SLOPE, slope))


class Pace:
    """Tells when the last sample of each chunk was captured. Capture thread."""

    def __init__(self) -> None:
        self._follower = Follower()
        self.restart()

    def restart(self) -> None:
        """The stream was opened anew."""
        self._at_s = inf
        self._new_chunks = SOON_CHUNKS
        self._follower.forget()

    def chunk(self, now_s: float) -> float:
        """A chunk was read at `now_s`; returns when its end was captured.

        What the device takes to hand a chunk over is in it, and constant. After a stall the chunks that had
        waited come in a burst, and each gets its own time. In the first second the least late sets the time.
        """
        expected_s = self._at_s + CHUNK_S
        if self._new_chunks:
            self._new_chunks -= 1
            self._at_s = min(now_s, expected_s)
        else:
            self._at_s = expected_s + self._follower.shift_s(now_s - expected_s)
        return self._at_s
