"""A device's sample clock, seen through a thread that is sometimes late. Pure.

Whoever looks at a clock through such a thread sees it late, never early: of many looks the least late is the
right one. But sound servers hand over in periods of 10 ms, whose phase may stay the same for seconds and then
be another. So the samples themselves are the better clock, and what is seen only steers it, softly: an echo
path that slides by as much as two crystals differ is what every canceller can follow.
"""

from __future__ import annotations

from math import inf

from hw.base import CHUNK_MS

CHUNK_S = CHUNK_MS / 1000

SOON_CHUNKS = 50
"""1 s: late all that time by a chunk at the least, and samples were lost (or a silence was put in)."""

LOST_S = CHUNK_S

LONG_CHUNKS = 500
"""10 s: the time constant of the steering."""

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
        self._slope = 0.0

    def forget(self) -> None:
        """Begin anew."""
        self._soon.forget()
        self._long.forget()
        self._slope = 0.0

    def shift_s(self, late_s: float) -> float:
        """Take how late the next chunk was; returns what to add to the timeline for this chunk."""
        soon_s, long_s = self._soon.add(late_s), self._long.add(late_s)
        if soon_s is not None and abs(soon_s) > LOST_S:
            self.forget()
            return soon_s
        if long_s is not None:
            self._slope = min(MAX_SLOPE, max(-MAX_SLOPE, long_s / (LONG_CHUNKS * CHUNK_S)))
        return self._slope * CHUNK_S


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
