"""Sounds made for tests: a formant voice, a fan, doors, clicks. Mono float arrays at 16 kHz, 1.0 full scale.

Everything is a function of its arguments and of a seeded generator, so a test hears the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from wave import open as open_wave

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT

Sound = NDArray[np.float64]

RATE_HZ = MIC_FORMAT.rate_hz

VOWELS = {  # Hz of the first three formants: Peterson and Barney, JASA 24 (1952), men
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}

SENTENCE = ("e o", "a i a", "u e", "o i", "a e u", "i a", "o a i", "u", "e a o", "i")
"""Words as the vowels of their syllables: 3.6 s of speech."""


def samples(seconds: float) -> int:
    return round(seconds * RATE_HZ)


def silence(seconds: float) -> Sound:
    return np.zeros(samples(seconds))


def rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def at_dbfs(sound: Sound, dbfs: float) -> Sound:
    """The sound scaled to this RMS level."""
    scaled: Sound = sound * (10 ** (dbfs / 20) / rms(sound))
    return scaled


def white(random: np.random.Generator, seconds: float, dbfs: float) -> Sound:
    return at_dbfs(random.standard_normal(samples(seconds)), dbfs)


def fan(random: np.random.Generator, seconds: float, dbfs: float) -> Sound:
    """Steady noise that falls by 7 dB an octave above 300 Hz, and the hum of a motor at 120 Hz."""
    noise = _low_passed(random.standard_normal(samples(seconds)), 300, 1.2)
    hum = 0.5 * np.sin(2 * np.pi * 120 * np.arange(len(noise)) / RATE_HZ)
    return at_dbfs(noise / rms(noise) + hum, dbfs)


def click(random: np.random.Generator, peak: float = 0.7) -> Sound:
    """A switch: 4 ms of noise that decays."""
    size = samples(0.004)
    return peak * random.uniform(-1, 1, size) * np.exp(-np.arange(size) / (size / 4))


def door(random: np.random.Generator, seconds: float, corner_hz: float, peak: float = 0.5) -> Sound:
    """A slammed door: noise from below `corner_hz` and a thump at 90 Hz that decay together."""
    time_s = np.arange(samples(seconds)) / RATE_HZ
    noise = _low_passed(random.standard_normal(len(time_s)), corner_hz, 2)
    sound = (noise / rms(noise) + 0.7 * np.sin(2 * np.pi * 90 * time_s)) * np.exp(-4 * time_s / seconds)
    slam: Sound = peak * sound / np.abs(sound).max()
    return slam


def vowel(name: str, seconds: float, pitch_hz: float = 120.0) -> Sound:
    """A vowel whose pitch falls by a tenth, with soft ends, at RMS 1 in its middle."""
    count = samples(seconds)
    time_s = np.arange(count) / RATE_HZ
    phase = 2 * np.pi * pitch_hz * (time_s - 0.05 * time_s**2 / seconds)
    sound = np.zeros(count)
    for overtone in range(1, int(4000 / pitch_hz)):
        sound += _formant_gain(overtone * pitch_hz, VOWELS[name]) * np.sin(overtone * phase)
    ramp = samples(0.03)
    envelope = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / ramp)
    return sound / rms(sound) * envelope


def word(random: np.random.Generator, vowels: str) -> Sound:
    """Syllables of a breathy consonant and a vowel: 60 and 130 ms."""
    parts: list[Sound] = []
    for name in vowels.split():
        parts += [0.1 * random.standard_normal(samples(0.06)), vowel(name, 0.13)]
    return np.concatenate(parts)


def sentence(random: np.random.Generator, dbfs: float = -30.0) -> Sound:
    """SENTENCE with 50 ms between the words, as loud as stated on the average."""
    words = [part for vowels in SENTENCE for part in (word(random, vowels), silence(0.05))]
    return at_dbfs(np.concatenate(words[:-1]), dbfs)


def recorded(path: Path, dbfs: float = -30.0) -> Sound:
    """A mono 16-bit WAV of 16 kHz, from its first to its last sample above 1 % of its peak."""
    with open_wave(str(path)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (RATE_HZ, 1, 2)
        sound = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return at_dbfs(sound[loud[0] : loud[-1] + 1], dbfs)


def chunks(parts: Sequence[Sound]) -> list[bytes]:
    """The parts one after the other as 20 ms chunks of s16; an incomplete last one is left out."""
    pcm = (np.clip(np.concatenate(parts), -1, 1) * 32767).astype(np.int16).tobytes()
    size = MIC_FORMAT.chunk_bytes
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def _low_passed(noise: Sound, corner_hz: float, order: float) -> Sound:
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    return np.fft.irfft(spectrum / (1 + (hz / corner_hz) ** order), len(noise))


def _formant_gain(hz: float, formants: tuple[int, ...]) -> float:
    return (
        sum(1 / (rank + 1) / (1 + ((hz - centre) / 100) ** 2) for rank, centre in enumerate(formants)) + 0.01
    )
