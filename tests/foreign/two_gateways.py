"""What two gateways do behind a proxy (docs/use/scaling.md): two_gateways.py PROCESS.

The proxy is at CONURE_PROXY_URL with the authority CONURE_PROXY_CA, the gateways are at CONURE_GATEWAYS, and
PROCESS is the first of them. Each step prints a line; the first that fails ends with status 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PROXY = os.environ["CONURE_PROXY_URL"]
TRUST = ssl.create_default_context(cafile=os.environ["CONURE_PROXY_CA"])
GATEWAYS = os.environ["CONURE_GATEWAYS"].split()
HEADERS = {"Authorization": f"Bearer {os.environ['CONURE_WEB_TOKEN']}"}
STEP_S = 30.0


def ok(what: str) -> None:
    """Tell of a step that is done."""
    print(f"ok {what}", flush=True)


async def addresses(client: httpx2.AsyncClient) -> None:
    """Plain requests through the proxy, and past it."""
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 404), ("/nowhere", 404)):
        answer = await client.get(f"{PROXY}{path}")
        assert answer.status_code == status, (path, answer.status_code, answer.text)
    ok("health through the proxy, and no metrics")
    for gateway in GATEWAYS:
        assert (await client.get(f"{gateway}/metrics")).status_code == 401, gateway
        assert "conure_web_resident_bytes" in (await client.get(f"{gateway}/metrics", headers=HEADERS)).text
        assert (
            await client.get(f"{gateway}/healthz", headers={"Host": "foreign.example"})
        ).status_code == 421
    ok("metrics of each gateway by itself, with a token; a foreign name is refused")


async def tokens(client: httpx2.AsyncClient) -> None:
    """A POST that each of them answers: they share the file of passes."""
    for _ in range(2):
        made = await client.post(f"{PROXY}/api/token", headers=HEADERS)
        assert made.status_code == 201, made.text
    ok("ephemeral tokens")


async def talk(stack: AsyncExitStack) -> ClientConnection:
    """A talk that has begun."""
    address = PROXY.replace("https", "wss") + "/ws/talk"
    websocket = await stack.enter_async_context(
        connect(
            address,
            ssl=TRUST,
            additional_headers=HEADERS,
            subprotocols=[Subprotocol("conure.talk.1")],
            compression=None,
        )
    )
    await websocket.send(json.dumps({"type": "start"}))
    await until(websocket, "ready")
    return websocket


async def until(websocket: ClientConnection, kind: str) -> int:
    """Read up to a message of this type; the bytes of sound before it."""
    size_bytes = 0
    async with asyncio.timeout(STEP_S):
        async for message in websocket:
            if isinstance(message, bytes):
                size_bytes += len(message)
            elif (said := json.loads(message))["type"] == kind:
                return size_bytes
            else:
                assert said["type"] != "error", said
    raise AssertionError(f"it was closed before {kind}")


async def open_talks(client: httpx2.AsyncClient) -> list[float]:
    """How many talks each gateway has, by its metrics."""
    counts = []
    for gateway in GATEWAYS:
        text = (await client.get(f"{gateway}/metrics", headers=HEADERS)).text
        families: Any = text_string_to_metric_families(text)
        counts.append(sum(s.value for one in families if one.name == "conure_web_talks" for s in one.samples))
    return counts


async def talks(client: httpx2.AsyncClient, first: int) -> None:
    """Four at once, two at each; then one gateway ends."""
    async with AsyncExitStack() as stack:
        open_ones = [await talk(stack) for _ in range(4)]
        for websocket in open_ones:
            await websocket.send(json.dumps({"type": "text", "text": "Hello"}))
            assert await until(websocket, "turn_complete") > 0
        ok("four talks at once, each with an answer that sounds")
        assert await open_talks(client) == [2, 2]
        ok("two of them at each gateway")
        os.kill(first, signal.SIGTERM)
        ended = await asyncio.gather(*map(closing, open_ones))
        assert sorted(filter(None, ended)) == [1001, 1001], ended
        ok("a gateway that ends closes its talks with 1001, and the other's go on")
        again = await talk(stack)
        await again.send(json.dumps({"type": "text", "text": "Hello again"}))
        assert await until(again, "turn_complete") > 0
        ok("a talk that is begun anew is at the other one")


async def closing(websocket: ClientConnection) -> int | None:
    """The code of its end; None where it goes on for some seconds."""
    try:
        async with asyncio.timeout(4.0):
            while True:
                await websocket.recv()
    except TimeoutError:
        return None
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def main() -> None:
    """All steps."""
    async with httpx2.AsyncClient(verify=TRUST, timeout=STEP_S) as client:
        await addresses(client)
        await tokens(client)
        await talks(client, int(sys.argv[1]))


asyncio.run(main())
