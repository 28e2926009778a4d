"""What the server says, from its JSON to events.

It is read here and not by the SDK, whose models cost five times as much for each message, and 0.1 s of CPU
once (measured: docs/inside/cost.md). The names are those of the Live API reference,
`BidiGenerateContentServerMessage`; what it does not name is passed over, as by the SDK.

Every size, number and text is checked here, where it enters: what is out of range is passed over and counted
(`NotUnderstood`), a text that is too long is cut. What is of another type than the reference says raises
ValueError, and nothing of such a message counts.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from google.genai import errors

from daemon.outside import encodable, seconds, tame, whole
from daemon.server_events import (
    GenerationComplete,
    GoAway,
    HandleUpdate,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
    WorkAnnounced,
)

MAX_TRANSCRIPT_CHARS = 4096
"""Of one message; policy: cut. Five minutes of speech."""

MAX_HANDLE_CHARS = 8192
"""Of a resumption handle; policy: pass over. It is written to a file and sent with each set-up."""

MAX_ID_CHARS = 256
"""Of the name and the number of a call; policy: pass over the call. A name has at most 64 (Gemini API,
FunctionDeclaration)."""

MAX_ARGUMENTS_CHARS = 65536
"""Of a call's arguments, as text; policy: pass over the call. A model's whole answer is some 32,000."""

MAX_TOKENS = 100_000_000
"""In one message's count; policy: pass over. The longest context of a model has some millions."""

MAX_TIME_LEFT_S = 86_400.0
"""Of an announced end; policy: as if no time were given. A connection lives some ten minutes."""

FAILURES = (
    "MALFORMED_FUNCTION_CALL", "RESPONSE_REJECTED", "MAX_REGENERATION_REACHED", "BLOCKLIST",
    "PROHIBITED_INPUT_CONTENT", "IMAGE_PROHIBITED_INPUT_CONTENT",
    "INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED", "INPUT_IMAGE_CELEBRITY",
    "INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED", "INPUT_TEXT_NCII_PROHIBITED", "INPUT_OTHER",
    "INPUT_IP_PROHIBITED", "UNSAFE_PROMPT_FOR_IMAGE_GENERATION", "GENERATED_IMAGE_SAFETY",
    "GENERATED_CONTENT_SAFETY", "GENERATED_AUDIO_SAFETY", "GENERATED_VIDEO_SAFETY",
    "GENERATED_CONTENT_PROHIBITED", "GENERATED_CONTENT_BLOCKLIST", "GENERATED_IMAGE_PROHIBITED",
    "GENERATED_IMAGE_CELEBRITY", "GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER",
    "GENERATED_IMAGE_IDENTIFIABLE_PEOPLE", "GENERATED_IMAGE_MINORS", "OUTPUT_IMAGE_IP_PROHIBITED",
    "GENERATED_OTHER",
)  # fmt: skip
"""Reasons for the end of a turn that are failures (`TurnCompleteReason`, google-genai 3.4.0). Any other, such
as NEED_MORE_INPUT or one of a later version, ends it well."""


KNOWN = (
    "setupComplete", "serverContent", "toolCall", "toolCallCancellation", "usageMetadata", "goAway",
    "sessionResumptionUpdate", "voiceActivityDetectionSignal", "voiceActivity",
)  # fmt: skip
"""What a message says at least one of (`_LiveServerMessage_from_mldev`, google-genai 3.4.0)."""

_URL_SAFE = str.maketrans("-_", "+/")
"""Base64 comes in either alphabet, with padding or without it (proto3, JSON mapping: bytes)."""


class Mistyped(ValueError):
    """A value of another type than the reference gives to its field."""


def parse(message: object) -> list[ServerEvent]:
    """All that one message says, in the order in which it has to be acted on.

    The fields of a message are not exclusive. Raises ValueError or TypeError for one of which nothing can be
    made, and `google.genai.errors.APIError` for one that is an error of the service's.
    """
    fields = _table(message)
    if fields and not any(name in fields for name in KNOWN):
        errors.APIError.raise_error(fields.get("code"), fields, None)  # type: ignore[arg-type]  # as the SDK does
    return [
        *_content(_table(fields.get("serverContent"))),
        *(_tool_call(_table(call)) for call in _list(_table(fields.get("toolCall")).get("functionCalls"))),
        *_cancellation(fields.get("toolCallCancellation")),
        *_session_notices(fields),
    ]


