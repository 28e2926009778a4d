"""The daemon as a process whose microphone hears its speaker: over PulseAudio, through real PortAudio.

A loopback module plays the speaker's sink into the microphone's, later and softer. The reply is long; the
daemon must not answer itself, and must stop for a user who speaks over it. Without echo cancellation, and
told to be interrupted nevertheless, it does answer itself: so the test would see it.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from bench.clients import CONFIGURATION, Conure, Surroundings, running_conure
from places import ROOT
from pulse import EXACT, MIC_SINK, MISSING, SPEAKER_SINK, PrivatePulse
from rig import HELLO, SENTENCE, correlation, wav_samples

from daemon.hearing.frontend.webrtc import EchoCanceller, LibraryMissing
from daemon.standin.record import TurnRecord
from daemon.standin.server import StandIn
from hw.base import MIC_FORMAT

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.alone,
]

ECHO_LATER_MS = 60
ECHO_VOLUME = "60%"
"""Of PulseAudio's cubic scale: 13 dB softer."""

ALONE_S = 6.0
"""So long the reply plays before anybody speaks over it."""

TIMEOUT_S = 30.0

MESSAGES = ROOT / "daemon" / "speaking" / "data" / "messages" / "en"

ECHOING = CONFIGURATION.replace(", echo_free = true", "")
UNPROTECTED = ECHOING.replace("follow_up_s = 0.0", 'follow_up_s = 0.0, barge_in = "on"') + (
    'frontend = { echo_cancellation = "off" }\n'
)


class LongReply:
    """Answers with some 20 s of speech, whatever was said."""

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """Spoken words, 24 kHz."""
        return b"".join(wav_samples(path) for path in sorted(MESSAGES.glob("*.wav")))


@pytest.fixture(scope="module")
def echoing_pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePulse]:
    """A sound server whose speaker is heard by its microphone."""
    try:
        EchoCanceller()
    except LibraryMissing as error:
        pytest.skip(str(error))
    server = PrivatePulse(tmp_path_factory.mktemp("echo"), EXACT)
    try:
        server.start()
        control = ["pactl", "load-module", "module-loopback", f"source={SPEAKER_SINK}.monitor",
                   f"sink={MIC_SINK}", f"latency_msec={ECHO_LATER_MS}", "adjust_time=0"]  # fmt: skip
        subprocess.run(control, env=server.process_environment, check=True, capture_output=True)
        volume = ["pactl", "set-sink-input-volume", "0", ECHO_VOLUME]
        subprocess.run(volume, env=server.process_environment, check=True)
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def answering(
    pulse: PrivatePulse, folder: Path, configuration: str
) -> AsyncIterator[tuple[Conure, StandIn]]:
    """A daemon that was asked something and has begun its long answer."""
    async with StandIn(LongReply()) as standin:
        around = Surroundings(folder, pulse, standin)
        around.ca_file.write_text(standin.ca_pem, "ascii")
        async with running_conure(around, configuration) as conure:
            await standin.wait_for(
                lambda record: [each for each in record.connections if each.setup_complete_s], TIMEOUT_S
            )
            await asyncio.to_thread(pulse.play, HELLO)
            await conure.until_phase("speaking")
            yield conure, standin


async def test_it_never_answers_itself_and_stops_for_who_speaks_over_it(
    echoing_pulse: PrivatePulse, tmp_path: Path
) -> None:
    async with answering(echoing_pulse, tmp_path, ECHOING) as (conure, standin):
        status = await conure.command("status")
        assert status["barge_in"] is True
        assert status["front_end"]["echo"] != "not_cancelled"
        await asyncio.sleep(ALONE_S)
        assert (conure.phase, standin.record.turns_seen) == ("speaking", 1)
        await asyncio.to_thread(echoing_pulse.play, SENTENCE)
        turn = await standin.wait_for(
            lambda record: record.turns_seen == 2 and record.turns[-1].ended_s and record.turns[-1], TIMEOUT_S
        )
        assert isinstance(turn, TurnRecord)
        said = MIC_FORMAT.seconds(len(SENTENCE))
        assert said <= turn.audio_s < said + 2.0
        assert sentence_received(turn.pcm) > 0.8


def sentence_received(pcm: bytes) -> float:
    """How well the sentence is found in 16 kHz audio; 1: exactly."""
    heard = np.frombuffer(pcm, "<i2").astype(np.float64)
    wide = np.interp(np.arange(0, len(heard) - 1, 2 / 3), np.arange(len(heard)), heard)
    return correlation(wide.astype(np.int16), SENTENCE)


async def test_without_the_front_end_it_answers_itself(echoing_pulse: PrivatePulse, tmp_path: Path) -> None:
    async with answering(echoing_pulse, tmp_path, UNPROTECTED) as (_, standin):
        await standin.wait_for(lambda record: record.turns_seen > 1, TIMEOUT_S)
