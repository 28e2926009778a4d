"""A session without a WebSocket: each utterance is a call over HTTPS, each sentence of its answer another.

It obeys the contract of a session, so that link, uplink, tools and conductor need not know of it. Where the
service would cut an answer because its user speaks, this does so itself, and says it in the same order:
`interrupted`, then the end of the turn. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Protocol

from daemon.server_events import (
    GenerationComplete,
    GoAway,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
)
from daemon.session.content import (
    AnswerPart,
    Contribution,
    FunctionCall,
    FunctionResult,
    NotSpoken,
    Spoken,
    Words,
)
from daemon.session.liveness import Evidence
from daemon.session.slow.sentences import Sentences
from daemon.tools.calling.fates import ToolAnswer
from daemon.tools.declaring.declarations import Declaration, Equipment

MAX_ROUNDS = 8
"""Questions of one turn, the first and one after each round of calls; policy: end the turn."""

MAX_KEPT = 12
"""Contributions that go with the next question; policy: forget the oldest."""

MAX_KEPT_BYTES = 4 * 2**20
"""Of sound among them: two minutes at 16 kHz; policy: forget the oldest. Each question sends all of it."""

MAX_WAITING = 64
"""Events that wait for who receives them; the answer then waits, too."""

AS_SPEECH = "What you write is read aloud. Write as one speaks: short sentences, no lists, no formatting."


class ContentService(Protocol):
    """Calls of the service (`gemini.content.Content`)."""

    def speak(self, text: str, *, voice: str = "", language: str = "") -> AsyncGenerator[bytes, None]:
        """The sound of a text, 24 kHz mono s16. Raises LinkError and NotSpoken."""
        ...

    def answer(
        self, said: Sequence[Contribution], *, instruction: str = "", declarations: Iterable[Declaration] = ()
    ) -> AsyncGenerator[AnswerPart, None]:
        """What the model answers. Raises LinkError."""
        ...

    async def admits(self) -> bool:
        """Whether the service takes key and model, by HTTPS."""
        ...


class Exchanges:
    """What was said before, for as long as the slow way is taken. Bounded."""

    def __init__(self) -> None:
        self.said: deque[Contribution] = deque()

    def add(self, exchange: Iterable[Contribution]) -> None:
        """A turn that was answered."""
        self.said.extend(exchange)
        while len(self.said) > MAX_KEPT or _sound_bytes(self.said) > MAX_KEPT_BYTES:
            self._forget_oldest_turn()

    def _forget_oldest_turn(self) -> None:
        """A call and its result must not be parted: a turn goes as a whole."""
        self.said.popleft()
        while self.said and not _begins_turn(self.said[0]):
            self.said.popleft()


def _begins_turn(one: Contribution) -> bool:
    return not one.by_model and not any(isinstance(part, FunctionResult) for part in one.parts)


def _sound_bytes(said: Iterable[Contribution]) -> int:
    return sum(len(part.pcm) for one in said for part in one.parts if isinstance(part, Spoken))


class SlowSession:
    """One session; its user's turns come by the calls that a WebSocket's session has."""

    def __init__(
        self,
        service: ContentService,
        equipment: Equipment,
        past: Exchanges,
        *,
        because: str,
        voice: str = "",
        language: str = "",
    ) -> None:
        """`because`: why it is not a WebSocket."""
        self.detour = because
        self._service = service
        self._equipment = equipment
        self._past = past
        self._voice = voice
        self._language = language
        self._events: asyncio.Queue[ServerEvent | Exception] = asyncio.Queue(MAX_WAITING)
        self._heard = bytearray()
        self._turn: asyncio.Task[None] | None = None
        self._calls: dict[str, asyncio.Future[ToolAnswer]] = {}
        self._leaving_bytes = 0

    # --- what is sent

    async def send_audio(self, pcm: bytes) -> None:
        """Part of the utterance."""
        self._heard += pcm

    async def start_activity(self) -> None:
        """The user begins: an answer that is under way is cut."""
        self._cut()
        self._heard.clear()

    async def end_activity(self) -> None:
        """The utterance is whole: it is asked."""
        pcm = bytes(self._heard)
        self._heard.clear()
        if pcm:
            self._ask(Spoken(pcm), len(pcm))
        else:
            await self._events.put(TurnComplete())

    async def end_stream(self) -> None:
        """There is no stream here: the device takes turns."""

    async def send_text(self, text: str) -> None:
        """A turn in writing."""
        self._cut()
        self._ask(Words(text), len(text))

    async def send_video(self, jpeg: bytes) -> None:
        """Pictures do not go this way."""

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """One call's answer; with the last one the model is asked again."""
        waiting = self._calls.pop(answer.call_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def ping(self) -> None:
        """Nothing stays open between two calls."""

    def evidence(self) -> Evidence | None:
        """What was said counts as delivered when the answer begins: until then it may still be leaving."""
        return Evidence(self._leaving_bytes, 0)

    def abort(self) -> None:
        """End it without a word."""
        self.close()

    # --- what is received

    async def receive(self) -> AsyncIterator[ServerEvent]:
        """Everything that is answered. Raises LinkError where a call fails."""
        while True:
            event = await self._events.get()
            if isinstance(event, Exception):
                raise event
            yield event

    def go_away(self, left_s: float) -> None:
        """Have the link look for another session at the next pause."""
        if not self._events.full():
            self._events.put_nowait(GoAway(left_s))

    def close(self) -> None:
        """Stop what is under way."""
        if self._turn is not None:
            self._turn.cancel()

    # --- a turn

    def _cut(self) -> None:
        """As the service does when its user speaks: what was not received is void."""
        if self._turn is None or self._turn.done():
            return
        self._turn.cancel()
        self._turn = None
        self._leaving_bytes = 0
        while not self._events.empty():
            self._events.get_nowait()
        if self._calls:
            self._events.put_nowait(ToolCallCancelled(tuple(self._calls)))
            self._calls.clear()
        self._events.put_nowait(ServerInterrupted())
        self._events.put_nowait(TurnComplete())

    def _ask(self, question: Spoken | Words, size_bytes: int) -> None:
        self._leaving_bytes = size_bytes
        self._turn = asyncio.create_task(self._answer_aloud(question), name="slow answer")

    async def _answer_aloud(self, question: Spoken | Words) -> None:
        """One turn, to its end, or to the failure that ends the session."""
        exchange = [Contribution(by_model=False, parts=(question,))]
        try:
            reason = await self._rounds(exchange)
        except Exception as error:  # noqa: BLE001 - who receives raises it, be it a failure or a bug
            self._leaving_bytes = 0
            await self._events.put(_first(error))
            return
        self._past.add(exchange)
        await self._events.put(GenerationComplete())
        await self._events.put(TurnComplete(reason))

    async def _rounds(self, exchange: list[Contribution]) -> str:
        """Ask until no function is called any more; returns why it ended, empty if well."""
        for _ in range(MAX_ROUNDS):
            parts = await self._round(exchange)
            exchange.append(Contribution(by_model=True, parts=parts.kept()))
            if not parts.calls:
                return parts.reason
            exchange.append(Contribution(by_model=False, parts=await self._results(parts.calls)))
        return "TOO_MANY_TOOL_CALLS"

    async def _round(self, exchange: Sequence[Contribution]) -> _Parts:
        """One question: its sentences are spoken while the rest is written."""
        parts, sentences = _Parts(), Sentences()
        to_say: asyncio.Queue[str | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._speak(to_say), name="slow speech")
            await self._write([*self._past.said, *exchange], parts, sentences, to_say)
            to_say.put_nowait(None)
        return parts

    async def _write(
        self, said: list[Contribution], parts: _Parts, sentences: Sentences, to_say: asyncio.Queue[str | None]
    ) -> None:
        instruction = f"{self._equipment.instruction()}\n{AS_SPEECH}"
        declarations = tuple(self._equipment.declarations())
        stream = self._service.answer(said, instruction=instruction, declarations=declarations)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                self._leaving_bytes = 0
                match piece:
                    case Words(text):
                        parts.words.append(piece)
                        await self._events.put(Transcript("model", text))
                        for sentence in sentences.feed(text):
                            to_say.put_nowait(sentence)
                    case FunctionCall():
                        parts.calls.append(piece)
                    case TurnComplete(reason):
                        parts.reason = reason
                    case _:
                        await self._events.put(piece)
        for sentence in sentences.rest():
            to_say.put_nowait(sentence)

    async def _speak(self, to_say: asyncio.Queue[str | None]) -> None:
        while (sentence := await to_say.get()) is not None:
            try:
                stream = self._service.speak(sentence, voice=self._voice, language=self._language)
                async with aclosing(stream) as pieces:
                    async for pcm in pieces:
                        await self._events.put(ReplyAudio(pcm))
            except NotSpoken as error:  # the rest of the answer may still be worth hearing
                await self._events.put(NotUnderstood(str(error)))

    async def _results(self, calls: Sequence[FunctionCall]) -> tuple[FunctionResult, ...]:
        """Have the calls carried out, and wait for all of them; the tools' own time limits hold."""
        loop = asyncio.get_running_loop()
        waiting = {call.call_id: loop.create_future() for call in calls}
        self._calls.update(waiting)
        for call in calls:
            await self._events.put(ToolCall(call.call_id, call.name, call.arguments))
        answers = await asyncio.gather(*waiting.values())
        return tuple(FunctionResult(one.call_id, one.name, one.response) for one in answers)


def _first(error: Exception) -> Exception:
    """The error itself, of a group the first one."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


class _Parts:
    """What came of one question."""

    def __init__(self) -> None:
        self.words: list[Words] = []
        self.calls: list[FunctionCall] = []
        self.reason = ""

    def kept(self) -> tuple[Words | FunctionCall, ...]:
        """As it goes with the next question; an answer without a word has one that says so."""
        return (*self.words, *self.calls) or (Words("…"),)
