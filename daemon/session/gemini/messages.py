"""What the server says, from the SDK's types to events."""

from __future__ import annotations

from collections.abc import Iterator

from google.genai import types

from daemon.events import (
    GenerationComplete,
    GoAway,
    HandleUpdate,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
)


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
        if is_turn_complete(content):
            reason = content.turn_complete_reason
            yield TurnComplete(reason.value if reason else "")
    if message.tool_call is not None:
        for call in message.tool_call.function_calls or []:
            yield ToolCall(call.id or "", call.name or "", dict(call.args or {}))
    if message.tool_call_cancellation is not None:
        yield ToolCallCancelled(tuple(message.tool_call_cancellation.ids or ()))
    yield from _session_notices(message)


def is_turn_complete(content: types.LiveServerContent) -> bool:
    """As the SDK's own `receive()` decides: an interaction status, where there is one, must say idle."""
    status = content.interaction_status
    if status is None or status is types.InteractionStatus.INTERACTION_STATUS_UNSPECIFIED:
        return bool(content.turn_complete)
    return status is types.InteractionStatus.IDLE


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
            yield Transcript(who, transcription.text)


def _session_notices(message: types.LiveServerMessage) -> Iterator[ServerEvent]:
    update = message.session_resumption_update
    if update is not None and update.new_handle:
        yield HandleUpdate(update.new_handle, bool(update.resumable))
    if message.go_away is not None:
        yield GoAway(parse_duration_s(message.go_away.time_left))
    usage = message.usage_metadata
    if usage is not None:
        yield Usage(usage.prompt_token_count or 0, usage.response_token_count or 0)


def parse_duration_s(text: str | None) -> float | None:
    """A protobuf Duration in JSON ("50s", "1.5s") in seconds; None for anything else."""
    try:
        return float((text or "").removesuffix("s"))
    except ValueError:
        return None
