"""Plain HTTP on the port of the WebSocket: one request, one answer, whole or piece by piece.

websockets parses GET only and drops whatever else comes without a word. Event loop only.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection

from daemon.standin.wire import reset

HEAD_BYTES = 16 * 1024
BODY_BYTES = 8 * 2**20
"""What is taken of a request: two minutes of sound. The service takes 20 MB."""

GET = b"GET "

_STATUS_WORDS = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "UNIMPLEMENTED",
    HTTPStatus.TOO_MANY_REQUESTS: "RESOURCE_EXHAUSTED",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL",
}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request. Names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class BadRequest(ValueError):
    """What came is no HTTP, or more than is taken; the words say which."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A status and the JSON that goes with it."""

    status: HTTPStatus
    body: dict[str, Any]

    def encode(self) -> bytes:
        """As it goes over the wire; the connection ends with it."""
        body = json.dumps(self.body, indent=2).encode()
        kind = "Content-Type: application/json; charset=UTF-8"
        return _head(self.status, kind, f"Content-Length: {len(body)}") + body


def events_head() -> bytes:
    """What a stream of server-sent events begins with; each then goes in a chunk (RFC 9112 §7.1)."""
    return _head(HTTPStatus.OK, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def event_chunk(message: dict[str, Any]) -> bytes:
    """One event in its chunk."""
    data = f"data: {json.dumps(message)}\r\n\r\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"


def _head(status: HTTPStatus, *fields: str) -> bytes:
    lines = (f"HTTP/1.1 {status.value} {status.phrase}", *fields, "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http_error(status: HTTPStatus, message: str) -> HttpAnswer:
    """In the form of Google's APIs (AIP-193)."""
    word = _STATUS_WORDS.get(status, status.name)
    return HttpAnswer(status, {"error": {"code": status.value, "message": message, "status": word}})


class HttpConnection(ServerConnection):
    """A connection that may turn out to be plain HTTP; then `answer` is asked once, and it ends.

    `answer` writes by `send_http`; it is cancelled where the client leaves.
    """

    def __init__(
        self,
        *arguments: Any,
        answer: Callable[[HttpConnection, HttpRequest | BadRequest], Awaitable[None]],
        **options: Any,
    ) -> None:
        """`answer` apart, what websockets gives."""
        super().__init__(*arguments, **options)
        self._answer = answer
        self._answering: asyncio.Task[None] | None = None
        self._received = b""
        self._is_live = False
        """Whether it is a GET, which websockets handles from then on."""

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        if self._is_live:
            super().data_received(data)
            return
        if self._answering is not None:
            return  # one request is answered; what follows it is not read
        self._received += data
        if self._received.startswith(GET):
            self._is_live, received, self._received = True, self._received, b""
            super().data_received(received)
        elif not GET.startswith(self._received) and not self.transport.is_closing():
            self._answer_when_whole()

    def _answer_when_whole(self) -> None:
        try:
            request: HttpRequest | BadRequest | None = whole_request(self._received)
        except BadRequest as bad:
            request = bad
        if request is not None:
            self._received = b""
            self._answering = asyncio.create_task(self._answer_and_close(request))

    async def _answer_and_close(self, request: HttpRequest | BadRequest) -> None:
        try:
            await self._answer(self, request)
        finally:
            self.transport.close()

    def send_http(self, data: bytes) -> None:
        """Write some of the answer."""
        self.transport.write(data)

    def reset(self) -> None:
        """End with RST, at once."""
        reset(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport."""
        if self._answering is not None:
            self._answering.cancel()
        super().connection_lost(exc)


def whole_request(received: bytes) -> HttpRequest | None:
    """The request in these bytes; None where some of it is still to come. Raises BadRequest."""
    head, end, rest = received.partition(b"\r\n\r\n")
    if len(head) > HEAD_BYTES:
        raise BadRequest("The request's head is too long.")
    if not end:
        return None
    line, _, fields = head.partition(b"\r\n")
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("This is not HTTP/1.1.")
    headers = _headers(fields)
    size_bytes = _body_bytes(headers)
    if len(rest) < size_bytes:
        return None
    return HttpRequest(words[0], words[1], headers, rest[:size_bytes])


def _headers(fields: bytes) -> dict[str, str]:
    try:
        parsed = http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n"))
    except http.client.HTTPException as error:
        raise BadRequest("The request has too many or too long headers.") from error
    return {name.lower(): str(value) for name, value in parsed.items()}


def _body_bytes(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequest("The length of the body is not given.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > BODY_BYTES:
        raise BadRequest("The body is too long.")
    return int(length)
