"""The far end: what the speaker plays, kept on the clock, so that the echo can be told from the room.

The playback thread writes each piece with the time at which its last sample will be heard, which it knows
from what the device still holds. The capture thread reads what was heard while a chunk was captured. Both
clocks run at their own pace: pieces that follow one another without a pause are kept end to end, and the
small steady difference between their length and the clock (a crystal is wrong by up to 100 millionths) is
followed slowly, never in jumps, because each jump would be a new echo path to learn.

Positions count the speaker's samples since the start, silence included.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from daemon.hearing.frontend.pace import SOON_CHUNKS, Follower, Least
from daemon.hearing.frontend.resampling import BEFORE, needed, read_between
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

Pcm = NDArray[np.int16]

CAPACITY_SAMPLES = 1 << 16
"""2.7 s: what a deep device queue holds ahead (0.2 s), what a stalled capture thread is behind (0.5 s), and
room. Overflow policy: the oldest are overwritten; who comes later reads silence, which is counted."""

GAP_S = 0.03
"""A piece that is heard so much later than the one before ended, from a device that held nothing else, is a
new sound. What a device holds is known to one period (10 ms); and a thread that stalls while it looks takes
what it holds for more, so that a late word alone proves nothing."""

PERIOD_S = 0.01
"""A device holds so much more than was written to it, if it counts whole periods."""

FOLLOW_S = 5.0
"""Time constant with which the reader's pace follows the clock."""

MAX_SLOPE = 500e-6
"""It never goes faster or slower than this: both clocks are followed at half of it (`pace.MAX_SLOPE`)."""

LEAP_S = 0.004
"""What is farther away than this is not followed but taken at once."""

LEAD_S = 0.01
"""The reference is read so much early: an echo may be later than thought, which the canceller finds out, but
never earlier, which it cannot use. Devices are believed to 10 ms."""

_HZ = SPEAKER_FORMAT.rate_hz
_FRAMES = MIC_FORMAT.chunk_frames
_STEP = SPEAKER_FORMAT.rate_hz / MIC_FORMAT.rate_hz


