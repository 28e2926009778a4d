"""Sound through cards that take one form only, and through a card that is pulled and comes back.

It is the first of the tests with real sound: where a later one leaves a stream that hangs, PortAudio cannot
look for devices any more.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from numpy.typing import NDArray
from pulse import SPEAKER_DEVICE, SPEAKER_SINK, PrivatePulse, loud_times_s
from strict_cards import SIX_MAP, SIX_SINK, StrictCards
from strict_cards import strict_cards as strict_cards  # a fixture

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, MicError, SpeakerError
from hw.sound import library
from hw.sound.library import survey_devices
from hw.sound.negotiate import MIX, StreamOptions
from hw.sound.portaudio.mic import PortAudioMic
from hw.sound.portaudio.speaker import PortAudioSpeaker

TONE_HZ = 1000.0
TONE_S = 0.5

EARLY_S = 0.015
LATE_S = 0.03
"""As in test_hw_contract.py: what the recorder of a null sink may be off."""


def tone(rate_hz: int, seconds: float = TONE_S, hz: float = TONE_HZ) -> NDArray[np.int16]:
    """A sine at -12 dBFS."""
    frames = np.arange(round(seconds * rate_hz))
    return (8000 * np.sin(2 * np.pi * hz * frames / rate_hz)).astype("<i2")


def purity_db(samples: NDArray[np.float64], rate_hz: int, hz: float = TONE_HZ) -> float:
    """How far everything that is not this tone lies below it."""
    angle = 2 * np.pi * hz * np.arange(len(samples)) / rate_hz
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    found, *_ = np.linalg.lstsq(waves, samples, rcond=None)
    rest = samples - waves @ found
    return float(10 * np.log10(np.mean((waves @ found) ** 2) / max(np.mean(rest**2), 1e-9)))


def strength(samples: NDArray[np.float64], rate_hz: int, hz: float) -> float:
    """The amplitude of one tone."""
    angle = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return float(2 * abs(np.mean(samples * angle)))


def write_all(speaker: PortAudioSpeaker, pcm: bytes) -> None:
    """Write in chunks, as the playback thread does."""
    for begin in range(0, len(pcm), SPEAKER_FORMAT.chunk_bytes):
        speaker.write(pcm[begin : begin + SPEAKER_FORMAT.chunk_bytes])


def heard_while(mic: PortAudioMic, seconds: float) -> NDArray[np.float64]:
    """What the microphone gives meanwhile."""
    pcm = b"".join(mic.read() for _ in range(round(seconds * 50)))
    return np.frombuffer(pcm, "<i2").astype(np.float64)


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("only_48k", "48000 Hz, 1 channel, resampled"),
        ("only_s32", "48000 Hz, 1 channel, resampled"),
        ("only_44k", "44100 Hz, 1 channel, resampled"),
    ],
)
class TestSpeaker:
    @pytest.fixture
    def speaker(self, strict_cards: StrictCards, name: str) -> Iterator[PortAudioSpeaker]:
        speaker = PortAudioSpeaker(f"{name}_speaker")
        yield speaker
        speaker.close()

    def test_plays_a_sound_whole_and_clean(
        self, pulse: PrivatePulse, speaker: PortAudioSpeaker, about: str
    ) -> None:
        assert about in speaker.about
        began_s = time.monotonic()
        write_all(speaker, tone(SPEAKER_FORMAT.rate_hz).tobytes())
        end_s = time.monotonic() + speaker.queued_s()
        time.sleep(speaker.queued_s() + 3 * LATE_S)
        recent = pulse.recorders[SPEAKER_SINK].recent(5.0)
        pieces = [(at_s, pcm) for at_s, pcm in recent if at_s > began_s - EARLY_S]
        times_s = loud_times_s(pieces, began_s - EARLY_S)
        assert times_s[0] - began_s < LATE_S, "it begins at once"
        assert times_s[-1] - times_s[0] == pytest.approx(TONE_S, abs=0.005), "what is held back is played too"
        assert times_s[-1] == pytest.approx(end_s, abs=LATE_S), "it knew how long"
        assert np.diff(times_s).max() < 0.003
        heard = np.concatenate([np.frombuffer(pcm, "<i2") for _, pcm in pieces]).astype(np.float64)
        loud = np.flatnonzero(np.abs(heard) > 500)
        middle = heard[loud[0] + 1200 : loud[-1] - 1200]
        assert purity_db(middle, SPEAKER_FORMAT.rate_hz) > 40
        assert speaker.underruns == 0


def test_a_flush_forgets_what_the_resampler_holds(pulse: PrivatePulse, strict_cards: StrictCards) -> None:
    with closing(PortAudioSpeaker("only_48k_speaker")) as speaker:
        write_all(speaker, tone(SPEAKER_FORMAT.rate_hz).tobytes())
        flushed_s = time.monotonic()
        speaker.flush()
        assert speaker.queued_s() == 0
        speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        time.sleep(0.25)
        assert not len(loud_times_s(pulse.recorders[SPEAKER_SINK].recent(2.0), flushed_s + 0.04))


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("only_s32", "48000 Hz, 1 channel, resampled"),
        ("only_44k", "44100 Hz, 1 channel, resampled"),
    ],
)
def test_a_microphone_hears_a_sound_whole_and_clean(
    pulse: PrivatePulse, strict_cards: StrictCards, name: str, about: str
) -> None:
    with closing(PortAudioMic(f"{name}_mic")) as mic:
        assert mic.about.endswith(about)
        mic.read()
        said = subprocess.Popen(
            ["pacat", "--device=mic_sink", "--raw", "--channels=1", "--format=s16le", "--rate=16000"],
            env=pulse.process_environment, stdin=subprocess.PIPE,
        )  # fmt: skip
        assert said.stdin is not None
        said.stdin.write(tone(MIC_FORMAT.rate_hz).tobytes())
        said.stdin.close()
        heard = heard_while(mic, 1.2)
        said.wait()
    loud = np.flatnonzero(np.abs(heard) > 500)
    assert (loud[-1] - loud[0]) / MIC_FORMAT.rate_hz == pytest.approx(TONE_S, abs=0.01)
    assert np.diff(loud).max() < 16
    assert purity_db(heard[loud[0] + 800 : loud[-1] - 800], MIC_FORMAT.rate_hz) > 40


TONES_HZ = (500, 800, 1100, 1400, 1700, 2000)
"""What each of six channels plays."""


@pytest.fixture(scope="module")
def six_tones(
    pulse: PrivatePulse, strict_cards: StrictCards, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Each channel has a tone of its own."""
    file = tmp_path_factory.mktemp("six") / "tones"
    file.write_bytes(np.stack([tone(48_000, 20.0, hz) for hz in TONES_HZ], axis=1).tobytes())
    command = ["pacat", f"--device={SIX_SINK}", "--raw", "--format=s16le", "--rate=48000", "--channels=6"]
    command += [f"--channel-map={SIX_MAP}", "--latency-msec=20", str(file)]
    with subprocess.Popen(command, env=pulse.process_environment) as player:
        yield
        player.kill()


