"""A speaker on the simulated board, its gateway and the stand-in, all on this machine, for a browser's tests.

    python tests/browser/stage.py FOLDER

Tells `{"address": …}` on a line when all of it answers. Then each line that comes is one of ACTS by its name,
with a JSON object behind it; the answer is one line of JSON. It ends with its standard input, and what it
started with it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from rig import HELLO, SENTENCE, correlation  # noqa: E402 - found through the lines above

from daemon.control.client import answers, call  # noqa: E402
from daemon.standin.door.credentials import ApiKeys  # noqa: E402
from daemon.standin.record import VideoFrame  # noqa: E402
from daemon.standin.server import StandIn  # noqa: E402
from daemon.web.gate.codes import CodeFile  # noqa: E402
from daemon.web.gate.pairing import shown  # noqa: E402
from daemon.web.gate.places import web_folder  # noqa: E402
from daemon.web.wishes.helper import Helper  # noqa: E402
from daemon.web.wishes.key_store import KeyStore  # noqa: E402
from daemon.web.wishes.wish import WISH_FILE  # noqa: E402
from hw.base import SPEAKER_FORMAT  # noqa: E402

KEY = "AIzaSyT3st-Not_A-Real-Key-0123456789abcdef"
BAD_KEY = "AIzaSyT3st-That_Is_Refused-0123456789abcdef"
CONFIG = """# this is kept
[board]
name = "simulated"

[web]
tokens = true
"""
START_S = 60.0
SILENCE_S = 7
FAKE_MICROPHONE_HZ = 48_000
"""Chromium's fake microphone keeps the pitch of a file at this rate."""


class Stage:
    """What a test asks of it."""

    def __init__(self, folder: Path, standin: StandIn, env: dict[str, str]) -> None:
        self._folder = folder
        self._standin = standin
        self._env = env
        self._codes = CodeFile(web_folder(env))
        self._speaker: asyncio.subprocess.Process | None = None
        self._service = StagedService(self)

    async def pair(self, **_: Any) -> dict[str, Any]:
        """A pairing code, as `conure web pair` makes one."""
        return {"code": shown(self._codes.make(by_terminal=True))}

    async def command(self, name: str, args: dict[str, Any] | None = None) -> Any:
        """A command of the speaker's control socket."""
        return await asyncio.to_thread(call, Path(self._env["CONURE_SOCKET"]), name, args or {})

    async def microphone(self, **_: Any) -> dict[str, Any]:
        """A file for the browser's fake microphone, which repeats it: silence for an answer, the sentence."""
        silence = np.zeros(SILENCE_S * 16_000, "<i2")
        file = self._folder / "microphone.wav"
        write_wav_48(file, np.concatenate([silence, np.frombuffer(SENTENCE, "<i2")]))
        return {"file": str(file)}

    async def heard(self, **_: Any) -> dict[str, Any]:
        """How like the sentence is what the service heard in the talks, at its best."""
        turns = [turn for connection in self._standin.record.connections for turn in connection.turns]
        likes = [likeness(turn.heard(), 16_000) for turn in turns if turn.audio_s > 1.0]
        told = [(turn.opened_by, round(turn.audio_s, 2), turn.ended_by) for turn in turns]
        return {"turns": told, "likeness": max(likes, default=0.0)}

    async def played(self, pcm: str, rate_hz: int) -> dict[str, Any]:
        """How like the sentence's first words is what a page played (s16 in base64, at its own rate)."""
        sound = base64.b64decode(pcm)
        return {
            "seconds": len(sound) / 2 / rate_hz,
            "rate_hz": rate_hz,
            "likeness": likeness(sound, rate_hz, HELLO),
        }

    async def seen(self, **_: Any) -> dict[str, Any]:
        """The pictures that the service got in the talks, in order."""
        frames = [frame for connection in self._standin.record.connections for frame in connection.video]
        return {"pictures": [picture_of(frame) for frame in sorted(frames, key=lambda one: one.at_s)]}

    async def press(self, **_: Any) -> dict[str, Any]:
        """Press the speaker's button."""
        if self._speaker is not None:
            self._speaker.send_signal(signal.SIGUSR1)
        return {"done": True}

    async def next_starts(self, fail: int) -> dict[str, Any]:
        """So many starts that the helper tries from now on fail."""
        self._service.failures = fail
        return {"done": True}

    async def kept_key(self, **_: Any) -> dict[str, Any]:
        """The API key that the helper has put in its place."""
        place = self._folder / "key"
        return {"key": place.read_text().strip() if place.exists() else ""}

    async def standin(self, **_: Any) -> dict[str, Any]:
        """Where a browser finds the service, if it has a token for it."""
        return {"address": self._standin.base_url}

    async def help(self) -> None:
        """Carry out the wishes of the page, as the helper of the installation does, for ever."""
        state = web_folder(self._env)
        keys = KeyStore(self._folder / "key", self._folder / "encrypted")
        helper = Helper(state, self._folder / "config.toml", self._service, keys)
        while True:
            if (state / WISH_FILE).exists():
                await asyncio.to_thread(helper.run)
            await asyncio.sleep(0.1)

    async def restart(self, **_: Any) -> dict[str, Any]:
        """End the speaker and start it anew."""
        await self.stop_speaker()
        await self.start_speaker()
        return {"done": True}

    async def start_speaker(self) -> None:
        """`conure run`; returns when it answers."""
        program = (str(Path(__file__).with_name("speaker.py")), "run")
        self._speaker = await run(self._env, *program, "--config", str(self._folder / "config.toml"))
        await until(lambda: asyncio.to_thread(answers, Path(self._env["CONURE_SOCKET"])))

    async def stop_speaker(self, **_: Any) -> dict[str, Any]:
        """End it; the gateway goes on."""
        if self._speaker is not None:
            await end(self._speaker)
            self._speaker = None
        return {"done": True}


