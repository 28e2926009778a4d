"""What the tests of the stand-in share: the real SDK as its client, or a less polite raw WebSocket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np
from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from websockets.asyncio.client import ClientConnection, connect

from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.world import Pace

FAST = Pace(thinking_s=0.02, speed=50.0, playout=0.0)
"""For tests that wait for the end of a turn and do not look at its times."""

MODEL = "gemini-3.8-live"
KEY = "made-up-key"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
CHUNK_BYTES = 1280
"""40 ms at 16 kHz."""


def plan(text: str) -> Plan:
    """One rule in TOML: `plan('when = "setup"\\ndo = "reset"')`; several are separated by an empty line."""
    return Plan.from_toml("\n".join(f"[[rule]]\n{rule}" for rule in text.split("\n\n")))


def speech(seconds: float, seed: int = 1) -> bytes:
    """Something like speech at 16 kHz: noise below 3 kHz with a changing loudness."""
    count = round(seconds * 16_000)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / 16_000) > 3000] = 0
    noise = np.fft.irfft(spectrum, count)
    loudness = 0.6 + 0.4 * np.sin(np.arange(count) / 16_000 * 2 * np.pi * 3)
    return bytes((noise / np.abs(noise).max() * loudness * 20_000).astype("<i2").tobytes())


def client(
    standin: StandIn, *, key: str = KEY, api_version: str = "v1beta", **transport: Any
) -> genai.Client:
    """The real SDK, led to the stand-in by its public options only."""
    arguments = {"ssl": standin.client_ssl_context(), "ping_interval": None, "close_timeout": 0.5} | transport
    options = types.HttpOptions(
        base_url=standin.base_url, api_version=api_version, async_client_args=arguments
    )
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def config(*, manual: bool = True, **fields: Any) -> types.LiveConnectConfig:
    """A set-up that every model accepts, with handles; `fields` are added."""
    detection = types.AutomaticActivityDetection(disabled=manual or None, silence_duration_ms=300)
    fields.setdefault(
        "realtime_input_config", types.RealtimeInputConfig(automatic_activity_detection=detection)
    )
    fields.setdefault("session_resumption", types.SessionResumptionConfig())
    return types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO], **fields)


@contextlib.asynccontextmanager
async def session(
    standin: StandIn, *, model: str = MODEL, setup: types.LiveConnectConfig | None = None, **options: Any
) -> AsyncIterator[AsyncSession]:
    """A session of the SDK. Options are those of `client`."""
    live = client(standin, **options).aio.live
    async with live.connect(model=model, config=setup or config()) as opened:
        yield opened


def resuming(handle: str) -> types.LiveConnectConfig:
    """A set-up that resumes."""
    return config(session_resumption=types.SessionResumptionConfig(handle=handle))


async def send_audio(session: AsyncSession, pcm: bytes, chunk_bytes: int = CHUNK_BYTES) -> None:
    """Send 16 kHz audio in messages of this size, as fast as it goes."""
    for start in range(0, len(pcm), chunk_bytes):
        blob = types.Blob(data=pcm[start : start + chunk_bytes], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)


async def say(session: AsyncSession, pcm: bytes) -> None:
    """A whole turn."""
    await session.send_realtime_input(activity_start=types.ActivityStart())
    await send_audio(session, pcm)
    await session.send_realtime_input(activity_end=types.ActivityEnd())


async def take_turn(session: AsyncSession) -> list[types.LiveServerMessage]:
    """All messages until the turn is complete, as the SDK's `receive()` sees it."""
    return [message async for message in session.receive()]


async def take_until(session: AsyncSession, field: str) -> types.LiveServerMessage:
    """The first message that has this field set: `interrupted`, `go_away`, …"""
    while True:
        async for message in session.receive():
            if field in kinds([message]):
                return message


def contents(messages: Sequence[types.LiveServerMessage]) -> list[types.LiveServerContent]:
    """The messages' server content, where there is any."""
    return [message.server_content for message in messages if message.server_content is not None]


def audio_of(messages: Sequence[types.LiveServerMessage]) -> bytes:
    """The reply's samples."""
    parts = [
        part
        for content in contents(messages)
        if content.model_turn
        for part in content.model_turn.parts or []
    ]
    return b"".join(part.inline_data.data or b"" for part in parts if part.inline_data)


def kinds(messages: Sequence[types.LiveServerMessage]) -> list[str]:
    """What the messages say, in order, by the SDK's names of the fields; a run of the same counts once."""
    names: list[str] = []
    for message in messages:
        fields = message.model_dump(exclude_none=True)
        for name in [*fields.pop("server_content", {}), *fields]:
            if not names or names[-1] != name:
                names.append(name)
    return names


async def handle_from(messages: Sequence[types.LiveServerMessage]) -> str:
    """The last handle in these messages."""
    updates = [message.session_resumption_update for message in messages]
    return [update.new_handle for update in updates if update and update.new_handle][-1]


# --- without the SDK -------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def raw_client(
    standin: StandIn, path: str = PATH, key: str = KEY, headers: Mapping[str, str] | None = None
) -> AsyncIterator[ClientConnection]:
    """A WebSocket before its set-up, which can say what the SDK would not."""
    async with connect(
        f"wss://localhost:{standin.port}{path}",
        ssl=standin.client_ssl_context(),
        additional_headers={**({"x-goog-api-key": key} if key else {}), **(headers or {})},
        ping_interval=None,
        close_timeout=0.5,
    ) as websocket:
        yield websocket


def setup_message(**fields: Any) -> dict[str, Any]:
    """The set-up of a manual session."""
    detection = {"automaticActivityDetection": {"disabled": True}}
    return {"setup": {"model": f"models/{MODEL}", "realtimeInputConfig": detection} | fields}


async def tell(websocket: ClientConnection, *told: Any) -> None:
    """Send these messages as JSON."""
    for message in told:
        await websocket.send(json.dumps(message))


async def closing_of(websocket: ClientConnection) -> tuple[int | None, str | None]:
    """Read to the end; its close code and reason."""
    with contextlib.suppress(Exception):
        while True:
            await websocket.recv()
    return websocket.close_code, websocket.close_reason