class FarEnd:
    """What will be, is, and was heard from the speaker in the last seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ring = np.zeros(CAPACITY_SAMPLES, np.int16)
        self._head = 0
        """Position after the newest sample; positions only grow."""
        self._origin_s = 0.0
        """When position 0 was heard."""
        self._first_excess = Least(SOON_CHUNKS)
        self._usual_s: float | None = None
        """By how much the device's word exceeds the timeline: what it holds is told in whole periods, and the
        first piece of a sound may be wrong by some milliseconds. That is left as it is, and only how it
        changes is followed: else the echo path would move under the canceller's feet."""
        self._follower = Follower()
        self._place: float | None = None
        """Position at which the next read begins; None after a pause."""
        self._behind_s = 0.0
        """By how much the reader was behind the clock at last: steady where the clocks differ. Kept over
        a pause, since the canceller knows the echo path with it."""
        self._slope = 0.0
        """So much faster than the clocks say the reader goes (`steer`)."""
        self._steered = 0.0
        """By how many positions it has thereby come away from the clocks in this sound."""
        self.until_s = -np.inf
        """When the last sound that was written ends; on the clock. Read from any thread."""
        self.missed = 0
        """Samples that had been overwritten before they were read."""
        self.leaps = 0
        """How often the reader had to leap in the middle of a sound."""

    # --- playback thread

    def played(self, pcm: bytes, until_s: float, queued_s: float) -> None:
        """`pcm` (24 kHz mono s16) was given to the device; its last sample will be heard at `until_s`.

        `queued_s` is what the device then held.
        """
        samples = np.frombuffer(pcm, np.int16)
        was_dry = queued_s <= len(samples) / _HZ + PERIOD_S
        with self._lock:
            excess_s = until_s - (self._origin_s + (self._head + len(samples)) / _HZ)
            if not self._head or (was_dry and excess_s > GAP_S):
                self._begin_sound(until_s - len(samples) / _HZ)
            else:
                self._follow_device(excess_s)
            self._put(samples)
            if samples.any():
                self.until_s = self._origin_s + self._head / _HZ

    def cut(self, at_s: float) -> None:
        """The device has thrown away what would have been heard from `at_s` on."""
        with self._lock:
            kept = max(self._head - CAPACITY_SAMPLES, int((at_s - self._origin_s) * _HZ))
            self._head = min(self._head, kept)
            self.until_s = min(self.until_s, at_s)

    # --- capture thread

    def read(self, until_s: float) -> Pcm:
        """One chunk of reference (320 samples at 16 kHz): what was heard in the 20 ms before `until_s`.

        A little earlier than that, by LEAD_S. Where nothing was played it is silence.
        """
        with self._lock:
            target = (until_s + LEAD_S - self._origin_s) * _HZ - _FRAMES * _STEP + self._steered
            self._steered += _FRAMES * _STEP * self._slope
            place, step = self._pace(target)
            whole = int(np.floor(place))
            window = self._get(whole - BEFORE, needed(_FRAMES, step))
        self._place = place + _FRAMES * step
        samples = read_between(window, place - whole, step, _FRAMES)
        return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)

    def steer(self, slope: float) -> None:
        """Read so much faster than the clocks say: by what the echo path tells of the crystals (`slide`)."""
        self._slope = slope

    def forget_place(self) -> None:
        """Reading pauses: the next read begins where the clock says."""
        self._place = None

    # --- under the lock

    def _begin_sound(self, begin_s: float) -> None:
        """Silence up to `begin_s`; after more of it than the ring holds, only the last of it is written."""
        gap = round((begin_s - self._origin_s) * _HZ) - self._head
        if gap > 0:
            self._blank(self._head, self._head + min(gap, CAPACITY_SAMPLES))
            self._head += gap
        self._origin_s = begin_s - self._head / _HZ
        self._first_excess.forget()
        self._steered = 0.0
        self._usual_s = None
        self._follower.forget()

    def _follow_device(self, excess_s: float) -> None:
        """Where the device turns out slower, or faster, than its samples say, shift the timeline after it."""
        if self._usual_s is None:
            self._usual_s = self._first_excess.add(excess_s)
        else:
            self._origin_s += self._follower.shift_s(excess_s - self._usual_s)

    def _pace(self, target: float) -> tuple[float, float]:
        """Where to read, and how far apart, so that the clock is followed smoothly."""
        place = self._place
        if place is None:
            return target - self._behind_s * _HZ, _STEP * (1 + self._slope)
        self._behind_s = (target - place) / _HZ
        if abs(self._behind_s) > LEAP_S:
            self.leaps += 1
            self._behind_s = 0.0
            return target, _STEP
        followed = min(MAX_SLOPE, max(-MAX_SLOPE, self._behind_s / FOLLOW_S))
        return place, _STEP * (1 + followed + self._slope)

    def _put(self, samples: Pcm) -> None:
        begin = self._head % CAPACITY_SAMPLES
        first = min(len(samples), CAPACITY_SAMPLES - begin)
        self._ring[begin : begin + first] = samples[:first]
        self._ring[: len(samples) - first] = samples[first:]
        self._head += len(samples)

    def _blank(self, begin: int, end: int) -> None:
        self._ring[np.arange(begin, end) % CAPACITY_SAMPLES] = 0

    def _get(self, begin: int, size: int) -> NDArray[np.float32]:
        """Samples from position `begin` on; silence for what is not written yet, or no longer there."""
        tail = max(0, self._head - CAPACITY_SAMPLES)
        window = np.zeros(size, np.float32)
        first, last = max(begin, tail), min(begin + size, self._head)
        self.missed += max(0, min(tail, begin + size) - max(0, begin)) if tail else 0
        if first < last:
            window[first - begin : last - begin] = self._ring[np.arange(first, last) % CAPACITY_SAMPLES]
        return window
