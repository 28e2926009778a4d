"""A second connection, which is asked the same while the first is silent. Event loop only.

A connection whose path is gone looks alive where something on the way, a proxy or a phone's hot spot, still
acknowledges what is sent. That it is gone and that the model thinks for long cannot be told apart from here:
so the first is kept, and whichever answers first is the one that is heard. The second begins a session of its
own, since one that resumed the first one's would end it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Protocol

from daemon.events import SecondLost, SecondUp
from daemon.server_events import ReplyAudio, ServerEvent, ToolCall, TurnComplete, WorkAnnounced
from daemon.session.failures import LinkError
from daemon.session.liveness import Evidence
from daemon.session.sender import Sender
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.session.uplink import Uplink
from daemon.tools.calling.host import AnswerSender

log = logging.getLogger(__name__)

ANSWERS = (ReplyAudio, ToolCall, WorkAnnounced, TurnComplete)
"""What shows that a turn is being answered, with a sound or without. Transcripts do not: a session that has
gone mute sends them."""

MAX_HELD = 256
"""Messages of the second connection that wait for the first that answers; policy for more: it is given up.
Until then come a handle, transcripts and counts."""


class Session(Sender, AnswerSender, Protocol):
    """A set-up connection."""

    detour: str
    """Why it goes the slow way, call by call; empty for one over a WebSocket."""

    def receive(self) -> AsyncIterator[ServerEvent]:
        """Everything the server says, until the connection ends: then LinkError."""
        ...

    async def ping(self) -> None:
        """Give the other end something to acknowledge. Raises LinkError."""

    def evidence(self) -> Evidence | None:
        """What TCP has delivered; None where that cannot be known."""
        ...

    def abort(self) -> None:
        """End the connection without a word."""


class Dialler(Protocol):
    """Makes sessions (`gemini.client.LiveClient`)."""

    def session(self, handle: str | None) -> AbstractAsyncContextManager[Session]:
        """A session, resumed if a handle is given. Entering it raises LinkError."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A session in service: what it says, and what closes it."""

    session: Session
    says: AsyncIterator[ServerEvent]
    closing: AsyncExitStack
    asked: tuple[int, float] | None = None
    """The turn that it has got already, and when; None: nothing."""


class Second:
    """The second connection of one that is served. `answered`: from now on only this one is heard."""

    def __init__(
        self, uplink: Uplink, post: Callable[[SecondUp | SecondLost], None], clock: Callable[[], float]
    ) -> None:
        self._uplink = uplink
        self._post = post
        self._clock = clock
        self._turn: int | None = None
        self._wanted = asyncio.Event()
        self._may_ask = asyncio.Event()
        self._attempt: asyncio.Task[Served] | None = None
        self.answered = False

    def open(self, turn: int) -> None:
        """Connect, for this turn; one that is connecting already goes on."""
        if self._turn is None and not self.answered:
            self._turn = turn
            self._wanted.set()

    def ask(self, turn: int) -> None:
        """The lights say so: what was said may leave once more."""
        if self._turn == turn:
            self._may_ask.set()

    def drop(self) -> None:
        """Nobody waits for it any more, unless it has answered."""
        if self._turn is None or self.answered:
            return
        self._post(SecondLost(self._turn))
        self._forget()
        if self._attempt is not None:
            self._attempt.cancel()

    async def run(self, dialler: Dialler) -> Served:
        """Connect and ask whenever that is wanted. Returns the line that has answered."""
        while True:
            while (turn := self._turn) is None:  # also where it was dropped just after it was wanted
                await self._wanted.wait()
            self._attempt = asyncio.create_task(self._try(dialler, turn), name="second connection")
            try:
                await asyncio.wait({self._attempt})
            except asyncio.CancelledError:
                await self._abandon(self._attempt)
                raise
            if (line := self._line_of(self._attempt)) is not None:
                return line

    async def _abandon(self, attempt: asyncio.Task[Served]) -> None:
        attempt.cancel()
        await asyncio.wait({attempt})
        if not attempt.cancelled() and attempt.exception() is None:
            await leave(attempt.result())

    def _line_of(self, attempt: asyncio.Task[Served]) -> Served | None:
        if attempt.cancelled():
            return None
        if isinstance(error := attempt.exception(), LinkError):
            log.info("a second connection failed too: %s", error.failure)
            self.drop()
            return None
        return attempt.result()

    async def _try(self, dialler: Dialler, turn: int) -> Served:
        async with AsyncExitStack() as closing:
            session = await closing.enter_async_context(dialler.session(None))
            try:
                self._post(SecondUp(turn))
                await self._may_ask.wait()
                await self._uplink.ask_again(turn, session)
                asked_s = self._clock()
                says = await self._answer_of(session)
            except BaseException:
                session.abort()  # nothing of it is heard, and a farewell would take time
                raise
            return Served(session, says, closing.pop_all(), (turn, asked_s))

    async def _answer_of(self, session: Session) -> AsyncIterator[ServerEvent]:
        """All that it says, once it has begun to answer."""
        heard: list[ServerEvent] = []
        says = session.receive()
        async for event in says:
            heard.append(event)
            if isinstance(event, ANSWERS):
                self.answered = True
                return _joined(heard, says)
            if len(heard) > MAX_HELD:
                break
        raise LinkError(
            classify(Signal(SignalKind.MESSAGE, Where.RECEIVE, reason="it says much, and no answer"))
        )

    def _forget(self) -> None:
        self._turn = None
        self._wanted.clear()
        self._may_ask.clear()


async def _joined(heard: list[ServerEvent], says: AsyncIterator[ServerEvent]) -> AsyncIterator[ServerEvent]:
    for event in heard:
        yield event
    async for event in says:
        yield event


async def leave(line: Served) -> None:
    """Close a line that another has taken the place of, without a word: it may well be dead."""
    line.session.abort()
    with suppress(LinkError):
        await line.closing.aclose()