class TestSixChannels:
    @pytest.mark.parametrize(
        ("channel", "expected_hz"), [(0, (500,)), (3, (1400,)), (5, (2000,)), (MIX, TONES_HZ)]
    )
    @pytest.mark.usefixtures("six_tones")
    def test_the_channel_that_is_asked_for_is_heard_alone(
        self, channel: int, expected_hz: tuple[int, ...]
    ) -> None:
        options = StreamOptions(0.01, 0.5, channel=channel)
        with closing(PortAudioMic("six_channels_mic", options=options)) as mic:
            heard_while(mic, 0.2)  # until the player's sound is there
            heard = heard_while(mic, 0.2)
        heard_hz = [hz for hz in TONES_HZ if strength(heard, MIC_FORMAT.rate_hz, hz) > 400]
        assert tuple(heard_hz) == expected_hz

    def test_a_channel_that_is_not_there_is_refused_for_good(self, strict_cards: StrictCards) -> None:
        with pytest.raises(MicError, match="that channel") as caught:
            PortAudioMic("six_channels_mic", options=StreamOptions(0.01, 0.5, channel=9))
        assert caught.value.permanent


def test_the_survey_tells_what_each_device_would_be_opened_with(strict_cards: StrictCards) -> None:
    forms = {(device.name, device.kind): form for device, form in survey_devices()}
    assert forms["only_44k_mic", "capture"] == "44100 Hz, 1 channel"
    assert forms["only_s32_speaker", "playback"] == "48000 Hz, 1 channel"
    assert forms["own_rate_mic", "capture"] == "16000 Hz, 1 channel"


