"""A recording or a question by HTTP, and the answer as Server-Sent Events. Event loop only.

An upload is read as it comes, never kept in a file, and heard as one utterance that is sent whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from daemon.web.audio.recording import Recording
from daemon.web.audio.sniff import BadRecording
from daemon.web.clients.event_stream import AnswerStream, CannotAnswer, EventSink, while_read
from daemon.web.clients.upload import Upload
from daemon.web.dialects.acts import MAX_TEXT_CHARS, Leave
from daemon.web.dialects.audio_stream import AnswerEvents, event
from daemon.web.talk.news import TalkEnded, TalkWishes, TurnDone, WordsHeard
from daemon.web.talk.talk import UPLOAD_S, RemoteTalk
from daemon.web.talk.talks import HEAVY_WAIT_S, TalkRefused, Talks

ANSWER_S = 60.0
"""So long an answer may take in all; a client that waits longer has none to expect."""

MAX_MODEL_CHARS = 60
"""Of the client's word for a model, which is told back."""

_UPLOAD = TalkWishes(text_only=True, manual=True, upload=True)


class Streams:
    """The endpoints."""

    def __init__(self, talks: Talks, *, upload_bytes: int) -> None:
        self._talks = talks
        self._upload_bytes = upload_bytes

    async def audio_stream(self, request: Request) -> Response:
        """`POST /audio-stream`: a recording, answered in pieces."""
        model = _model(request)
        program = self._mock if model == "mock" else partial(self._answer_recording, model)
        return AnswerStream(partial(program, request))

    async def stream(self, request: Request) -> Response:
        """`GET /stream/{question}`: a question in writing, answered in pieces."""
        return AnswerStream(partial(self._answer_question, request))

    async def transcribe(self, request: Request) -> Response:
        """`POST /transcribe`: a recording, and what was said in it."""
        try:
            return await self._transcribe(request)
        except CannotAnswer as error:
            return JSONResponse({"detail": str(error)}, error.status)
        except (TalkRefused, BadRecording) as error:
            status = 503 if isinstance(error, TalkRefused) else 422
            return JSONResponse({"status": "error", "error": str(error)}, status)
        except ClientDisconnect:
            return Response(status_code=400)

    # --- programs

    async def _answer_recording(self, model: str, request: Request, sink: EventSink) -> None:
        events = AnswerEvents(time.monotonic(), model=model, paced=False)
        upload = Upload(request, self._upload_bytes)
        await upload.open()
        try:
            async with self._talks.admit(_key(request), dialect="audio_stream", wishes=_UPLOAD) as talk:
                async with self._heavy():
                    await self._hear(upload, talk, "audio_stream")
                await while_read(request.receive, _answer(talk, events, sink))
        except (TalkRefused, BadRecording) as error:
            await sink.tell([*events.opened(), *events.failed(str(error))])

    async def _answer_question(self, request: Request, sink: EventSink) -> None:
        question = str(request.path_params["question"]).strip()
        events = AnswerEvents(time.monotonic(), model=_model(request), paced=True)
        if not question or len(question) > MAX_TEXT_CHARS:
            sentence = f"a question has 1 to {MAX_TEXT_CHARS} characters"
            await sink.tell([*events.opened(), *events.failed(sentence)])
            return
        try:
            wishes = TalkWishes(text_only=True)
            async with self._talks.admit(_key(request), dialect="stream", wishes=wishes) as talk:
                talk.say(question)
                await while_read(request.receive, _answer(talk, events, sink))
        except TalkRefused as error:
            await sink.tell([*events.opened(), *events.failed(str(error))])

    async def _mock(self, request: Request, sink: EventSink) -> None:
        """The app's word for an answer without a session."""
        upload = Upload(request, self._upload_bytes)
        await upload.open()
        size = sum([len(data) async for data in upload.data()])
        told = event(chunk=f"{size} bytes were sent. ")
        await sink.tell([event(start=True, model="mock"), told, event(turn_complete=True), event(done=True)])

    async def _transcribe(self, request: Request) -> Response:
        upload = Upload(request, self._upload_bytes)
        await upload.open()
        async with self._talks.admit(_key(request), dialect="transcribe", wishes=_UPLOAD) as talk:
            async with self._heavy():
                await self._hear(upload, talk, "transcribe")
            return await _transcript(talk)

    async def _hear(self, upload: Upload, talk: RemoteTalk, dialect: str) -> None:
        """All of it, as one utterance. Raises CannotAnswer and BadRecording."""
        failed: list[BadRecording] = []
        recording = Recording(talk.hear, failed=failed.append, clock=time.monotonic, upload_s=UPLOAD_S)
        talk.press()
        try:
            async for data in upload.data():
                await recording.feed(data)
            await recording.finish()
        finally:
            recording.abandon()
            self._talks.traffic.heard(dialect, recording.heard_s)
        if failed:
            raise failed[0]
        talk.end_speech()

    @asynccontextmanager
    async def _heavy(self) -> AsyncIterator[None]:
        """One upload at a time. Raises CannotAnswer."""
        try:
            async with asyncio.timeout(HEAVY_WAIT_S):
                await self._talks.heavy.acquire()
        except TimeoutError:
            self._talks.count("heavy_refused")
            raise CannotAnswer(503, "the gateway is busy with another recording; try again") from None
        try:
            yield
        finally:
            self._talks.heavy.release()


async def _answer(talk: RemoteTalk, events: AnswerEvents, sink: EventSink) -> None:
    """Tell what comes, until the answer is over."""
    await sink.tell(events.opened())
    until_s = time.monotonic() + ANSWER_S
    while (now_s := time.monotonic()) < until_s:
        due_s = events.next_due_s
        told = await talk.outbox.take(max(0.0, (until_s if due_s is None else due_s) - now_s))
        now_s = time.monotonic()
        acts = events.tell(told, now_s) if told is not None else events.due(now_s)
        await sink.tell(acts)
        if any(isinstance(act, Leave) for act in acts):
            return
    await sink.tell(events.failed("No answer came in time."))


async def _transcript(talk: RemoteTalk) -> Response:
    """What the user said: whole once the model has answered."""
    said = ""
    with suppress(TimeoutError):  # what was understood until then is the answer
        async with asyncio.timeout(ANSWER_S):
            while True:
                match await talk.outbox.take():
                    case WordsHeard(who="user", text=text):
                        said += text
                    case TurnDone():
                        break
                    case TalkEnded(reason, trouble):
                        sentence = str(trouble) if trouble is not None else reason
                        return JSONResponse({"status": "error", "error": sentence}, 503)
    return JSONResponse({"status": "success", "text": said.strip()})


def _model(request: Request) -> str:
    return request.query_params.get("model", "gemini-flash")[:MAX_MODEL_CHARS]


def _key(request: Request) -> str:
    key: str = request.state.visitor.key
    return key
