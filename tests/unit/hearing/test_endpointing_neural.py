"""What a neural judge decides about starts and ends: music and dishes are nothing, a lost voice goes on."""

from __future__ import annotations

import echo_room
import numpy as np
import pytest
import synthetic_sound as sounds

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.judging import Judgement
from daemon.hearing.vad import judge_from

SETTINGS = VadSettings(eager_ms=0, silence_max_ms=0)
LOUD = sounds.chunks([sounds.at_dbfs(sounds.vowel("a", 0.2), -20)])[4]
QUIET = bytes(640)


class Told:
    """A judge whose network says what it is told to; its cheap half takes all that is loud for a voice."""

    probability = 0.0

    def hear(self, chunk: bytes, *, loud: bool) -> Judgement:
        return Judgement(loud, self.probability if loud else 0.0)


class Room:
    """A detector in it, and what it told."""

    def __init__(self) -> None:
        self.judge = Told()
        self.ears = SpeechDetector(SETTINGS, self.judge)
        self.hear(QUIET, 6.0)

    def hear(
        self, chunk: bytes, seconds: float, probability: float = 0.0, *, expected: bool = False
    ) -> list[Edge]:
        self.judge.probability = probability
        heard = [
            self.ears.hear(chunk, min_speech_ms=120, expected=expected).edge
            for _ in range(round(seconds * 50))
        ]
        return [edge for edge in heard if edge]


def test_what_the_network_does_not_recognise_does_not_start() -> None:
    assert Room().hear(LOUD, 3.0, 0.2) == []


def test_what_it_recognises_starts() -> None:
    assert Room().hear(LOUD, 0.3, 0.9) == [Edge.STARTED]


def test_in_a_busy_room_more_of_it_must_be_recognised() -> None:
    room = Room()
    room.hear(LOUD, 1.0, 0.1)
    room.hear(QUIET, 2.0)
    assert room.hear(LOUD, 0.12, 0.9) == []
    assert room.hear(LOUD, 0.2, 0.9) == [Edge.STARTED]


def test_music_that_follows_speech_does_not_hold_it_open_for_longer_than_a_doubt() -> None:
    room = Room()
    room.hear(LOUD, 1.0, 0.9)
    assert room.hear(LOUD, 0.9, 0.1) == []
    assert room.hear(LOUD, 0.15, 0.1) == [Edge.ENDED]


def test_a_voice_that_the_network_loses_for_a_moment_goes_on() -> None:
    room = Room()
    room.hear(LOUD, 1.0, 0.9)
    assert room.hear(LOUD, 0.8, 0.1) == []
    assert room.hear(LOUD, 0.2, 0.4) == []
    assert room.hear(LOUD, 0.8, 0.1) == []


def test_a_whisper_after_a_press_starts_without_the_network_and_is_held_open_by_the_cheap_judge() -> None:
    room = Room()
    assert room.hear(LOUD, 0.2, 0.0, expected=True) == []
    assert room.hear(LOUD, 0.1, 0.0, expected=True) == [Edge.STARTED]
    assert room.hear(LOUD, 2.0, 0.0, expected=True) == []
    assert room.hear(QUIET, 0.8) == [Edge.ENDED]


def test_a_press_in_a_busy_room_lets_no_noise_start() -> None:
    room = Room()
    room.hear(LOUD, 2.0, 0.1)
    assert room.hear(LOUD, 5.0, 0.1, expected=True) == []


@pytest.mark.parametrize("engine", ["cascade", "silero"])
def test_a_real_network_hears_a_sentence_and_no_tune(engine: str) -> None:
    random = np.random.default_rng(4)
    sentence = sounds.sentence(random)
    ears = SpeechDetector(SETTINGS, judge_from(VadSettings(engine=engine)))
    heard = {}
    for name, sound in (("tune", echo_room.music(6.0) * 0.3), ("sentence", sentence)):
        room = sounds.white(random, 3 + len(sound) / sounds.RATE_HZ + 2, -65)
        room[sounds.samples(3) :][: len(sound)] += sound
        told = [ears.hear(chunk, min_speech_ms=120).edge for chunk in sounds.chunks([room])]
        heard[name] = [edge for edge in told if edge]
    assert heard == {"tune": [], "sentence": [Edge.STARTED, Edge.ENDED]}
