"""What is heard over all else: an announcement, a bell, or both."""

from __future__ import annotations

import numpy as np

from daemon.speaking.overlay import TAIL_S, Speech, over_all
from daemon.speaking.playback import DUCK_GAIN
from hw.base import SPEAKER_FORMAT

TAIL_BYTES = SPEAKER_FORMAT.bytes(TAIL_S)


def samples(value: int, count: int = 100) -> bytes:
    return np.full(count, value, np.int16).tobytes()


class Steady:
    """A bell of one level, or of a pause."""

    def __init__(self, value: int) -> None:
        self.value = value

    def take(self, size_bytes: int) -> bytes:
        return samples(self.value, size_bytes // 2) if self.value else b""


def test_a_speech_is_heard_once_with_its_loudness_and_a_silence_after_it() -> None:
    ends: list[int] = []
    speech = Speech(samples(1000), 0.5, lambda: ends.append(1))
    heard = b""
    while piece := speech.take(96):
        assert len(piece) == 96  # whole stretches: the device is given nothing shorter
        heard += piece
    assert heard[:200] == samples(500)
    assert not any(heard[200:]) and len(heard) >= 200 + TAIL_BYTES
    assert speech.take(96) == b"" and ends == [1]


def test_alone_each_is_itself() -> None:
    speech, bell = Speech(b"", 1.0, int), Steady(1)
    assert over_all(None, None) is None
    assert over_all(speech, None) is speech
    assert over_all(None, bell) is bell


def test_a_bell_beneath_a_speech_is_ducked_and_comes_back_after_it() -> None:
    both = over_all(Speech(samples(1000), 1.0, int), Steady(10_000))
    assert both is not None
    assert both.take(200) == samples(1000 + round(10_000 * DUCK_GAIN))
    both.take(TAIL_BYTES)
    assert both.take(200) == samples(10_000)


def test_a_pause_of_the_bell_leaves_the_speech_alone() -> None:
    both = over_all(Speech(samples(1000), 1.0, int), Steady(0))
    assert both is not None and both.take(200) == samples(1000)
