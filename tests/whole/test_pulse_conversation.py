"""The daemon as a process, with real PyAudio over a private PulseAudio, heard and seen only from outside.

The microphone's sink runs at 16 kHz mono and the speaker's at 24 kHz mono, as Conure's own streams do. So
PulseAudio resamples nothing, and sound is compared sample by sample: what the server received with a
recording of what was said in the room, what was heard in the room with what the server sent.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from bench.clients import Conure, Surroundings, running_conure
from bench.recording import Recording
from bench.sound import Pcm, judge_reply, make_reply, make_utterance
from pulse import EXACT, MIC_SINK, MISSING, SPEAKER_SINK, PrivatePulse
from rig import HELLO, SENTENCE, correlation

from daemon.standin.record import TurnRecord
from daemon.standin.server import StandIn
from daemon.standin.voices import Echo, Voice
from hw.base import MIC_FORMAT

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.xdist_group("sound"),
    pytest.mark.slow,
]

TIMEOUT_S = 30.0
"""For what takes a second when the machine has nothing else to do."""

POLL_S = 0.05

PREROLL_SAMPLES = MIC_FORMAT.frames(1.0)
"""More than the pre-roll, which reaches back to before anything was said."""

TAIL_S = 0.3
"""What is on its way from the speaker to the recording."""


class NoiseVoice:
    """Answers with samples of which none is zero."""

    samples = make_reply(1.5)

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The same, whatever was said."""
        return self.samples.tobytes()


@pytest.fixture(scope="module")
def exact_pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePulse]:
    """A sound server that resamples nothing. This process does not use it; the daemon does."""
    server = PrivatePulse(tmp_path_factory.mktemp("pulse"), EXACT)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def conversation(
    pulse: PrivatePulse, folder: Path, voice: Voice
) -> AsyncIterator[tuple[Conure, StandIn]]:
    """A daemon that is READY and has a session with a server that answers in this voice."""
    async with StandIn(voice) as standin:
        around = Surroundings(folder, pulse, standin)
        around.ca_file.write_text(standin.ca_pem, "ascii")
        async with running_conure(around) as conure:
            await standin.wait_for(
                lambda record: [each for each in record.connections if each.setup_complete_s], TIMEOUT_S
            )
            yield conure, standin


async def one_turn(pulse: PrivatePulse, conure: Conure, standin: StandIn, said: bytes) -> TurnRecord:
    """Say something, and wait until the answer to it has been heard."""
    before = standin.record.turns_seen
    await asyncio.to_thread(pulse.play, said)
    turn = await standin.wait_for(
        lambda record: (
            record.turns_seen > before and record.turns[-1].reply.turn_complete_s and record.turns[-1]
        ),
        TIMEOUT_S,
    )
    await conure.until_phase("idle")
    await asyncio.sleep(TAIL_S)
    assert isinstance(turn, TurnRecord)
    return turn


def recorded(pulse: PrivatePulse, sink: str) -> Pcm:
    """All that a sink has played."""
    recorder = pulse.recorders[sink]
    return Recording.of(recorder.pieces(), recorder.rate_hz).samples


def capture_streams(pulse: PrivatePulse, conure: Conure) -> int:
    """How many streams PulseAudio sees by which the daemon's process listens."""
    command = ["pactl", "--format=json", "list", "source-outputs"]
    listed = subprocess.run(command, env=pulse.process_environment, capture_output=True, check=True)
    pid = str(conure.program.pid)
    return sum(
        stream["properties"].get("application.process.id") == pid for stream in json.loads(listed.stdout)
    )


async def until_capture_streams(pulse: PrivatePulse, conure: Conure, count: int) -> None:
    """Wait until the daemon listens by so many streams. Raises TimeoutError."""
    async with asyncio.timeout(TIMEOUT_S):
        while await asyncio.to_thread(capture_streams, pulse, conure) != count:
            await asyncio.sleep(POLL_S)


async def test_a_sentence_comes_back_out_of_the_speaker(exact_pulse: PrivatePulse, tmp_path: Path) -> None:
    async with conversation(exact_pulse, tmp_path, Echo()) as (conure, standin):
        since = len(recorded(exact_pulse, SPEAKER_SINK))
        await one_turn(exact_pulse, conure, standin, SENTENCE)
        assert correlation(recorded(exact_pulse, SPEAKER_SINK)[since:], SENTENCE) > 0.9


async def test_the_server_receives_every_sample_once_and_in_order(
    exact_pulse: PrivatePulse, tmp_path: Path
) -> None:
    """All of the turn, its pre-roll and final silence too, is one stretch of what was heard in the room."""
    said = make_utterance(SENTENCE, seed=7)
    async with conversation(exact_pulse, tmp_path, NoiseVoice()) as (conure, standin):
        since = len(recorded(exact_pulse, MIC_SINK))
        turn = await one_turn(exact_pulse, conure, standin, said.tobytes())
        room = recorded(exact_pulse, MIC_SINK)[since - PREROLL_SAMPLES :]
        spoken, received = room[room != 0], np.frombuffer(turn.pcm, "<i2")
        assert len(spoken) > 0.9 * len(said)
        assert np.array_equal(received[received != 0], spoken)
        assert turn.pcm in room.tobytes()


async def test_a_reply_is_played_whole_and_without_a_gap(exact_pulse: PrivatePulse, tmp_path: Path) -> None:
    async with conversation(exact_pulse, tmp_path, NoiseVoice()) as (conure, standin):
        since = len(recorded(exact_pulse, SPEAKER_SINK))
        await one_turn(exact_pulse, conure, standin, HELLO)
        played = judge_reply(recorded(exact_pulse, SPEAKER_SINK)[since:], NoiseVoice.samples)
        assert played is not None
        assert played.breaks_ms == ()
        assert played.whole


async def test_muted_the_daemon_has_no_capture_stream(exact_pulse: PrivatePulse, tmp_path: Path) -> None:
    async with conversation(exact_pulse, tmp_path, NoiseVoice()) as (conure, standin):
        await until_capture_streams(exact_pulse, conure, 1)
        await conure.command("mute")
        await until_capture_streams(exact_pulse, conure, 0)
        await asyncio.to_thread(exact_pulse.play, HELLO)
        assert capture_streams(exact_pulse, conure) == 0
        assert standin.record.turns_seen == 0
        await conure.command("unmute")
        await until_capture_streams(exact_pulse, conure, 1)
        await one_turn(exact_pulse, conure, standin, HELLO)
        (turn,) = standin.record.turns
        assert turn.audio_s < 3.0, "only what was said after the mute"
