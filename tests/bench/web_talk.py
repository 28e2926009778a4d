"""A phone that talks through the gateway, as far as the bench needs one: what was sent and heard when."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from daemon.standin.record import ConnectionRecord
from daemon.web.dialects.own import HEAD, SOUND, SUBPROTOCOL

FRAME_BYTES = 1280
"""40 ms at 16 kHz, as the page sends."""
FRAME_S = 0.04
READY_S = 30.0


@dataclass(slots=True)
class Phone:
    """One talk that has begun. Times are `time.monotonic()` seconds."""

    websocket: ClientConnection
    sent_s: list[float] = field(default_factory=list)
    """When each frame was given to the socket."""
    heard_s: list[float] = field(default_factory=list)
    """When each frame of sound came."""
    turns: int = 0

    async def say(self, pcm: bytes) -> None:
        """As a microphone gives it: a frame each 40 ms."""
        begin_s = time.monotonic()
        for number, start in enumerate(range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)):
            await asyncio.sleep(max(0.0, begin_s + number * FRAME_S - time.monotonic()))
            self.sent_s.append(time.monotonic())
            await self.websocket.send(HEAD.pack(SOUND, 0, 0) + pcm[start : start + FRAME_BYTES])

    async def write(self, text: str) -> None:
        """A turn in writing."""
        await self.websocket.send(json.dumps({"type": "text", "text": text}))

    async def listen(self) -> None:
        """Take what comes until the connection ends."""
        async for message in self.websocket:
            if isinstance(message, bytes):
                self.heard_s.append(time.monotonic())
            elif json.loads(message)["type"] == "turn_complete":
                self.turns += 1

    async def until_turns(self, count: int, timeout_s: float) -> None:
        """Wait for answers. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.turns < count:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def phone(port: int, tls: ssl.SSLContext, headers: Mapping[str, str]) -> AsyncIterator[Phone]:
    """A talk from its beginning to its end."""
    address = f"wss://localhost:{port}/ws/talk"
    async with connect(
        address,
        ssl=tls,
        additional_headers=headers,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
    ) as websocket:
        await websocket.send(json.dumps({"type": "start"}))
        async with asyncio.timeout(READY_S):
            while json.loads(await websocket.recv())["type"] != "ready":
                pass
        found = Phone(websocket)
        listening = asyncio.create_task(found.listen())
        try:
            yield found
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def relay_s(spoken: Phone, heard: ConnectionRecord) -> list[float]:
    """For each message that the service got: how long before was its last byte given to the phone?"""
    ends = list(accumulate(len(message.pcm) for message in heard.audio))
    frames = [min((end - 1) // FRAME_BYTES, len(spoken.sent_s) - 1) for end in ends]
    return [message.at_s - spoken.sent_s[frame] for message, frame in zip(heard.audio, frames, strict=True)]
