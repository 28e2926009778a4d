"""What is particular to PortAudio: finding devices, errors, hanging servers, and the depth of a stream."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from pulse import MIC_DEVICE, SPEAKER_DEVICE, PrivatePulse

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, MicError, SpeakerError
from hw.sound.depth import deep_streams
from hw.sound.library import UNAVAILABLE, list_devices, open_refusal
from hw.sound.negotiate import Form
from hw.sound.portaudio.mic import PortAudioMic
from hw.sound.portaudio.speaker import PortAudioSpeaker

LOOK_TWICE = """
import os
from pathlib import Path
from hw.base import SpeakerError
from hw.sound.portaudio.speaker import PortAudioSpeaker

try:
    PortAudioSpeaker("conure_new")
except SpeakerError:
    print("not there")
with (Path(os.environ["HOME"]) / ".asoundrc").open("a") as asoundrc:
    asoundrc.write('pcm.conure_new { type pulse hint.description "new" }')
PortAudioSpeaker("conure_new").close()
print("there")
"""


@pytest.fixture
def mic(pulse: PrivatePulse) -> Iterator[PortAudioMic]:
    mic = PortAudioMic(MIC_DEVICE)
    yield mic
    mic.close()


@pytest.fixture
def speaker(pulse: PrivatePulse) -> Iterator[PortAudioSpeaker]:
    speaker = PortAudioSpeaker(SPEAKER_DEVICE)
    yield speaker
    speaker.close()


class TestFindingDevices:
    def test_lists_what_can_be_named(self, pulse: PrivatePulse) -> None:
        found = {(device.name, device.kind) for device in list_devices()}
        assert {(MIC_DEVICE, "capture"), (SPEAKER_DEVICE, "playback"), ("default", "capture")} <= found

    def test_says_nothing_of_its_own_on_standard_error(
        self, pulse: PrivatePulse, capfd: pytest.CaptureFixture[str]
    ) -> None:
        list_devices()
        PortAudioMic("default").close()
        assert capfd.readouterr().err == ""

    def test_names_a_device_that_is_not_there_and_those_that_are(self, pulse: PrivatePulse) -> None:
        with pytest.raises(MicError) as caught:
            PortAudioMic("seeed2micvoicec")
        assert str(caught.value).startswith("seeed2micvoicec: there is no such capture device")
        assert repr(MIC_DEVICE) in str(caught.value)
        assert not caught.value.permanent  # it may be plugged in

    def test_finds_what_came_after_the_first_look(self, pulse: PrivatePulse) -> None:
        """In a process of its own: a stream that hangs keeps PortAudio from looking again."""
        command = [sys.executable, "-c", LOOK_TWICE]
        done = subprocess.run(
            command, cwd=ROOT, env=pulse.process_environment, capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.stderr) == ("not there\nthere\n", "")


class TestRefusals:
    def test_a_device_that_takes_no_form_leads_to_alsa_s_conversion(self) -> None:
        refused = OSError(-9997, "Invalid sample rate")
        error = open_refusal("playback", "Device", refused, [], [Form(24_000, 1), Form(48_000, 2)])
        assert isinstance(error, SpeakerError)
        assert "24000 Hz, 1 channel; 48000 Hz, 2 channels" in str(error) and "`default`" in str(error)
        assert error.permanent

    def test_a_busy_device_may_become_free(self) -> None:
        error = open_refusal("capture", "Device", OSError(UNAVAILABLE, "Device unavailable"), [])
        assert isinstance(error, MicError)
        assert "busy" in str(error)
        assert not error.permanent

    def test_any_other_tells_what_the_library_knew(self) -> None:
        chatter = ["ALSA lib x", "ALSA lib pcm.c: Unknown PCM nonsense"]
        error = open_refusal("capture", "Device", OSError(-9999, "Unanticipated host error"), chatter)
        assert "Unanticipated host error (ALSA lib pcm.c: Unknown PCM nonsense)" in str(error)


class TestAServerThatHangs:
    """It answers nothing, and keeps all its connections: PortAudio then waits for ever."""

    @pytest.fixture
    def pulse_that_hangs(self, pulse: PrivatePulse) -> Iterator[PrivatePulse]:
        yield pulse
        pulse.kill()
        pulse.start()

    def test_costs_the_microphone_a_second_and_its_close_no_longer(
        self, mic: PortAudioMic, pulse_that_hangs: PrivatePulse
    ) -> None:
        mic.read()
        pulse_that_hangs.hang()
        began_s = time.monotonic()
        with pytest.raises(MicError, match="does not answer"):
            for _ in range(50):
                mic.read()
        mic.close()
        assert time.monotonic() - began_s < 1.2

    def test_costs_the_speaker_a_second_and_its_close_no_longer(
        self, speaker: PortAudioSpeaker, pulse_that_hangs: PrivatePulse
    ) -> None:
        for _ in range(15):  # more than it holds: it plays
            speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        pulse_that_hangs.hang()
        began_s = time.monotonic()
        with pytest.raises(SpeakerError, match="does not answer"):
            for _ in range(50):
                speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
        speaker.close()
        assert time.monotonic() - began_s < 1.7

    def test_that_is_replaced_serves_again(self, mic: PortAudioMic, pulse_that_hangs: PrivatePulse) -> None:
        pulse_that_hangs.hang()
        with pytest.raises(MicError):
            for _ in range(50):
                mic.read()
        mic.close()
        pulse_that_hangs.kill()
        pulse_that_hangs.start()
        again = PortAudioMic(MIC_DEVICE)
        assert again.read()
        again.close()


def test_a_patient_reader_gets_two_chunks_at_once_and_misses_nothing(
    mic: PortAudioMic, pulse: PrivatePulse
) -> None:
    def wait_s(*, patient: bool) -> float:
        began_s = time.monotonic()
        assert len(mic.read(patient=patient)) == MIC_FORMAT.chunk_bytes
        return time.monotonic() - began_s

    wait_s(patient=False)
    began_s = time.monotonic()
    seconds = [wait_s(patient=True) for _ in range(50)][1::2]
    assert 0.9 < time.monotonic() - began_s < 1.3
    assert sorted(seconds)[len(seconds) // 2] < 0.002


class TestDepth:
    def test_a_table_that_is_not_as_it_seems_is_left_alone(self, pulse: PrivatePulse) -> None:
        import pyaudio

        audio = pyaudio.PyAudio()
        about: dict[str, Any] = dict(audio.get_device_info_by_index(0))
        try:
            with deep_streams(pyaudio._portaudio.__file__, about | {"maxInputChannels": 77}, 0.2, 21) as deep:
                assert not deep
                assert audio.get_device_info_by_index(0) == about
            with deep_streams(pyaudio._portaudio.__file__, about, 0.2, 21) as deep:
                assert deep
                assert audio.get_device_info_by_index(0)["defaultLowOutputLatency"] == 0.2
            assert audio.get_device_info_by_index(0) == about
        finally:
            audio.terminate()

    def test_a_library_without_portaudio_leaves_the_usual_depth(self) -> None:
        with deep_streams("libc.so.6", {"index": 0}, 0.2, 21) as deep:
            assert not deep


def test_an_open_speaker_that_plays_nothing_costs_nothing(speaker: PortAudioSpeaker) -> None:
    speaker.write(bytes(SPEAKER_FORMAT.chunk_bytes))
    time.sleep(0.1)
    before = os.times()
    time.sleep(1.0)
    after = os.times()
    # The recorders of the test's own sinks run in this process too.
    assert after.user + after.system - before.user - before.system < 0.05


READ_NULL = """
from hw.base import MicError
from hw.sound.portaudio.mic import PortAudioMic
mic, chunks = PortAudioMic("default"), 0
try:
    while chunks < 10_000:
        mic.read()
        chunks += 1
except MicError as error:
    print(chunks, error)
"""


def test_a_device_that_gives_silence_without_end_is_found_out(tmp_path: Path) -> None:
    (tmp_path / ".asoundrc").write_text("pcm.!default { type null }\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-c", READ_NULL]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    chunks, told = done.stdout.split(maxsplit=1)
    assert int(chunks) < 250
    assert told.startswith("default: runs far faster than real time")