def test_a_rate_that_is_asked_for_is_the_only_one_that_is_tried(strict_cards: StrictCards) -> None:
    options = StreamOptions(0.01, 0.2, rate_hz=48_000)
    with closing(PortAudioSpeaker(SPEAKER_DEVICE, options=options)) as speaker:
        assert "48000 Hz, 1 channel, resampled" in speaker.about
    with pytest.raises(SpeakerError, match="takes nothing of what was tried") as caught:
        PortAudioSpeaker("only_44k_speaker", options=options)
    assert caught.value.permanent


class TestAPulledCard:
    @pytest.fixture(autouse=True)
    def _plugged_afterwards(self, strict_cards: StrictCards) -> Iterator[None]:
        yield
        strict_cards.plug()

    def test_is_lost_within_a_second_and_works_again(self, strict_cards: StrictCards) -> None:
        with closing(PortAudioMic("only_48k_mic")) as mic:
            mic.read()
            strict_cards.pull()
            began_s = time.monotonic()
            with pytest.raises(MicError):
                for _ in range(50):
                    mic.read()
            assert time.monotonic() - began_s < 1.1
        with pytest.raises(MicError) as refused:
            PortAudioMic("only_48k_mic")
        assert not refused.value.permanent
        strict_cards.plug()
        with closing(PortAudioMic("only_48k_mic")) as again:
            assert len(again.read()) == MIC_FORMAT.chunk_bytes

    def test_gives_way_to_the_next_of_the_list(self, strict_cards: StrictCards) -> None:
        strict_cards.pull()
        with closing(PortAudioMic("only_48k_mic|conure_mic")) as mic:
            assert mic.about.startswith("conure_mic")

    def test_that_comes_back_is_found_though_the_other_device_is_open(
        self, pulse: PrivatePulse, strict_cards: StrictCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PortAudio must be begun anew for that, so the speaker gives its stream back for a moment."""
        monkeypatch.setattr(library, "LOOK_AGAIN_S", 0.0)
        strict_cards.pull()
        with closing(PortAudioSpeaker(SPEAKER_DEVICE)) as speaker:
            with pytest.raises(MicError) as absent:
                PortAudioMic("only_48k_mic")
            assert absent.value.absent
            strict_cards.plug()
            with closing(PortAudioMic("only_48k_mic")) as mic:
                assert len(mic.read()) == MIC_FORMAT.chunk_bytes
            began_s = time.monotonic()
            write_all(speaker, tone(SPEAKER_FORMAT.rate_hz, 0.2).tobytes())
            time.sleep(speaker.queued_s() + 2 * LATE_S)
            assert len(loud_times_s(pulse.recorders[SPEAKER_SINK].recent(2.0), began_s - EARLY_S))

    def test_waits_for_the_end_of_what_the_speaker_plays(
        self, strict_cards: StrictCards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(library, "LOOK_AGAIN_S", 0.0)
        strict_cards.pull()
        with closing(PortAudioSpeaker(SPEAKER_DEVICE)) as speaker:
            strict_cards.plug()
            write_all(speaker, bytes(SPEAKER_FORMAT.bytes(0.15)))
            with pytest.raises(MicError):
                PortAudioMic("only_48k_mic")
            time.sleep(speaker.queued_s() + 0.01)
            PortAudioMic("only_48k_mic").close()
