"""uvicorn's protocols, with the deadlines that they lack. Event loop only.

A connection that says nothing, or a byte now and then, would be kept for ever; 64 of them would shut
everybody out. Whoever misses a deadline is cut off, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.web.door.limits import DoorCounts, DoorLimits


class DoorConfig(uvicorn.Config):
    """uvicorn's settings, and what its protocols here need besides."""

    def __init__(self, app: Any, limits: DoorLimits, counts: DoorCounts, **settings: Any) -> None:
        super().__init__(app, **settings)
        self.limits = limits
        self.counts = counts


class Deadline:
    """One timer: what is to be done, unless it is lifted before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._name = ""

    def hold(self, name: str, seconds: float, missed: Callable[[], None]) -> None:
        """From now on this one counts; one of the same name goes on as it was begun."""
        if name == self._name:
            return
        self.lift()
        self._name = name
        self._timer = self._loop.call_later(seconds, missed)

    def lift(self) -> None:
        """There is none."""
        self._name = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientHttp(H11Protocol):
    """HTTP/1.1 with deadlines: for a request's head, for its body, and for a client that takes nothing."""

    def __init__(self, config: DoorConfig, *args: Any, **settings: Any) -> None:
        super().__init__(config, *args, **settings)
        self._limits = config.limits
        self._counts = config.counts
        self._arrival = Deadline(self.loop)
        self._stalled = Deadline(self.loop)
        self._accepted_s = self.loop.time()  # shaking hands is a part of the time for the head
        self._counts.connections_accepted += 1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """As `Protocol`; with TLS, when hands are shaken."""
        super().connection_made(transport)
        self._counts.connections_opened += 1
        self._hold_head(self.loop.time() - self._accepted_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `Protocol`."""
        self._lift()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As `Protocol`."""
        super().data_received(data)
        self._judge()

    def on_response_complete(self) -> None:
        """As uvicorn's: the next request may come."""
        super().on_response_complete()
        self._judge()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """As uvicorn's: what follows is another protocol's."""
        self._lift()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """As `Protocol`."""
        super().pause_writing()
        self._stalled.hold("stalled", self._limits.stalled_s, self._stalled_too_long)

    def resume_writing(self) -> None:
        """As `Protocol`."""
        self._stalled.lift()
        super().resume_writing()

    def _judge(self) -> None:
        """Choose the deadline by what is still to come of the request."""
        state = self.conn.their_state
        if self.transport.is_closing():
            self._arrival.lift()
        elif state is h11.IDLE:
            self._hold_head()
        elif state is h11.SEND_BODY:
            self._arrival.hold("body", self._limits.body_s, self._body_late)
        else:
            self._arrival.lift()

    def _hold_head(self, gone_s: float = 0.0) -> None:
        self._arrival.hold("head", max(0.0, self._limits.head_s - gone_s), self._head_late)

    def _head_late(self) -> None:
        self._counts.heads_late += 1
        self._cut_off()

    def _body_late(self) -> None:
        self._counts.bodies_late += 1
        self._cut_off()

    def _stalled_too_long(self) -> None:
        self._counts.clients_stalled += 1
        self._cut_off()

    def _cut_off(self) -> None:
        """Whoever does not speak may not read either, so nobody waits for a farewell."""
        self._lift()
        self.transport.abort()

    def _lift(self) -> None:
        self._arrival.lift()
        self._stalled.lift()
