"""What is wrong with a microphone's sound: silence, clipping, an offset, mains hum, noise. Pure.

All of it is judged from two seconds of an ordinary room. Samples are `hw.base.MIC_FORMAT`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.hearing.features import SILENCE_DBFS, level_dbfs
from hw.base import MIC_FORMAT

Samples = NDArray[np.float64]
"""Mono, 1.0 full scale."""

DIGITAL_SILENCE_DBFS = -88.0
"""Below this nothing is converted: ±1 of 16 bits, as a dither makes it, is -90 dBFS, while the hiss of a
poor microphone in a quiet room is above -80."""

CLIPPED = 32_700 / 32_768
"""Samples from here on count as full scale; converters and mixers stop a little before it."""
CLIPPED_RUN = 3
"""So many in a row are clipped; one or two are a loud peak."""
CLIPPED_SHARE = 0.001
"""16 samples a second: beyond this it is heard, and the model mishears."""

OFFSET = 0.03
"""Share of full scale. Cheap converters have 1 %; from here on it costs room, and opening clicks."""

MAINS_HZ = (50, 60)
HARMONICS = (1, 2, 3, 4)
HUM_DBFS = -60.0
"""Softer hum does not reach the level from which speech is looked for."""
HUM_SHARE = 0.5
"""Of all that is heard: a fan's motor has a tenth."""
HUM_WINDOWS = 4
"""Hum is what is there in each quarter: a voice that happens to have that pitch pauses."""

LOUD_FLOOR_DBFS = -32.0
"""Speech from across a room reaches some -30 dBFS (`synthetic_sound` and field recordings alike), so above
this floor it cannot be told from the noise."""

FLOOR_PERCENTILE = 10
"""The floor is the level that a tenth of the chunks stay below: the pauses between words."""


@dataclass(frozen=True, slots=True)
class MicSound:
    """What was measured."""

    level_dbfs: float
    floor_dbfs: float
    clipped_share: float
    offset: float
    """Mean, as a share of full scale with its sign."""
    hum_hz: int
    """50 or 60: the mains frequency whose hum is stronger."""
    hum_dbfs: float
    hum_share: float
    """Of the power of all that is heard."""


@dataclass(frozen=True, slots=True)
class SoundFault:
    """What is wrong, and what helps."""

    found: str
    remedy: str


def as_samples(pcm: bytes) -> Samples:
    """Samples of s16 with full scale at 1.0."""
    return np.frombuffer(pcm, np.int16) / 32768.0


def measure(pcm: bytes) -> MicSound:
    """Measure at least half a second; ValueError for less."""
    sound = as_samples(pcm)
    if len(sound) < MIC_FORMAT.frames(0.5):
        raise ValueError("half a second is needed to measure a microphone")
    hums = {mains_hz: hum_power(sound, mains_hz) for mains_hz in MAINS_HZ}
    hum_hz = max(hums, key=lambda mains_hz: hums[mains_hz])
    return MicSound(
        level_dbfs=to_dbfs(float(np.var(sound))),
        floor_dbfs=floor_dbfs(pcm),
        clipped_share=clipped_share(sound),
        offset=float(np.mean(sound)),
        hum_hz=hum_hz,
        hum_dbfs=to_dbfs(hums[hum_hz]),
        hum_share=hums[hum_hz] / max(float(np.var(sound)), 1e-12),
    )


def to_dbfs(power: float) -> float:
    """A mean square in dB below full scale, not below 16-bit silence."""
    return max(SILENCE_DBFS, 10 * float(np.log10(max(power, 1e-12))))


def floor_dbfs(pcm: bytes) -> float:
    """The level of the pauses."""
    size = MIC_FORMAT.chunk_bytes
    levels = [level_dbfs(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]
    return float(np.percentile(levels, FLOOR_PERCENTILE))


def clipped_share(sound: Samples) -> float:
    """Share of the samples that stand at full scale with their neighbours."""
    high, low = sound >= CLIPPED, sound <= -CLIPPED
    return (_in_runs(high) + _in_runs(low)) / len(sound)


def _in_runs(marked: NDArray[np.bool_]) -> int:
    """How many marked samples stand in runs of at least CLIPPED_RUN."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False]))))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= CLIPPED_RUN].sum())


def hum_power(sound: Samples, mains_hz: int) -> float:
    """Mean square of the mains' hum and its overtones, as far as it is there all the time."""
    size = len(sound) // HUM_WINDOWS
    windows = [sound[start * size : (start + 1) * size] for start in range(HUM_WINDOWS)]
    return min(sum(goertzel(window, mains_hz * order) for order in HARMONICS) for window in windows)


def goertzel(sound: Samples, hz: float, rate_hz: int = MIC_FORMAT.rate_hz) -> float:
    """Mean square of the part at one frequency: Goertzel's sum, as one product with a wave, Hann-windowed."""
    window = np.hanning(len(sound))
    wave = np.exp(-2j * np.pi * hz / rate_hz * np.arange(len(sound)))
    amplitude = 2 * abs(np.dot((sound - np.mean(sound)) * window, wave)) / np.sum(window)
    return float(amplitude**2 / 2)


def faults(sound: MicSound, mixer: str = "alsamixer") -> list[SoundFault]:
    """What is wrong with it; empty if nothing is. `mixer` is the program that sets the level."""
    if sound.level_dbfs < DIGITAL_SILENCE_DBFS and abs(sound.offset) < OFFSET:
        return [
            SoundFault(
                f"digital silence ({sound.level_dbfs:.0f} dBFS): nothing is converted",
                f"unmute it and raise its level (`{mixer}`, F4 shows capture); look for a switch on it; "
                "is it the right one ([board] mic)?",
            )
        ]
    return _of_level(sound, mixer)


def _of_level(sound: MicSound, mixer: str) -> list[SoundFault]:
    found: list[SoundFault] = []
    lower = f"lower the capture level: `{mixer}`, F4"
    if sound.clipped_share > CLIPPED_SHARE:
        found.append(
            SoundFault(f"it clips: {sound.clipped_share:.1%} of the samples are at full scale", lower)
        )
    if abs(sound.offset) > OFFSET:
        found.append(
            SoundFault(
                f"an offset of {sound.offset:+.0%} of full scale",
                f"switch on the codec's high-pass filter, where `{mixer}` shows one; else try another "
                "microphone or USB port",
            )
        )
    if sound.hum_dbfs > HUM_DBFS and sound.hum_share > HUM_SHARE:
        found.append(
            SoundFault(
                f"mains hum at {sound.hum_hz} Hz, {sound.hum_dbfs:.0f} dBFS",
                "another power supply, a shorter cable, or more distance from mains leads",
            )
        )
    elif sound.floor_dbfs > LOUD_FLOOR_DBFS and not found:
        found.append(
            SoundFault(f"so much noise ({sound.floor_dbfs:.0f} dBFS) that speech hardly stands out", lower)
        )
    return found
