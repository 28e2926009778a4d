"""The headers that tell a browser what a page of the speaker may do, and what others may do with it."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def content_policy(host: str) -> str:
    """The Content-Security-Policy of a page that was asked for under this Host header.

    `connect-src 'self'` leaves out WebSockets in Safari before 15.4, so they are named.
    """
    own_sockets = f" wss://{host}" if HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        f"img-src 'self' data: blob:; media-src blob:; connect-src 'self'{own_sockets}; manifest-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


class SafeHeaders:
    """ASGI middleware: gives each answer these headers, unless it has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                _add(MutableHeaders(scope=message), HTTPConnection(scope))
            await send(message)

        await self._app(scope, receive, with_headers)


def _add(headers: MutableHeaders, connection: HTTPConnection) -> None:
    for name, value in FIXED.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", content_policy(connection.headers.get("host", "")))
    if connection.scope["path"].startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
