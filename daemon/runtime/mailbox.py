"""The one queue of events, with one consumer. It is bounded.

Whoever brings events from outside waits while many are in it. What the program's own parts post is too little
to fill it: if it overflows all the same, that is a bug, and ends the process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

Event = TypeVar("Event")

MAX_EVENTS = 4096
"""Events that may wait. The densest source is a burst of reply audio: 120 s are 600 messages."""


ROOM = 256
"""Events that may wait before whoever brings more from outside has to wait (policy: hold back)."""


class MailboxFull(RuntimeError):
    """The consumer does not keep up: the daemon is stuck and has to be restarted (policy: fail)."""


class Mailbox(Generic[Event]):
    """Many producers, one consumer, in order."""

    def __init__(self, limit: int = MAX_EVENTS) -> None:
        self._events: deque[Event] = deque()
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self.high_water = 0
        self.held_back = 0
        """How often somebody had to wait for room."""

    def post(self, event: Event) -> None:
        """Append an event. Event loop only. A full box makes `get` raise MailboxFull."""
        self._events.append(event)
        self.high_water = max(self.high_water, len(self._events))
        self._filled.set()

    def post_from_thread(self, event: Event) -> None:
        """Append an event from any thread; passed over when the loop is closing."""
        try:
            self._loop.call_soon_threadsafe(self.post, event)
        except RuntimeError:
            return

    async def room(self) -> None:
        """Wait until so few events wait that one from outside may be posted. Event loop only."""
        if len(self._events) < ROOM:
            return
        self.held_back += 1
        while len(self._events) >= ROOM:
            self._emptied.clear()
            await self._emptied.wait()

    def counters(self) -> dict[str, int]:
        """How many events have waited at once, and how often receiving was held back for them."""
        return {"events_high_water": self.high_water, "events_held_back": self.held_back}

    async def get(self) -> Event:
        """The oldest event. Raises MailboxFull when more wait than the limit."""
        while not self._events:
            self._filled.clear()
            await self._filled.wait()
        if len(self._events) > self._limit:
            raise MailboxFull(f"{len(self._events)} events wait: the event loop is stuck")
        event = self._events.popleft()
        if len(self._events) < ROOM:
            self._emptied.set()
        return event
