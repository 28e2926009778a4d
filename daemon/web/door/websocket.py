"""uvicorn's WebSockets, with the deadline that they lack. Event loop only.

It brings its library with it, 1.5 MB: `server` loads it for the first who asks for a WebSocket.
"""

from __future__ import annotations

from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from daemon.web.door.deadlines import Deadline, DoorConfig


class PatientWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose client must take what it is sent."""

    def __init__(self, config: uvicorn.Config, *args: Any, **settings: Any) -> None:
        super().__init__(config, *args, **settings)
        door = cast(DoorConfig, config)
        self._limits = door.limits
        self._counts = door.counts
        self._stalled = Deadline(self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `Protocol`."""
        self._stalled.lift()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """As uvicorn's, which takes an upgrade that is refused for an error, and writes a line for each."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def shutdown(self) -> None:
        """As uvicorn's, but the application says goodbye itself (1001), where it knows to whom."""
        if not self.handshake_complete:
            super().shutdown()

    def pause_writing(self) -> None:
        """As `Protocol`."""
        super().pause_writing()
        self._stalled.hold("stalled", self._limits.stalled_s, self._cut_off)

    def resume_writing(self) -> None:
        """As `Protocol`."""
        self._stalled.lift()
        super().resume_writing()

    def _cut_off(self) -> None:
        self._counts.clients_stalled += 1
        self.transport.abort()
