"""`conure web` as a process: what it serves, by which certificate, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from daemon.web.door.certificates import AUTHORITY_FILE

PATIENCE_S = 30.0


class Gateway:
    """The process, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.said = ""

    async def until_said(self, pattern: str) -> re.Match[str]:
        """The first match in its log. Raises TimeoutError, or AssertionError if it ends before."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while not (found := re.search(pattern, self.said)):
                line = await self.process.stderr.readline()
                assert line, f"it ended: {self.said}"
                self.said += line.decode()
        return found

    async def port(self, listener: str) -> int:
        """Where this listener listens."""
        return int((await self.until_said(rf"{listener} \('127\.0\.0\.1', ([0-9]+)\)"))[1])

    async def end(self) -> int:
        """Its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            _, rest = await self.process.communicate()
        self.said += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, *options: str, config: str = "", env: Mapping[str, str] | None = None
) -> AsyncIterator[Gateway]:
    """`conure web` with a state of its own."""
    file = folder / "config.toml"
    file.write_text(config)
    usual = {"PATH": os.environ["PATH"], "CONURE_WEB_STATE": str(folder / "state"), "HOME": str(folder)}
    command = [sys.executable, "-m", "daemon", "web", "--config", str(file), *options]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, env=usual | dict(env or {}), stderr=pipe, stdout=pipe
    )
    found = Gateway(process, folder)
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ask(
    port: int, path: str, tls: ssl.SSLContext | None = None, host: str = "localhost"
) -> tuple[str, bytes]:
    """Head and body of the answer to a GET."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=host if tls else None
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.decode(), body


async def test_it_serves_by_its_own_authority_explains_without_tls_and_ends_when_told(tmp_path: Path) -> None:
    config = '[web]\nname = "kitchen"\nplain_listen = ["127.0.0.1:0"]\n'
    async with gateway(tmp_path, "--listen", "127.0.0.1:0", config=config) as web:
        plain, page = await web.port("plain"), await web.port("https")
        head, explained = await ask(plain, "/")
        assert " 200 " in head
        assert f'<a href="https://localhost:{page}/">'.encode() in explained
        head, _ = await ask(plain, "/timers")
        assert f"location: https://localhost:{page}/timers" in head
        head, _ = await ask(plain, "/api/me")
        assert " 307 " in head
        _, authority = await ask(plain, "/conure.crt")
        client = ssl.create_default_context(cadata=authority)
        head, me = await ask(page, "/api/me", client, "kitchen.local")
        assert json.loads(me)["paired"] is False
        assert "nosniff" in head
        assert await web.end() == 0
        assert "Traceback" not in web.said
        assert (tmp_path / "state" / AUTHORITY_FILE).stat().st_mode & 0o777 == 0o600


async def test_it_has_a_listener_for_this_machine_alone_where_that_is_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with gateway(tmp_path, "--listen", "127.0.0.1:0", config=f"[web]\nseeds_port = {port}\n") as web:
        await web.until_said(rf"loopback \('127\.0\.0\.1', {port}\), loopback \('::1', {port}\)")
        head, _ = await ask(port, "/")
        assert head.startswith("HTTP/1.1 ")
        assert await web.end() == 0


async def test_a_place_that_is_taken_is_told_and_cannot_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with gateway(tmp_path, "--listen", f"127.0.0.1:{port}") as web:
            async with asyncio.timeout(PATIENCE_S):
                _, said = await web.process.communicate()
    assert web.process.returncode == 78
    assert f"nothing can listen at 127.0.0.1 port {port}: Address already in use" in said.decode()


@pytest.mark.parametrize("place", ["8443", "localhost:8443", "127.0.0.1:99999"])
async def test_an_odd_place_is_told(tmp_path: Path, place: str) -> None:
    async with gateway(tmp_path, "--listen", place) as web:
        async with asyncio.timeout(PATIENCE_S):
            _, said = await web.process.communicate()
    assert web.process.returncode == 78
    assert b"must be addresses with a port" in said


async def test_a_stream_that_is_open_does_not_hold_up_the_end(tmp_path: Path) -> None:
    from daemon.web.gate.devices import Devices
    from daemon.web.gate.gate import COOKIE

    async with gateway(tmp_path, "--listen", "127.0.0.1:0") as web:
        port = await web.port("https")
        _, secret = Devices(tmp_path / "state").pair("a browser", guest=False)
        tls = ssl.create_default_context(cafile=str(tmp_path / "state" / AUTHORITY_FILE))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname="localhost"
        )
        head = f"GET /api/events HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {COOKIE}={secret}\r\n\r\n"
        writer.write(head.encode())
        assert b"200 OK" in await reader.readuntil(b"\n\n")
        assert await web.end() == 0
        writer.close()
    assert "Traceback" not in web.said


async def test_it_tells_how_it_is_and_that_its_speaker_is_away(tmp_path: Path) -> None:
    async with gateway(tmp_path, "--listen", "127.0.0.1:0", config='[web]\nmetrics = "local"\n') as web:
        port = await web.port("https")
        tls = ssl.create_default_context(cafile=str(tmp_path / "state" / AUTHORITY_FILE))
        head, alive = await ask(port, "/healthz", tls)
        assert (head.split()[1], json.loads(alive)) == ("200", {"status": "ok"})
        head, ready = await ask(port, "/readyz", tls)
        assert (head.split()[1], json.loads(ready)["status"]) == ("503", "away")
        head, told = await ask(port, "/metrics", tls)
        assert "text/plain; version=0.0.4" in head
        lines = told.decode().splitlines()
        assert "conure_up 0.0" in lines
        assert 'conure_web_events_total{name="https_connections_accepted"} 3.0' in lines
        head, _ = await ask(port, "/nowhere", tls)
        assert head.split()[1] == "404"
