"""What the way from the speaker to the microphone is like, by its impulse response. Pure.

Delay, loudness, distortion, the clocks' difference, and how long the room rings. Frequencies are the
loudspeaker's; levels are by how much the sound is changed on its way, 0 dB for not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.doctor.microphone import Samples, as_samples, clipped_share, to_dbfs
from daemon.doctor.sound.sweep import (
    BESIDE_S,
    LAST_HZ,
    ORDERS,
    PEAK,
    SPECTRUM_SIZE,
    Response,
    overtone_lead_s,
    response_of,
)
from hw.base import MIC_FORMAT

PART_S = (0.004, 0.105)
"""Before and after its arrival: what is taken of the response and of each overtone's, all alike. The fifth
overtone comes 0.125 s before the fourth."""
WHOLE_S = 0.5
"""The response, its room and all."""

TONES_HZ = np.geomspace(250.0, 6000.0, 40)
"""Where the spectrum is told."""
SHARE_OF_OCTAVE = 2 ** (1 / 6)
"""Each is a mean over a third of an octave."""
CLEAN_HZ = 1400.0
"""Up to here the fifth overtone is within the band (7 kHz)."""

DECAY_FROM_S = 0.02
"""The loudspeaker's own sound is over; what comes now is the room."""
DECAY_DB = (5.0, 25.0)
"""The decay is measured between these, and taken for 60 dB (ISO 3382-2: T20)."""
SHORT_DECAY_DB = (5.0, 15.0)
"""Where the room's noise hides the rest."""
LEAST_DECAY_S = 0.01
"""What decays faster is no room."""
BLOCK_S = 0.005
"""The decay is looked at in pieces of this length."""
CLEAR_RATIO = 4.0
"""It is followed while it is 6 dB above the noise."""
SURE_SHARE = 0.8
"""Backward integration bends the end of what it is given."""

TAIL_DB = 30.0
"""What still comes after the tail is so much softer than all of the echo: a canceller that misses it still
takes more away than a loudspeaker's distortion leaves to it."""

PICTURE_S = (-0.02, 0.4)
PICTURE_STEP_S = 0.002

_HZ = MIC_FORMAT.rate_hz
_SILENT = 1e-10
"""-100 dB: what is softer is told as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """For the picture. Levels in dB, each a tenth of a decibel wide."""

    tones_hz: tuple[float, ...]
    response_db: tuple[float, ...]
    """How loud each of `tones_hz` comes."""
    noise_db: tuple[float, ...]
    """The same of the room's noise, in as much of the response as of the overtones."""
    distortion_db: tuple[float, ...]
    """Its overtones; as many of `tones_hz`, from the first on, as have any within the band."""
    arrival_db: tuple[float, ...]
    """The response's envelope, from PICTURE_S[0] on, a value each PICTURE_STEP_S."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoPath:
    """What was measured."""

    delay_s: float
    """From handing the first sample to the speaker until it was heard."""
    hidden_s: float | None
    """From when the devices said that it was heard; None where nobody asked them."""
    coupling_db: float
    """By how much the sound is louder at the microphone than its samples, mean over the sweep."""
    level_dbfs: float
    """The sweep at the microphone."""
    above_room_db: float
    distortion: float
    """Overtones against the tone, 0 to 1, mean of 250 to 1400 Hz (IEC 60268-3: total harmonic distortion)."""
    distortion_floor: float
    """What the room's noise would look like, were it taken for overtones."""
    drift_ppm: float
    """By how many millionths the speaker's clock is slower than the microphone's."""
    t60_s: float | None
    """How long the room rings: until it is 60 dB softer. None where it was not heard to ring."""
    tail_s: float | None
    """So long after its arrival the rest of the echo is softer by TAIL_DB than all of it; None where noise
    hides that."""
    clipped_share: float
    curves: Curves

    @property
    def known_distortion(self) -> float:
        """The distortion; 0 where the room's noise may be all of it."""
        return self.distortion if self.distortion > self.distortion_floor / 2 else 0.0


