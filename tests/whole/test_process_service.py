"""The daemon as a process under a service manager: what it tells, and SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from test_process import KEY, Process, online, start

from daemon.standin.server import StandIn

BOARD = '[board]\nname = "simulated"\n'


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    async def told(self, beginning: str) -> str:
        """The next message that begins so; those before it are dropped."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(15.0):
            while True:
                message = (await loop.sock_recv(self._socket, 4096)).decode()
                if message.startswith(beginning):
                    return message

    def close(self) -> None:
        self._socket.close()


@contextlib.asynccontextmanager
async def service(folder: Path) -> AsyncIterator[tuple[Process, Manager]]:
    """The daemon on the simulated board, started as systemd does, with the stand-in as its service."""
    manager = Manager(folder / "notify")
    (folder / "config.toml").write_text(BOARD)
    async with StandIn() as standin:
        (folder / "ca.pem").write_text(standin.ca_pem)
        process = await start(
            folder, "run", "--config", str(folder / "config.toml"),
            GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL=standin.base_url,
            SSL_CERT_FILE=str(folder / "ca.pem"), NOTIFY_SOCKET=str(folder / "notify"),
        )  # fmt: skip
        try:
            yield process, manager
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.process.kill()
            await process.process.wait()
            manager.close()


async def test_it_tells_when_it_is_ready_and_when_it_ends(tmp_path: Path) -> None:
    async with service(tmp_path) as (conure, manager):
        assert await manager.told("READY=1") == "READY=1\nSTATUS=idle"
        status, _, output = await conure.end()
        assert status == 0, output
        assert await manager.told("STOPPING=1")


async def test_sighup_takes_a_good_configuration_in_the_same_process(tmp_path: Path) -> None:
    async with service(tmp_path) as (conure, manager):
        await manager.told("READY=1")
        (tmp_path / "config.toml").write_text(BOARD + "[sound]\nvolume = 33\n")
        conure.process.send_signal(signal.SIGHUP)
        assert "\nMONOTONIC_USEC=" in await manager.told("RELOADING=1")
        assert await manager.told("") == "READY=1\nSTATUS=idle", (
            "and not STOPPING=1, which would end the unit"
        )
        await conure.until(online)
        assert (await conure.status())["volume"] == 33
        assert conure.process.returncode is None
        descriptors = list(Path(f"/proc/{conure.process.pid}/fd").iterdir())
        assert len(descriptors) < 40, "nothing of the old program is left open"


async def test_sighup_refuses_a_bad_configuration_and_goes_on(tmp_path: Path) -> None:
    async with service(tmp_path) as (conure, manager):
        await manager.told("READY=1")
        await conure.until(online)
        (tmp_path / "config.toml").write_text(BOARD + "[sound]\nvolume = 330\n")
        conure.process.send_signal(signal.SIGHUP)
        await manager.told("RELOADING=1")
        await manager.told("READY=1")
        assert online(await conure.status()), "the connection has not been touched"
        status, _, output = await conure.end()
        assert status == 0
        assert "sound.volume" in output
        assert "the old one stays in force" in output
