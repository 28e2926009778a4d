"""The daemon as a process, with a sound server that stops answering for good."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.clients import CONFIGURATION, Surroundings, running_conure
from pulse import PrivatePulse

from daemon.standin.server import StandIn

RETRY_S = 2.0

END_S = RETRY_S + 15.0
"""A stall is noticed after a second, an opening after three; the last try begins within `board.retry_s`."""


@pytest.fixture
def pulse_that_hangs(pulse: PrivatePulse) -> Iterator[PrivatePulse]:
    yield pulse
    pulse.kill()
    pulse.start()


@pytest.mark.slow
async def test_a_hung_sound_server_ends_the_process_in_time_so_that_a_fresh_one_is_started(
    pulse_that_hangs: PrivatePulse, tmp_path: Path
) -> None:
    """PortAudio cannot be initialised anew while a stream hangs: this process would never be well again."""
    configuration = CONFIGURATION.replace("echo_free = true", f"echo_free = true, retry_s = {RETRY_S}")
    async with StandIn() as standin:
        around = Surroundings(tmp_path, pulse_that_hangs, standin)
        around.ca_file.write_text(standin.ca_pem, "ascii")
        async with running_conure(around, configuration) as conure:
            pulse_that_hangs.hang()
            status = await asyncio.to_thread(_ended, conure.program.process)
    assert status == 1
    assert "does not answer" in around.log.read_text("utf-8")


def _ended(process: subprocess.Popen[bytes]) -> int:
    return process.wait(END_S)
