"""How much silence ends an utterance: by the speaker's pauses, short words, a sound that is drawn out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_sound as sounds
from hypothesis import given
from hypothesis import strategies as st
from synthetic_sound import Sound

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.features import Pitch, pitch
from daemon.hearing.turn_end import Manner, TurnEnd, is_drawn_out, silence_needed_ms
from daemon.hearing.vad import make_is_voiced
from hw.base import CHUNK_MS

SETTINGS = VadSettings(silence_ms=700, silence_max_ms=1200, eager_ms=0)
SENTENCE = Manner(run_ms=2000)
VOICED, HUSHED = Pitch(0.8, 120.0), Pitch(0.2, 480.0)


def needed_ms(manner: Manner, longest_ms: int = 1200) -> int:
    return silence_needed_ms(manner, usual_ms=700, longest_ms=longest_ms)


class TestTheSilence:
    def test_is_the_usual_one_after_a_sentence(self) -> None:
        assert needed_ms(SENTENCE) == 700

    @pytest.mark.parametrize(("pause_ms", "silence_ms"), [(200, 700), (350, 700), (500, 1000), (900, 1200)])
    def test_is_twice_the_longest_pause_so_far(self, pause_ms: int, silence_ms: int) -> None:
        assert needed_ms(replace(SENTENCE, longest_pause_ms=pause_ms)) == silence_ms

    def test_is_the_longest_after_a_word_that_follows_a_pause(self) -> None:
        assert needed_ms(Manner(run_ms=400, longest_pause_ms=200)) == 1200

    def test_is_in_the_middle_after_a_first_word(self) -> None:
        assert needed_ms(Manner(run_ms=400)) == 950

    def test_is_the_longest_after_a_drawn_out_sound(self) -> None:
        assert needed_ms(replace(SENTENCE, drawn_out=True)) == 1200

    @pytest.mark.parametrize("longest_ms", [0, 500, 700])
    def test_is_always_the_usual_one_where_the_longest_is_no_longer(self, longest_ms: int) -> None:
        manner = Manner(run_ms=100, longest_pause_ms=900, drawn_out=True)
        assert needed_ms(manner, longest_ms) == 700

    @given(
        st.builds(
            Manner,
            run_ms=st.integers(0, 60_000),
            longest_pause_ms=st.integers(0, 3000),
            drawn_out=st.booleans(),
        ),
        st.integers(200, 3000),
        st.integers(0, 3000),
    )
    def test_is_between_its_two_bounds(self, manner: Manner, usual_ms: int, longest_ms: int) -> None:
        silence_ms = silence_needed_ms(manner, usual_ms=usual_ms, longest_ms=longest_ms)
        assert usual_ms <= silence_ms <= max(usual_ms, longest_ms)


class TestADrawnOutSound:
    def test_holds_its_pitch(self) -> None:
        assert is_drawn_out([VOICED] * 13)
        assert is_drawn_out([HUSHED, *[VOICED] * 13, *[HUSHED] * 7])

    def test_is_long(self) -> None:
        assert not is_drawn_out([HUSHED, *[VOICED] * 11])
        assert not is_drawn_out([])

    def test_is_the_last_that_was_said(self) -> None:
        assert not is_drawn_out([*[VOICED] * 13, *[HUSHED] * 8])

    def test_does_not_fall_or_rise(self) -> None:
        assert not is_drawn_out([Pitch(0.8, 120.0 * 0.97**step) for step in range(13)])

    def test_is_heard_in_a_held_vowel_and_not_in_a_word(self) -> None:
        held = [pitch(chunk) for chunk in sounds.chunks([sounds.at_dbfs(sounds.vowel("e", 0.5), -30)])]
        word = sounds.at_dbfs(sounds.word(np.random.default_rng(1), "a i"), -30)
        assert is_drawn_out(held[-21:])
        assert not is_drawn_out([pitch(chunk) for chunk in sounds.chunks([word])][-21:])


def test_a_pitch_is_that_of_the_voice() -> None:
    middle = sounds.chunks([sounds.at_dbfs(sounds.vowel("a", 0.4, pitch_hz=150), -20)])[10]
    assert pitch(middle).hz == pytest.approx(150 * 0.95, rel=0.04)
    assert pitch(middle).periodicity > 0.8


class TestAnUtterance:
    def manner_of(self, *chunks_of: tuple[int, int]) -> TurnEnd:
        """Runs of speech and the pauses after them, in chunks, all of it noise without a pitch."""
        ending = TurnEnd(SETTINGS)
        ending.begin(0)
        for spoken, quiet in chunks_of:
            for quiet_chunks in [0] * spoken + list(range(1, quiet + 1)):
                ending.hear(bytes(640), quiet_chunks=quiet_chunks)
        return ending

    def test_waits_as_usual_until_it_has_paused(self) -> None:
        assert self.manner_of((100, 9)).silence_ms == 700
        assert self.manner_of((100, 10)).silence_ms == 700

    def test_waits_longer_after_pauses_of_its_own(self) -> None:
        assert self.manner_of((100, 25), (100, 10)).silence_ms == 1000

    def test_waits_as_usual_again_when_it_has_gone_on(self) -> None:
        assert self.manner_of((10, 10)).silence_ms == 950
        assert self.manner_of((10, 10), (1, 0)).silence_ms == 700

    def test_counts_a_gap_that_is_no_pause_as_speech(self) -> None:
        assert self.manner_of((20, 9), (20, 10)).silence_ms == 700

    def test_knows_nothing_of_the_one_before(self) -> None:
        ending = self.manner_of((100, 40), (100, 10))
        assert ending.silence_ms == 1200
        ending.begin(50)
        for quiet_chunks in range(1, 11):
            ending.hear(bytes(640), quiet_chunks=quiet_chunks)
        assert ending.silence_ms == 700


class TestTheDetector:
    VOWEL = sounds.chunks([sounds.at_dbfs(sounds.vowel("a", 0.2), -20)])[4]
    HISS = sounds.chunks([sounds.white(np.random.default_rng(1), 0.1, -20)])[1]

    def edges(self, settings: VadSettings, *parts: tuple[float, bytes]) -> list[tuple[float, Edge]]:
        ears = SpeechDetector(settings, lambda chunk: any(chunk))
        chunks = [chunk for duration_s, chunk in parts for _ in range(round(duration_s * 1000 / CHUNK_MS))]
        heard = [ears.hear(chunk, min_speech_ms=120, expected=True) for chunk in chunks]
        return [((at + 1) * CHUNK_MS / 1000, each.edge) for at, each in enumerate(heard) if each.edge]

    def test_ends_a_list_later_and_its_eager_end_too(self) -> None:
        items = [(0.4, self.HISS), (0.5, bytes(640))] * 3
        told = self.edges(replace(SETTINGS, eager_ms=400), *items, (1.0, bytes(640)))
        assert [edge for _, edge in told] == [Edge.STARTED, Edge.PAUSED, Edge.ENDED]
        assert [at_s for at_s, _ in told[1:]] == pytest.approx([2.2 + 0.9, 2.2 + 1.2])

    def test_ends_a_drawn_out_vowel_later(self) -> None:
        told = self.edges(SETTINGS, (1.0, self.HISS), (0.4, self.VOWEL), (2.0, bytes(640)))
        assert [at_s for at_s, edge in told if edge is Edge.ENDED] == pytest.approx([1.4 + 1.2])


def test_a_list_of_spoken_words_is_one_utterance() -> None:
    random = np.random.default_rng(4)
    parts: list[Sound] = [sounds.silence(1)]
    for pause_s in (0.4, 0.85, 0.75, 2.0):
        parts += [sounds.at_dbfs(sounds.word(random, "a i"), -30), sounds.silence(pause_s)]
    ears = SpeechDetector(SETTINGS, make_is_voiced(2))
    told = [ears.hear(chunk, min_speech_ms=120, expected=True).edge for chunk in sounds.chunks(parts)]
    assert [edge for edge in told if edge] == [Edge.STARTED, Edge.ENDED]
