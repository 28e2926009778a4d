"""Starts and ends of speech: found in noise, early enough, at the right time, and never in mere noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
import synthetic_sound as sounds
from synthetic_sound import Sound

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import LOWEST_FLOOR_DBFS, Edge, Heard, NoiseFloor, SpeechDetector
from daemon.hearing.vad import make_is_voiced
from hw.simulated.board import SENTENCE_WAV

SETTINGS = VadSettings(eager_ms=0, silence_max_ms=0)  # 120 ms start, 700 ms silence, 9 dB threshold
CHUNK_S = 0.02
SENTENCES: dict[str, Callable[[np.random.Generator], Sound]] = {
    "formants": sounds.sentence,
    "recorded": lambda _: sounds.recorded(SENTENCE_WAV),
}

VOWEL = sounds.chunks([sounds.at_dbfs(sounds.vowel("a", 0.2), -20)])[4]
QUIET = bytes(640)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(20261120)


def detector(settings: VadSettings = SETTINGS) -> SpeechDetector:
    return SpeechDetector(settings, make_is_voiced(settings.aggressiveness))


def listen(parts: list[Sound], *, min_speech_ms: int = 120, expected: bool = False) -> list[Heard]:
    ears = detector()
    return [
        ears.hear(chunk, min_speech_ms=min_speech_ms, expected=expected) for chunk in sounds.chunks(parts)
    ]


def edges(heard: Iterable[Heard]) -> list[tuple[float, Edge]]:
    """When the edges were told: the end of their chunk, in seconds."""
    return [((at + 1) * CHUNK_S, each.edge) for at, each in enumerate(heard) if each.edge]


def onset_s(heard: list[Heard]) -> float:
    """Where the first start says that the speech began."""
    at, first = next((at, each) for at, each in enumerate(heard) if each.edge is Edge.STARTED)
    return (at + 1 - first.onset_chunks_ago) * CHUNK_S


@pytest.mark.parametrize("speaker", SENTENCES)
@pytest.mark.parametrize("min_speech_ms", [120, 200])
def test_a_sentence_in_a_quiet_room_starts_and_ends_once(
    random: np.random.Generator, speaker: str, min_speech_ms: int
) -> None:
    spoken = SENTENCES[speaker](random)
    room = sounds.white(random, 2 + len(spoken) / sounds.RATE_HZ + 2, -75)
    room[sounds.samples(2) :][: len(spoken)] += spoken
    heard = listen([room], min_speech_ms=min_speech_ms)
    (_, started), (ended_s, ended) = edges(heard)
    assert (started, ended) == (Edge.STARTED, Edge.ENDED)
    assert 2.0 - CHUNK_S <= onset_s(heard) <= 2.12
    assert ended_s - (2 + len(spoken) / sounds.RATE_HZ) == pytest.approx(0.7, abs=2 * CHUNK_S)


@pytest.mark.parametrize("speaker", SENTENCES)
def test_a_sentence_10_db_above_a_fan_is_heard_from_its_first_word(
    random: np.random.Generator, speaker: str
) -> None:
    spoken = SENTENCES[speaker](random)
    room = sounds.fan(random, 7 + len(spoken) / sounds.RATE_HZ + 2, -40)
    room[sounds.samples(7) :][: len(spoken)] += spoken
    heard = listen([room])
    assert [edge for _, edge in edges(heard)] == [Edge.STARTED, Edge.ENDED]
    assert onset_s(heard) - SETTINGS.preroll_ms / 1000 <= 7.0
    assert edges(heard)[1][0] - (7 + len(spoken) / sounds.RATE_HZ) == pytest.approx(0.7, abs=0.2)


def test_a_minute_without_a_pause_is_one_utterance(random: np.random.Generator) -> None:
    speech = np.concatenate([sounds.sentence(random) for _ in range(17)])
    assert len(speech) > sounds.samples(60)
    room = [sounds.white(random, 1, -70), speech + sounds.white(random, len(speech) / 16000, -70)]
    heard = listen([*room, sounds.white(random, 2, -70)])
    assert [edge for _, edge in edges(heard)] == [Edge.STARTED, Edge.ENDED]
    assert edges(heard)[1][0] > 1 + len(speech) / sounds.RATE_HZ


def test_a_sustained_vowel_is_not_taken_for_noise(random: np.random.Generator) -> None:
    sung = sounds.at_dbfs(sounds.vowel("a", 4.0), -25)
    heard = listen([sounds.white(random, 1, -70), sung, sounds.white(random, 2, -70)])
    assert edges(heard)[1][0] == pytest.approx(1 + 4.0 + 0.7, abs=3 * CHUNK_S)


def test_a_pause_shorter_than_the_silence_does_not_end_the_utterance(random: np.random.Generator) -> None:
    word = sounds.at_dbfs(sounds.word(random, "a i o"), -30)
    room = [sounds.silence(1), word, sounds.silence(0.6), word, sounds.silence(1)]
    assert [edge for _, edge in edges(listen(room))] == [Edge.STARTED, Edge.ENDED]


@pytest.mark.parametrize("dbfs", [-20, -35, -50])
def test_ten_minutes_of_a_fan_and_its_start_are_silence(random: np.random.Generator, dbfs: float) -> None:
    heard = listen([sounds.white(random, 5, -70), sounds.fan(random, 600, dbfs)])
    assert edges(heard) == []
    assert heard[-1].floor_dbfs == pytest.approx(dbfs, abs=3)


def test_the_floor_follows_a_fan_within_six_seconds_and_leaves_at_once(random: np.random.Generator) -> None:
    heard = listen([sounds.white(random, 6, -65), sounds.fan(random, 8, -35), sounds.white(random, 1, -65)])
    assert heard[round(9 / CHUNK_S)].floor_dbfs < -60
    assert heard[round(12 / CHUNK_S)].floor_dbfs > -40
    assert heard[-1].floor_dbfs < -60


def test_ten_minutes_of_clicks_are_silence(random: np.random.Generator) -> None:
    parts = []
    for pause_s in random.uniform(0.03, 1.0, 1200):
        parts += [sounds.white(random, pause_s, -60), sounds.click(random)]
    assert edges(listen(parts)) == []


def test_ten_minutes_of_slamming_doors_are_silence(random: np.random.Generator) -> None:
    parts = []
    for _ in range(280):
        slam = sounds.door(random, random.uniform(0.15, 0.3), random.choice([150.0, 400.0, 1500.0]))
        parts += [sounds.white(random, 2.0, -60), slam]
    assert edges(listen(parts)) == []


def test_a_click_after_the_last_word_does_not_put_off_the_end(random: np.random.Generator) -> None:
    word = [sounds.silence(1), sounds.at_dbfs(sounds.word(random, "a i o"), -30)]
    plain = edges(listen([*word, sounds.silence(2)]))
    clicked = edges(listen([*word, sounds.silence(0.4), sounds.click(random), sounds.silence(2)]))
    assert clicked == plain


def test_speech_that_becomes_softer_goes_on_but_does_not_start(random: np.random.Generator) -> None:
    """6 dB above the floor is between the threshold of 9 dB and its half, where speech goes on."""
    ears = SpeechDetector(SETTINGS, lambda _: True)
    for chunk in sounds.chunks([sounds.white(random, 6, -50)]):
        floor_dbfs = ears.hear(chunk, min_speech_ms=120).floor_dbfs
    soft = sounds.chunks([sounds.at_dbfs(sounds.vowel("a", 1.0), floor_dbfs + 6)])[5:45]
    assert not any(ears.hear(chunk, min_speech_ms=120).speech for chunk in soft)
    assert Edge.STARTED in [ears.hear(VOWEL, min_speech_ms=120).edge for _ in range(6)]
    assert all(ears.hear(chunk, min_speech_ms=120).speech for chunk in soft)


def whisper(random: np.random.Generator) -> Sound:
    return sounds.at_dbfs(np.diff(random.standard_normal(sounds.samples(0.6) + 1)), -30)


def test_a_whisper_counts_only_after_a_press(random: np.random.Generator) -> None:
    ears = SpeechDetector(SETTINGS, lambda _: True)
    room = sounds.chunks([sounds.silence(1), whisper(random)])
    assert not any(ears.hear(chunk, min_speech_ms=120).speech for chunk in room)
    ears = SpeechDetector(SETTINGS, lambda _: True)
    assert any(ears.hear(chunk, min_speech_ms=120, expected=True).speech for chunk in room)


def test_own_sound_is_neither_speech_nor_silence_nor_noise() -> None:
    ears = detector()
    floor_dbfs = ears.hear(QUIET, min_speech_ms=40).floor_dbfs
    own = [ears.hear(VOWEL, min_speech_ms=40, own_sound=True) for _ in range(500)]
    assert not any(each.speech or each.edge for each in own)
    assert {each.floor_dbfs for each in own} == {floor_dbfs}
    for _ in range(6):
        ears.hear(VOWEL, min_speech_ms=40)
    assert all(ears.hear(VOWEL, min_speech_ms=40, own_sound=True).speech for _ in range(100))


def test_own_sound_does_not_count_towards_the_next_start() -> None:
    ears = detector()
    for _ in range(20):
        ears.hear(VOWEL, min_speech_ms=120, own_sound=True)
    heard = [ears.hear(VOWEL, min_speech_ms=120) for _ in range(6)]
    assert [each.edge for each in heard] == [None] * 5 + [Edge.STARTED]
    assert heard[-1].onset_chunks_ago == 6


def test_after_a_reset_the_speech_that_goes_on_is_a_start_of_its_own() -> None:
    ears = detector()
    assert Edge.STARTED in [ears.hear(VOWEL, min_speech_ms=120).edge for _ in range(10)]
    ears.reset()
    assert [ears.hear(VOWEL, min_speech_ms=120).edge for _ in range(6)] == [None] * 5 + [Edge.STARTED]


def test_the_end_comes_silence_ms_after_the_last_speech() -> None:
    ears = detector(replace(SETTINGS, silence_ms=300))
    for _ in range(10):
        ears.hear(VOWEL, min_speech_ms=120)
    told = [ears.hear(QUIET, min_speech_ms=120) for _ in range(15)]
    assert [each.edge for each in told] == [None] * 14 + [Edge.ENDED]
    assert [each.speech for each in told] == [True] * 14 + [False]


def test_the_voice_judge_is_not_asked_about_quiet_chunks(random: np.random.Generator) -> None:
    asked: list[bytes] = []

    def count(chunk: bytes) -> bool:
        asked.append(chunk)
        return False

    ears = SpeechDetector(SETTINGS, count)
    for chunk in sounds.chunks([sounds.white(random, 20, -50)]):
        ears.hear(chunk, min_speech_ms=120)
    assert asked == []
    ears.hear(VOWEL, min_speech_ms=120)
    assert asked == [VOWEL]


def test_the_floor_is_never_below_its_limit_nor_raised_by_a_dropout() -> None:
    floor = NoiseFloor()
    for level in [-96.0] * 10 + [-50.0] * 600:
        floor.learn(level)
    assert floor.dbfs == pytest.approx(-50.0)
    floor.learn(-96.0)
    assert LOWEST_FLOOR_DBFS < floor.dbfs < -50.0


class TestAPause:
    """What is told between the shorter silence and the full one."""

    EAGER = replace(SETTINGS, eager_ms=400)

    def listen(self, *parts: tuple[float, bytes], settings: VadSettings = EAGER) -> list[tuple[float, Edge]]:
        """The edges of what is heard: durations in seconds, and the chunk that fills each."""
        ears = SpeechDetector(settings, lambda chunk: chunk != QUIET)
        spoken = [chunk for duration_s, chunk in parts for _ in range(round(duration_s / CHUNK_S))]
        return edges(ears.hear(chunk, min_speech_ms=120) for chunk in spoken)

    def test_is_told_once_and_then_the_end(self) -> None:
        told = self.listen((1.0, VOWEL), (2.0, QUIET))
        assert [edge for _, edge in told[1:]] == [Edge.PAUSED, Edge.ENDED]
        assert [at_s for at_s, _ in told[1:]] == pytest.approx([1.4, 1.7])

    def test_that_was_no_end_is_told_after_60_ms_of_speech(self) -> None:
        told = self.listen((1.0, VOWEL), (0.5, QUIET), (0.5, VOWEL), (2.0, QUIET))
        assert [edge for _, edge in told[1:]] == [Edge.PAUSED, Edge.RESUMED, Edge.PAUSED, Edge.ENDED]
        assert [at_s for at_s, _ in told[1:]] == pytest.approx([1.4, 1.5 + 0.06, 2.4, 2.7])

    def test_ends_with_speech_that_has_no_pitch(self) -> None:
        breath = sounds.chunks([sounds.white(np.random.default_rng(1), 0.1, -30)])[1]
        told = self.listen((1.0, VOWEL), (0.5, QUIET), (0.1, breath), (0.1, QUIET))
        assert [edge for _, edge in told] == [Edge.STARTED, Edge.PAUSED, Edge.RESUMED]

    @pytest.mark.parametrize("click_s", [0.02, 0.04])
    def test_does_not_end_with_a_click(self, click_s: float) -> None:
        told = self.listen((1.0, VOWEL), (0.5, QUIET), (click_s, VOWEL), (2.0, QUIET))
        assert [edge for _, edge in told] == [Edge.STARTED, Edge.PAUSED, Edge.ENDED]

    @pytest.mark.parametrize("eager_ms", [0, 700, 1000])
    def test_is_not_told_where_that_would_gain_nothing(self, eager_ms: int) -> None:
        told = self.listen((1.0, VOWEL), (2.0, QUIET), settings=replace(SETTINGS, eager_ms=eager_ms))
        assert [edge for _, edge in told] == [Edge.STARTED, Edge.ENDED]
