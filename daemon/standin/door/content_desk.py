"""Answers calls of `generateContent`: speaks a text, or answers an utterance in writing. Event loop only.

A text sounds as `voices.read_aloud` makes it. An answer has the words that the transcript of a spoken one
would have; a plan may choose others, a call of a function, or what goes wrong (`When.CONTENT`).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from daemon.standin import actions
from daemon.standin.actions import Action, When
from daemon.standin.door.credentials import ApiKeys, ContentPath, key_of
from daemon.standin.door.http_answers import (
    LAST_CHUNK,
    HttpAnswer,
    HttpRequest,
    event_chunk,
    events_head,
    http_error,
)
from daemon.standin.grammar.content import CHARACTERS_PER_TOKEN, ContentAsked, ContentTask, check_content
from daemon.standin.grammar.protocol import POLICY, Refusal, invalid
from daemon.standin.messages import tokens_of
from daemon.standin.record import ConnectionRecord, ContentRecord, without_bytes
from daemon.standin.voices import HEARD_HZ, SAMPLE_BYTES, SPOKEN_HZ, pieces, read_aloud, voice_named
from daemon.standin.world import World
from hw.files import wav_file

PIECE_WORDS = 4
"""Words in one piece of a streamed answer."""

SIGNATURE = base64.b64encode(b"made by the stand-in").decode()
"""What each call is signed with; who hands the call back hands this back with it."""

MAX_STALL_S = 60.0

_call_ids = itertools.count(1)


class HttpWire(Protocol):
    """The connection, as far as it is answered on."""

    def send_http(self, data: bytes) -> None:
        """Write some of the answer."""

    def reset(self) -> None:
        """End with RST, at once."""


class Ended(Exception):
    """The plan has ended the connection; nothing more is sent."""


@dataclass(slots=True)
class _Plan:
    """What the plan chose for one call."""

    words: str = ""
    voice: str = ""
    reason: str = "STOP"
    calls: list[actions.CallTool] = field(default_factory=list)


def status_of(refusal: Refusal) -> HTTPStatus:
    """How a refusal is told over plain HTTP."""
    if refusal.code == POLICY:
        return HTTPStatus.FORBIDDEN
    return HTTPStatus(refusal.code) if refusal.code in set(HTTPStatus) else HTTPStatus.BAD_REQUEST


class ContentDesk:
    """Answers one call after the other; several may be under way."""

    def __init__(self, world: World, keys: ApiKeys) -> None:
        self._world = world
        self._keys = keys

    async def answer(
        self, wire: HttpWire, connection: ConnectionRecord, path: ContentPath, request: HttpRequest
    ) -> HTTPStatus:
        """Write the whole answer; its status. Raises Ended."""
        try:
            self._keys.check(key_of(request.target.partition("?")[2], request.headers))
            if path.streams and not path.as_events:
                raise invalid("Only alt=sse is served.")
            body, asked = check_content(request.body, path.model, path.api_version)
        except Refusal as refusal:
            return _send(wire, http_error(status_of(refusal), refusal.reason))
        record = self._recorded(connection, body, asked, streams=path.streams)
        try:
            chosen = await self._chosen(wire, connection)
            await asyncio.sleep(self._world.pace.thinking_s)
            self._world.check_quota()
        except _Status as status:
            return _send(wire, status.answer)
        except Refusal as refusal:
            return _send(wire, http_error(HTTPStatus.TOO_MANY_REQUESTS, refusal.reason))
        await self._say(wire, connection, record, _messages(self._world, asked, chosen))
        return HTTPStatus.OK

    def _recorded(
        self, connection: ConnectionRecord, body: dict[str, Any], asked: ContentAsked, *, streams: bool
    ) -> ContentRecord:
        record = ContentRecord(
            at_s=self._world.clock(),
            connection=connection.number,
            model=asked.model,
            streams=streams,
            body=without_bytes(body),
            text=asked.text,
            heard_s=len(asked.heard) / (SAMPLE_BYTES * HEARD_HZ),
        )
        self._world.record.content_asked(connection, body, record)
        return record

    async def _chosen(self, wire: HttpWire, connection: ConnectionRecord) -> _Plan:
        """What the plan wants of this answer. Raises Ended and _Status."""
        chosen = _Plan()
        for action in await self._fire(wire, connection, When.CONTENT):
            match action:
                case actions.HttpStatus(status, body):
                    raise _Status(http_error(HTTPStatus(status), body or HTTPStatus(status).phrase))
                case actions.Write(text):
                    chosen.words = text
                case actions.Speak(voice):
                    chosen.voice = voice
                case actions.Reject(reason):
                    chosen.reason = reason
                case actions.CallTool():
                    chosen.calls.append(action)
        return chosen

    async def _fire(self, wire: HttpWire, connection: ConnectionRecord, when: When) -> list[Action]:
        """What is due now, stalls and resets being done. Raises Ended."""
        due = self._world.plan.due(when)
        connection.faults.extend(type(action).__name__ for action in due)
        for action in due:
            if isinstance(action, actions.Stall):
                await asyncio.sleep(min(action.seconds, MAX_STALL_S))
            elif isinstance(action, actions.Reset):
                wire.reset()
                raise Ended
        return due

    async def _say(
        self,
        wire: HttpWire,
        connection: ConnectionRecord,
        record: ContentRecord,
        messages: Iterator[_Message],
    ) -> None:
        """Send the pieces one after the other, or all of them as one. Raises Ended."""
        whole: list[_Message] = []
        if record.streams:
            wire.send_http(events_head())
        for message in messages:
            await self._fire(wire, connection, When.CONTENT_PIECE)
            await asyncio.sleep(message.delay_s if record.streams else 0.0)
            record.pieces += 1
            record.answer += message.words
            record.audio_bytes += len(message.pcm)
            record.first_piece_s = record.first_piece_s or self._world.clock()
            if record.streams:
                wire.send_http(event_chunk(message.encoded()))
            whole.append(message)
        wire.send_http(LAST_CHUNK if record.streams else HttpAnswer(HTTPStatus.OK, _joined(whole)).encode())
        record.complete_s = self._world.clock()
        self._world.tokens_used += sum(message.tokens for message in whole)
        self._world.record.changed()


class _Status(Exception):
    """The plan answers by a status."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__()
        self.answer = answer


