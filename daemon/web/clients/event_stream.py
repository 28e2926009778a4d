"""An answer that is told piece by piece, for as long as its reader stays. Event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from daemon.web.dialects.acts import Act, Tell
from daemon.web.dialects.audio_stream import EVENT_GAP_S

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""The second keeps nginx from collecting events."""

SEND_S = 10.0
"""A reader that takes nothing for so long is left."""


class CannotAnswer(Exception):
    """Told by a status and one JSON object, before anything else was told."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class EventSink:
    """Where events go; the answer's head goes with the first."""

    def __init__(self, begin: Callable[[], Awaitable[None]], send: Send) -> None:
        self._begin = begin
        self._send = send
        self._begun = False

    async def tell(self, acts: list[Act]) -> None:
        """Each event in a write of its own."""
        for act in acts:
            if isinstance(act, Tell):
                await self._write(act.message if isinstance(act.message, bytes) else act.message.encode())
                await asyncio.sleep(EVENT_GAP_S)

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(SEND_S):
            if not self._begun:
                self._begun = True
                await self._begin()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})


class AnswerStream(StreamingResponse):
    """Server-Sent Events, by a program that runs while they are sent and ends when its reader leaves."""

    def __init__(self, program: Callable[[EventSink], Awaitable[None]]) -> None:
        """`program` may raise CannotAnswer before it tells anything. It reads the request's body itself."""
        super().__init__((), media_type="text/event-stream", headers=HEADERS)
        self._program = program

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""

        async def begin() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        try:
            await self._program(EventSink(begin, send))
        except CannotAnswer as error:
            refusal = JSONResponse({"detail": str(error)}, error.status, self._cross_origin())
            await refusal(scope, receive, send)
            return
        except (OSError, TimeoutError):  # the reader has gone, or takes nothing
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _cross_origin(self) -> dict[str, str]:
        names = ("access-control-", "vary")
        return {name: value for name, value in self.headers.items() if name.startswith(names)}


async def while_read(receive: Receive, work: Awaitable[None]) -> None:
    """Do this until its reader leaves; the request's body has been read before."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.ensure_future(work), asyncio.create_task(left())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
