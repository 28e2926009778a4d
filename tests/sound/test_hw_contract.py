"""What `hw.base` promises, held by the simulated devices and by the real ones (over a private PulseAudio)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from pulse import MIC_DEVICE, SPEAKER_DEVICE, SPEAKER_SINK, PrivatePulse, loud_times_s

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Mic, MicError, Speaker, SpeakerError
from hw.simulated.board import SimulatedBoard
from hw.sound.portaudio.mic import PortAudioMic
from hw.sound.portaudio.speaker import PortAudioSpeaker

EARLY_S = 0.015
"""How much too early the recorder of a null sink may tell a sample: the sink renders ahead."""

LATE_S = 0.03
"""What is heard is told this much later on a machine that is busy with other things."""

STALL_S = 0.13
"""The longest stall that nobody may hear (negotiate.py: 40 to 130 ms happen)."""


@dataclass(frozen=True, slots=True)
class Devices:
    """A microphone and a speaker, and the world around them."""

    open_mic: Callable[[], Mic]
    open_speaker: Callable[[], Speaker]
    say: Callable[[bytes], None]
    """Let the microphone hear samples (16 kHz)."""
    played: Callable[[], list[tuple[float, bytes]]]
    """What was heard, in pieces with their times."""
    lose: Callable[[], None]
    """Take both devices away."""
    give_back: Callable[[], None]


@pytest.fixture(params=["simulated", pytest.param("portaudio", marks=pytest.mark.alone)])
def devices(request: pytest.FixtureRequest) -> Iterator[Devices]:
    if request.param == "simulated":
        yield simulated_devices()
    else:
        yield real_devices(request.getfixturevalue("pulse"))


def simulated_devices() -> Devices:
    board = SimulatedBoard()

    def lose() -> None:
        board.mic.fail()
        board.speaker.fail()

    def give_back() -> None:
        board.mic.heal()
        board.speaker.heal()

    return Devices(board.open_mic, board.open_speaker, board.mic.say, board.speaker.history, lose, give_back)


def real_devices(pulse: PrivatePulse) -> Devices:
    return Devices(
        open_mic=lambda: PortAudioMic(MIC_DEVICE),
        open_speaker=lambda: PortAudioSpeaker(SPEAKER_DEVICE),
        say=pulse.play,
        played=lambda: pulse.recorders[SPEAKER_SINK].recent(5.0),
        lose=pulse.kill,
        give_back=pulse.start,
    )


@pytest.fixture
def mic(devices: Devices) -> Iterator[Mic]:
    mic = devices.open_mic()
    yield mic
    mic.close()


@pytest.fixture
def speaker(devices: Devices) -> Iterator[Speaker]:
    speaker = devices.open_speaker()
    yield speaker
    speaker.close()


def tone(seconds: float, rate_hz: int, hz: float = 1000.0) -> bytes:
    """A sine at -12 dBFS."""
    frames = np.arange(round(seconds * rate_hz))
    return bytes((8000 * np.sin(2 * np.pi * hz * frames / rate_hz)).astype("<i2"))


def write_all(speaker: Speaker, pcm: bytes) -> None:
    """Write in chunks, as the playback thread does."""
    for begin in range(0, len(pcm), SPEAKER_FORMAT.chunk_bytes):
        speaker.write(pcm[begin : begin + SPEAKER_FORMAT.chunk_bytes])


def wait_until_played(speaker: Speaker) -> None:
    """Wait until the speaker says that it holds nothing, and the recorder has told it."""
    while (left_s := speaker.queued_s()) > 0:
        time.sleep(left_s)
    time.sleep(2 * LATE_S)


def loudest_pause_s(times_s: np.ndarray) -> float:
    """The longest time between two loud samples; a tone of 1 kHz has some each half millisecond."""
    return float(np.diff(times_s).max())


class TestMic:
    def test_gives_whole_chunks_in_real_time(self, mic: Mic) -> None:
        for _ in range(10):
            mic.read()
        began_s = time.monotonic()
        chunks = [mic.read() for _ in range(50)]
        assert {len(chunk) for chunk in chunks} == {MIC_FORMAT.chunk_bytes}
        assert time.monotonic() - began_s == pytest.approx(1.0, abs=0.1)

    def test_hears_what_is_said_whole(self, devices: Devices, mic: Mic) -> None:
        said = tone(0.5, MIC_FORMAT.rate_hz)
        devices.say(said)
        heard = b"".join(mic.read() for _ in range(75))
        samples = np.frombuffer(heard, "<i2").astype(np.float64)
        loud = np.flatnonzero(np.abs(samples) > 500)
        assert (loud[-1] - loud[0]) / MIC_FORMAT.rate_hz == pytest.approx(0.5, abs=0.01)
        assert np.diff(loud).max() < 16  # a hole of a period of the tone would show

    def test_loses_nothing_while_its_reader_stalls(self, devices: Devices, mic: Mic) -> None:
        mic.read()
        time.sleep(STALL_S)
        began_s = time.monotonic()
        for _ in range(6):
            mic.read()
        assert time.monotonic() - began_s < 0.09  # most of them had been waiting
        assert mic.overruns == 0

    def test_counts_that_nobody_read_for_too_long_and_goes_on(self, mic: Mic) -> None:
        mic.read()
        time.sleep(0.7)
        assert len(mic.read()) == MIC_FORMAT.chunk_bytes
        assert mic.overruns == 1
        mic.read()
        assert mic.overruns == 1

    def test_can_be_opened_again_after_it_was_closed(self, devices: Devices, mic: Mic) -> None:
        mic.close()
        again = devices.open_mic()
        assert len(again.read()) == MIC_FORMAT.chunk_bytes
        again.close()

    def test_that_is_lost_fails_within_a_second_and_comes_back(self, devices: Devices, mic: Mic) -> None:
        mic.read()
        devices.lose()
        began_s = time.monotonic()
        with pytest.raises(MicError):
            for _ in range(50):
                mic.read()
        assert time.monotonic() - began_s < 1.1
        mic.close()
        with pytest.raises(MicError) as refused:
            devices.open_mic()
        assert not refused.value.permanent
        devices.give_back()
        again = devices.open_mic()
        assert len(again.read()) == MIC_FORMAT.chunk_bytes
        again.close()


class TestSpeaker:
    @pytest.mark.parametrize("before", ["new", "ran dry", "long dry", "flushed"])
    def test_starts_with_the_first_chunk_and_waits_for_no_more(
        self, devices: Devices, speaker: Speaker, before: str
    ) -> None:
        if before != "new":
            write_all(speaker, bytes(SPEAKER_FORMAT.bytes(0.1)))
        if before in ("ran dry", "long dry"):
            wait_until_played(speaker)
        if before == "long dry":
            time.sleep(0.4)
        if before == "flushed":
            speaker.flush()
        began_s = time.monotonic()
        speaker.write(tone(0.02, SPEAKER_FORMAT.rate_hz))
        wait_until_played(speaker)
        times_s = loud_times_s(devices.played(), began_s - EARLY_S)
        assert len(times_s) and times_s[0] - began_s < LATE_S

    def test_plays_a_piece_that_is_shorter_than_its_period(self, devices: Devices, speaker: Speaker) -> None:
        began_s = time.monotonic()
        speaker.write(tone(0.005, SPEAKER_FORMAT.rate_hz))
        wait_until_played(speaker)
        # The recorder of a null sink misses some milliseconds at the beginning of a sound.
        assert len(loud_times_s(devices.played(), began_s - EARLY_S)) > 0

    def test_bridges_a_stall_of_its_writer(self, devices: Devices, speaker: Speaker) -> None:
        began_s = time.monotonic()
        write_all(speaker, tone(0.4, SPEAKER_FORMAT.rate_hz))
        time.sleep(STALL_S)
        write_all(speaker, tone(0.4, SPEAKER_FORMAT.rate_hz))
        wait_until_played(speaker)
        times_s = loud_times_s(devices.played(), began_s - EARLY_S)
        assert loudest_pause_s(times_s) < 0.003
        assert times_s[-1] - times_s[0] == pytest.approx(0.8, abs=0.005)
        assert speaker.underruns == 0

    def test_counts_a_sound_that_broke(self, speaker: Speaker) -> None:
        write_all(speaker, tone(0.1, SPEAKER_FORMAT.rate_hz))
        wait_until_played(speaker)
        write_all(speaker, tone(0.1, SPEAKER_FORMAT.rate_hz))
        assert speaker.underruns == 1

    @pytest.mark.alone
    def test_makes_its_writer_wait_no_longer_than_a_chunk_lasts(self, speaker: Speaker) -> None:
        times_s = [time.monotonic()]
        for _ in range(50):
            speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
            times_s.append(time.monotonic())
        assert max(after - before for before, after in pairwise(times_s)) < 0.02 + LATE_S
        assert times_s[-1] - times_s[0] == pytest.approx(1.0 - 0.2, abs=0.05)

    def test_tells_how_much_is_still_to_be_heard(self, devices: Devices, speaker: Speaker) -> None:
        assert speaker.queued_s() == 0
        began_s = time.monotonic()
        write_all(speaker, tone(0.3, SPEAKER_FORMAT.rate_hz))
        end_s = time.monotonic() + speaker.queued_s()
        assert 0.15 < speaker.queued_s() < 0.23
        wait_until_played(speaker)
        assert speaker.queued_s() == 0
        times_s = loud_times_s(devices.played(), began_s - EARLY_S)
        assert times_s[-1] == pytest.approx(end_s, abs=LATE_S)

    def test_is_silent_40_ms_after_a_flush_and_says_the_rest_never(
        self, devices: Devices, speaker: Speaker
    ) -> None:
        write_all(speaker, tone(0.5, SPEAKER_FORMAT.rate_hz))
        flushed_s = time.monotonic()
        speaker.flush()
        assert speaker.queued_s() == 0
        speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        time.sleep(0.3)
        assert not len(loud_times_s(devices.played(), flushed_s + 0.04))

    def test_that_is_lost_fails_within_a_second_and_comes_back(
        self, devices: Devices, speaker: Speaker
    ) -> None:
        speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        devices.lose()
        began_s = time.monotonic()
        with pytest.raises(SpeakerError):
            for _ in range(50):
                speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        assert time.monotonic() - began_s < 1.1
        speaker.close()
        with pytest.raises(SpeakerError) as refused:
            devices.open_speaker()
        assert not refused.value.permanent
        devices.give_back()
        again = devices.open_speaker()
        again.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        again.close()

    def test_that_is_lost_fails_to_flush_and_closes_all_the_same(
        self, devices: Devices, speaker: Speaker
    ) -> None:
        speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        devices.lose()
        with pytest.raises(SpeakerError):
            speaker.flush()
        speaker.close()
        devices.give_back()
