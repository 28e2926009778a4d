"""The two programs under measurement, and how each is told what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulse import MIC_DEVICE, SPEAKER_DEVICE, PrivatePulse

from bench.program import Notices, Program, started
from daemon.control.client import call
from daemon.standin.server import StandIn

ROOT = Path(__file__).parents[2]

START_TIMEOUT_S = 20.0
STATE_TIMEOUT_S = 20.0

SILENCE_MS = 700.0
"""The silence that ends an utterance, of both clients: always the same, and nothing is asked for before."""

CONFIGURATION = f"""
board = {{ name = "generic", mic = "{MIC_DEVICE}", speaker = "{SPEAKER_DEVICE}", echo_free = true }}
button = {{ pin = -1 }}
trigger = {{ voice = "on", follow_up_s = 0.0 }}
vad = {{ silence_ms = {SILENCE_MS:.0f}, silence_max_ms = 0, eager_ms = 0 }}
sound = {{ volume = 100, earcons = false }}
"""
"""Full volume leaves the samples alone, and so does a microphone that does not hear the speaker, as here;
without earcons all that is heard is the reply."""

WITH_FRONT_END = CONFIGURATION.replace("echo_free = true", "echo_free = false")
"""As most users have it: the front end is on, and cancels an echo that this microphone does not hear; which
costs as much."""

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the clients run."""

    folder: Path
    pulse: PrivatePulse
    standin: StandIn

    def environment(self, **more: str) -> dict[str, str]:
        """Of a client: its sound server, its service, its key."""
        return {
            **self.pulse.process_environment,
            "GEMINI_API_KEY": "bench",
            "GOOGLE_GEMINI_BASE_URL": self.standin.base_url,
            "SSL_CERT_FILE": str(self.ca_file),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests/support'}",
            "PYTHONDONTWRITEBYTECODE": "",  # an installed program is compiled once, not at each start
            **more,
        }

    @property
    def ca_file(self) -> Path:
        """The certificate to trust."""
        return self.folder / "ca.pem"

    @property
    def log(self) -> Path:
        """What the clients had to say."""
        return self.folder / "clients.log"


@dataclass(slots=True)
class Conure:
    """A running daemon, watched through its control socket."""

    program: Program
    socket: Path
    ready_s: float
    phase: str = ""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def command(self, name: str, **args: Any) -> Any:
        """As `conure NAME`, without its process."""
        return await asyncio.to_thread(call, self.socket, name, args)

    async def until_phase(self, *phases: str) -> None:
        """Wait until it is in one of these. Raises TimeoutError."""
        async with asyncio.timeout(STATE_TIMEOUT_S):
            while self.phase not in phases:
                self.program.check()
                self._changed.clear()
                await self._changed.wait()

    async def watch(self) -> None:
        """Follow its state for ever."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            writer.write(b'{"command": "watch"}\n')
            while line := await reader.readline():
                note = json.loads(line)
                if note.get("event") == "state":
                    self.phase = note["state"]
                    self._changed.set()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def running_conure(around: Surroundings, configuration: str = CONFIGURATION) -> AsyncIterator[Conure]:
    """A daemon that is READY. Raises TimeoutError."""
    config = around.folder / "conure.toml"
    config.write_text(configuration, "utf-8")
    notices = Notices(around.folder / "notify")
    socket = around.folder / "control.sock"
    environment = around.environment(NOTIFY_SOCKET=str(notices.path), CONURE_SOCKET=str(socket))
    command = [sys.executable, "-m", "daemon", "run", "--config", str(config)]
    with contextlib.closing(notices), started(command, environment, around.log, ROOT) as program:
        ready_s = await notices.ready_s(START_TIMEOUT_S)
        conure = Conure(program, socket, ready_s)
        watching = asyncio.create_task(conure.watch())
        conure.phase = (await conure.command("status"))["state"]
        try:
            yield conure
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@contextlib.contextmanager
def running_floor(around: Surroundings) -> Iterator[Program]:
    """The bare loop."""
    url = f"wss://localhost:{around.standin.port}{PATH}"
    command = [sys.executable, "-m", "bench.floor", url, str(around.ca_file), MIC_DEVICE, SPEAKER_DEVICE]
    with started(command, around.environment(), around.log, ROOT) as program:
        yield program
