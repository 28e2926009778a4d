"""Speech from a text, and an answer to an utterance, each by one call over HTTPS (`generateContent`).

Two things for whoever builds on it:

- `speak` gives the sound of a text, word for word, while it is being made: 24 kHz mono s16.
- `answer` takes a conversation whose last part is the user's utterance, and gives the answer's words and the
  calls of functions while they are written. Who carries out a call appends to the conversation the model's
  parts and the results, and asks again.

Both are asynchronous generators: to cut one, close it (`contextlib.aclosing`). Both raise LinkError, whose
failure comes from the table that the sessions use, and both have deadlines: nothing hangs. Nothing is tried
again here: who knows whether somebody still waits decides it. Event loop only.

Facts (ai.google.dev/gemini-api/docs: speech-generation, function-calling, thought-signatures; the migration
guide to the 3.8 models of speech): those read a text as it stands, and refuse instructions and sampling
parameters; a streamed answer is raw 16-bit PCM at 24 kHz, one in a single piece a WAV file. A call of a
function comes with a signature that must be handed back. `behavior` of a declaration is known to the Live API
only. Thoughts are not asked for, and passed over.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from google import genai
from google.genai import types

from daemon.config.models import DEFAULT_ANSWER_MODEL, DEFAULT_SPEECH_MODEL
from daemon.config.secret import Secret
from daemon.outside import encodable, tame
from daemon.server_events import TurnComplete, Usage
from daemon.session.content import (
    AnswerPart,
    Contribution,
    FunctionCall,
    FunctionResult,
    NotSpoken,
    Spoken,
    Words,
)
from daemon.session.failures import LinkError
from daemon.session.gemini.errors import translate_call
from daemon.session.gemini.messages import MAX_ARGUMENTS_CHARS, MAX_ID_CHARS, usage_of
from daemon.session.gemini.setup import function_declaration, speech_settings
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.tools.declaring.declarations import Declaration
from hw.files import wav_file

log = logging.getLogger(__name__)

FIRST_PIECE_S = 10.0
"""Connecting, sending and thinking take at most this. A minute of speech is 2.6 MB to send."""

NEXT_PIECE_S = 6.0
"""The longest pause within an answer: as long as a reply of a session may stall."""

MAX_SPEECH_S = 120.0
"""Of one text's sound; policy for more: the text is not spoken. The longest reply that is kept."""

MAX_ANSWER_TOKENS = 2048
"""Of one answer, thoughts included; policy: the service cuts it. Five minutes of speech have some 1,000."""

MAX_SIGNATURE_BYTES = 64 * 1024
"""Of one part; policy: it is not kept, and the service refuses what follows."""

HEARD_HZ = 16_000
SPOKEN_HZ = 24_000
SAMPLE_BYTES = 2

ENDED_WELL = ("STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED")
"""Reasons for the end that are no failures (`FinishReason`, google-genai 3.6.1)."""

_PCM = re.compile(r"audio/(?:pcm|l16|wav|x-wav)\b(?:.*\brate=(\d+))?", re.IGNORECASE)
"""The kinds of sound that are taken; a rate that is told must be `SPOKEN_HZ`."""

_call_numbers = itertools.count(1)


