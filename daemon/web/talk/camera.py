"""Shows a client's pictures to the model: the newest, at most one a second, only while it is listened to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from daemon.seeing.pictures import BadPicture, cleaned
from daemon.session.failures import LinkError

PACE_S = 1.0
"""Live API guide, video: at most one picture a second."""

Show = Callable[[bytes], Awaitable[bool]]
"""Gives a picture to the present session; False where there is none. May raise LinkError."""


class TalkCamera:
    """Holds one picture. Event loop only. `counts` tells what became of all of them."""

    def __init__(self, *, listens: Callable[[], bool], taken: Callable[[], None]) -> None:
        """`listens`: whether the user is listened to, so that one may leave; `taken` is told of each."""
        self._listens = listens
        self._taken = taken
        self._newest: bytes | None = None
        self._filled = asyncio.Event()
        self.counts = {"shown": 0, "replaced": 0, "unwanted": 0, "bad": 0}

    def offer(self, jpeg: bytes) -> None:
        """The newest picture takes the place of one that still waits. Raises BadPicture."""
        if not self._listens():
            self.counts["unwanted"] += 1
            return
        try:
            picture = cleaned(jpeg)
        except BadPicture:
            self.counts["bad"] += 1
            raise
        self.counts["replaced"] += self._newest is not None
        self._newest = picture
        self._filled.set()

    async def run(self, show: Show) -> None:
        """Show them, for ever."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            picture, self._newest = self._newest, None
            if picture is not None:
                await self._show(picture, show)
            await asyncio.sleep(PACE_S)

    async def _show(self, picture: bytes, show: Show) -> None:
        if not self._listens():
            self.counts["unwanted"] += 1
            return
        try:
            shown = await show(picture)
        except LinkError:  # the connection's own keeper meets it as well
            return
        if shown:
            self.counts["shown"] += 1
            self._taken()
