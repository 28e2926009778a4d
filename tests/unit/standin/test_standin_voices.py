"""Voices, the server's own endpointing, and its record, without a network."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_support import speech

from daemon.standin.record import Record
from daemon.standin.talk.hearing import Change, Ear, level_dbfs
from daemon.standin.voices import (
    VOICES,
    Echo,
    FixedWav,
    LongSpeech,
    Piece,
    Silence,
    Tone,
    pieces,
    resample,
    tone,
    voice_named,
)


def seconds_at_24_khz(pcm: bytes) -> float:
    return len(pcm) / 48_000


class TestVoices:
    def test_a_tone_keeps_its_pitch_and_level_through_resampling(self) -> None:
        time_s = np.arange(16_000) / 16_000
        sine = (10_000 * np.sin(2 * np.pi * 1000 * time_s)).astype("<i2").tobytes()
        again = np.frombuffer(resample(sine, 16_000, 24_000), "<i2").astype(np.float64)
        wanted = 10_000 * np.sin(2 * np.pi * 1000 * np.arange(24_000) / 24_000)
        assert np.abs(again - wanted).max() < 3

    @given(st.integers(0, 3000), st.sampled_from([8_000, 16_000, 44_100, 48_000]))
    def test_resampling_keeps_the_length_in_seconds(self, count: int, rate_hz: int) -> None:
        pcm = resample(bytes(2 * count), rate_hz, 24_000)
        assert len(pcm) // 2 == round(count * 24_000 / rate_hz)

    def test_full_scale_does_not_wrap_around(self) -> None:
        square = np.tile(np.repeat(np.array([32767, -32768], "<i2"), 50), 40)
        again = np.frombuffer(resample(square.tobytes(), 16_000, 24_000), "<i2")
        assert np.mean(np.sign(again[10:60])) > 0.9

    def test_the_echo_of_text_alone_is_a_tone(self) -> None:
        assert Echo().reply(b"", "hello")
        assert Echo().reply(b"", None) == b""

    @pytest.mark.parametrize(
        ("voice", "seconds"), [(Tone(0.5), 0.5), (Silence(1.5), 1.5), (LongSpeech(3.0), 3.0)]
    )
    def test_a_voice_speaks_for_as_long_as_it_says(
        self, voice: Tone | Silence | LongSpeech, seconds: float
    ) -> None:
        assert seconds_at_24_khz(voice.reply(b"", None)) == pytest.approx(seconds)

    def test_near_silence_is_not_digital_silence(self) -> None:
        assert -95.0 < level_dbfs(Silence(0.5).reply(b"", None)) < -85.0

    def test_a_wav_file_is_brought_to_24_khz(self, tmp_path: Path) -> None:
        path = tmp_path / "said.wav"
        write_wav(path, speech(0.5), 16_000, 1)
        assert voice_named(str(path)).reply(b"", None) == resample(speech(0.5), 16_000, 24_000)

    @pytest.mark.parametrize("fault", ["stereo", "no wav", "empty"])
    def test_another_kind_of_file_is_refused(self, tmp_path: Path, fault: str) -> None:
        path = tmp_path / "said.wav"
        if fault == "stereo":
            write_wav(path, bytes(800), 16_000, 2)
        else:
            path.write_bytes(b"" if fault == "empty" else b"something else, but long enough for a header")
        with pytest.raises(ValueError, match=r"said\.wav"):
            FixedWav(path)

    @pytest.mark.parametrize("name", VOICES)
    def test_every_named_voice_speaks_whole_samples(self, name: str) -> None:
        reply = voice_named(name).reply(speech(0.2), None)
        assert isinstance(reply, bytes) and len(reply) % 2 == 0

    def test_an_unknown_voice_is_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match="'soprano'; there are echo, tone"):
            voice_named("soprano")


class TestPieces:
    def test_bytes_are_cut_into_messages_at_the_servers_pace(self) -> None:
        cut = list(pieces(tone(0.5, 440), message_s=0.2, speed=4.0))
        assert [len(piece.pcm) for piece in cut] == [9600, 9600, 4800]
        assert [piece.delay_s for piece in cut] == [0.0, 0.05, 0.05]
        assert b"".join(piece.pcm for piece in cut) == tone(0.5, 440)

    def test_pieces_keep_their_own_pace(self) -> None:
        own = [Piece(b"ab", 1.0), Piece(b"cd")]
        assert list(pieces(own, message_s=0.2, speed=4.0)) == own

    def test_nothing_is_no_message(self) -> None:
        assert list(pieces(b"", message_s=0.2, speed=4.0)) == []


def write_wav(path: Path, pcm: bytes, rate_hz: int, channels: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)


class TestHearing:
    @staticmethod
    def changes(ear: Ear, parts: list[tuple[bool, int]]) -> list[tuple[float, Change]]:
        """What the ear reports, and when, for parts of (loud, messages of 20 ms)."""
        loud, quiet = speech(0.02), bytes(640)
        messages = [loud if is_loud else quiet for is_loud, count in parts for _ in range(count)]
        heard = [(round(0.02 * n, 2), ear.hear(pcm, 0.02)) for n, pcm in enumerate(messages, 1)]
        return [(at_s, what) for at_s, what in heard if what is not Change.NOTHING]

    def test_speech_starts_and_ends_after_it_has_lasted(self) -> None:
        ear = Ear(speech_s=0.06, silence_s=0.3)
        parts = [(False, 10), (True, 20), (False, 30)]
        assert self.changes(ear, parts) == [(0.26, Change.STARTED), (0.9, Change.ENDED)]

    def test_a_short_noise_is_not_speech_and_a_short_pause_not_its_end(self) -> None:
        ear = Ear(speech_s=0.06, silence_s=0.3)
        assert self.changes(ear, [(True, 2), (False, 20)]) == []
        assert [what for _, what in self.changes(ear, [(True, 5), (False, 10), (True, 5)])] == [
            Change.STARTED
        ]

    def test_the_end_of_the_stream_ends_speech_only(self) -> None:
        ear = Ear(speech_s=0.06, silence_s=0.3)
        assert ear.stream_ended() is Change.NOTHING
        self.changes(ear, [(True, 5)])
        assert ear.stream_ended() is Change.ENDED
        assert ear.stream_ended() is Change.NOTHING

    def test_levels_are_against_full_scale(self) -> None:
        assert level_dbfs(np.full(100, -32768, "<i2").tobytes()) == pytest.approx(0.0)
        assert level_dbfs(bytes(200)) == level_dbfs(b"") == pytest.approx(-100.0)


class TestTheRecord:
    async def test_a_waiter_is_woken_by_a_change_and_gets_the_value(self) -> None:
        record = Record(lambda: 0.0, 60.0)
        waiter = asyncio.create_task(record.wait_for(lambda r: r.events and r.events[-1].kind))
        await asyncio.sleep(0)
        record.received(record.connection_opened(), "setup", {})
        assert await waiter == "setup"

    def test_times_are_the_given_clocks(self) -> None:
        now = iter([5.0, 6.0, 7.0])
        record = Record(lambda: next(now), 60.0)
        connection = record.connection_opened()
        message = record.audio_received(connection, bytes(640), 16_000)
        assert (connection.opened_s, message.at_s, record.events[0].at_s) == (5.0, 6.0, 7.0)

    def test_forgotten_audio_leaves_its_turn_too(self) -> None:
        record = Record(lambda: 0.0, 0.1)
        connection = record.connection_opened()
        turn = record.turn_opened(connection, "activity")
        for number in range(8):
            message = record.audio_received(connection, bytes([number, 0]) * 320, 16_000)
            record.assign(connection, message, turn)
        assert len(turn.audio) == len(connection.audio) == 5
        assert turn.pcm == connection.pcm
        assert turn.pcm[0] == 3
        assert record.forgotten_s == pytest.approx(0.06)
        assert turn.audio_s == pytest.approx(0.16)
        assert connection.discarded_s == pytest.approx(0.0)
        assert record.events[0].payload.pcm == b""

    def test_only_the_first_end_of_a_connection_counts(self) -> None:
        record = Record(lambda: 0.0, 60.0)
        connection = record.connection_opened()
        record.connection_closed(connection, 1011, "first", by_server=True)
        record.connection_closed(connection, 1006, "second", by_server=False)
        assert (connection.close_code, connection.close_reason) == (1011, "first")
