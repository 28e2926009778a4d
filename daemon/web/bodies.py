"""How long a request's body may be, and how long it may take to arrive."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from daemon.web.entry import Entry

ENDS = {"Connection": "close"}
"""What has not been read is not waited for."""


class BodyBound:
    """Receives the body of one request. Event loop only.

    `receive` raises HTTPException: 413 where the body begins to be too long, 408 where it is late.
    """

    def __init__(self, receive: Receive, connection: HTTPConnection, entry: Entry) -> None:
        self._receive = receive
        self._left_bytes = entry.body_bytes
        self._until_s = asyncio.get_running_loop().time() + entry.body_s
        self._arriving = bool(entry.methods)
        announced = connection.headers.get("content-length", "0")
        self._too_long = announced.isdigit() and (len(announced) > 15 or int(announced) > entry.body_bytes)

    async def receive(self) -> Message:
        """As `Receive`."""
        if not self._arriving:
            return await self._receive()
        if self._too_long:
            raise HTTPException(413, headers=ENDS)
        try:
            async with asyncio.timeout_at(self._until_s):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, headers=ENDS) from None
        self._note(message)
        return message

    def _note(self, message: Message) -> None:
        self._left_bytes -= len(message.get("body", b""))
        self._arriving = bool(message.get("more_body", False))
        if self._left_bytes < 0:
            self._too_long = self._arriving = True
            raise HTTPException(413, headers=ENDS)