def _content(content: Mapping[str, Any]) -> Iterator[ServerEvent]:
    """Audio that comes with `interrupted` belongs to the turn that was cut, and is dropped here."""
    if _flag(content.get("interrupted")):
        yield ServerInterrupted()
    else:
        yield from _audio(content)
    yield from _transcripts(content)
    if _flag(content.get("generationComplete")):
        yield GenerationComplete()
    status = _text(content.get("interactionStatus")).upper()
    if status == "IN_PROGRESS":
        yield WorkAnnounced()
    if is_turn_complete(status, complete=_flag(content.get("turnComplete"))):
        yield TurnComplete(failure_reason(_text(content.get("turnCompleteReason"))))


def is_turn_complete(status: str, *, complete: bool) -> bool:
    """As the SDK's own `receive()` decides: an interaction status, where there is one, must say idle."""
    if status in ("", "INTERACTION_STATUS_UNSPECIFIED"):
        return complete
    return status == "IDLE"


def failure_reason(reason: str) -> str:
    """The service's own word where it names a failure, else nothing."""
    return reason if reason in FAILURES else ""


def _audio(content: Mapping[str, Any]) -> Iterator[ServerEvent]:
    for part in _list(_table(content.get("modelTurn")).get("parts")):
        blob = _table(_table(part).get("inlineData"))
        data, mime_type = _text(blob.get("data")), _text(blob.get("mimeType")) or "audio/pcm"
        if data and mime_type.startswith("audio/pcm"):
            pcm = _bytes(data)
            yield ReplyAudio(pcm[: len(pcm) & ~1])  # whole samples, whatever comes


def _transcripts(content: Mapping[str, Any]) -> Iterator[ServerEvent]:
    for who, name in (("user", "inputTranscription"), ("model", "outputTranscription")):
        if text := _text(_table(content.get(name)).get("text")):
            yield Transcript(who, encodable(text[:MAX_TRANSCRIPT_CHARS]))


def _tool_call(call: Mapping[str, Any]) -> ServerEvent:
    """A call that can be answered: without an id none can be, and the SDK refuses to send one."""
    call_id, name, arguments = _text(call.get("id")), _text(call.get("name")), _table(call.get("args"))
    if not call_id or not name or len(call_id) > MAX_ID_CHARS or len(name) > MAX_ID_CHARS:
        return NotUnderstood("a call without an id or a name, or with a long one")
    tamed = tame(arguments)
    if not isinstance(tamed, dict) or len(str(tamed)) > MAX_ARGUMENTS_CHARS:
        return NotUnderstood("a call with arguments that are too long")
    return ToolCall(encodable(call_id), encodable(name), tamed)


def _cancellation(cancellation: object) -> Iterator[ServerEvent]:
    if cancellation is not None:
        ids = [_text(one) for one in _list(_table(cancellation).get("ids"))]
        yield ToolCallCancelled(tuple(encodable(one) for one in ids if len(one) <= MAX_ID_CHARS))


def _session_notices(fields: Mapping[str, Any]) -> Iterator[ServerEvent]:
    update = _table(fields.get("sessionResumptionUpdate"))
    if handle := _text(update.get("newHandle")):
        yield _handle_update(handle, resumable=_flag(update.get("resumable")))
    if (leaving := fields.get("goAway")) is not None:
        yield GoAway(parse_duration_s(_text(_table(leaving).get("timeLeft"))))
    if (counted := fields.get("usageMetadata")) is not None:
        usage = _table(counted)
        yield usage_of(usage.get("promptTokenCount"), usage.get("responseTokenCount"))


def _handle_update(handle: str, *, resumable: bool) -> ServerEvent:
    if len(handle) > MAX_HANDLE_CHARS:
        return NotUnderstood("a resumption handle that is too long")
    return HandleUpdate(encodable(handle), resumable)


def usage_of(prompt_tokens: object, response_tokens: object) -> Usage | NotUnderstood:
    """What the service has counted; None is nothing."""
    prompt = whole(prompt_tokens or 0, MAX_TOKENS)
    response = whole(response_tokens or 0, MAX_TOKENS)
    if prompt is None or response is None:
        return NotUnderstood("a count of tokens out of range")
    return Usage(prompt, response)


def parse_duration_s(text: str) -> float | None:
    """A protobuf Duration in JSON ("50s", "1.5s") in seconds; None for anything else."""
    return seconds(text.removesuffix("s"), MAX_TIME_LEFT_S)


# --- values of JSON; null stands for a field that is not there (proto3, JSON mapping) ----------------


def _table(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Mistyped("no table where one belongs")
    return value


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Mistyped("no list where one belongs")
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Mistyped("no text where one belongs")
    return value


def _flag(value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Mistyped("neither true nor false where one of them belongs")
    return value


def _bytes(text: str) -> bytes:
    """What base64 stands for. Raises ValueError."""
    plain = text.translate(_URL_SAFE) if "-" in text or "_" in text else text
    return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
