"""A server that answers the set-up and then says whatever a test wants, in whole messages or in bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from daemon.standin.certs import Authority

SETUP_COMPLETE = '{"setupComplete": {}}'

Upgrade = Callable[[ServerConnection, Request], Response | None]


@dataclass(slots=True)
class RawService:
    """What runs, and who has come."""

    base_url: str
    authority: Authority
    setup_answer: str = SETUP_COMPLETE
    requests: list[Request] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    """What clients have said after their set-up."""
    said_to: Callable[[dict[str, Any]], None] = lambda _: None
    """Called with each of these."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def newest(self) -> ServerConnection:
        """The newest connection."""
        return self.connections[-1]

    async def say(self, *messages: str | dict[str, Any]) -> None:
        """Send messages on the newest connection; nothing where it has ended."""
        with contextlib.suppress(ConnectionClosed, IndexError):
            for message in messages:
                await self.newest.send(message if isinstance(message, str) else json.dumps(message))

    async def serve(self, connection: ServerConnection) -> None:
        """Answer the set-up, and listen until the client has gone."""
        with contextlib.suppress(ConnectionClosed):
            await connection.recv()
            await connection.send(self.setup_answer)
            self.connections.append(connection)
            self.arrived.set()
            async for message in connection:
                self.heard.append(json.loads(message))
                self.said_to(self.heard[-1])


@contextlib.asynccontextmanager
async def raw_service(upgrade: Upgrade | None = None) -> AsyncIterator[RawService]:
    """A server on loopback. `upgrade` may answer the upgrade in the WebSocket's place."""
    authority = Authority()
    service = RawService("", authority)

    def process(connection: ServerConnection, request: Request) -> Response | None:
        service.requests.append(request)
        return upgrade(connection, request) if upgrade else None

    async with serve(
        service.serve,
        "127.0.0.1",
        0,
        ssl=authority.server_context(),
        process_request=process,
        compression=None,
        ping_interval=None,
        close_timeout=0.2,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        service.base_url = f"https://localhost:{port}"
        yield service


def redirect_to(url: str) -> Upgrade:
    """An upgrade that is answered with a way to another address."""

    def upgrade(_connection: ServerConnection, _request: Request) -> Response:
        status = HTTPStatus.FOUND
        return Response(status.value, status.phrase, Headers(Location=url, Connection="close"), b"")

    return upgrade
