"""How loud a reply was, over all of it. Pure."""

from __future__ import annotations

import numpy as np

from hw.base import SPEAKER_FORMAT

SILENCE_DBFS = -60.0
"""A whole reply below this cannot be heard in a room; speech has some -20 dBFS."""

MIN_JUDGED_S = 1.0
"""A shorter reply is not judged: a breath is no fault."""


class Loudness:
    """Root mean square of a reply, taken piece by piece."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._samples = 0

    def add(self, pcm: bytes) -> None:
        """Take the next piece: 24 kHz mono s16."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        self._energy += float(np.dot(samples, samples))
        self._samples += len(samples)

    @property
    def is_silence(self) -> bool:
        """Whether it was long enough to be judged, and too soft to be heard."""
        if self._samples < SPEAKER_FORMAT.frames(MIN_JUDGED_S):
            return False
        limit = 32768.0**2 * 10 ** (SILENCE_DBFS / 10)
        return self._energy / self._samples < limit
