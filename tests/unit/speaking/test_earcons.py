"""The tones: soft, short, free of clicks, and told apart by ear."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import log2, pi

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.speaking.earcons import MELODIES, earcon_pcm
from daemon.speaking.small_speaker import loudness_dba
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT


def samples(earcon: Earcon) -> NDArray[np.int32]:
    return np.frombuffer(earcon_pcm(earcon), np.int16).astype(np.int32)


@pytest.mark.parametrize("earcon", Earcon)
def test_every_earcon_has_a_melody_and_is_shorter_than_a_second(earcon: Earcon) -> None:
    assert 0.05 < SPEAKER_FORMAT.seconds(len(earcon_pcm(earcon))) < 1.0


def test_the_listening_tone_takes_at_most_120_ms_and_rises() -> None:
    assert SPEAKER_FORMAT.seconds(len(earcon_pcm(Earcon.LISTENING))) <= 0.12
    first, last = MELODIES[Earcon.LISTENING]
    assert first.pitch_hz < last.pitch_hz


@pytest.mark.parametrize("earcon", Earcon)
def test_the_peak_is_audible_and_at_most_15_db_below_full_scale(earcon: Earcon) -> None:
    peak = int(np.abs(samples(earcon)).max())
    assert 32767 * 10 ** (-30 / 20) < peak <= 32767 * 10 ** (-15 / 20) + 1


@pytest.mark.parametrize("earcon", Earcon)
def test_there_are_no_clicks(earcon: Earcon) -> None:
    """No step is larger than the highest note itself needs, and the tone begins and ends at rest."""
    sound = samples(earcon)
    highest_hz = max(note.pitch_hz for note in MELODIES[earcon])
    steepest = np.abs(sound).max() * 2 * pi * highest_hz / SPEAKER_FORMAT.rate_hz
    assert np.abs(np.diff(sound)).max() <= 1.4 * steepest
    assert np.abs(sound[[0, -1]]).max() <= 2


@pytest.mark.parametrize("earcon", Earcon)
def test_every_note_starts_from_silence(earcon: Earcon) -> None:
    sound, at = samples(earcon), 0
    for note in MELODIES[earcon]:
        assert np.abs(sound[at : at + 4]).max() <= 80
        at += SPEAKER_FORMAT.frames(note.duration_ms / 1000)
    assert at == len(sound)


def level_dba(earcon: Earcon) -> float:
    return loudness_dba(samples(earcon) / 32768)


def test_all_tones_are_equally_loud_from_a_small_loudspeaker_but_the_one_of_each_turn() -> None:
    levels = {earcon: level_dba(earcon) for earcon in Earcon}
    listening = levels.pop(Earcon.LISTENING)
    assert max(levels.values()) - min(levels.values()) < 2.0
    assert 3.0 < min(levels.values()) - listening < 6.0


def test_three_notes_or_more_are_a_fault_and_two_are_none() -> None:
    faults = {Earcon.ERROR, Earcon.OFFLINE, Earcon.QUOTA, Earcon.REFUSED, Earcon.NO_MIC}
    notes = {earcon: sum(note.pitch_hz > 0 for note in MELODIES[earcon]) for earcon in Earcon}
    assert {earcon for earcon, count in notes.items() if count >= 3} == faults
    assert {count for earcon, count in notes.items() if earcon not in faults} == {2}


def test_a_tone_is_made_once() -> None:
    assert earcon_pcm(Earcon.DONE) is earcon_pcm(Earcon.DONE)


def contour(earcon: Earcon) -> tuple[int, ...]:
    """The melody as one hears it without absolute pitch: semitones from note to note."""
    pitches = [note.pitch_hz for note in MELODIES[earcon] if note.pitch_hz]
    return tuple(round(12 * log2(later / former)) for former, later in pairwise(pitches))


@pytest.mark.parametrize(("one", "other"), list(combinations(Earcon, 2)))
def test_no_two_earcons_have_the_same_melody(one: Earcon, other: Earcon) -> None:
    assert contour(one) != contour(other)
