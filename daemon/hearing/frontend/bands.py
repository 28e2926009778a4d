"""How loud a signal is in the bands in which voices are, chunk by chunk. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT

Powers = NDArray[np.float32]

EDGES_HZ = (250, 400, 550, 750, 1000, 1300, 1700, 2200, 2800, 3600, 4600, 6000)
"""A band is about as wide as what the ear takes for one from 1 kHz on (E. Zwicker's Bark), and some 150 Hz
below:
there are bands between the overtones of one voice in which another one stands out."""

BANDS = len(EDGES_HZ) - 1

_CHUNK = MIC_FORMAT.chunk_frames
_WINDOW = np.hanning(2 * _CHUNK).astype(np.float32)
_BINS = [round(hz * 2 * _CHUNK / MIC_FORMAT.rate_hz) for hz in EDGES_HZ]
_SCALE = np.float32(1 / (np.sum(_WINDOW**2) * _CHUNK * 32768.0**2))
"""Makes a band's power its share of the mean square, full scale 1."""


class Bands:
    """Of several signals that run side by side. One thread."""

    def __init__(self, signals: int) -> None:
        self._last = np.zeros((signals, 2 * _CHUNK), np.float32)

    def forget(self) -> None:
        """What comes next does not follow on what was."""
        self._last[:] = 0

    def powers(self, *chunks: NDArray[np.int16]) -> Powers:
        """Of each signal's newest chunk and the one before: mean squares in (signals, BANDS), full scale
        1."""
        self._last[:, :_CHUNK] = self._last[:, _CHUNK:]
        for row, chunk in zip(self._last, chunks, strict=True):
            row[_CHUNK:] = chunk
        spectrum = np.fft.rfft(self._last * _WINDOW)[:, : _BINS[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        banded: Powers = np.add.reduceat(power, _BINS[:-1], axis=1) * _SCALE
        return banded