def _send(wire: HttpWire, answer: HttpAnswer) -> HTTPStatus:
    wire.send_http(answer.encode())
    return answer.status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One piece of an answer."""

    words: str = ""
    pcm: bytes = b""
    part: dict[str, Any] | None = None
    """A part that is neither."""
    delay_s: float = 0.0
    reason: str = ""
    """Why the answer ends with this piece; empty: it goes on."""
    tokens: int = 0
    """Of question and answer, told with the last piece."""
    kind: str = f"audio/L16;codec=pcm;rate={SPOKEN_HZ}"

    def parts(self) -> list[dict[str, Any]]:
        """As the service writes them."""
        if self.pcm:
            data = base64.b64encode(self.pcm).decode()
            return [{"inlineData": {"mimeType": self.kind, "data": data}}]
        if self.part is not None:
            return [self.part]
        return [{"text": self.words}] if self.words else []

    def encoded(self) -> dict[str, Any]:
        """As the service writes it."""
        candidate: dict[str, Any] = {"index": 0}
        if parts := self.parts():
            candidate["content"] = {"role": "model", "parts": parts}
        message: dict[str, Any] = {"candidates": [candidate]}
        if self.reason:
            candidate["finishReason"] = self.reason
            usage = {"promptTokenCount": self.tokens, "candidatesTokenCount": 0}
            message["usageMetadata"] = usage | {"totalTokenCount": self.tokens}
        return message


def _messages(world: World, asked: ContentAsked, chosen: _Plan) -> Iterator[_Message]:
    """The pieces of the answer, and at the end one with the reason for it."""
    if chosen.reason != "STOP":
        yield _Message(reason=chosen.reason)
    elif asked.task is ContentTask.SPEAK:
        yield from _speech(world, asked, chosen.voice)
    elif chosen.calls:
        yield from _calls(chosen.calls)
    else:
        yield from _words(world, asked, chosen.words)


def _speech(world: World, asked: ContentAsked, voice: str) -> Iterator[_Message]:
    answer = voice_named(voice).reply(b"", asked.text) if voice else read_aloud(asked.text, asked.voice)
    length_s = 0.0
    for piece in pieces(answer, world.pace.message_s, world.pace.speed):
        length_s += len(piece.pcm) / (SAMPLE_BYTES * SPOKEN_HZ)
        yield _Message(pcm=piece.pcm, delay_s=piece.delay_s)
    yield _Message(reason="STOP", tokens=_text_tokens(asked.text) + tokens_of(length_s))


def _calls(calls: list[actions.CallTool]) -> Iterator[_Message]:
    """The first one of several is signed (guide to thought signatures)."""
    for number, call in enumerate(calls):
        asked = {"id": f"content-call-{next(_call_ids)}", "name": call.name, "args": call.args}
        yield _Message(part={"functionCall": asked} | ({} if number else {"thoughtSignature": SIGNATURE}))
    yield _Message(reason="STOP")


def _words(world: World, asked: ContentAsked, words: str) -> Iterator[_Message]:
    heard_s = len(asked.heard) / (SAMPLE_BYTES * HEARD_HZ)
    text = words or world.transcripts.answered(heard_s)
    delay_s = world.pace.message_s / world.pace.speed
    for number, piece in enumerate(re.findall(rf"(?:\S+\s*){{1,{PIECE_WORDS}}}", text)):
        yield _Message(words=piece, delay_s=delay_s if number else 0.0)
    tokens = tokens_of(heard_s) + _text_tokens(asked.text) + _text_tokens(text)
    yield _Message(reason="STOP", tokens=tokens)


def _text_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _joined(whole: list[_Message]) -> dict[str, Any]:
    """All pieces as one; a speech is then a WAV file."""
    last = whole[-1]
    if pcm := b"".join(message.pcm for message in whole):
        joined = _Message(
            pcm=wav_file(pcm, SPOKEN_HZ), kind="audio/wav", reason=last.reason, tokens=last.tokens
        )
        return joined.encoded()
    if any(message.part for message in whole):
        parts = [part for message in whole for part in message.parts()]
        encoded = last.encoded()
        encoded["candidates"][0]["content"] = {"role": "model", "parts": parts}
        return encoded
    words = "".join(message.words for message in whole)
    return _Message(words=words, reason=last.reason, tokens=last.tokens).encoded()
