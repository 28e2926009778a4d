"""The gateway's talks over a real socket: uvicorn with their endpoints, and the stand-in behind them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.standin.record import ConnectionRecord
from daemon.standin.server import StandIn
from daemon.standin.voices import Voice
from daemon.standin.world import Pace, Transcripts
from daemon.web.clients.entries import entries
from daemon.web.entry import Entry, Right, Visitor
from daemon.web.talk.beside_speaker import SpeakerLink
from daemon.web.talk.life import Patience
from daemon.web.talk.service import ServiceAddress, TalkService
from daemon.web.talk.talks import Talks
from daemon.web.talk.terms import TalkTerms

QUICK = Pace(thinking_s=0.02, speed=50.0, playout=0.0)


class Everybody:
    """A gate that lets in whoever comes, under the name in the header `x-visitor`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            key = HTTPConnection(scope).headers.get("x-visitor", "loopback")
            visitor = Visitor(name="Firefox on Android", key=key, rights=frozenset(Right))
            scope.setdefault("state", {})["visitor"] = visitor
        await self._app(scope, receive, send)


@dataclass(slots=True)
class TalkRig:
    """A running gateway of talks."""

    talks: Talks
    standin: StandIn
    port: int

    def http(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def client(self, path: str, **options: Any) -> connect:
        """A WebSocket to one of its addresses."""
        return connect(f"ws://127.0.0.1:{self.port}{path}", compression=None, max_size=None, **options)

    async def until(self, what: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(timeout_s):
            while not what():
                await asyncio.sleep(0.01)

    async def until_nobody_talks(self, timeout_s: float = 2.0) -> None:
        """Wait until the last talk has left nothing behind, here and at the service."""
        await self.until(lambda: not self.talks.report()["open"], timeout_s)
        await self.standin.wait_for(lambda record: not any(map(is_used, record.connections)), timeout_s)


def is_used(connection: ConnectionRecord) -> bool:
    """Whether it stands; of one that ended before its upgrade the stand-in cannot know."""
    return connection.open and connection.setup is not None


def routes(given: list[Entry]) -> list[Route | WebSocketRoute]:
    """Endpoints at their addresses, without a gate."""
    return [
        Route(one.path, one.endpoint, methods=[*one.methods])
        if one.methods
        else WebSocketRoute(one.path, one.endpoint)
        for one in given
    ]


@contextlib.asynccontextmanager
async def gateway(
    voice: Voice | None = None,
    *,
    pace: Pace = QUICK,
    transcripts: Transcripts | None = None,
    max_talks: int = 2,
    message_mib: int = 4,
    patience: Patience | None = None,
    has_key: bool = True,
    speaker: SpeakerLink | None = None,
    tools: str = "safe",
) -> AsyncIterator[TalkRig]:
    """Talks that reach a stand-in of their own."""
    live = LiveSettings()
    async with StandIn(voice, pace=pace, transcripts=transcripts) as standin:
        address = ServiceAddress(
            key=Secret("made-up-key"), base_url=standin.base_url, trust=standin.client_ssl_context()
        )
        terms = TalkTerms(live=live, patience=patience or Patience())
        sessions = TalkService(live, address).sessions if has_key else None
        talks = Talks(
            terms, sessions, max_talks=max_talks, ask=None if speaker is None else speaker.ask, tools=tools
        )
        app = Everybody(Starlette(routes=routes(entries(talks, message_mib=message_mib))))
        async with served(app) as port:
            yield TalkRig(talks, standin, port)


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """The application on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, ws="websockets-sansio", ws_per_message_deflate=False, ws_max_size=32 * 2**20,
            lifespan="off", log_level="warning", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # of older releases
        task = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def said(websocket: ClientConnection, timeout_s: float = 5.0) -> Any:
    """The next message: an object, or bytes."""
    message = await asyncio.wait_for(websocket.recv(), timeout_s)
    return message if isinstance(message, bytes) else json.loads(message)


async def said_until(websocket: ClientConnection, kind: str, timeout_s: float = 8.0) -> list[Any]:
    """All messages up to the first of this type."""
    told: list[Any] = []
    async with asyncio.timeout(timeout_s):
        while not told or not isinstance(told[-1], dict) or told[-1].get("type") != kind:
            told.append(await said(websocket, timeout_s))
    return told


def of_type(told: list[Any], kind: str) -> list[Any]:
    """Those of one type."""
    return [one for one in told if isinstance(one, dict) and one.get("type") == kind]


async def closed_with(websocket: ClientConnection, timeout_s: float = 5.0) -> int | None:
    """The code with which the gateway closes."""
    async with asyncio.timeout(timeout_s):
        with contextlib.suppress(Exception):
            while True:
                await websocket.recv()
    return websocket.close_code


def slice_of(data: bytes) -> str:
    """What the recorder sends of its recording."""
    return json.dumps({"type": "audio_chunk", "audio": base64.b64encode(data).decode()})
