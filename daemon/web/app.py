"""Entries behind the gate, as one ASGI application for each listener.

What all answers share is done here, so that no part can forget it: who may, how long a body may be and last,
the headers that tell a browser what it may do, and words in the place of a traceback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute, request_response, websocket_session
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from daemon.web.api.answers import as_response
from daemon.web.bodies import BodyBound
from daemon.web.entry import Entry, Listener, Visitor
from daemon.web.gate.refusals import WebRefusal, WebRefused
from daemon.web.headers import SafeHeaders

log = logging.getLogger(__name__)

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
"""Close codes of WebSockets (RFC 6455, section 7.4.1, and its registry)."""

BEFORE_THE_UPGRADE = (403, 404, 421)
"""A foreign page learns nothing. All else is told after the upgrade: no browser shows its status."""


class Gatekeeper(Protocol):
    """Who may; `gate.Gate` is one."""

    def admit(self, connection: HTTPConnection, entry: Entry, listener: Listener) -> Visitor:
        """Who comes in. Raises WebRefused."""
        ...

    async def lost(self, visitor: Visitor) -> None:
        """Return when this visitor's pass has ended."""
        ...


def build(
    entries: Iterable[Entry], gate: Gatekeeper, listener: Listener, end: asyncio.Event | None = None
) -> ASGIApp:
    """The application of one listener: of the entries, those that it has. At `end` streams are ended."""
    house = House(gate, listener, end or asyncio.Event())
    routes = [_route(entry, house) for entry in entries if listener in entry.listeners]
    handlers: dict[Any, Any] = {HTTPException: partial(_told, house)}
    return SafeHeaders(Starlette(routes=routes, exception_handlers=handlers))


@dataclass(frozen=True, slots=True)
class House:
    """What all entries of a listener share."""

    gate: Gatekeeper
    listener: Listener
    end: asyncio.Event


def _route(entry: Entry, house: House) -> BaseRoute:
    guarded = Guarded(entry, house)
    if not entry.methods:
        return WebSocketRoute(entry.path, guarded)
    return Route(entry.path, guarded, methods=sorted(entry.methods))


async def _told(house: House, request: Request, error: Exception) -> Response:
    """What Starlette refuses, in the form of all refusals; for what is not there the gate is asked here."""
    assert isinstance(error, HTTPException)
    if error.status_code in NOT_FOUND:
        try:
            house.gate.admit(request, NOWHERE, house.listener)
        except WebRefused as refused:
            return as_response(refused.refusal)
    words = {"error": _WORDS.get(error.status_code, error.detail), "remedy": None}
    return JSONResponse(words, error.status_code, headers=error.headers)


async def _nothing_there(_request: Request) -> Response:
    raise HTTPException(404)


NOT_FOUND = (404, 405)
"""What no entry takes: the gate has not been asked yet."""

NOWHERE = Entry(path="/", endpoint=_nothing_there, listeners=frozenset(Listener))

_WORDS = {
    404: "There is nothing at this address.",
    405: "This address does not take that.",
    408: "The request took too long to arrive.",
    413: "That is too long.",
}


class Guarded:
    """One entry behind the gate: an ASGI application."""

    def __init__(self, entry: Entry, house: House) -> None:
        wrap: Any = request_response if entry.methods else websocket_session
        self._entry = entry
        self._house = house
        self._endpoint: ASGIApp = wrap(entry.endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in and serve, or refuse."""
        try:
            visitor = self._house.gate.admit(HTTPConnection(scope), self._entry, self._house.listener)
        except WebRefused as refused:
            await _refuse(refused.refusal, scope, receive, send)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        answer = Answer(send)
        bound = BodyBound(receive, HTTPConnection(scope), self._entry)
        try:
            await self._serve(visitor, scope, bound.receive, answer)
        except HTTPException:
            raise  # is told as every refusal of Starlette
        except Exception:  # a bug of one part must not look like one of another, and is told in our log
            log.exception("the gateway failed at %s", self._entry.path)
            await answer.fail(scope)

    async def _serve(self, visitor: Visitor, scope: Scope, receive: Receive, answer: Answer) -> None:
        """Until the endpoint is done, the visitor's pass has ended, or the gateway ends."""
        if self._entry.needs is None:
            await self._endpoint(scope, receive, answer.send)
            return
        job: asyncio.Future[None] = asyncio.ensure_future(self._endpoint(scope, receive, answer.send))
        watches: dict[asyncio.Future[None], int] = {
            asyncio.ensure_future(self._house.gate.lost(visitor)): POLICY_VIOLATION,
            asyncio.ensure_future(self._ended(answer)): GOING_AWAY,
        }
        tasks: set[asyncio.Future[None]] = {job, *watches}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if job in done:
            job.result()
        else:
            await answer.cut_off(scope, watches[done.pop()])

    async def _ended(self, answer: Answer) -> None:
        """At the end an answer that was not begun may still be given; what goes on and on may not."""
        await self._house.end.wait()
        await answer.begun.wait()


class Answer:
    """What has been sent, so that an answer can be ended from outside."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._over = False
        self.begun = asyncio.Event()

    async def send(self, message: Message) -> None:
        """As `Send`."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.accept"):
            self.begun.set()
        self._over = self._over or kind == "websocket.close" or _is_last(message)
        await self._send(message)

    async def fail(self, scope: Scope) -> None:
        """Tell that a bug was met, as far as that can still be told."""
        if scope["type"] == "http" and not self.begun.is_set():
            words = {"error": "The gateway made a mistake.", "remedy": "Its log has the details."}
            await JSONResponse(words, 500)(scope, _nothing, self.send)
        else:
            await self._end(scope, INTERNAL_ERROR)

    async def cut_off(self, scope: Scope, code: int) -> None:
        """End what goes on and on."""
        await self._end(scope, code)

    async def _end(self, scope: Scope, code: int) -> None:
        if self._over:
            return
        with suppress(RuntimeError, OSError):  # it may have ended just now
            if scope["type"] == "websocket":
                await self.send({"type": "websocket.close", "code": code})
            elif self.begun.is_set():
                await self.send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _refuse(refusal: WebRefusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await as_response(refusal)(scope, receive, send)
        return
    websocket = WebSocket(scope, receive, send)
    if refusal.status in BEFORE_THE_UPGRADE:
        await websocket.send_denial_response(as_response(refusal))
        return
    subprotocols = scope.get("subprotocols") or [None]
    await websocket.accept(subprotocols[0])
    # Each of the clients looks for the sentence under another of these names.
    words = dict.fromkeys(("data", "error", "message"), refusal.sentence)
    with suppress(RuntimeError):  # it has gone away
        await websocket.send_json({"type": "error", "code": refusal.name.value, **words})
        busy = refusal.retry_after_s is not None
        await websocket.close(TRY_AGAIN_LATER if busy else POLICY_VIOLATION, refusal.name.value)
