"""One listener of the gateway: uvicorn with every setting that a network of strangers asks for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Generator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from daemon.web.door.deadlines import DoorConfig, PatientHttp
from daemon.web.door.limits import DoorCounts, DoorLimits

BACKLOG = 64
"""Connections that the kernel holds until they are accepted, which is at once."""

KEEP_ALIVE_S = 5.0
"""A connection without a request is kept for so long after an answer: uvicorn's default."""

PROXIES = "127.0.0.1,::1"
"""Whose X-Forwarded headers are believed with [web] behind_proxy: this machine's."""

for _name in ("uvicorn.error", "uvicorn.asgi", "uvicorn.access"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at INFO it writes addresses with their tokens


class DoorServer(uvicorn.Server):
    """A uvicorn server that leaves signals to us, and hands its sockets' deadlines to TLS."""

    config: DoorConfig

    def __init__(self, config: DoorConfig) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        """Set when connections are taken."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are `run`'s."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on these sockets."""
        await self.lifespan.startup()
        tls: dict[str, Any] = {}
        if self.config.ssl is not None:
            limits = self.config.limits
            tls = {"ssl_handshake_timeout": limits.head_s, "ssl_shutdown_timeout": limits.stalled_s}
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(self._protocol, sock=sock, ssl=self.config.ssl, backlog=BACKLOG, **tls)
            for sock in sockets or []
        ]
        self.started = True
        self.listening.set()

    def _protocol(self) -> asyncio.Protocol:
        return PatientHttp(self.config, self.server_state, {})


def _websocket(**parts: Any) -> asyncio.Protocol:
    """One connection's protocol from its upgrade on."""
    from daemon.web.door.websocket import PatientWebSocket

    return PatientWebSocket(**parts)


def make_server(
    app: ASGIApp,
    *,
    limits: DoorLimits,
    counts: DoorCounts,
    tls: ssl.SSLContext | None = None,
    behind_proxy: bool = False,
) -> DoorServer:
    """A server that is not started; `serve` serves until `should_exit`."""
    config = DoorConfig(
        app,
        limits,
        counts,
        interface="asgi3",
        lifespan="off",
        http=PatientHttp,
        ws=_websocket,
        ws_max_size=limits.message_bytes,
        ws_ping_interval=limits.ping_s,
        ws_ping_timeout=limits.pong_s,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=limits.head_bytes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips=PROXIES,
        timeout_keep_alive=int(KEEP_ALIVE_S),
        timeout_graceful_shutdown=int(limits.end_s),
        ssl_context_factory=None if tls is None else (lambda _config, _default: tls),
    )
    return DoorServer(config)


async def serve(server: DoorServer, sockets: Sequence[socket.socket], end: asyncio.Event) -> None:
    """Serve until `end`, then finish what is being answered within `end_s`. Closes the sockets."""
    serving = asyncio.ensure_future(server.serve(list(sockets)))
    ended = asyncio.ensure_future(end.wait())
    try:
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        for task in (serving, ended):
            task.cancel()
        await asyncio.gather(serving, ended, return_exceptions=True)
