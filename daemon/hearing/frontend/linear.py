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
PARTITIONS = 6
"""0.12 s of echo path: the room, and what the devices take. 60 us of CPU a chunk (x86). With 16 a reply is
begun less surely, and at the loudest setting the device interrupted itself there in one of ten."""

KEPT = np.float32(0.9995)
"""Of the path from one chunk to the next: a room changes within some tens of seconds."""

OVERLAP = np.float32(0.5)
"""Share of new samples in a block's window."""

FIRST_DOUBT = np.float32(0.1)
"""How wrong the path may be at first, as a power: an echo as loud as its reference has 1."""

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
        self._path = np.zeros((PARTITIONS, bins), np.complex64)
        self._doubt = np.full((PARTITIONS, bins), FIRST_DOUBT, np.float32)
        self._unexplained = np.full(bins, 1e-4, np.float32)

    def doubt_path(self) -> None:
        """The path may have shifted a little: learn faster for a while."""
        self._doubt += FIRST_DOUBT * np.mean(_power(self._path))

    def process(self, near: Samples, far: Samples) -> Samples:
        """What `near` holds beyond the echo of `far`; one chunk each.

        A microphone that was overdriven lost the peaks of the echo, which are then not taken away either; nor
        does such a chunk teach, since no path explains it. Without this the clipped peaks were nearly all
        that was left of a loud echo.
        """
        self._window[:BLOCK], self._window[BLOCK:] = self._window[BLOCK:], far
        self._far[1:] = self._far[:-1]
        self._far[0] = np.fft.rfft(self._window)
        echo = np.fft.irfft(np.sum(self._path * self._far, axis=0))[BLOCK:]
        left: Samples = (near - np.clip(echo, -1, 1)).astype(np.float32)
        if np.abs(near).max() < CLIPPED:
            self._learn(left)
        return left

    def _learn(self, left: Samples) -> None:
        self._error[BLOCK:] = left
        error = np.fft.rfft(self._error).astype(np.complex64)
        self._unexplained += NOISE_SMOOTHING * (_power(error) - self._unexplained)
        far_power = _power(self._far)
        explained = OVERLAP * np.sum(far_power * self._doubt, axis=0)
        gain = self._doubt / (explained + self._unexplained + LEAST_POWER)
        self._path = KEPT * _causal(self._path + gain * np.conj(self._far) * error)
        self._doubt *= KEPT**2 * (1 - OVERLAP * gain * far_power)
        self._doubt += (1 - KEPT**2) * _power(self._path)


def _power(spectrum: NDArray[np.complex64]) -> Samples:
    power: Samples = spectrum.real**2 + spectrum.imag**2
    return power


def _causal(path: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Each partition without what circular convolution folds into its second half."""
    response = np.fft.irfft(path, axis=1)
    response[:, BLOCK:] = 0
    folded: NDArray[np.complex64] = np.fft.rfft(response, axis=1).astype(np.complex64)
    return folded
