"""What the server says, from the SDK's types to events.

Every size, number and text is checked here, where it enters: what is out of range is passed over and counted
(`NotUnderstood`), a text that is too long is cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.genai import types

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


def parse(message: types.LiveServerMessage) -> Iterator[ServerEvent]:
    """All that one message says, in the order in which it has to be acted on.

    The fields of a message are not exclusive. Audio that comes with `interrupted` belongs to the turn
    that was cut, and is dropped here.
    """
    content = message.server_content
    if content is not None:
        if content.interrupted:
            yield ServerInterrupted()
        else:
            yield from _audio(content)
        yield from _transcripts(content)
        if content.generation_complete:
            yield GenerationComplete()
        if content.interaction_status is types.InteractionStatus.IN_PROGRESS:
            yield WorkAnnounced()
        if is_turn_complete(content):
            yield TurnComplete(failure_reason(content.turn_complete_reason))
    if message.tool_call is not None:
        for call in message.tool_call.function_calls or []:
            yield _tool_call(call)
    if message.tool_call_cancellation is not None:
        ids = message.tool_call_cancellation.ids or ()
        yield ToolCallCancelled(tuple(encodable(one) for one in ids if len(one) <= MAX_ID_CHARS))
    yield from _session_notices(message)


def is_turn_complete(content: types.LiveServerContent) -> bool:
    """As the SDK's own `receive()` decides: an interaction status, where there is one, must say idle."""
    status = content.interaction_status
    if status is None or status is types.InteractionStatus.INTERACTION_STATUS_UNSPECIFIED:
        return bool(content.turn_complete)
    return status is types.InteractionStatus.IDLE


def failure_reason(reason: types.TurnCompleteReason | None) -> str:
    """The service's own word where it names a failure, else nothing."""
    word = reason.value if reason else ""
    return word if word in FAILURES else ""


def _audio(content: types.LiveServerContent) -> Iterator[ServerEvent]:
    for part in (content.model_turn.parts if content.model_turn else None) or []:
        blob = part.inline_data
        if blob is not None and blob.data and (blob.mime_type or "audio/pcm").startswith("audio/pcm"):
            yield ReplyAudio(blob.data[: len(blob.data) & ~1])  # whole samples, whatever comes


def _transcripts(content: types.LiveServerContent) -> Iterator[ServerEvent]:
    for who, transcription in (
        ("user", content.input_transcription),
        ("model", content.output_transcription),
    ):
        if transcription is not None and transcription.text:
            yield Transcript(who, encodable(transcription.text[:MAX_TRANSCRIPT_CHARS]))


def _tool_call(call: types.FunctionCall) -> ServerEvent:
    """A call that can be answered: without an id none can be, and the SDK refuses to send one."""
    call_id, name, arguments = call.id or "", call.name or "", call.args or {}
    if not call_id or not name or len(call_id) > MAX_ID_CHARS or len(name) > MAX_ID_CHARS:
        return NotUnderstood("a call without an id or a name, or with a long one")
    tamed = tame(arguments)
    if not isinstance(tamed, dict) or len(str(tamed)) > MAX_ARGUMENTS_CHARS:
        return NotUnderstood("a call with arguments that are too long")
    return ToolCall(encodable(call_id), encodable(name), tamed)


def _session_notices(message: types.LiveServerMessage) -> Iterator[ServerEvent]:
    update = message.session_resumption_update
    if update is not None and update.new_handle:
        yield _handle_update(update.new_handle, resumable=bool(update.resumable))
    if message.go_away is not None:
        yield GoAway(parse_duration_s(message.go_away.time_left))
    if message.usage_metadata is not None:
        yield usage_of(message.usage_metadata.prompt_token_count, message.usage_metadata.response_token_count)


def _handle_update(handle: str, *, resumable: bool) -> ServerEvent:
    if len(handle) > MAX_HANDLE_CHARS:
        return NotUnderstood("a resumption handle that is too long")
    return HandleUpdate(encodable(handle), resumable)


def usage_of(prompt_tokens: int | None, response_tokens: int | None) -> Usage | NotUnderstood:
    """What the service has counted; None is nothing."""
    prompt = whole(prompt_tokens or 0, MAX_TOKENS)
    response = whole(response_tokens or 0, MAX_TOKENS)
    if prompt is None or response is None:
        return NotUnderstood("a count of tokens out of range")
    return Usage(prompt, response)


def parse_duration_s(text: str | None) -> float | None:
    """A protobuf Duration in JSON ("50s", "1.5s") in seconds; None for anything else."""
    return seconds((text or "").removesuffix("s"), MAX_TIME_LEFT_S)
