"""One picture that the model asked for, on its way to the service outside an utterance. Event loop only.

It leaves only after the lights say so: `PictureChanged` is posted first, and who shows that lets the picture
go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from daemon.events import PictureChanged
from daemon.session.sender import Sender

SHOW_S = 8.0
"""So long a picture has to leave, connection and lights included; the model waits, and so does its user."""

DELIVERY_POLL_S = 0.01
"""How often it is looked whether it has been acknowledged, as in `uplink`; the kernel tells nobody."""


class Glance:
    """Holds one picture at most; policy for a second one: it is refused."""

    def __init__(self, post: Callable[[PictureChanged], None]) -> None:
        self._post = post
        self._picture: bytes | None = None
        self._arrived: asyncio.Future[bool] | None = None
        self._may_leave = asyncio.Event()

    @property
    def leaving(self) -> bool:
        """Whether a picture waits or is on its way: the lights must say so."""
        return self._picture is not None

    async def show(self, jpeg: bytes) -> bool:
        """Have it sent. Returns whether it has arrived; False also if another one is on its way."""
        if self._picture is not None:
            return False
        self._picture = jpeg
        self._arrived = asyncio.get_running_loop().create_future()
        self._post(PictureChanged(waits=True))
        try:
            async with asyncio.timeout(SHOW_S):
                return await self._arrived
        except TimeoutError:
            return False
        finally:
            self._picture, self._arrived = None, None
            self._may_leave.clear()
            self._post(PictureChanged(waits=False))

    def let_go(self) -> None:
        """The lights say so: it may leave."""
        if self._picture is not None:
            self._may_leave.set()

    def gone(self) -> None:
        """The connection is gone, and what was sent on it with it."""
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(False)

    async def pump(self, session: Sender) -> None:
        """Send what may leave, for as long as the session lasts. Raises LinkError."""
        while True:
            await self._may_leave.wait()
            self._may_leave.clear()
            if self._picture is None:
                continue
            await session.send_video(self._picture)
            while (evidence := session.evidence()) is not None and evidence.outstanding_bytes > 0:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(DELIVERY_POLL_S)
            if self._arrived is not None and not self._arrived.done():
                self._arrived.set_result(True)
