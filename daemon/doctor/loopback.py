"""The way from the speaker to the microphone: how long it takes, how loud and how clean it is. Pure.

The test sound is a sweep, which is found in any noise by correlation, and after a pause a tone, whose
overtones tell the distortion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from daemon.doctor.microphone import CLIPPED_SHARE, Samples, SoundFault, as_samples, clipped_share, to_dbfs
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

SWEEP_S = 0.4
SWEEP_HZ = (300.0, 6000.0)
"""What small speakers play and the microphone's 16 kHz hold."""
PAUSE_S = 0.3
TONE_S = 0.8
TONE_HZ = 1000.0
OVERTONES = (2, 3, 4, 5)
PEAK = 0.3
"""-10 dBFS, before the volume."""
RAMP_S = 0.01

SOUND_S = SWEEP_S + PAUSE_S + TONE_S
LATEST_S = 1.0
"""How late the sound may come: Bluetooth speakers need a quarter of a second."""

LEAST_LIKENESS = 0.12
"""The sweep was heard if a stretch of the recording is so much like it (normalised correlation). Measured on
synthetic sound: noise, voices, doors and clicks reach 0.09; the sweep itself has 0.8 beside the microphone,
and 0.2 across a bare room with noise 10 dB below it."""

LEAST_ENERGY = 1e-6
"""Of a stretch: that of one bit of noise, so that a silence is like nothing."""

CLEAR_DB = 10.0
"""The tone must stand so far above the room."""
SLOW_S = 0.4
"""Later than this, talking with it is tiresome."""
DISTORTION = 0.10
"""Small speakers have 1 to 5 % at ordinary loudness; from here on words suffer."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back."""

    delay_s: float
    """From handing the first sample to the speaker until it was heard."""
    level_dbfs: float
    above_room_db: float
    distortion: float
    """Total harmonic distortion of the tone: overtones against the tone, 0 to 1."""
    clipped_share: float


@cache
def probe_sound(rate_hz: int) -> Samples:
    """The sound at this rate: sweep, pause, tone."""
    pause = np.zeros(round(PAUSE_S * rate_hz))
    return PEAK * np.concatenate([sweep(rate_hz), pause, _ramped(_tone(rate_hz), rate_hz)])


@cache
def sweep(rate_hz: int) -> Samples:
    """The rising tone, at a peak of 1."""
    time_s = np.arange(round(SWEEP_S * rate_hz)) / rate_hz
    low_hz, high_hz = SWEEP_HZ
    phase = 2 * np.pi * (low_hz * time_s + (high_hz - low_hz) / (2 * SWEEP_S) * time_s**2)
    return _ramped(np.sin(phase), rate_hz)


def sound_pcm(gain: float) -> bytes:
    """The sound for a speaker, `hw.base.SPEAKER_FORMAT`, in whole chunks, times `gain` (0 to 1)."""
    samples = probe_sound(SPEAKER_FORMAT.rate_hz)
    pcm = np.rint(samples * (32767 * gain)).astype(np.int16).tobytes()
    return pcm + bytes(-len(pcm) % SPEAKER_FORMAT.chunk_bytes)


def _tone(rate_hz: int) -> Samples:
    return np.sin(2 * np.pi * TONE_HZ * np.arange(round(TONE_S * rate_hz)) / rate_hz)


def _ramped(sound: Samples, rate_hz: int) -> Samples:
    to_edge = np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1])
    ramp: Samples = 0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, to_edge / (RAMP_S * rate_hz)))
    return sound * ramp


