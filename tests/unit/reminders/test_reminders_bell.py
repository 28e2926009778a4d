"""The sound of what rings: told apart, slowly louder, with pauses in which nothing is played."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.reminders.bell import GROWTH_S, MELODIES, PAUSE_S, PEAK_DBFS, START_DB, BellSound, growth
from daemon.reminders.book import EntryKind
from hw.base import SPEAKER_FORMAT

CHUNK = SPEAKER_FORMAT.chunk_bytes
CHUNK_S = SPEAKER_FORMAT.seconds(CHUNK)


def heard(kind: EntryKind, seconds: float, volume: float = 100) -> NDArray[np.int16]:
    """All of it, pauses as silence."""
    bell = BellSound(kind, volume)
    chunks = (bell.take(CHUNK) or bytes(CHUNK) for _ in range(round(seconds / CHUNK_S)))
    return np.frombuffer(b"".join(chunks), np.int16)


def peak_dbfs(samples: NDArray[np.int16]) -> float:
    return float(20 * np.log10(np.max(np.abs(samples.astype(np.int32))) / 32767))


@pytest.mark.parametrize("kind", EntryKind)
def test_it_begins_softly_and_becomes_as_loud_as_it_is_meant_to_be(kind: EntryKind) -> None:
    samples = heard(kind, GROWTH_S + 10)
    second = SPEAKER_FORMAT.frames(1.0)
    assert peak_dbfs(samples[:second]) <= PEAK_DBFS + START_DB + 1.0
    assert PEAK_DBFS - 1.0 <= peak_dbfs(samples[round(GROWTH_S) * second :]) <= PEAK_DBFS


def test_it_grows_without_a_step() -> None:
    factors = [growth(t_s / 10) for t_s in range(round(GROWTH_S) * 10 + 50)]
    assert factors == sorted(factors)
    assert factors[0] == pytest.approx(10 ** (START_DB / 20))
    assert factors[-1] == 1.0
    assert max(later / earlier for earlier, later in pairwise(factors)) < 1.01


def test_its_loudness_is_that_of_the_setting() -> None:
    loud, soft = (heard(EntryKind.ALARM, 2.0, volume) for volume in (100, 40))
    assert peak_dbfs(soft) < peak_dbfs(loud) - 10


@pytest.mark.parametrize("kind", EntryKind)
def test_between_two_melodies_nothing_is_played_for_as_long_as_a_word_takes(kind: EntryKind) -> None:
    bell = BellSound(kind, 80)
    played = [bool(bell.take(CHUNK)) for _ in range(round(20 / CHUNK_S))]
    text = "".join("#" if chunk else " " for chunk in played)
    pauses = [len(gap) * CHUNK_S for gap in text.strip().split("#") if gap]
    assert len(pauses) >= 3
    assert all(PAUSE_S - 2 * CHUNK_S <= pause_s <= PAUSE_S for pause_s in pauses)


def test_a_rest_within_the_melody_is_played_since_only_so_it_parts_the_notes() -> None:
    bell = BellSound(EntryKind.TIMER, 100)
    rests = [note for note in MELODIES[EntryKind.TIMER] if note.pitch_hz == 0]
    melody_s = sum(note.duration_ms for note in MELODIES[EntryKind.TIMER]) / 1000
    played = [bell.take(CHUNK) for _ in range(int(melody_s / CHUNK_S))]
    assert rests
    assert all(played)


def test_it_goes_on_where_it_was_whatever_the_length_of_the_stretches() -> None:
    """The growth is that of a stretch's beginning, so only the shape is the same."""
    size = 3 * 24_000 * SPEAKER_FORMAT.frame_bytes
    whole = np.frombuffer(BellSound(EntryKind.ALARM, 100).take(size), np.int16)
    bell, pieces = BellSound(EntryKind.ALARM, 100), bytearray()
    while len(pieces) < size:
        length = (2, CHUNK // 2, CHUNK)[len(pieces) % 3]
        pieces += bell.take(length) or bytes(length)
    assert np.corrcoef(whole, np.frombuffer(pieces[:size], np.int16))[0, 1] > 0.99


def test_the_kinds_are_told_apart_by_ear() -> None:
    assert set(MELODIES) == set(EntryKind)
    tunes = {tuple(note.pitch_hz for note in melody) for melody in MELODIES.values()}
    assert len(tunes) == len(EntryKind)
