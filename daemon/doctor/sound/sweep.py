"""The test sound, and how what comes back of it is made into the echo path's impulse response. Pure.

The sound is a tone that rises exponentially, twice (A. Farina, "Simultaneous measurement of impulse response
and distortion with a swept-sine technique", AES convention paper 5093, 2000). Divided by its own spectrum,
what the microphone heard becomes an impulse response; the overtones that the loudspeaker adds become
responses of their own, which come before it, each by a time that is known. The second sweep proves the first
one, and tells by how much the two devices' clocks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

from daemon.doctor.microphone import Samples
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

SWEEP_S = 2.0
FIRST_HZ, LAST_HZ = 200.0, 7000.0
"""What small speakers play and the microphone's 16 kHz hold."""
PAUSE_S = 0.8
"""After the first sweep: the room has rung out before the second one's overtones come."""
PERIOD_S = SWEEP_S + PAUSE_S
"""From the beginning of one sweep to that of the other."""
SOUND_S = PERIOD_S + SWEEP_S
PEAK = 0.3
"""-10 dBFS, before the volume: as loud as a reply's vowels."""
RAMP_S = 0.01

GROWTH_S = SWEEP_S / log(LAST_HZ / FIRST_HZ)
"""In so long the tone rises by a factor of e."""
ORDERS = (2, 3, 4, 5)
"""The overtones that are looked for."""

LATEST_S = 1.0
"""How late the sound may come: Bluetooth speakers need a quarter of a second."""
EARLIEST_S = 0.02
"""Nor may it come before it was played; a thread may have been late to note when that was."""

LEAST_CREST = 6.0
"""The response was heard if its peak exceeds what lies around it so many times, in both sweeps, and"""
LEAST_LIKENESS = 0.65
"""if both responses are so much alike (normalised correlation). Measured on synthetic sound: noise, fans and
voices have at most 4.4 and 0.23; doors and clicks 32 and 15, but then at most 0.55; the sweep beside the
microphone 47 and 0.81 with noise that is 6 dB louder, across a bare room (T60 0.9 s) 13 and 0.92 with noise
as loud as it."""

SHIFT_S = 0.03
"""By so much the second sweep may come earlier or later than it should: samples that were lost."""

BESIDE_S = (1.0, 1.75)
"""In the response, from its arrival on: here lies what is neither an echo nor an overtone of the second
sweep."""

SPECTRUM_SIZE = 1 << 14
"""A second, for spectra of noise and of parts of the response."""

ALIKE_S = (0.002, 0.05)
"""Before and after the arrival: what of the two responses is compared, to tell the clocks apart."""

_HZ = MIC_FORMAT.rate_hz
_EDGE_HZ = (60.0, 500.0)
"""Width of the band's edges, below and above: the steeper, the longer the response rings before it begins."""


@dataclass(frozen=True, slots=True)
class Response:
    """The impulse response of the way from the samples to the microphone, by both sweeps; at 16 kHz."""

    samples: Samples
    """Of both sweeps; place 0 is that of the recording's first sample."""
    places: tuple[int, int]
    """Where each sweep's response has its peak."""
    drift_ppm: float
    """By how many millionths the speaker's clock is slower than the microphone's."""
    noise_power: Samples
    """The room's noise in one sample of the response, by frequency, as `np.fft.rfft` of SPECTRUM_SIZE has
    them."""

    def around(self, sweep: int, begin_s: float, end_s: float) -> Samples:
        """A part of one sweep's response (0 or 1), by the time from its arrival on; at least one sample."""
        place = self.places[sweep]
        begin, end = max(0, place + round(begin_s * _HZ)), place + round(end_s * _HZ)
        return self.samples[begin : max(end, begin + 1)]


@cache
def sweep(rate_hz: int) -> Samples:
    """One sweep at this rate, at a peak of 1."""
    time_s = np.arange(round(SWEEP_S * rate_hz)) / rate_hz
    tone = np.sin(2 * np.pi * FIRST_HZ * GROWTH_S * np.expm1(time_s / GROWTH_S))
    to_edge = np.minimum(np.arange(len(tone)), np.arange(len(tone))[::-1])
    ramp: Samples = 0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, to_edge / (RAMP_S * rate_hz)))
    return tone * ramp


@cache
def probe_sound(rate_hz: int) -> Samples:
    """The whole sound at this rate, at its own loudness."""
    one = PEAK * sweep(rate_hz)
    return np.concatenate([one, np.zeros(round(PAUSE_S * rate_hz)), one])


