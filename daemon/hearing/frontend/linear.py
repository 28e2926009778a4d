"""The echo that a linear path explains, taken away without touching anybody's voice. Pure numpy.

A Kalman filter in the frequency domain, in blocks of a chunk: F. Kuech, E. Mabande, G. Enzner, "State-space
architecture of the partitioned-block-based acoustic echo controller", ICASSP 2014. It knows how sure it is
of each frequency of the path, so that it goes on while somebody speaks over the echo and is not led astray.
It removes 10 to 25 dB, and 0 dB of the voice (measured: docs/inside/frontend.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT

Samples = NDArray[np.float32]

BLOCK = MIC_FORMAT.chunk_frames
PARTITIONS = 12
"""0.24 s of echo path: the room, and what the devices take. Of what circular convolution folds one
partition is
cleared in each chunk, so that 12 cost what 6 did."""

KEPT = np.float32(0.9998)
"""Of the path from one chunk to the next: what is not heard for some 100 s is forgotten."""

CHANGE = np.float32(0.004)
"""By so much of its power the path is thought to change in a chunk. Somebody who walks, a hand and two
crystals
ask for more, a room at rest for less (measured: docs/inside/echo.md)."""

OVERLAP = np.float32(0.5)
"""Share of new samples in a block's window."""

FIRST_DOUBT = np.float32(0.25)
"""How wrong the path may be at first, as a power: an echo as loud as its reference has 1."""

FADING = np.float32(0.75)
"""A partition is doubted so much less than the one before it: the late part of a path is the softer one."""

NOISE_SMOOTHING = np.float32(0.1)
"""Weight of the newest chunk in the power of what the path does not explain: 0.2 s."""

CLIPPED = 32_700 / 32_768
"""A sample that is so large was probably larger before it was converted."""

LEAST_POWER = np.float32(1e-6)
"""Keeps quotients finite; far below the noise of 16 bits in a window of 640 samples."""


class LinearCanceller:
    """Chunks of float samples at 16 kHz, full scale 1. One stream, one thread."""

    def __init__(self) -> None:
        bins = BLOCK + 1
        self._window = np.zeros(2 * BLOCK, np.float32)
        self._error = np.zeros(2 * BLOCK, np.float32)
        self._far = np.zeros((PARTITIONS, bins), np.complex64)
        self.path = np.zeros((PARTITIONS, bins), np.complex64)
        """The echo path, by partition and frequency: to be read."""
        self._doubt = np.repeat(FIRST_DOUBT * _SHAPE, bins, axis=1)
        self._turn = 0
        """The partition that is cleared next."""
        self._unexplained = np.full(bins, 1e-4, np.float32)

    def doubt_path(self) -> None:
        """The path may have shifted a little: learn faster for a while."""
        self._doubt += FIRST_DOUBT * _SHAPE * np.mean(np.sum(_power(self.path), axis=0))

    def process(self, near: Samples, far: Samples) -> Samples:
        """What `near` holds beyond the echo of `far`; one chunk each.

        A microphone that was overdriven lost the peaks of the echo, which are then not taken away either; nor
        does such a chunk teach, since no path explains it. Without this the clipped peaks were nearly all
        that was left of a loud echo.
        """
        self._window[:BLOCK], self._window[BLOCK:] = self._window[BLOCK:], far
        self._far[1:] = self._far[:-1]
        self._far[0] = np.fft.rfft(self._window)
        echo = np.fft.irfft(np.sum(self.path * self._far, axis=0))[BLOCK:]
        left: Samples = (near - np.clip(echo, -1, 1)).astype(np.float32)
        if np.abs(near).max() < CLIPPED:
            self._learn(left)
        return left

    def _learn(self, left: Samples) -> None:
        self._error[BLOCK:] = left
        error = np.fft.rfft(self._error).astype(np.complex64, copy=False)
        self._unexplained += NOISE_SMOOTHING * (_power(error) - self._unexplained)
        far_power = _power(self._far)
        explained = OVERLAP * np.sum(far_power * self._doubt, axis=0)
        gain = self._doubt / (explained + self._unexplained + LEAST_POWER)
        self.path += gain * np.conj(self._far) * error
        self._clear_folded()
        self.path *= KEPT
        self._doubt *= 1 - OVERLAP * gain * far_power
        self._doubt += CHANGE * _power(self.path)

    def _clear_folded(self) -> None:
        """Take from one partition what circular convolution folds into its second half."""
        response = np.fft.irfft(self.path[self._turn])
        response[BLOCK:] = 0
        self.path[self._turn] = np.fft.rfft(response)
        self._turn = (self._turn + 1) % PARTITIONS


_SHAPE = FADING ** np.arange(PARTITIONS, dtype=np.float32)[:, None]


def _power(spectrum: NDArray[np.complex64]) -> Samples:
    power: Samples = spectrum.real**2 + spectrum.imag**2
    return power
