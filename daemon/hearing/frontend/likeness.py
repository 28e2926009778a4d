"""Whether what the canceller left is a copy of what the speaker plays: an echo by a path that it does not
know.

When the path changes (a hand over the box, samples that were lost, a louder volume) much is left for a while,
as loud as a voice and as sudden. But it is still what is played, only later: whitened, the two correlate at
one delay, as no other voice does (C. Knapp, G. Carter, "The Generalized Correlation Method for Estimation of
Time Delay", IEEE Trans. ASSP 24(4), 1976). Pure numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT

Pcm = NDArray[np.int16]
Samples = NDArray[np.float32]

LIKE = 8.0
"""The correlation at its best delay, in multiples of its mean over all delays. Measured when speech was
about to
be noticed: echo by a changed path 8 to 29 (16 of 18), a voice as loud as the echo below 8 (62 of 72)."""

WINDOW_S = 0.32
"""So much of what was left is compared."""

LATEST_S = 0.32
"""With what was played up to so long before."""

_HZ = MIC_FORMAT.rate_hz // 2
"""Half the rate, by the mean of two samples: what that folds down is weak, and whitened with the rest."""

_CHUNK = MIC_FORMAT.chunk_frames // 2
_WINDOW, _LAGS = round(WINDOW_S * _HZ), round(LATEST_S * _HZ)
_SIZE = _WINDOW + _LAGS
_BAND_HZ = (300, 3700)
"""Where voices and small loudspeakers are strong."""

_IN_BAND = slice(*(round(hz * _SIZE / _HZ) for hz in _BAND_HZ))
_TAPER = np.hanning(_WINDOW).astype(np.float32)
_LEAST = np.float32(1e-3)


class Likeness:
    """Remembers both signals, and compares them when asked. One thread."""

    def __init__(self) -> None:
        self._played = np.zeros(_SIZE, np.float32)
        self._left = np.zeros(_WINDOW, np.float32)

    def hear(self, far: Pcm, left: Pcm) -> None:
        """Take the next chunk of the reference, and of what the canceller left."""
        for kept, chunk in ((self._played, far), (self._left, left)):
            kept[:-_CHUNK] = kept[_CHUNK:]
            kept[-_CHUNK:] = chunk.astype(np.float32).reshape(-1, 2).sum(axis=1)

    def peak(self) -> float:
        """How far the correlation at its best delay stands out, from 1; 4 is chance. Some 0.3 ms of CPU
        (x86)."""
        left = np.fft.rfft(self._left * _TAPER, _SIZE)
        cross = left[_IN_BAND] * np.conj(np.fft.rfft(self._played)[_IN_BAND])
        spectrum = np.zeros(_SIZE // 2 + 1, np.complex64)
        spectrum[_IN_BAND] = cross / (np.abs(cross) + _LEAST)
        # What was left began LATEST_S after what was played: a delay of nothing is a lead of _LAGS here.
        correlation = np.abs(np.fft.irfft(spectrum)[-_LAGS:])
        return float(correlation.max() / (np.sqrt(np.mean(correlation**2)) + 1e-12))

    def alike(self) -> bool:
        """Whether what was left is what was played."""
        return self.peak() > LIKE
