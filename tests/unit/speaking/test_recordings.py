"""The recordings of the messages: there in each language, equally loud, and the user's own before them."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from daemon.speaking import recordings
from daemon.speaking.messages import WORDS, Message
from daemon.speaking.recordings import (
    MESSAGE_DBA,
    SHIPPED,
    Recordings,
    made_folder,
    read_recording,
    recording_of,
)
from daemon.speaking.small_speaker import loudness_dba
from daemon.speaking.translations import WORDS_IN, shipped_language
from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.simulated.board import SENTENCE_WAV

ALL = [(language, message) for language in WORDS_IN for message in Message]
EACH = pytest.mark.parametrize(
    ("language", "message"), ALL, ids=[f"{language}-{message.value}" for language, message in ALL]
)


def samples(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32767


def test_each_language_has_words_of_its_own_for_each_message() -> None:
    assert set(WORDS_IN) == {"en", "de", "fr", "es", "it", "pt", "nl"}
    assert WORDS_IN["en"] is WORDS
    assert all(set(words) == set(Message) for words in WORDS_IN.values())
    texts = [text for words in WORDS_IN.values() for text in words.values()]
    assert len(set(texts)) == len(texts)


def test_there_is_a_recording_of_each_message_and_nothing_else() -> None:
    there = {str(path.relative_to(SHIPPED)) for path in SHIPPED.rglob("*.wav")}
    assert there == {f"{language}/{message.value}.wav" for language, message in ALL}


@EACH
def test_a_recording_can_be_played_is_short_and_has_no_silence_at_its_ends(
    language: str, message: Message
) -> None:
    pcm = read_recording(SHIPPED / language / f"{message.value}.wav")
    assert 0.5 < SPEAKER_FORMAT.seconds(len(pcm)) < 3.5
    loud = np.flatnonzero(np.abs(samples(pcm)) > 0.004)
    edge = SPEAKER_FORMAT.frames(0.03)
    assert loud[0] < edge and loud[-1] > len(pcm) // SPEAKER_FORMAT.frame_bytes - edge


@EACH
def test_a_recording_begins_and_ends_without_a_click(language: str, message: Message) -> None:
    """A step from or to silence is heard where it is more than what is soft anyhow: -60 dBFS."""
    sound = np.frombuffer(Recordings(language).of(message), np.int16).astype(np.int32)
    assert np.abs(sound[[0, -1]]).max() <= 32
    steps, millisecond = np.abs(np.diff(sound)), SPEAKER_FORMAT.frames(0.001)
    assert max(steps[:millisecond].max(), steps[-millisecond:].max()) <= steps.max() / 16


@EACH
def test_all_are_equally_loud_and_none_is_clipped(language: str, message: Message) -> None:
    sound = samples(Recordings(language).of(message))
    assert loudness_dba(sound) == pytest.approx(MESSAGE_DBA, abs=0.5)
    assert np.abs(sound).max() <= 10 ** (-1.0 / 20)


def test_a_language_takes_at_most_some_megabyte() -> None:
    for language in WORDS_IN:
        assert sum(path.stat().st_size for path in (SHIPPED / language).iterdir()) <= 1_150_000


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("", "en"),
        ("de-DE", "de"),
        ("pt-BR", "pt"),
        ("pt-PT", "pt"),
        ("NL", "nl"),
        ("sv-SE", "en"),
        ("en-GB", "en"),
    ],
)
def test_the_language_of_the_configuration_is_spoken_or_english(tag: str, language: str) -> None:
    assert shipped_language(tag) == Recordings(tag).language == language


@pytest.mark.parametrize("fault", ["missing", "16 kHz", "no WAV file", "cut off"])
def test_a_recording_that_cannot_be_used_costs_a_warning_and_no_more(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {"16 kHz": SENTENCE_WAV.read_bytes(), "no WAV file": b"words", "cut off": b"RIFF"}
    (tmp_path / "en").mkdir()
    if fault in bad:
        (tmp_path / "en/error.wav").write_bytes(bad[fault])
    monkeypatch.setattr(recordings, "SHIPPED", tmp_path)
    spoken = Recordings()
    assert spoken.of(Message.ERROR) == spoken.of(Message.ERROR) == b""
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "the message error.wav cannot be spoken"
    ]


def test_the_bundled_sentence_of_the_microphone_has_another_format() -> None:
    """Else the case of 16 kHz above would prove nothing."""
    assert MIC_FORMAT.rate_hz != SPEAKER_FORMAT.rate_hz


# --- the user's own


def speech(seconds: float = 1.0, level: float = 0.1) -> bytes:
    """A tone between two silences."""
    count = SPEAKER_FORMAT.frames(seconds)
    tone = level * np.sin(2 * np.pi * 1000 * np.arange(count) / SPEAKER_FORMAT.rate_hz)
    sound = np.concatenate([np.zeros(4800), tone, np.zeros(9600)])
    return bytes(np.rint(sound * 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("level", [0.001, 0.03, 0.9])
def test_what_is_made_is_cut_and_as_loud_as_the_others(tmp_path: Path, level: float) -> None:
    (tmp_path / "error.wav").write_bytes(recording_of(speech(level=level)))
    pcm = read_recording(tmp_path / "error.wav")
    assert SPEAKER_FORMAT.seconds(len(pcm)) == pytest.approx(1.0, abs=0.01)
    assert loudness_dba(samples(pcm)) == pytest.approx(MESSAGE_DBA, abs=0.5)


def test_a_sound_with_one_sharp_peak_is_softer_rather_than_clipped() -> None:
    sound = samples(speech(level=0.01)).copy()
    sound[10_000] = 1.0
    with wave.open(io.BytesIO(recording_of((sound * 32767).astype("<i2").tobytes()))) as wav:
        heard = samples(wav.readframes(10**6))
    assert np.abs(heard).max() <= 10 ** (-1.0 / 20) + 1e-3


@pytest.mark.parametrize("pcm", [b"", bytes(1000)])
def test_silence_makes_no_recording(pcm: bytes) -> None:
    with pytest.raises(ValueError, match="silence"):
        recording_of(pcm)


def test_what_was_made_is_said_before_what_is_shipped_and_read_anew_when_it_changes(tmp_path: Path) -> None:
    spoken = Recordings("de", tmp_path)
    assert spoken.of(Message.ERROR) == Recordings("de").of(Message.ERROR)
    (tmp_path / "error.wav").write_bytes(recording_of(speech()))
    assert spoken.of(Message.ERROR) == Recordings("de").of(Message.ERROR)  # as read before
    spoken.forget()
    assert spoken.of(Message.ERROR) == read_recording(tmp_path / "error.wav")
    assert spoken.of(Message.OFFLINE) == Recordings("de").of(Message.OFFLINE)


def test_a_damaged_one_of_the_user_s_falls_back_to_the_shipped_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "error.wav").write_bytes(b"words")
    assert Recordings("fr", tmp_path).of(Message.ERROR) == Recordings("fr").of(Message.ERROR)
    assert "cannot be used" in caplog.text


def test_each_language_and_voice_has_its_own_folder(tmp_path: Path) -> None:
    folders = {
        made_folder(tmp_path, *one) for one in (("", ""), ("de-DE", ""), ("de-DE", "Kore"), ("", "Kore"))
    }
    assert len(folders) == 4
    assert made_folder(tmp_path, "../..", "/etc").parent == tmp_path / "messages"