class Content:
    """Calls of `generateContent` by the SDK's client of a `LiveClient`."""

    def __init__(
        self, client: genai.Client, key: Secret, *, speech_model: str = DEFAULT_SPEECH_MODEL
    ) -> None:
        self._client = client
        self._speech_model = speech_model
        self._key = key

    async def admits(self, model: str = DEFAULT_ANSWER_MODEL) -> bool:
        """Whether the service tells of this model, with this key: then calls over HTTPS reach it."""
        try:
            async with asyncio.timeout(FIRST_PIECE_S):
                await self._client.aio.models.get(model=model)
        except Exception as error:  # noqa: BLE001 - whatever it is, it does not answer
            log.debug("no answer by HTTPS: %s", classify(translate_call(error, self._key)))
            return False
        return True

    async def speak(
        self, text: str, *, voice: str = "", language: str = "", model: str = ""
    ) -> AsyncGenerator[bytes, None]:
        """The sound of `text` in whole samples, 24 kHz mono s16. Raises LinkError and NotSpoken.

        Empty `voice` and `language`: the service chooses; empty `model`: that of the settings. The text is
        not empty.
        """
        config = types.GenerateContentConfig(
            response_modalities=[types.Modality.AUDIO.value], speech_config=speech_settings(voice, language)
        )
        contents = [types.Content(role="user", parts=[types.Part(text=text)])]
        samples = _Samples()
        reason = ""
        async with aclosing(self._pieces(model or self._speech_model, contents, config)) as pieces:
            async for piece in pieces:
                for part in _parts(piece):
                    if pcm := samples.take(part.inline_data):
                        yield pcm
                reason = reason or _failure(piece)
        if reason or not samples.size_bytes:
            raise NotSpoken(f"the service does not speak this text ({reason or 'no sound came'})")

    async def answer(
        self,
        said: Sequence[Contribution],
        *,
        instruction: str = "",
        declarations: Iterable[Declaration] = (),
        search: bool = False,
        model: str = DEFAULT_ANSWER_MODEL,
    ) -> AsyncGenerator[AnswerPart, None]:
        """What the model answers to the last of `said`, `TurnComplete` at the end. Raises LinkError.

        Functions and search cannot be had together; where there are functions, there is no search.
        """
        config = types.GenerateContentConfig(
            system_instruction=instruction or None,
            tools=_tools(declarations, search=search),
            max_output_tokens=MAX_ANSWER_TOKENS,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        reason = ""
        async with aclosing(self._pieces(model, [_content(one) for one in said], config)) as pieces:
            async for piece in pieces:
                for part in _parts(piece):
                    if (known := _answer_part(part)) is not None:
                        yield known
                if piece.usage_metadata is not None and _is_last(piece):
                    usage = usage_of(
                        piece.usage_metadata.prompt_token_count,
                        piece.usage_metadata.candidates_token_count,
                    )
                    if isinstance(usage, Usage):
                        yield usage
                reason = reason or _failure(piece)
        yield TurnComplete(reason)

    async def _pieces(
        self, model: str, contents: list[types.Content], config: types.GenerateContentConfig
    ) -> AsyncGenerator[types.GenerateContentResponse, None]:
        """The answer's pieces. Raises LinkError, also where it ends before the service has said so."""
        where, ended = Where.CONNECT, False
        models = self._client.aio.models
        try:
            async with asyncio.timeout(FIRST_PIECE_S):
                stream = await models.generate_content_stream(
                    model=model, contents=[*contents], config=config
                )
                piece = await anext(stream, None)
            while piece is not None:
                where, ended = Where.RECEIVE, ended or _is_last(piece)
                yield piece
                async with asyncio.timeout(NEXT_PIECE_S):
                    piece = await anext(stream, None)
        except Exception as error:
            raise LinkError(classify(translate_call(error, self._key, where))) from error
        if not ended:
            raise LinkError(classify(Signal(SignalKind.RESET, where, reason="the answer has no end")))


def _is_last(piece: types.GenerateContentResponse) -> bool:
    """Whether the service ends the answer with this piece."""
    return bool(_failure(piece)) or any(one.finish_reason is not None for one in piece.candidates or [])


def _failure(piece: types.GenerateContentResponse) -> str:
    """The service's word where the question or the answer was refused, else nothing."""
    feedback = piece.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        return str(feedback.block_reason.value)
    reasons = [one.finish_reason.value for one in piece.candidates or [] if one.finish_reason is not None]
    return next((str(reason) for reason in reasons if reason not in ENDED_WELL), "")


def _parts(piece: types.GenerateContentResponse) -> Iterable[types.Part]:
    for candidate in (piece.candidates or [])[:1]:
        yield from (candidate.content.parts if candidate.content else None) or []


class _Samples:
    """Makes whole samples of the blobs of a speech, and bounds it."""

    def __init__(self) -> None:
        self._rest = b""
        self.size_bytes = 0

    def take(self, blob: types.Blob | None) -> bytes:
        """The samples of the next blob; b"" for what is no sound. Raises NotSpoken."""
        if blob is None or not blob.data:
            return b""
        kind = _PCM.match(blob.mime_type or "audio/pcm")
        if kind is None or (kind[1] or str(SPOKEN_HZ)) != str(SPOKEN_HZ):
            raise NotSpoken(f"the service spoke in another format ({encodable(str(blob.mime_type)[:60])})")
        data = blob.data if self.size_bytes or self._rest else _without_head(blob.data)
        self.size_bytes += len(data)
        if self.size_bytes > MAX_SPEECH_S * SPOKEN_HZ * SAMPLE_BYTES:
            raise NotSpoken(f"the text takes longer than {MAX_SPEECH_S:.0f} s to speak")
        whole = self._rest + data
        even = len(whole) & ~1
        self._rest = whole[even:]
        return whole[:even]


def _without_head(data: bytes) -> bytes:
    """The samples of the start of a WAV file; what is none is given back as it is."""
    if not data.startswith(b"RIFF"):
        return data
    start = data.find(b"data")
    return data[start + 8 :] if start >= 0 else b""


def _answer_part(part: types.Part) -> Words | FunctionCall | None:
    """A part of an answer; None for a thought, and for what cannot be used."""
    signature = part.thought_signature or b""
    signature = signature if len(signature) <= MAX_SIGNATURE_BYTES else b""
    if part.function_call is not None:
        return _call(part.function_call, signature)
    if part.thought or not part.text:
        return None
    return Words(encodable(part.text), signature)


def _call(call: types.FunctionCall, signature: bytes) -> FunctionCall | None:
    call_id, name = call.id or f"content-{next(_call_numbers)}", call.name or ""
    arguments = tame(call.args or {})
    if not name or len(name) > MAX_ID_CHARS or len(call_id) > MAX_ID_CHARS:
        return None
    if not isinstance(arguments, dict) or len(str(arguments)) > MAX_ARGUMENTS_CHARS:
        return None
    return FunctionCall(encodable(call_id), encodable(name), arguments, signature=signature)


def _content(said: Contribution) -> types.Content:
    return types.Content(
        role="model" if said.by_model else "user", parts=[_part_of(one) for one in said.parts]
    )


def _part_of(part: Spoken | Words | FunctionCall | FunctionResult) -> types.Part:
    match part:
        case Spoken(pcm):
            return types.Part(inline_data=types.Blob(data=wav_of(pcm), mime_type="audio/wav"))
        case Words(text, signature):
            return types.Part(text=text, thought_signature=signature or None)
        case FunctionCall(call_id, name, arguments, signature):
            call = types.FunctionCall(id=call_id, name=name, args=arguments)
            return types.Part(function_call=call, thought_signature=signature or None)
        case FunctionResult(call_id, name, response):
            return types.Part(
                function_response=types.FunctionResponse(id=call_id, name=name, response=response)
            )


def _tools(declarations: Iterable[Declaration], *, search: bool) -> list[Any] | None:
    functions = [function_declaration(one) for one in declarations]
    for function in functions:
        function.behavior = None
    if functions:
        return [types.Tool(function_declarations=functions)]
    return [types.Tool(google_search=types.GoogleSearch())] if search else None


def wav_of(pcm: bytes) -> bytes:
    """A WAV file of 16 kHz mono s16 samples."""
    return wav_file(pcm, HEARD_HZ)
