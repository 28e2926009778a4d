"""The recording in a multipart body, piece by piece as it arrives: never whole in memory, never in a file."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from daemon.web.clients.event_stream import CannotAnswer

FIELDS = (b"audio", b"file")
"""The app's own name of the field, and the usual one."""

MISSING = "the field `audio` is missing"

MAX_HEADER_BYTES = 8 * 1024
"""Of one part of the body; a file's name is the longest in it."""


class Upload:
    """`open` finds the recording, `data` gives it."""

    def __init__(self, request: Request, longest_bytes: int) -> None:
        self._request = request
        self._longest_bytes = longest_bytes
        self._body = request.stream()
        self._found: deque[bytes] = deque()
        self._name = b""
        self._value = b""
        self._header_bytes = 0
        self._in_field = self._seen = self._ended = False
        self._size = 0

    async def open(self) -> None:
        """Read until the recording begins. Raises CannotAnswer: a wrong form, or no such field."""
        length = self._request.headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self._longest_bytes:
            raise self._too_long()
        kind, options = parse_options_header(self._request.headers.get("content-type", ""))
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise CannotAnswer(422, f"{MISSING}: send multipart/form-data")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
            },
        )
        while not self._seen and await self._read():
            pass
        if not self._seen:
            raise CannotAnswer(422, MISSING)

    def _too_long(self) -> CannotAnswer:
        return CannotAnswer(413, f"a recording has at most {self._longest_bytes} bytes")

    async def data(self) -> AsyncIterator[bytes]:
        """The recording's bytes. Raises CannotAnswer where it is too long or cut."""
        while True:
            while self._found:
                yield self._found.popleft()
            if self._ended or not await self._read():
                return

    async def _read(self) -> bool:
        """Take one more piece of the body; False at its end."""
        data = await anext(self._body, b"")
        if not data:
            return False
        self._size += len(data)
        if self._size > self._longest_bytes:
            raise self._too_long()
        try:
            self._parser.write(data)
        except Exception as error:  # whatever a library raises at a foreign body
            raise CannotAnswer(400, "the body is no multipart/form-data") from error
        return True

    # --- what the parser finds

    def _part_begins(self) -> None:
        self._name, self._header_bytes = b"", 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._name.lower() == b"content-disposition" and not self._seen:
            _, options = parse_options_header(self._value)
            self._in_field = self._seen = options.get(b"name") in FIELDS
        self._name = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_field:
            self._found.append(data[start:end])

    def _part_ends(self) -> None:
        self._ended = self._ended or self._in_field
        self._in_field = False

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise ValueError("a part's header is too long")