def analyse(pcm: bytes, played_s: float) -> Returned | None:
    """What came back in a recording (`hw.base.MIC_FORMAT`); None if nothing did.

    `played_s`: how long after the recording's first sample the sound was handed to the speaker; what was
    heard before that is the room.
    """
    rate_hz = MIC_FORMAT.rate_hz
    sound = as_samples(pcm)
    place = find(sound, sweep(rate_hz))
    if place is None:
        return None
    tone = _cut(sound, place / rate_hz + SWEEP_S + PAUSE_S + 0.1, TONE_S - 0.2)
    room = _cut(sound, 0.0, min(played_s, place / rate_hz))
    if len(tone) < MIC_FORMAT.frames(0.2):
        return None
    level_dbfs = to_dbfs(float(np.var(tone)))
    room_dbfs = to_dbfs(float(np.var(room))) if len(room) else level_dbfs
    return Returned(
        delay_s=place / rate_hz - played_s,
        level_dbfs=level_dbfs,
        above_room_db=level_dbfs - room_dbfs,
        distortion=distortion(tone, TONE_HZ),
        clipped_share=clipped_share(sound),
    )


def _cut(sound: Samples, start_s: float, length_s: float) -> Samples:
    start = MIC_FORMAT.frames(start_s)
    return sound[start : start + MIC_FORMAT.frames(length_s)]


def find(sound: Samples, known: Samples) -> int | None:
    """Where `known` begins in `sound`; None if it is not in it."""
    if len(sound) <= len(known):
        return None
    size = 1 << (len(sound) + len(known)).bit_length()
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(known, size)), size)
    energy = np.concatenate(([0.0], np.cumsum(sound**2)))
    energies = np.maximum(energy[len(known) :] - energy[: -len(known)], LEAST_ENERGY)
    likeness = np.abs(product[: len(energies)]) / np.sqrt(energies * np.sum(known**2))
    place = int(np.argmax(likeness))
    return place if likeness[place] > LEAST_LIKENESS else None


def distortion(tone: Samples, hz: float, rate_hz: int = MIC_FORMAT.rate_hz) -> float:
    """Share of the overtones in a tone, by amplitude (IEC 60268-3: total harmonic distortion)."""
    power = np.abs(np.fft.rfft(tone * np.hanning(len(tone)))) ** 2
    bin_hz = rate_hz / len(tone)
    first = _band(power, hz / bin_hz)
    others = sum(_band(power, hz * order / bin_hz) for order in OVERTONES)
    return float(np.sqrt(others / first)) if first > 0 else 1.0


def _band(power: Samples, place: float) -> float:
    """The power around a line of the spectrum: Hann's window spreads it over four bins, and clocks differ."""
    middle = round(place)
    return float(power[middle - 4 : middle + 5].sum())


def faults(heard: Returned | None) -> list[SoundFault]:
    """What is wrong; empty if nothing is."""
    if heard is None:
        return [
            SoundFault(
                "the microphone does not hear the speaker",
                "is the speaker plugged in and loud enough (`alsamixer`, [sound] volume)? "
                "are [board] speaker and mic the right ones? `conure tone` plays, `conure listen` shows",
            )
        ]
    return [*_of_level(heard), *_of_time(heard)]


def _of_level(heard: Returned) -> list[SoundFault]:
    if heard.clipped_share > CLIPPED_SHARE:
        remedy = "lower [sound] volume, or the capture level (`alsamixer`, F4)"
        return [
            SoundFault(
                f"the speaker drives the microphone to full scale ({heard.level_dbfs:.0f} dBFS)", remedy
            )
        ]
    if heard.above_room_db < CLEAR_DB:
        words = f"the speaker is only {heard.above_room_db:.0f} dB above the room"
        return [SoundFault(words, "raise [sound] volume or the speaker's level (`alsamixer`)")]
    if heard.distortion > DISTORTION:
        remedy = "lower [sound] volume or the speaker's level; does the speaker rattle?"
        return [SoundFault(f"distorted: {heard.distortion:.0%} of overtones", remedy)]
    return []


def _of_time(heard: Returned) -> list[SoundFault]:
    if heard.delay_s <= SLOW_S:
        return []
    remedy = "prefer a wired speaker to Bluetooth, and the card itself ([board] speaker) to a sound server"
    return [SoundFault(f"heard only after {heard.delay_s * 1000:.0f} ms", remedy)]