def analyse(pcm: bytes, played_s: float, gain: float = 1.0, reference: bytes = b"") -> EchoPath | None:
    """What came back in a recording (`hw.base.MIC_FORMAT`); None if nothing did.

    `played_s`: how long after the recording's first sample the sound was handed to the speaker; what was
    heard before that is the room. `gain`: as it was played. `reference`: what the devices say was heard,
    sample by sample beside the recording.
    """
    sound = as_samples(pcm)
    response = response_of(sound, played_s)
    if response is None:
        return None
    tones = _tones(response)
    overtones, floor = _distortion(tones)
    delay_s = response.places[0] / _HZ - played_s
    room = sound[: max(1, round(min(played_s, played_s + delay_s) * _HZ))]
    energy, noise_power = _energy(response, 2 * WHOLE_S), _noise_beside(response)
    level_dbfs = _coupling_db(response) + 20 * float(np.log10(PEAK * 0.5**0.5))
    return EchoPath(
        delay_s=delay_s,
        hidden_s=_hidden_s(response, reference, played_s),
        coupling_db=_coupling_db(response) - 20 * float(np.log10(max(gain, 1e-3))),
        level_dbfs=level_dbfs,
        above_room_db=level_dbfs - to_dbfs(float(np.var(room))),
        distortion=overtones,
        distortion_floor=floor,
        drift_ppm=response.drift_ppm,
        t60_s=t60_s(energy, noise_power),
        tail_s=tail_s(energy, noise_power),
        clipped_share=clipped_share(sound),
        curves=_curves(response, tones),
    )


def _hidden_s(response: Response, reference: bytes, played_s: float) -> float | None:
    told = response_of(as_samples(reference), played_s) if reference else None
    return None if told is None else (response.places[0] - told.places[0]) / _HZ


# --- by frequency


def _power(part: Samples) -> Samples:
    """Energy by frequency of a part of the response."""
    spectrum = np.fft.rfft(part, SPECTRUM_SIZE)
    power: Samples = spectrum.real**2 + spectrum.imag**2
    return power


def _clear(response: Response, begin_s: float, end_s: float) -> Samples:
    """The power of a part, mean of both sweeps, less that of the noise; by itself it may be below zero."""
    parts = [response.around(sweep, begin_s, end_s) for sweep in (0, 1)]
    clear: Samples = np.mean([_power(part) for part in parts], axis=0) - _noise(response, end_s - begin_s)
    return clear


def _noise(response: Response, seconds: float) -> Samples:
    """The power of the noise in so much of the response."""
    return response.noise_power * (seconds * _HZ)


def _mean_around(power: Samples, hz: float) -> float:
    """Over a third of an octave; not below zero."""
    step_hz = _HZ / 2 / (len(power) - 1)
    begin, end = round(hz / SHARE_OF_OCTAVE / step_hz), round(min(hz * SHARE_OF_OCTAVE, _HZ / 2) / step_hz)
    return max(0.0, float(np.mean(power[begin : end + 1])))


def _coupling_db(response: Response) -> float:
    power = _clear(response, -PART_S[0], WHOLE_S)
    return _db(float(np.mean([_mean_around(power, hz) for hz in TONES_HZ])))


@dataclass(frozen=True, slots=True)
class _Tone:
    """One of TONES_HZ: powers."""

    hz: float
    tone: float
    overtones: float
    noise: float
    """In the place of the overtones."""


def _tones(response: Response) -> list[_Tone]:
    """Those that can have overtones within the band."""
    before_s, after_s = PART_S
    tone = _clear(response, -before_s, after_s)
    noise = _noise(response, before_s + after_s)
    others = {
        order: _clear(response, -overtone_lead_s(order) - before_s, -overtone_lead_s(order) + after_s)
        for order in ORDERS
    }
    return [
        _Tone(
            hz,
            _mean_around(tone, hz),
            sum(_mean_around(others[order], hz * order) for order in ORDERS if hz * order < LAST_HZ),
            sum(_mean_around(noise, hz * order) for order in ORDERS if hz * order < LAST_HZ),
        )
        for hz in map(float, TONES_HZ)
        if hz * min(ORDERS) < LAST_HZ
    ]


