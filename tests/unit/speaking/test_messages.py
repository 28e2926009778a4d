"""What is said when something is wrong: the words, when, how often, and the recordings of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.session.failures import TREATMENTS, FailureKind, Retry
from daemon.speaking import announcer
from daemon.speaking.announcer import RECORDINGS, read_recording, recording
from daemon.speaking.earcons import MELODIES
from daemon.speaking.messages import (
    MEANINGS,
    REPEAT_AFTER_S,
    TONES,
    WORDS,
    Message,
    Reticence,
    earcon_table,
    message_for,
)
from daemon.words import Earcon
from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.simulated.board import SENTENCE_WAV

NEEDS_NO_WORDS = (Earcon.LISTENING, Earcon.DONE, Earcon.MUTED, Earcon.UNMUTED, Earcon.LOOK)

# --- which words


@pytest.mark.parametrize(
    ("earcon", "failure", "message"),
    [
        (Earcon.OFFLINE, None, Message.OFFLINE),
        (Earcon.OFFLINE, FailureKind.NETWORK, Message.OFFLINE),
        (Earcon.OFFLINE, FailureKind.TRANSIENT, Message.NO_SERVICE),
        (Earcon.OFFLINE, FailureKind.CLOCK, Message.CLOCK),
        (Earcon.OFFLINE, FailureKind.INTERCEPTED, Message.INTERCEPTED),
        (Earcon.REFUSED, FailureKind.REFUSED_KEY, Message.REFUSED_KEY),
        (Earcon.REFUSED, FailureKind.REFUSED_MODEL, Message.REFUSED),
        (Earcon.REFUSED, FailureKind.REFUSED_CONFIG, Message.REFUSED),
        (Earcon.QUOTA, FailureKind.QUOTA, Message.QUOTA),
        (Earcon.NO_MIC, None, Message.NO_MICROPHONE),
        (Earcon.NO_MIC, FailureKind.NETWORK, Message.NO_MICROPHONE),
        (Earcon.ERROR, None, Message.ERROR),
        (Earcon.ERROR, FailureKind.NETWORK, Message.ERROR),
    ],
)
def test_the_words_fit_the_tone_and_the_failure(
    earcon: Earcon, failure: FailureKind | None, message: Message
) -> None:
    assert message_for(earcon, failure) is message


@pytest.mark.parametrize("failure", FailureKind)
def test_only_what_is_tried_again_is_promised_to_be(failure: FailureKind) -> None:
    message = message_for(Earcon.OFFLINE, failure)
    assert message is not None
    promises = "keep trying" in WORDS[message]
    assert not (promises and TREATMENTS[failure].retry in (Retry.WHEN_ASKED, Retry.SLOWLY))


@pytest.mark.parametrize("earcon", NEEDS_NO_WORDS)
@pytest.mark.parametrize("failure", [None, *FailureKind])
def test_a_tone_that_tells_of_no_fault_has_no_words(earcon: Earcon, failure: FailureKind | None) -> None:
    assert message_for(earcon, failure) is None


# --- how often


def test_the_same_words_are_said_again_only_after_a_minute() -> None:
    reticence = Reticence()
    asked_at_s = [1000.0, 1001.0, 1000.0 + REPEAT_AFTER_S - 0.1, 1000.0 + REPEAT_AFTER_S]
    said = [reticence.may_say(Message.REFUSED_KEY, now_s) for now_s in asked_at_s]
    assert said == [True, False, False, True]


def test_other_words_are_said_at_once() -> None:
    reticence = Reticence()
    assert all(reticence.may_say(message, 1000.0) for message in Message)


# --- the recordings


def test_there_is_a_recording_of_each_message_and_nothing_else() -> None:
    assert sorted(path.name for path in RECORDINGS.iterdir()) == sorted(f"{one.value}.wav" for one in Message)


@pytest.mark.parametrize("message", Message)
def test_a_recording_can_be_played_is_short_and_has_no_silence_at_its_ends(message: Message) -> None:
    pcm = read_recording(RECORDINGS / f"{message.value}.wav")
    assert 0.5 < SPEAKER_FORMAT.seconds(len(pcm)) < 3.5
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > 32767 * 0.004)
    edge = SPEAKER_FORMAT.frames(0.03)
    assert loud[0] < edge and loud[-1] > len(pcm) // SPEAKER_FORMAT.frame_bytes - edge


@pytest.mark.parametrize("message", Message)
def test_a_recording_begins_and_ends_without_a_click(message: Message) -> None:
    """A step from or to silence is heard where it is more than what is soft anyhow: -60 dBFS."""
    sound = np.frombuffer(recording(message), np.int16).astype(np.int32)
    assert np.abs(sound[[0, -1]]).max() <= 32
    steps, millisecond = np.abs(np.diff(sound)), SPEAKER_FORMAT.frames(0.001)
    assert max(steps[:millisecond].max(), steps[-millisecond:].max()) <= steps.max() / 16


@pytest.mark.parametrize("message", Message)
def test_a_recording_peaks_6_db_below_full_scale(message: Message) -> None:
    samples = np.frombuffer(recording(message), "<i2").astype(np.float64)
    assert 20 * np.log10(np.abs(samples).max() / 32767) == pytest.approx(-6.0, abs=0.1)


def test_all_recordings_together_are_at_most_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in RECORDINGS.iterdir()) <= 1_000_000


@pytest.mark.parametrize("fault", ["missing", "16 kHz", "no WAV file", "cut off"])
def test_a_recording_that_cannot_be_used_costs_a_warning_and_no_more(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {"16 kHz": SENTENCE_WAV.read_bytes(), "no WAV file": b"words", "cut off": b"RIFF"}
    if fault in bad:
        (tmp_path / "error.wav").write_bytes(bad[fault])
    monkeypatch.setattr(announcer, "RECORDINGS", tmp_path)
    recording.cache_clear()
    assert recording(Message.ERROR) == recording(Message.ERROR) == b""
    recording.cache_clear()
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "the message error.wav cannot be spoken"
    ]


def test_the_bundled_sentence_of_the_microphone_has_another_format() -> None:
    """Else the case of 16 kHz above would prove nothing."""
    assert MIC_FORMAT.rate_hz != SPEAKER_FORMAT.rate_hz


# --- the table


def test_the_table_has_a_row_for_each_earcon_and_all_the_words_once() -> None:
    table = earcon_table()
    assert len(table.splitlines()) == 2 + len(Earcon)
    assert all(table.count(f"“{words}”") == 1 for words in WORDS.values())


def test_the_table_tells_tones_apart() -> None:
    assert len(set(TONES.values())) == len(set(MEANINGS.values())) == len(Earcon)


@pytest.mark.parametrize("earcon", Earcon)
def test_the_table_counts_the_notes_rightly(earcon: Earcon) -> None:
    notes = sum(note.pitch_hz > 0 for note in MELODIES[earcon])
    assert TONES[earcon].split()[0] == {2: "two", 3: "three", 4: "four"}[notes]
