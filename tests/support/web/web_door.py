"""A listener of the gateway on loopback, and clients that do less than they should."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.web.door.limits import DoorCounts, DoorLimits, Places
from daemon.web.door.server import DoorServer, make_server, serve
from daemon.web.door.sockets import CountingListener, bind

SHORT = 0.1
"""A deadline that a test waits for, in seconds."""

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_ONCE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Listening:
    """A server at work."""

    server: DoorServer
    listener: CountingListener
    places: Places
    counts: DoorCounts
    end: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        """Its TCP port."""
        return int(self.listener.getsockname()[1])


@contextlib.asynccontextmanager
async def listening(
    app: ASGIApp,
    limits: DoorLimits | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    *,
    behind_proxy: bool = False,
) -> AsyncIterator[Listening]:
    """The application, served until the block ends."""
    limits = limits or DoorLimits()
    counts = DoorCounts()
    places = Places(limits, counts)
    listener = bind(host, 0, places)
    server = make_server(app, limits=limits, counts=counts, tls=tls, behind_proxy=behind_proxy)
    found = Listening(server, listener, places, counts)
    task = asyncio.create_task(serve(server, [listener], found.end))
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield found
    finally:
        found.end.set()
        async with asyncio.timeout(10):
            await task


async def says_hello(scope: Scope, receive: Receive, send: Send) -> None:
    """The smallest application."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@contextlib.asynccontextmanager
async def connected(
    port: int, sent: bytes = b"", *, source: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which so much was sent; `source` is the client's address."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        port,
        local_addr=(source, 0),
        ssl=tls,
        server_hostname="localhost" if tls else None,
    )
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes; nothing if it resets. Raises TimeoutError after 5 s."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def answer_to(port: int, sent: bytes = GET, *, source: str = "127.0.0.1") -> bytes:
    """All that comes back; nothing where the connection is reset, be it before it stands."""
    try:
        async with connected(port, sent, source=source) as (reader, _):
            return await all_of(reader)
    except ConnectionError:
        return b""


async def until(condition: object) -> None:
    """Wait until `condition()` is true. Raises TimeoutError after 5 s."""
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)