def sound_pcm(gain: float) -> bytes:
    """The sound for a speaker, `hw.base.SPEAKER_FORMAT`, in whole chunks, times `gain` (0 to 1)."""
    samples = probe_sound(SPEAKER_FORMAT.rate_hz)
    pcm = np.rint(samples * (32767 * gain)).astype(np.int16).tobytes()
    return pcm + bytes(-len(pcm) % SPEAKER_FORMAT.chunk_bytes)


def overtone_lead_s(order: int) -> float:
    """So much earlier than the response itself comes that of an overtone."""
    return GROWTH_S * log(order)


def response_of(sound: Samples, played_s: float) -> Response | None:
    """The response in a recording at 16 kHz, full scale 1; None if the sound is not in it.

    `played_s`: when, in the recording, its first sample was given to the speaker; what was heard before that
    is the room. A gain of 1 is a way that leaves the samples of `sound_pcm(1)` as they are.
    """
    inverse = _inverse(len(sound))
    samples = np.fft.irfft(np.fft.rfft(sound, 2 * (len(inverse) - 1)) * inverse)[: len(sound)]
    places = _places(samples, played_s)
    if places is None or _crest(samples, places) < LEAST_CREST:
        return None
    likeness, lag = _compared(samples, places)
    if likeness < LEAST_LIKENESS:
        return None
    drift_ppm = 1e6 * (lag / (PERIOD_S * _HZ) - 1)
    room = sound[: max(1, round((played_s - EARLIEST_S) * _HZ))]
    return Response(samples, places, drift_ppm, _noise_power(room, inverse))


def _inverse(size: int) -> NDArray[np.complex128]:
    """What makes a recording of this size a response: 1 / the sweep's spectrum, where that has one."""
    known = PEAK * sweep(_HZ)
    whole = 1 << (size + len(known)).bit_length()
    spectrum = np.fft.rfft(known, whole)
    band = _band(np.fft.rfftfreq(whole, 1 / _HZ).astype(np.float64))
    inverse: NDArray[np.complex128] = band * np.conj(spectrum) / np.maximum(np.abs(spectrum) ** 2, 1e-12)
    return inverse


def _noise_power(room: Samples, inverse: NDArray[np.complex128]) -> Samples:
    """What becomes of the room's noise (at most SPECTRUM_SIZE samples of it) in the response."""
    heard = room[-SPECTRUM_SIZE:]
    coarse = np.abs(inverse[:: len(inverse) // (SPECTRUM_SIZE // 2)])
    filtered = np.abs(np.fft.rfft(heard, SPECTRUM_SIZE)) * coarse
    power: Samples = filtered**2 / len(heard)
    return power


def _band(hz: Samples) -> Samples:
    """1 in the sweep's band, 0 beyond it, with soft edges."""
    low, high = _EDGE_HZ
    inside = np.minimum((hz - FIRST_HZ) / low, (LAST_HZ - hz) / high)
    soft: Samples = 0.5 - 0.5 * np.cos(np.pi * np.clip(inside, 0, 1))
    return soft


def _places(samples: Samples, played_s: float) -> tuple[int, int] | None:
    """Where the two responses would be."""
    begin = max(0, round((played_s - EARLIEST_S) * _HZ))
    first = _peak(samples, begin, begin + round(LATEST_S * _HZ))
    if first is None:
        return None
    expected, margin = first + round(PERIOD_S * _HZ), round(SHIFT_S * _HZ)
    second = _peak(samples, expected - margin, expected + margin)
    return None if second is None else (first, second)


def _peak(samples: Samples, begin: int, end: int) -> int | None:
    part = np.abs(samples[begin:end])
    return begin + int(np.argmax(part)) if len(part) else None


def _crest(samples: Samples, places: tuple[int, int]) -> float:
    """How far the weaker of the two peaks stands out."""
    begin_s, end_s = BESIDE_S
    beside = samples[places[0] + round(begin_s * _HZ) : places[0] + round(end_s * _HZ)]
    around = max(float(np.sqrt(np.mean(beside**2))), 1e-9)
    return min(float(abs(samples[place])) for place in places) / around


def _compared(samples: Samples, places: tuple[int, int]) -> tuple[float, float]:
    """How like each other the two responses are, 0 to 1; and how many samples are from one to the other, to a
    fraction of a sample."""
    before, after = (round(seconds * _HZ) for seconds in ALIKE_S)
    first, second = (samples[max(0, place - before) : place + after] for place in places)
    size = 4 * (before + after)
    product = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)), size)
    likeness = np.roll(product, size // 2)
    top = int(np.clip(np.argmax(likeness), 1, size - 2))
    left, middle, right = likeness[top - 1 : top + 2]
    between = 0.5 * (left - right) / min(left - 2 * middle + right, -1e-12)
    both = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    return float(middle) / max(both, 1e-12), places[1] - places[0] + top - size // 2 + float(between)
