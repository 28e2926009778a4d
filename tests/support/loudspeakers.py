"""Loudspeakers with a memory: what comes out depends on what went in before, as cones, boxes and rattles do.

Each is a function of 24 kHz sound, full scale 1, to sound at the same rate. A filter before the curve and one
after it make the distortion differ by frequency (a Wiener-Hammerstein model), the excursion of the cone bends
the force on it (W. Klippel, "Loudspeaker Nonlinearities", AES convention paper 6584, 2005), and a loose part
rattles on when the cone goes too far.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from synthetic_sound import Sound

SPEAKER_HZ = 24_000

Spectrum = NDArray[np.complex128]


def linear(sound: Sound) -> Sound:
    """A small box that only filters."""
    return _filtered(sound, _box)


def mild(sound: Sound) -> Sound:
    """Some 4 % of distortion at -20 dBFS of speech, mostly in the low voice."""
    cone = _excursion(sound)
    driven = sound * (1 - 0.25 * np.minimum(1.0, cone**2)) + 0.06 * cone * sound
    return _filtered(_soft(1.2 * driven, bias=0.05) / 1.2, _box)


def bad(sound: Sound) -> Sound:
    """Over 10 %: a cone that reaches its limits, an amplifier at the end of its supply, and a rattle."""
    cone = _excursion(1.6 * sound)
    driven = sound * (1 - 0.45 * np.minimum(1.0, cone**2)) + 0.15 * cone * sound
    clipped = np.clip(_soft(2.5 * driven, bias=0.12) / 2.5, -0.28, 0.22)
    return _filtered(clipped + _rattle(cone), _box)


LOUDSPEAKERS: dict[str, Callable[[Sound], Sound]] = {"linear": linear, "mild": mild, "bad": bad}


def distortion(loudspeaker: Callable[[Sound], Sound], hz: float = 400.0, level: float = 0.2) -> float:
    """Total harmonic distortion of a tone of amplitude `level`, as a share of its amplitude."""
    count = SPEAKER_HZ
    tone = level * np.sin(2 * np.pi * hz * np.arange(count) / SPEAKER_HZ)
    power = np.abs(np.fft.rfft(loudspeaker(tone))) ** 2
    harmonics = power[round(hz) * 2 :: round(hz)]
    return float(np.sqrt(harmonics.sum() / power[round(hz)]))


def _soft(sound: Sound, bias: float) -> Sound:
    bent: Sound = np.tanh(sound + bias) - np.tanh(bias)
    return bent


def _excursion(sound: Sound) -> Sound:
    """Of the cone; 5 is full scale. It follows below its resonance; above it, by 12 dB an octave less."""
    return 5.0 * _filtered(sound, lambda hz: 1 / _second_order(hz, 220.0, 1.2))


def _rattle(cone: Sound) -> Sound:
    """A loose part, struck whenever the cone passes a point: it rings at some 2.3 kHz for 8 ms."""
    beyond = np.maximum(0.0, np.abs(cone) - 0.8)
    strike = np.diff(beyond, prepend=0.0)
    noise = np.random.default_rng(11).standard_normal(len(cone))
    return _filtered(
        0.6 * np.maximum(0, strike) * (1 + noise), lambda hz: hz / 2300.0 / _second_order(hz, 2300, 18)
    )


def _box(hz: Spectrum) -> Spectrum:
    """A closed box with a resonance at 260 Hz, and a tweeterless roll-off."""
    high_pass = -((hz / 260.0) ** 2) / _second_order(hz, 260.0, 1.1)
    return high_pass / _second_order(hz, 8_500.0, 0.8)


def _second_order(hz: Spectrum, corner_hz: float, quality: float) -> Spectrum:
    return 1 - (hz / corner_hz) ** 2 + 1j * hz / corner_hz / quality


def _filtered(sound: Sound, response: Callable[[Spectrum], Spectrum]) -> Sound:
    size = 1 << (len(sound) + 2400).bit_length()
    hz = np.fft.rfftfreq(size, 1 / SPEAKER_HZ).astype(np.complex128)
    return np.fft.irfft(np.fft.rfft(sound, size) * response(hz), size)[: len(sound)]
