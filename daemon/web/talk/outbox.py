"""What waits to be told to a client, in order: news, and the reply's sound between them. Event loop only.

Replies come eight times faster than they are played, so the sound waits in a ring of its own; who takes it is
never waited for. A client that leaves too much untaken is too slow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from daemon.runtime.ring import FifoRing
from daemon.web.talk.news import News, ReplySound

MAX_NEWS = 512
"""News that may wait; policy for one more: the client is `behind`, which ends its talk. A minute's reply has
some 300."""

PIECE_BYTES = 9_600
"""Sound that is told at once: 200 ms, which is what the service sends in a message."""


class _SoundWaiting:
    """So much of the ring belongs to this turn."""

    def __init__(self, turn: int, size_bytes: int) -> None:
        self.turn = turn
        self.size_bytes = size_bytes


class Outbox:
    """`behind` is true once the client has left too much untaken."""

    def __init__(self, sound_bytes: int) -> None:
        """`sound_bytes`: the longest reply that can wait."""
        self._ring = FifoRing(sound_bytes)
        self._items: deque[News | _SoundWaiting] = deque()
        self._filled = asyncio.Event()
        self.behind = False

    @property
    def refused_bytes(self) -> int:
        """Sound that found no room."""
        return self._ring.stats().lost_bytes

    def put(self, news: News) -> None:
        """Tell this after what waits already."""
        if len(self._items) >= MAX_NEWS:
            self.behind = True
            return
        self._items.append(news)
        self._filled.set()

    def put_last(self, news: News) -> None:
        """Tell this at the end, however much waits."""
        self._items.append(news)
        self._filled.set()

    def put_sound(self, turn: int, pcm: bytes) -> None:
        """The next piece of the reply to `turn`."""
        accepted = self._ring.write(pcm)
        last = self._items[-1] if self._items else None
        if isinstance(last, _SoundWaiting) and last.turn == turn:
            last.size_bytes += accepted
        elif accepted:
            self._items.append(_SoundWaiting(turn, accepted))
        self._filled.set()

    def drop_sound(self) -> int:
        """The reply was cut: its sound is not told any more. Returns how many bytes that were."""
        self._items = deque(item for item in self._items if not isinstance(item, _SoundWaiting))
        return self._ring.clear()

    async def take(self, timeout_s: float | None = None, *, sound: bool = True) -> News | None:
        """The oldest; None if nothing can be told now, after something has happened or the time is over.

        Without `sound`, sound and what comes after it stays.
        """
        if (news := self._next(sound=sound)) is not None:
            return news
        self._filled.clear()
        with suppress(TimeoutError):  # None is the answer to that
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        return self._next(sound=sound)

    def wake(self) -> None:
        """Whoever takes has something else to do first."""
        self._filled.set()

    def _next(self, *, sound: bool) -> News | None:
        if not self._items:
            return None
        first = self._items[0]
        if not isinstance(first, _SoundWaiting):
            self._items.popleft()
            return first
        return self._next_sound(first) if sound else None

    def _next_sound(self, first: _SoundWaiting) -> ReplySound:
        pcm = self._ring.read(min(PIECE_BYTES, first.size_bytes))
        first.size_bytes -= len(pcm)
        if not first.size_bytes:
            self._items.popleft()
        return ReplySound(first.turn, pcm)
