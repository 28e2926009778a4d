"""What the simulated board has beyond the contracts: what a test needs of it, and its limits."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Colour, LedError, MicError, SpeakerError
from hw.simulated.board import SENTENCE_WAV, SimulatedBoard
from hw.simulated.wav import read_wav

TONE = bytes(np.full(SPEAKER_FORMAT.chunk_frames, 4000, "<i2"))


class Time:
    """A clock that goes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def board(time: Time) -> SimulatedBoard:
    return SimulatedBoard(clock=time.clock, sleep=time.sleep)


def write_wav(path: Path, rate_hz: int, channels: int, sample_bytes: int) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(sample_bytes)
        wav.setframerate(rate_hz)
        wav.writeframes(bytes(100 * channels * sample_bytes))
    return path


class TestMic:
    def test_says_a_sentence_sample_for_sample(self, board: SimulatedBoard) -> None:
        mic = board.open_mic()
        said = board.speak()
        heard = b"".join(mic.read() for _ in range(len(said) // MIC_FORMAT.chunk_bytes + 1))
        assert heard.startswith(said)
        assert board.mic.said_s == pytest.approx(MIC_FORMAT.seconds(len(said)))

    def test_is_a_quiet_room_otherwise(self, board: SimulatedBoard) -> None:
        mic = board.open_mic()
        noise = np.frombuffer(b"".join(mic.read() for _ in range(50)), "<i2").astype(np.float64)
        level_dbfs = 10 * np.log10(np.mean(noise**2) / 32768**2)
        assert -80 < level_dbfs < -65
        assert board.mic.quiet_s == pytest.approx(1.0)

    def test_keeps_to_its_clock(self, board: SimulatedBoard, time: Time) -> None:
        mic = board.open_mic()
        for _ in range(50):
            mic.read()
        assert time.now_s == pytest.approx(101.0)

    def test_breaks_and_heals(self, board: SimulatedBoard) -> None:
        mic = board.open_mic()
        board.mic.fail()
        with pytest.raises(MicError):
            mic.read()
        board.mic.heal()
        assert mic.read()

    def test_breaks_for_good(self, board: SimulatedBoard) -> None:
        board.mic.fail_for_good()
        board.mic.heal()
        with pytest.raises(MicError):
            board.open_mic()

    def test_shows_whether_it_is_open(self, board: SimulatedBoard) -> None:
        seen = [board.mic.is_open]
        mic = board.open_mic()
        seen.append(board.mic.is_open)
        mic.close()
        assert [*seen, board.mic.is_open] == [False, True, False]

    def test_refuses_to_say_more_than_ten_minutes(self, board: SimulatedBoard) -> None:
        with pytest.raises(ValueError, match="600"):
            board.mic.say(bytes(MIC_FORMAT.bytes(601.0)))

    def test_hears_the_speaker_where_there_is_an_echo(self, time: Time) -> None:
        board = SimulatedBoard(echo_gain=0.5, clock=time.clock, sleep=time.sleep)
        mic, speaker = board.open_mic(), board.open_speaker()
        assert not board.echo_free
        for _ in range(5):
            speaker.write(TONE)
        heard = np.frombuffer(b"".join(mic.read() for _ in range(5)), "<i2")
        assert np.median(heard) == pytest.approx(2000, abs=20)


class TestWavFiles:
    def test_the_bundled_sentence_can_be_said(self) -> None:
        assert 2.0 < MIC_FORMAT.seconds(len(read_wav(SENTENCE_WAV))) < 4.0

    @pytest.mark.parametrize(
        ("rate_hz", "channels", "sample_bytes", "words"),
        [
            (44_100, 1, 2, "44100 Hz, 1 channels, 16 bit"),
            (16_000, 2, 2, "16000 Hz, 2 channels, 16 bit"),
            (16_000, 1, 1, "16000 Hz, 1 channels, 8 bit"),
        ],
    )
    def test_another_format_is_refused_with_what_would_be_right(
        self, tmp_path: Path, rate_hz: int, channels: int, sample_bytes: int, words: str
    ) -> None:
        path = write_wav(tmp_path / "in.wav", rate_hz, channels, sample_bytes)
        with pytest.raises(MicError) as caught:
            read_wav(path)
        assert str(path) in str(caught.value) and words in str(caught.value)
        assert "16000 Hz mono 16 bit" in str(caught.value)
        assert caught.value.permanent

    @pytest.mark.parametrize("content", [None, b"", b"this is no sound"])
    def test_what_is_no_wav_file_is_refused(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "in.wav"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(MicError, match=r"cannot be read: No such file|is not a WAV file") as caught:
            read_wav(path)
        assert caught.value.permanent


class TestSpeaker:
    def test_keeps_what_was_heard_and_when(self, board: SimulatedBoard, time: Time) -> None:
        speaker = board.open_speaker()
        speaker.write(TONE)
        assert board.speaker.heard() == b""
        time.sleep(0.01)
        assert (board.speaker.heard(), board.speaker.sounding) == (TONE[: len(TONE) // 2], True)
        time.sleep(0.01)
        assert (board.speaker.heard(), board.speaker.sounding) == (TONE, False)
        assert board.speaker.history()[0][0] == pytest.approx(100.0)

    def test_never_hears_what_was_flushed(self, board: SimulatedBoard, time: Time) -> None:
        speaker = board.open_speaker()
        speaker.write(TONE)
        speaker.write(TONE)
        time.sleep(0.02)
        speaker.flush()
        time.sleep(1.0)
        assert len(board.speaker.heard()) == pytest.approx(len(TONE), abs=4)
        assert list(board.speaker.flushed_s) == pytest.approx([100.02])

    def test_counts_a_break_but_no_pause(self, board: SimulatedBoard, time: Time) -> None:
        speaker = board.open_speaker()
        speaker.write(TONE)
        time.sleep(0.1)
        speaker.write(TONE)
        assert (board.speaker.breaks, speaker.underruns) == (1, 1)
        time.sleep(5.0)
        speaker.write(TONE)
        assert board.speaker.breaks == 1

    def test_forgets_what_is_older_than_ten_minutes(self, board: SimulatedBoard, time: Time) -> None:
        speaker = board.open_speaker()
        for _ in range(601 * 50):
            speaker.write(TONE)
        time.sleep(1.0)
        assert SPEAKER_FORMAT.seconds(len(board.speaker.heard())) <= 600

    def test_leaves_a_recording(self, time: Time, tmp_path: Path) -> None:
        path = tmp_path / "heard.wav"
        board = SimulatedBoard(record_wav=path, clock=time.clock, sleep=time.sleep)
        speaker = board.open_speaker()
        speaker.write(TONE)
        time.sleep(1.0)
        assert not path.exists()
        speaker.close()
        with wave.open(str(path)) as wav:
            assert (wav.getframerate(), wav.readframes(10_000)) == (24_000, TONE)
        assert [each.name for each in tmp_path.iterdir()] == ["heard.wav"]

    def test_says_at_once_that_a_recording_cannot_be_written(self, tmp_path: Path) -> None:
        board = SimulatedBoard(record_wav=tmp_path / "none" / "heard.wav")
        with pytest.raises(SpeakerError, match=r"heard\.wav") as caught:
            board.open_speaker()
        assert caught.value.permanent


class TestButtonAndLeds:
    def test_a_tap_is_two_edges(self, board: SimulatedBoard) -> None:
        edges: list[tuple[bool, float]] = []
        button = board.open_button(lambda pressed, at_s: edges.append((pressed, at_s)))
        board.tap()
        button.close()
        board.tap()
        assert edges == [(True, 100.0), (False, 100.0)]

    def test_lights_remember_what_they_showed_and_when(self, board: SimulatedBoard, time: Time) -> None:
        leds = board.open_leds()
        leds.show([Colour(blue=9)] * 3)
        time.sleep(1.0)
        leds.close()
        assert list(board.leds.history) == [(100.0, (Colour(blue=9),) * 3), (101.0, (Colour(),) * 3)]

    def test_lights_take_only_as_many_pixels_as_they_are(self, board: SimulatedBoard) -> None:
        with pytest.raises(LedError, match="3 pixels"):
            board.open_leds().show([Colour()])