def _distortion(tones: list[_Tone]) -> tuple[float, float]:
    """And what the room's noise alone would look like."""
    low = [one for one in tones if one.hz < CLEAN_HZ]
    tone = max(sum(one.tone for one in low), _SILENT)
    parts = (sum(one.overtones for one in low), sum(one.noise for one in low))
    overtones, noise = (min(1.0, float(np.sqrt(part / tone))) for part in parts)
    return overtones, noise


# --- by time


def _noise_beside(response: Response) -> float:
    """Mean square of what is neither an echo nor an overtone; a part that rattles is in it."""
    return float(np.mean(response.around(0, *BESIDE_S) ** 2))


def _energy(response: Response, seconds: float) -> Samples:
    """The squared response from its arrival on, mean of both sweeps; with the noise."""
    parts = [response.around(sweep, 0.0, seconds) ** 2 for sweep in (0, 1)]
    size = min(map(len, parts))
    mean: Samples = np.mean([part[:size] for part in parts], axis=0)
    return mean


def decay_db(energy: Samples, noise_power: float) -> Samples:
    """How much is still to come, against all of it, as far as the noise lets one see: backward integration
    (M. Schroeder, JASA 37, 1965).

    `energy`: a squared impulse response at 16 kHz, from its arrival on.
    """
    block = round(BLOCK_S * _HZ)
    blocks = energy[: len(energy) // block * block].reshape(-1, block).mean(axis=1)
    hidden = np.flatnonzero(blocks < CLEAR_RATIO * noise_power)
    clear = energy[: block * max(1, hidden[0] if len(hidden) else len(blocks))]
    left = np.cumsum((clear - noise_power)[::-1])[::-1]
    decay: Samples = 10 * np.log10(np.maximum(left / max(left[0], _SILENT**2), _SILENT))
    return decay


def t60_s(energy: Samples, noise_power: float) -> float | None:
    """The reverberation time of the room that follows on the loudspeaker's own sound; see `decay_db`."""
    room = energy[round(DECAY_FROM_S * _HZ) :]
    if np.sum(room) < np.sum(energy) * 10 ** (-TAIL_DB / 10):
        return None  # whatever it is, nobody hears it
    decay = decay_db(room, noise_power)
    depth_db = -float(decay[_sure(decay) - 1])
    for first_db, last_db in (DECAY_DB, SHORT_DECAY_DB):
        part = np.flatnonzero((decay < -first_db) & (decay > -last_db))
        if depth_db > last_db and len(part) > LEAST_DECAY_S * _HZ:
            return float(-60 / np.polyfit(part / _HZ, decay[part], 1)[0])
    return None


def tail_s(energy: Samples, noise_power: float) -> float | None:
    """When the rest of the echo is softer by TAIL_DB than all of it; None where noise hides that."""
    decay = decay_db(energy, noise_power)
    over = np.flatnonzero(decay[: _sure(decay)] < -TAIL_DB)
    return float(over[0] / _HZ) if len(over) else None


def _sure(decay: Samples) -> int:
    """So much of a decay is not bent by where it was cut off."""
    return round(SURE_SHARE * len(decay))


# --- for the picture


def _curves(response: Response, tones: list[_Tone]) -> Curves:
    power = _clear(response, -PART_S[0], WHOLE_S)
    noise = _noise(response, sum(PART_S))
    return Curves(
        tones_hz=tuple(round(float(hz)) for hz in TONES_HZ),
        response_db=tuple(_db(_mean_around(power, hz)) for hz in TONES_HZ),
        noise_db=tuple(_db(_mean_around(noise, hz)) for hz in TONES_HZ),
        distortion_db=tuple(_db(one.overtones) for one in tones),
        arrival_db=_envelope_db(response),
    )


def _envelope_db(response: Response) -> tuple[float, ...]:
    step = round(PICTURE_STEP_S * _HZ)
    part = response.around(0, *PICTURE_S) ** 2
    rows = part[: len(part) // step * step].reshape(-1, step).max(axis=1)
    return tuple(_db(float(row)) for row in rows)


def _db(power: float) -> float:
    return round(10 * float(np.log10(max(power, _SILENT))), 1)