class StagedService:
    """The speaker as the helper knows its service: it is really started anew."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._loop = asyncio.get_running_loop()
        self.failures = 0

    def runs(self) -> bool:
        """As `SpeakerService`."""
        return True

    def restart(self) -> bool:
        """As `SpeakerService`. On the helper's thread."""
        if self.failures:
            self.failures -= 1
            return False
        asyncio.run_coroutine_threadsafe(self._stage.restart(), self._loop).result(START_S)
        return True

    def refresh_gateway(self) -> None:
        """The gateway stays: the tests go on with it."""


ACTS = (
    "pair", "command", "microphone", "heard", "played", "seen", "press", "next_starts", "kept_key", "standin",
    "restart", "stop_speaker",
)  # fmt: skip


def picture_of(frame: VideoFrame) -> dict[str, Any]:
    """When it came, and its sides as its own header has them."""
    at = frame.data.index(b"\xff\xc0")  # baseline frame: length, depth, height, width
    height, width = (int.from_bytes(frame.data[at + n : at + n + 2], "big") for n in (5, 7))
    jpeg = frame.data.startswith(b"\xff\xd8") and frame.mime_type == "image/jpeg"
    return {"at_s": round(frame.at_s, 2), "width": width, "height": height, "jpeg": jpeg}


def likeness(sound: bytes, rate_hz: int, said: bytes = SENTENCE) -> float:
    """The best correlation of what was said (16 kHz) with a stretch of this sound."""
    samples = np.frombuffer(sound, "<i2").astype(np.float64)
    grid = np.arange(0, len(samples) - 1, rate_hz / SPEAKER_FORMAT.rate_hz)
    wide = np.interp(grid, np.arange(len(samples)), samples)
    return correlation(wide.astype(np.int16), said)


def write_wav_48(file: Path, samples_16k: Any) -> None:
    """Samples of 16 kHz as a WAV file of 48 kHz."""
    import wave

    import soxr

    tripled = soxr.resample(samples_16k, 16_000, FAKE_MICROPHONE_HZ)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, FAKE_MICROPHONE_HZ, 0, "NONE", ""))
        out.writeframes(tripled.astype("<i2").tobytes())


async def run(env: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """A Python program as a process; what it logs goes to standard error."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=env, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Tell it to end; wait until it has."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


async def until(is_so: Any) -> None:
    """Wait until something that can only be asked is so. Raises TimeoutError."""
    async with asyncio.timeout(START_S):
        while not await is_so():
            await asyncio.sleep(0.05)


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def listens(port: int) -> bool:
    """Whether somebody does."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@contextlib.asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stage, str]]:
    """All of it, and the page's address."""
    port = free_port()
    async with StandIn(keys=ApiKeys(bad=frozenset({BAD_KEY}))) as standin:
        (folder / "ca.pem").write_text(standin.ca_pem)
        (folder / "config.toml").write_text(CONFIG)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env = kept | {
            "CONURE_SOCKET": str(folder / "control.sock"),
            "CONURE_WEB_STATE": str(folder / "web"),
            "CONURE_APPLY": "1",
            "XDG_STATE_HOME": str(folder),
            "GEMINI_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": standin.base_url,
            "SSL_CERT_FILE": str(folder / "ca.pem"),
        }
        stage = Stage(folder, standin, env)
        config = str(folder / "config.toml")
        gateway = await run(env, "-m", "daemon", "web", "--config", config, "--listen", f"127.0.0.1:{port}")
        helping = asyncio.create_task(stage.help())
        try:
            await until(lambda: listens(port))
            await stage.start_speaker()
            yield stage, f"https://127.0.0.1:{port}"
        finally:
            helping.cancel()
            await stage.stop_speaker()
            await end(gateway)


async def serve(folder: Path) -> None:
    """Answer line by line until the input ends."""
    folder.mkdir(parents=True, exist_ok=True)
    async with staged(folder) as (stage, address):
        print(json.dumps({"address": address}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, _, args = line.strip().partition(" ")
            answer = await getattr(stage, name)(**json.loads(args or "{}")) if name in ACTS else None
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
