"""A reply that nobody can hear is told from one that is soft or short."""

from __future__ import annotations

import numpy as np

from daemon.conductor.loudness import Loudness


def reply(seconds: float, peak: int) -> Loudness:
    loudness = Loudness()
    tone = np.sin(np.arange(round(24_000 * seconds)) / 8) * peak
    for piece in np.array_split(tone.astype("<i2"), 7):
        loudness.add(piece.tobytes())
    return loudness


def test_zeros_and_the_last_bits_are_silence() -> None:
    assert reply(2.0, 0).is_silence
    assert reply(2.0, 20).is_silence


def test_soft_speech_is_not() -> None:
    assert not reply(2.0, 330).is_silence


def test_a_breath_is_not_judged() -> None:
    assert not reply(0.9, 0).is_silence
    assert not Loudness().is_silence
