"""The daemon as a process, with sound cards that take 48 kHz alone, are pulled, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.clients import CONFIGURATION, Conure, Surroundings, running_conure
from bench.sound import make_reply
from pulse import MIC_DEVICE, MISSING, SPEAKER_DEVICE, SPEAKER_SINK, PrivatePulse
from rig import HELLO, SENTENCE
from strict_cards import StrictCards
from strict_cards import strict_cards as strict_cards  # a fixture

from daemon.standin.server import StandIn

TIMEOUT_S = 30.0
"""For what takes a second when the machine has nothing else to do."""

POLL_S = 0.05

MIC, SPEAKER = "only_48k_mic", "only_s32_speaker"


pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.xdist_group("sound"),
]


@pytest.fixture(scope="module")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePulse]:
    """A sound server of its own, which this process does not use; the daemon does."""
    server = PrivatePulse(tmp_path_factory.mktemp("pulse"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


class LoudVoice:
    """Answers with noise."""

    samples = make_reply(0.6)

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The same, whatever was said."""
        return self.samples.tobytes()


@asynccontextmanager
async def speaker_and_service(pulse: PrivatePulse, folder: Path) -> AsyncIterator[tuple[Conure, StandIn]]:
    """A daemon on the narrow cards that is READY and has a session."""
    own = f'mic = ["{MIC}", "nonsense"], speaker = "{SPEAKER}", silent_mic_s = 2.0'
    configuration = CONFIGURATION.replace(f'mic = "{MIC_DEVICE}", speaker = "{SPEAKER_DEVICE}"', own)
    assert own in configuration
    async with StandIn(LoudVoice()) as standin:
        around = Surroundings(folder, pulse, standin)
        around.ca_file.write_text(standin.ca_pem, "ascii")
        async with running_conure(around, configuration) as conure:
            await standin.wait_for(
                lambda record: [each for each in record.connections if each.setup_complete_s], TIMEOUT_S
            )
            yield conure, standin


async def until(conure: Conure, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Wait until the status is so; returns it. Raises TimeoutError."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            status: dict[str, Any] = await conure.command("status")
            if condition(status):
                return status
            await asyncio.sleep(POLL_S)


SILENT = "nothing but zeros"
"""What is said of a null sink to which nobody plays: it works, and is silent to the last bit."""


def failed(status: dict[str, Any]) -> list[bool]:
    """Whether the microphone has failed, and whether the speaker has."""
    problems = [status["devices"][kind]["problem"] for kind in ("mic", "speaker")]
    return [problem is not None and SILENT not in problem for problem in problems]


def both_lost(status: dict[str, Any]) -> bool:
    return all(failed(status))


def both_back(status: dict[str, Any]) -> bool:
    return not any(failed(status)) and all(status["devices"][kind]["open"] for kind in ("mic", "speaker"))


async def lose_and_return(conure: Conure, cards: StrictCards) -> None:
    """Pull both cards until the daemon has noticed, and plug them in again."""
    losses = (await conure.command("status"))["counters"]
    cards.pull()
    await until(conure, both_lost)
    cards.plug()
    status = await until(conure, both_back)
    for kind in ("mic_losses", "speaker_losses"):
        assert status["counters"][kind] == losses[kind] + 1


async def answers(pulse: PrivatePulse, conure: Conure, standin: StandIn) -> None:
    """Say something, and hear the answer to it in the room."""
    await conure.until_phase("idle")
    turns = standin.record.turns_seen
    played = len(pulse.recorders[SPEAKER_SINK].pieces())
    await asyncio.to_thread(pulse.play, HELLO)
    await standin.wait_for(lambda record: record.turns_seen > turns, TIMEOUT_S)
    await conure.until_phase("speaking")
    await conure.until_phase("idle")
    pieces = pulse.recorders[SPEAKER_SINK].pieces()[played:]
    heard = np.concatenate([np.frombuffer(pcm, "<i2") for _, pcm in pieces])
    loud_s = np.count_nonzero(heard) / pulse.recorders[SPEAKER_SINK].rate_hz
    assert loud_s > 0.55


@pytest.mark.slow
async def test_cards_that_vanish_and_return_interrupt_a_conversation_and_end_none(
    pulse: PrivatePulse, strict_cards: StrictCards, tmp_path: Path
) -> None:
    """In idle, listening and speaking; then the sound server itself. The daemon is never started anew."""
    async with speaker_and_service(pulse, tmp_path) as (conure, standin):
        status = await until(conure, both_back)
        assert status["devices"]["mic"]["device"] == f"{MIC}: 48000 Hz, 1 channel, resampled"
        assert status["devices"]["speaker"]["device"] == f"{SPEAKER}: 48000 Hz, 1 channel, resampled"

        await lose_and_return(conure, strict_cards)
        await answers(pulse, conure, standin)

        saying = asyncio.create_task(asyncio.to_thread(pulse.play, SENTENCE))
        await conure.until_phase("listening")
        await lose_and_return(conure, strict_cards)
        await saying
        await conure.until_phase("idle")

        await asyncio.to_thread(pulse.play, HELLO)
        await conure.until_phase("speaking")
        await lose_and_return(conure, strict_cards)
        await answers(pulse, conure, standin)

        pulse.kill()
        await until(conure, both_lost)
        await asyncio.to_thread(pulse.start)
        await until(conure, both_back)
        await answers(pulse, conure, standin)

        # Told anew after each return: only the last silence is still to be seen.
        status = await until(conure, lambda status: SILENT in (status["devices"]["mic"]["problem"] or ""))
        assert status["counters"]["mic_silences"]
        assert status["counters"]["mic_losses"] == 4, "a silence is no loss"
