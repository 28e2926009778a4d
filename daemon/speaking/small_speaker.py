"""How loud a sound is to somebody who hears it from a small loudspeaker. Pure.

A loudspeaker of a few centimetres plays little below its resonance, and an ear hears low tones less: two
tones with the same peak, an octave apart, can be 14 dB apart in the room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.base import SPEAKER_FORMAT

RESONANCE_HZ = 500.0
"""Of a driver of 28 to 40 mm in a small closed box, as such boards have: assumed, not measured. Below it the
sound falls by 12 dB an octave: a Butterworth high-pass of the second order."""


def loudness_dba(sound: NDArray[np.float64]) -> float:
    """The level of a sound (SPEAKER_FORMAT's rate, full scale 1) in dB of full scale; -inf for silence.

    A-weighted, through the small loudspeaker, over the time in which there is a sound: rests do not count.
    """
    sounding = np.count_nonzero(sound)
    if not sounding:
        return -np.inf
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.arange(len(spectrum), dtype=np.float64) * (SPEAKER_FORMAT.rate_hz / len(sound))
    energy = 2 * np.sum(spectrum * _small_speaker(hz) * _a_weighting(hz)) / len(sound)
    return float(10 * np.log10(energy / sounding))


def _small_speaker(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of the power at each frequency."""
    above = (hz / RESONANCE_HZ) ** 4
    return above / (1 + above)


def _a_weighting(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The power's weight at each frequency, 1 at 1 kHz (IEC 61672-1, annex E)."""
    square = hz**2
    weight = 12194**2 * square**2
    weight /= (square + 20.6**2) * (square + 12194**2)
    weight /= np.sqrt((square + 107.7**2) * (square + 737.9**2))
    return np.asarray((weight * 10 ** (2.0 / 20)) ** 2)
