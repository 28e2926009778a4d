"""Between one client's WebSocket and its talk: what a dialect decides is done here. Event loop only.

Three tasks: one receives, one hears (what comes faster than it was spoken waits there), one tells. A client
that does not take what it is sent is closed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from daemon.seeing.pictures import BadPicture
from daemon.web.audio.recording import Recording
from daemon.web.audio.sniff import BadRecording
from daemon.web.dialects import acts as do
from daemon.web.dialects.acts import Act, Dialect
from daemon.web.entry import Visitor
from daemon.web.gate.limits import MESSAGES_BURST, MESSAGES_HZ, TokenBucket
from daemon.web.talk.news import News, TalkEnded, TalkWishes
from daemon.web.talk.talk import RemoteTalk
from daemon.web.talk.talks import HEAVY_WAIT_S, TalkRefused, Talks
from hw.base import MIC_FORMAT

log = logging.getLogger(__name__)

SEND_S = 10.0
"""A client that takes nothing for so long is closed."""

HEAVY_BYTES = 256 * 1024
"""A longer message holds up others while it is read: one at a time."""

WAITING_BYTES = 512 * 1024
"""Of sound that was received and not heard; beyond it no more is received, so that the client waits."""

TOO_LONG_CODE, POLICY_CODE = 1009, 1008


Spoken = do.HearBytes | do.SpeechOver | do.Press
"""What is done in its order, after what was said before."""


class _Left(Exception):
    """The client has gone, or was closed."""


class Client:
    """One client for as long as its connection stands."""

    def __init__(
        self,
        websocket: WebSocket,
        dialect: Dialect,
        talks: Talks,
        *,
        visitor: Visitor,
        longest_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A message longer than `longest_bytes` ends the connection."""
        self._websocket = websocket
        self._dialect = dialect
        self._talks = talks
        self._visitor = visitor
        self._longest_bytes = longest_bytes
        self._clock = clock
        self._rate = TokenBucket(MESSAGES_HZ, MESSAGES_BURST)
        self._talk: RemoteTalk | None = None
        self._begun = asyncio.Event()
        self._recording = Recording(self._hear, failed=self._cannot_hear, clock=clock)
        self._unheard: deque[Spoken] = deque()
        self._unheard_bytes = 0
        self._moved = asyncio.Event()
        self._due: list[Act] = []
        """What is to be done for a fault that was found aside."""

    async def serve(self, subprotocol: str | None = None) -> None:
        """Accept it, and talk until one of both ends it."""
        await self._websocket.accept(subprotocol)
        async with AsyncExitStack() as stack:
            self._stack = stack
            tasks = [
                asyncio.create_task(work, name=f"{self._dialect.name} {name}")
                for name, work in (
                    ("receives", self._receive()),
                    ("hears", self._hear_all()),
                    ("tells", self._tell()),
                )
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._recording.abandon()
            for task in done:
                with suppress(_Left):  # how every connection ends
                    task.result()

    # --- what comes

    async def _receive(self) -> None:
        await self._do(self._dialect.opened(self._clock()))
        while True:
            message = await self._message()
            size = len(message)
            if size <= HEAVY_BYTES:
                await self._do(self._dialect.take(message, self._clock()))
            else:
                await self._take_heavy(message)

    async def _message(self) -> str | bytes:
        received = await self._websocket.receive()
        if received["type"] != "websocket.receive":
            raise _Left
        if self._rate.take(self._clock()):
            self._talks.count("messages_too_many")
            await self._close(POLICY_CODE, "too many messages")
        self._talks.traffic.received[self._dialect.name] += 1
        text, data = received.get("text"), received.get("bytes")
        message: str | bytes = text if text is not None else data or b""
        if len(message) > self._longest_bytes:
            self._talks.count("messages_too_long")
            sentence = f"a message holds at most {self._longest_bytes} bytes"
            await self._do(self._dialect.fault(sentence, self._clock()))
            await self._close(TOO_LONG_CODE, "message too long")
        return message

    async def _take_heavy(self, message: str | bytes) -> None:
        """Reading it holds up everybody: one at a time, and not for ever."""
        try:
            async with asyncio.timeout(HEAVY_WAIT_S):
                await self._talks.heavy.acquire()
        except TimeoutError:
            self._talks.count("heavy_refused")
            await self._do(self._dialect.fault("the gateway is busy; try again", self._clock()))
            return
        try:
            taken = self._dialect.take(message, self._clock())
        finally:
            self._talks.heavy.release()
        await self._do(taken)

    # --- what is heard

    async def _hear_all(self) -> None:
        await self._begun.wait()
        while True:
            while self._unheard:
                next_one = self._unheard.popleft()
                try:
                    await self._hear_one(next_one)
                except BadRecording as error:
                    self._cannot_hear(error)
                if isinstance(next_one, do.HearBytes):
                    self._unheard_bytes -= len(next_one.data)
                self._moved.set()
            self._moved.clear()
            await self._moved.wait()

    async def _hear_one(self, act: Spoken) -> None:
        match act:
            case do.HearBytes(data, mime_type):
                await self._recording.feed(data, mime_type)
            case do.Press() if self._talk is not None:
                self._talk.press()
            case do.SpeechOver() if self._talk is not None:
                try:
                    await self._recording.finish()
                finally:
                    self._talk.end_speech()

    def _hear(self, pcm: bytes) -> None:
        if self._talk is not None:
            self._talks.traffic.heard(self._dialect.name, MIC_FORMAT.seconds(len(pcm)))
            self._talk.hear(pcm)

    def _cannot_hear(self, error: BadRecording) -> None:
        """The utterance ends, the talk stays."""
        self._talks.count("recordings_refused")
        self._due += self._dialect.fault(str(error), self._clock())
        if self._talk is not None:
            self._talk.end_speech()
            self._talk.outbox.wake()

    # --- what is told

    async def _tell(self) -> None:
        while True:
            now_s = self._clock()
            wait_s = None if self._dialect.next_due_s is None else max(0.0, self._dialect.next_due_s - now_s)
            told = await self._next_news(wait_s)
            due, self._due = self._due, []
            await self._do(due)
            if told is not None:
                await self._do(self._dialect.tell(told, self._clock()))
            else:
                await self._do(self._dialect.due(self._clock()))

    async def _next_news(self, wait_s: float | None) -> News | None:
        if self._talk is not None:
            return await self._talk.outbox.take(wait_s, sound=self._dialect.takes_sound)
        with suppress(TimeoutError):  # the dialect has something to do
            async with asyncio.timeout(wait_s):
                await self._begun.wait()
        return None

    # --- acts

    async def _do(self, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case do.Tell(message):
                    await self._send(message)
                case do.Leave(code, reason):
                    await self._close(code, reason)
                case do.BeginTalk(wishes=wishes, take_over=take_over):
                    await self._begin(wishes, take_over=take_over)
                case do.HearBytes() | do.SpeechOver() | do.Press():
                    await self._queue(act)
                case _ if self._talk is not None:
                    self._do_in_talk(self._talk, act)

    def _do_in_talk(self, talk: RemoteTalk, act: Act) -> None:
        match act:
            case do.WriteText(text):
                if not talk.say(text):
                    self._due += self._dialect.fault(
                        "too many texts wait; one after the other", self._clock()
                    )
                    talk.outbox.wake()
            case do.StopReply():
                talk.stop()
            case do.Rewish(wishes):
                talk.set_text_only(wishes.text_only)
                talk.rewish(wishes)
            case do.ShowPicture(jpeg):
                self._show(talk, jpeg)

    def _show(self, talk: RemoteTalk, jpeg: bytes) -> None:
        try:
            talk.see(jpeg)
        except BadPicture as error:
            self._due += self._dialect.fault(str(error), self._clock())
            talk.outbox.wake()

    async def _queue(self, act: Spoken) -> None:
        while self._unheard_bytes >= WAITING_BYTES:
            self._moved.clear()
            await self._moved.wait()
        if isinstance(act, do.HearBytes):
            self._unheard_bytes += len(act.data)
        self._unheard.append(act)
        self._moved.set()

    async def _begin(self, wishes: TalkWishes, *, take_over: bool) -> None:
        if self._talk is not None:
            return
        admitted = self._talks.admit(
            self._visitor.key,
            name=self._visitor.name,
            dialect=self._dialect.name,
            wishes=wishes,
            take_over=take_over,
        )
        try:
            self._talk = await self._stack.enter_async_context(admitted)
        except TalkRefused as error:
            await self._do(self._dialect.tell(TalkEnded("refused", error.trouble), self._clock()))
            return
        self._begun.set()

    async def _send(self, message: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                if isinstance(message, bytes):
                    await self._websocket.send_bytes(message)
                else:
                    await self._websocket.send_text(message)
            self._talks.traffic.sent[self._dialect.name] += 1
        except TimeoutError:
            self._talks.count("clients_too_slow")
            raise _Left from None
        except (WebSocketDisconnect, RuntimeError, OSError):  # it has gone meanwhile
            raise _Left from None

    async def _close(self, code: int, reason: str) -> None:
        # It may have gone meanwhile, or not take the farewell: it is left all the same.
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            if self._websocket.application_state is WebSocketState.CONNECTED:
                async with asyncio.timeout(SEND_S):
                    await self._websocket.close(code, reason)
        raise _Left
