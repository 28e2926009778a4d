"""Talks through `conure web` as a process: its listener for clients of this machine, its gate, its end."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from test_web_process import Gateway, ask, gateway
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from daemon.standin.server import StandIn

DISK, FOREIGN = Origin("null"), Origin("https://example.org")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def test_a_client_of_this_machine_talks_and_the_end_of_the_gateway_is_told(tmp_path: Path) -> None:
    port = free_port()
    async with StandIn() as standin:
        authority = tmp_path / "authority.pem"
        authority.write_text(standin.ca_pem)
        env = {
            "GEMINI_API_KEY": "made-up-key",
            "GOOGLE_GEMINI_BASE_URL": standin.base_url,
            "SSL_CERT_FILE": str(authority),
        }
        config = f'[web]\nseeds_port = {port}\norigins = ["null"]\n'
        options = ("--listen", "127.0.0.1:0", "--no-speaker")
        async with gateway(tmp_path, *options, config=config, env=env) as web:
            await web.until_said("loopback")
            async with connect(f"ws://localhost:{port}/api/gemini/ws", origin=DISK) as websocket:
                first = json.loads(await asyncio.wait_for(websocket.recv(), 10))
                assert first == {"type": "system", "data": "Connected to Gemini Live"}
                await websocket.send('{"type":"message","data":{"text":"Hello Gemini!"}}')
                assert json.loads(await asyncio.wait_for(websocket.recv(), 5))["type"] == "response"
                await refuse_foreign_pages(port)
                _, me = await ask(port, "/api/me")
                assert json.loads(me)["rights"] == ["metrics", "talk"]
                assert await web.end() == 0
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(websocket.recv(), 5)
                assert websocket.close_code == 1001
        assert "Traceback" not in web.said
        await standin.wait_for(lambda record: not record.connections[0].open)


async def refuse_foreign_pages(port: int) -> None:
    """A page of somebody else learns nothing."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://localhost:{port}/api/gemini/ws", origin=FOREIGN):
            pass
    assert refused.value.response.status_code == 403


async def test_without_a_key_the_client_is_told(tmp_path: Path) -> None:
    port = free_port()
    config = f"[web]\nseeds_port = {port}\n"
    async with gateway(tmp_path, "--listen", "127.0.0.1:0", "--no-speaker", config=config) as web:
        await web.until_said("loopback")
        await told_of_the_key(web, port)


async def told_of_the_key(web: Gateway, port: int) -> None:
    async with connect(f"ws://localhost:{port}/api/gemini/ws") as websocket:
        assert json.loads(await asyncio.wait_for(websocket.recv(), 10))["data"] == "No API key configured"
    assert await web.end() == 0
