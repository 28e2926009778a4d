"""The connections under the SDK, which bound what the other end can do to us. Event loop only.

The SDK's own connection answers each ping whether or not the answers are read, follows a redirect with the
API key in its headers, and hands on a message of any shape. `HttpOptions.async_client_args` passes these
arguments to `websockets.asyncio.client.connect`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus

MAX_MESSAGE_BYTES = 4 * 2**20
"""Longest message; policy: end the connection (1009). A minute of speech in base64; the SDK's default is a
quarter."""

MAX_MARKS = 4096
"""Most `{`, `[` and `,` in one message; policy: pass over it and count it. What a search has found has some
hundreds. The SDK makes an object of 2 KB for each part, so that 4 MiB of `{},` would be 2 GB."""

UNREAD_BYTES = 256 * 1024
"""What may wait to be sent before the connection is ended. Sends wait above 32 KiB (`write_limit`): only
answers to pings, which nobody reads, come so far."""


MAX_BODY_BYTES = 12 * 2**20
"""Longest answer over plain HTTP, unpacked; policy: it is refused. Two minutes of speech are 8 MB."""

MAX_BODY_MARKS = 65_536
"""Most values in such an answer. One of 2,000 tokens, streamed one by one, has some 25 for each."""


class MessageRefused(ValueError):
    """A message of a shape that nothing of the service's has."""


class Redirected(InvalidHandshake):
    """The upgrade was answered by a way to another address, to which the API key does not go."""

    def __init__(self, status: int) -> None:
        super().__init__("it leads to another address")
        self.status = status


class BoundedConnection(ClientConnection):
    """A client's connection with bounds."""

    async def handshake(self, *args: Any, **options: Any) -> None:
        """As the library's. Raises Redirected in place of following a redirect."""
        try:
            await super().handshake(*args, **options)
        except InvalidStatus as error:
            if 300 <= error.response.status_code < 400:  # RFC 9110 §15.4
                raise Redirected(error.response.status_code) from error
            raise

    async def recv(self, decode: bool | None = None) -> Any:
        """The next message. Raises MessageRefused for one of too many values; else as the library's."""
        message = await super().recv(decode=decode)
        if marks(message) > MAX_MARKS:
            raise MessageRefused(f"it has more than {MAX_MARKS} values")
        return message

    def data_received(self, data: bytes) -> None:
        """As the library's, which answers pings here."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self.set_connection_exc(ConnectionAbortedError("the other end does not read what it asks for"))
            self.transport.abort()


def marks(message: str | bytes) -> int:
    """How many values a message in JSON holds at most, those in texts included; without parsing it."""
    if isinstance(message, str):
        return sum(message.count(mark) for mark in "{[,")
    return sum(message.count(mark) for mark in (b"{", b"[", b","))


async def bound_body(response: Any) -> None:
    """Have an answer of the HTTP library's raise MessageRefused where it is too much, instead of growing."""
    read = response.aiter_bytes

    async def bounded(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        size_bytes = values = 0
        async for piece in read(chunk_size):
            size_bytes, values = size_bytes + len(piece), values + marks(piece)
            if size_bytes > MAX_BODY_BYTES or values > MAX_BODY_MARKS:
                raise MessageRefused(
                    f"the answer is longer than {MAX_BODY_BYTES} bytes or has too many values"
                )
            yield piece

    response.aiter_bytes = bounded


TRANSPORT: dict[str, Any] = {
    "close_timeout": 1.5,  # leaving a dead connection blocks this long
    "ping_interval": 20,  # keeps NAT mappings alive
    "ping_timeout": None,  # healthy sessions answer pings 8-30 s late (sip-to-ai PR #14)
    "max_size": MAX_MESSAGE_BYTES,
    "compression": None,  # base64 PCM hardly shrinks, and deflating costs CPU
    "create_connection": BoundedConnection,
    "follow_redirects": False,  # of plain HTTP: the key stays with whom it is for
    "event_hooks": {"response": [bound_body]},  # the same
}
"""Arguments of `websockets.asyncio.client.connect`, and of the SDK's client for plain HTTP; each passes over
what it does not know. Of frames, 16 wait at most before reading pauses.
"""
