"""By how much the echo path slides: what two crystals that differ look like to the canceller. Pure numpy.

The clocks of both devices are seen through threads that are late, so that it takes many seconds until their
difference is known. The path that the linear stage learns shows it at once: where the reference is read too
fast or too slowly, the whole path moves, and the phase between the path of before and the newest one grows
with frequency by just this delay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.base import CHUNK_MS, MIC_FORMAT

Path = NDArray[np.complex64]

EVERY_CHUNKS = 12
"""The path is looked at so often, each 0.24 s. At 250 millionths it has moved by one sample
then, which is half a period at the highest frequency in the band."""

BAND_HZ = (300, 4000)
"""Where small loudspeakers and voices are strong."""

SAME = 0.85
"""Coherence of the two paths from which one is the other, moved: less is a path that is still being
learnt, or has become another."""

GAIN = 0.12
"""Of each slide that is seen, taken for lasting: a time constant of 2 s."""

MAX_SLOPE = 400e-6
"""Two bad crystals differ by some 200 millionths, and the clocks may have been followed the wrong way."""

_EVERY_S = EVERY_CHUNKS * CHUNK_MS / 1000
_HZ_A_BIN = MIC_FORMAT.rate_hz / (2 * MIC_FORMAT.chunk_frames)
_IN_BAND = slice(*(round(hz / _HZ_A_BIN) for hz in BAND_HZ))
_OMEGA = 2 * np.pi * _HZ_A_BIN * np.arange(_IN_BAND.start, _IN_BAND.stop)


class Slide:
    """Watches one path. Capture thread."""

    def __init__(self) -> None:
        self.slope = 0.0
        """How much faster than the clocks say the reference has to be read, so that the path rests."""
        self._before: Path | None = None
        self._chunks = 0

    def forget(self) -> None:
        """What comes next is another path; the crystals are the same."""
        self._before, self._chunks = None, 0

    def see(self, path: Path) -> None:
        """Take the path after a chunk, (partitions, bins). It is looked at after one chunk of twelve."""
        self._chunks += 1
        if self._chunks < EVERY_CHUNKS:
            return
        self._chunks = 0
        newest = path[:, _IN_BAND].copy()
        if self._before is not None:
            later_s = _later_s(self._before, newest)
            self.slope = min(MAX_SLOPE, max(-MAX_SLOPE, self.slope - GAIN * later_s / _EVERY_S))
        self._before = newest


def _later_s(before: Path, newest: Path) -> float:
    """By how much the newest path is later than the other; 0 where it is another one."""
    cross = np.sum(newest * np.conj(before), axis=0)
    later_s = -float(np.sum(_OMEGA * cross.imag) / (np.sum(_OMEGA**2 * np.abs(cross)) + 1e-20))
    alike = float(np.sum((cross * np.exp(1j * _OMEGA * later_s)).real))
    power = float(np.sqrt(_power(before) * _power(newest)))
    return later_s if alike > SAME * power else 0.0


def _power(path: Path) -> float:
    return float(np.sum(path.real**2 + path.imag**2)) + 1e-20
