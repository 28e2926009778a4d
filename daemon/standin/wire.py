"""One WebSocket as the stand-in uses it, with the ways in which a connection can go bad; and the listener.

Event loop only.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

REASON_BYTES = 123
"""What a close frame can carry (RFC 6455 §5.5.1); the service cuts its reasons off there."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST instead of FIN (socket(7))."""


class WireEnded(Exception):
    """The connection is over, whoever ended it."""


class Wire:
    """A connection after the upgrade."""

    def __init__(self, websocket: ServerConnection, number: int) -> None:
        """`number` is the connection's own in the record."""
        self._websocket = websocket
        self.number = number
        self.muted = False
        self.reading = True
        self.ended_here = False
        """The server, not the client, ended it."""

    async def receive(self) -> str | bytes:
        """The client's next frame. Raises WireEnded."""
        try:
            frame = await self._websocket.recv()
        except ConnectionClosed as error:
            raise WireEnded from error
        if self.reading and not self.ended_here:
            return frame
        await self.wait_ended()  # what had been read before is not to be heard any more
        raise WireEnded

    async def send(self, frame: bytes) -> bool:
        """Send a binary frame; False where the wire is muted. Raises WireEnded."""
        if self.muted:
            return False
        try:
            await self._websocket.send(frame)
        except ConnectionClosed as error:
            raise WireEnded from error
        return True

    async def close(self, code: int, reason: str) -> None:
        """Close, and wait for the client's answer. A wire that was made half-open is reset instead."""
        self.ended_here = True
        if self.muted or not self.reading:
            self.reset()
        else:
            cut = reason.encode(errors="replace")[:REASON_BYTES].decode(errors="ignore")
            await self._websocket.close(code, cut)

    async def wait_ended(self) -> None:
        """Return when the connection is over, whoever ended it."""
        await self._websocket.wait_closed()

    def reset(self) -> None:
        """End with RST, at once."""
        self.ended_here = True
        reset(self._websocket.transport)

    def stop_reading(self) -> None:
        """Leave all that comes in the kernel, pings too. There is no way back."""
        self.reading = False
        transport = self._websocket.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()

    @property
    def outcome(self) -> tuple[int, str]:
        """Close code and reason after the end; 1006 where there was no close frame."""
        return self._websocket.close_code or 1006, self._websocket.close_reason or ""


def reset(transport: asyncio.Transport) -> None:
    """End a TCP connection with RST, at once."""
    raw = transport.get_extra_info("socket")
    if raw is not None and not transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class GatedListener(socket.socket):
    """A listening TCP socket that resets what its gate does not let in, before TLS begins.

    asyncio calls `accept` and treats ConnectionAbortedError as "nothing there".
    """

    def __init__(self, host: str, port: int, gate: Callable[[tuple[str, int]], bool]) -> None:
        """Bind to an IPv4 address; port 0 takes a free one. Raises OSError."""
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._gate = gate
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((host, port))
        except OSError:
            self.close()
            raise

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return int(self.getsockname()[1])

    def accept(self) -> tuple[socket.socket, Any]:
        """The next client that is let in. Raises ConnectionAbortedError for one that is not."""
        client, address = super().accept()
        if self._gate(address):
            return client, address
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        client.close()
        raise ConnectionAbortedError(f"{address}: refused")
