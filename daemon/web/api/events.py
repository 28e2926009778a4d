"""`GET /api/events`: what happens, as Server-Sent Events, for as long as a page is open.

First `speaker` and `snapshot`, then each `note` with an `id` that grows; `gap` where some were dropped, and a
fresh `snapshot`; a comment each QUIET_S, so that a dead connection is noticed. (WHATWG HTML, section 9.2.)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.control.remote.client import Note, SpeakerDoor
from daemon.control.remote.first_of import first_of
from daemon.web.api.answers import NOT_KEPT, gone, line_of
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalName, WebRefused

MAX_PAGES = 8
"""Event streams at one time; policy for one more: refuse it, counted as `too_many_pages`."""
QUIET_S = 15.0
"""So often something is sent, be it a comment: proxies end what is silent for a minute."""
WRITE_S = 10.0
"""A page that has not taken what was sent by then is closed, and counted."""

RETRY_MS = 2000
"""After so long a browser comes back by itself."""

OWN_NAMES = ("snapshot", "gap", "speaker")
"""Notes that are events of their own; all others are a `note`."""

QUIET = b": still here\n\n"


def as_event(number: int, note: Note) -> bytes:
    """One event as it is sent."""
    name = note["event"] if note["event"] in OWN_NAMES else "note"
    return f"id: {number}\nevent: {name}\ndata: {line_of(note)}\n\n".encode()


class EventPages:
    """Counts the open streams, and makes each."""

    def __init__(self, speaker: SpeakerDoor) -> None:
        self._speaker = speaker
        self.open = 0
        self.slow = 0
        """Pages that did not take what was sent."""

    def report(self) -> dict[str, Any]:
        """For metrics."""
        return {"pages": self.open, "pages_dropped": self.slow}

    async def events(self, request: Request) -> Response:
        """The stream. Raises WebRefused where there are as many as may be."""
        if request.method == "HEAD":
            return Response(media_type=OpenPage.media_type, headers=NOT_KEPT)
        if self.open >= MAX_PAGES:
            raise WebRefused(RefusalName.TOO_MANY_PAGES, retry_after_s=RETRY_MS / 1000)
        return OpenPage(self)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """One more is open, while the block lasts."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def notes(self) -> AsyncGenerator[Note]:
        """What the speaker tells, its microphone's level too."""
        return self._speaker.notes(level=True)


class OpenPage(Response):
    """One open page. It ends when the page goes or is too slow; the door ends it when its pass has ended."""

    media_type = "text/event-stream"

    def __init__(self, pages: EventPages) -> None:
        # no-transform: a proxy that compresses would hold events back
        headers = NOT_KEPT | {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(None, headers=headers)
        del self.headers["content-length"]
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one of the ends comes."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._pages.counted():
            await first_of(self._pump(send), gone(receive))
        with contextlib.suppress(OSError):  # whom this farewell is for may be gone
            await send({"type": "http.response.body", "body": b""})

    async def _pump(self, send: Send) -> None:
        try:
            await _sent(send, f"retry: {RETRY_MS}\n\n".encode())
            async with (
                contextlib.aclosing(self._pages.notes()) as notes,
                contextlib.aclosing(with_quiet(notes, QUIET_S)) as stream,
            ):
                numbers = count(1)
                async for note in stream:
                    await _sent(send, QUIET if note is None else as_event(next(numbers), note))
        except TimeoutError:
            self._pages.slow += 1


async def with_quiet(notes: AsyncIterator[Note], quiet_s: float) -> AsyncGenerator[Note | None]:
    """The notes, and None wherever none came for `quiet_s`."""
    pending = asyncio.ensure_future(anext(notes))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=quiet_s)
            if not done:
                yield None
                continue
            yield pending.result()
            pending = asyncio.ensure_future(anext(notes))
    except StopAsyncIteration:
        return
    finally:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)


async def _sent(send: Send, body: bytes) -> None:
    """Raises TimeoutError if the page does not take it."""
    async with asyncio.timeout(WRITE_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


def entries(pages: EventPages) -> list[Entry]:
    """The one stream."""
    return [Entry(path="/api/events", endpoint=pages.events, needs=Right.PAGE)]
