"""What the server says: the messages of BidiGenerateContent as plain dicts, and odd ones for faults. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

Message = dict[str, Any]

AUDIO_MIME = "audio/pcm;rate=24000"
"""Live API guide, audio formats."""

TOKENS_PER_S = 25
"""Audio costs about 25 tokens a second (Gemini API guide, tokens)."""


def encode(message: Message) -> bytes:
    """As the service sends it: indented JSON, for a binary frame."""
    return json.dumps(message, indent=2).encode()


def setup_complete(session_id: str) -> Message:
    """The set-up is accepted."""
    return {"setupComplete": {"sessionId": session_id}}


def audio(pcm: bytes) -> Message:
    """A piece of the reply, 24 kHz mono s16."""
    return {"serverContent": {"modelTurn": audio_turn(pcm)}}


def audio_turn(pcm: bytes) -> Message:
    """The `modelTurn` that holds this audio."""
    blob = {"mimeType": AUDIO_MIME, "data": base64.b64encode(pcm).decode("ascii")}
    return {"parts": [{"inlineData": blob}], "role": "model"}


def interrupted() -> Message:
    """The reply was cut."""
    return {"serverContent": {"interrupted": True}}


def generation_complete() -> Message:
    """All of the reply has been sent."""
    return {"serverContent": {"generationComplete": True}}


def turn_complete(usage: Message | None = None, reason: str = "", status: str = "") -> Message:
    """The turn is over; what it cost rides along."""
    content: Message = {"turnComplete": True}
    if reason:
        content["turnCompleteReason"] = reason
    if status:
        content["interactionStatus"] = status
    return {"serverContent": content, "usageMetadata": usage or usage_of({}, {})}


def tokens_of(audio_s: float) -> int:
    """What so much audio costs."""
    return round(audio_s * TOKENS_PER_S)


def usage_of(prompt: dict[str, int], response: dict[str, int]) -> Message:
    """What a turn cost: tokens by modality (`AUDIO`, `TEXT`), of the context and of the answer."""
    read, said = sum(prompt.values()), sum(response.values())
    return {
        "promptTokenCount": read,
        "responseTokenCount": said,
        "totalTokenCount": read + said,
        "promptTokensDetails": _details(prompt),
        "responseTokensDetails": _details(response),
    }


def _details(tokens: dict[str, int]) -> list[Message]:
    return [{"modality": modality, "tokenCount": count} for modality, count in tokens.items()]


def transcription(field: str, text: str, *, finished: bool = False) -> Message:
    """What one side said; `field` is inputTranscription, interimInputTranscription or outputTranscription."""
    said: Message = {"text": text}
    if finished:
        said["finished"] = True
    return {"serverContent": {field: said}}


def written(text: str, *, thought: bool) -> Message:
    """A part of the model's turn that is not sound: its text, or a thought."""
    part: Message = {"text": text}
    if thought:
        part["thought"] = True
    return {"serverContent": {"modelTurn": {"parts": [part], "role": "model"}}}


def status(word: str) -> Message:
    """`interactionStatus` alone."""
    return {"serverContent": {"interactionStatus": word}}


def grounding(query: str, uri: str, title: str) -> Message:
    """Where the answer comes from: one search, one page."""
    web = {"uri": uri, "title": title}
    support = {"segment": {"endIndex": len(title), "text": title}, "groundingChunkIndices": [0]}
    found = {
        "webSearchQueries": [query],
        "groundingChunks": [{"web": web}],
        "groundingSupports": [support],
        "searchEntryPoint": {"renderedContent": f"<div>{query}</div>"},
    }
    return {"serverContent": {"groundingMetadata": found}}


def voice_activity(word: str, offset_s: float) -> Message:
    """Automatic detection found `ACTIVITY_START` or `ACTIVITY_END`, so long after the first sample."""
    return {"voiceActivity": {"type": word, "audioOffset": f"{offset_s:g}s"}}


def merged(told: Iterable[Message]) -> Message:
    """One message that holds the contents of all."""
    result: Message = {}
    for message in told:
        _merge_into(result, message)
    return result


def _merge_into(result: Message, message: Message) -> None:
    for name, value in message.items():
        if isinstance(value, dict):
            _merge_into(result.setdefault(name, {}), value)
        elif isinstance(value, list):
            result[name] = [*result.get(name, []), *value]
        else:
            result[name] = value


def handle_update(handle: str | None) -> Message:
    """A handle to resume with, or None while there can be none."""
    update: Message = {"newHandle": handle, "resumable": True} if handle else {"resumable": False}
    return {"sessionResumptionUpdate": update}


def tool_call(calls: list[tuple[str, str, dict[str, Any]]]) -> Message:
    """The model asks for functions: the id, name and arguments of each."""
    asked = [{"id": call_id, "name": name, "args": args} for call_id, name, args in calls]
    return {"toolCall": {"functionCalls": asked}}


def tool_call_cancellation(call_ids: list[str]) -> Message:
    """These calls must not be answered any more."""
    return {"toolCallCancellation": {"ids": call_ids}}


def go_away(time_left_s: float | None) -> Message:
    """The connection will end; None: it is not said when."""
    return {"goAway": {} if time_left_s is None else {"timeLeft": f"{time_left_s:g}s"}}


KINDS = frozenset(
    {
        "setup_complete", "session_resumption_update", "go_away", "audio", "input_transcription",
        "interim_input_transcription", "output_transcription", "generation_complete", "turn_complete",
        "interrupted", "tool_call", "tool_call_cancellation", "voice_activity", "thought", "text",
        "grounding", "interaction_status",
    }
)  # fmt: skip
"""What a regular message is called where a plan withholds it."""

HUGE_BYTES = 2 * 2**20
"""Twice what the WebSocket client of google-genai takes unless told otherwise."""

ODD: dict[str, Callable[[], bytes]] = {
    "unknown": lambda: encode({"brandNewThing": {"value": 1}}),
    "error": lambda: encode({"error": {"code": 500, "message": "Internal error.", "status": "INTERNAL"}}),
    "flat_error": lambda: encode({"code": 429, "message": "Exhausted.", "status": "RESOURCE_EXHAUSTED"}),
    "not_json": lambda: b"<html>Bad gateway</html>",
    "not_text": lambda: b'{"serverContent": "\xff\xfe"}',
    "empty": lambda: b"{}",
    "wrong_type": lambda: encode({"serverContent": {"modelTurn": 7}}),
    "huge": lambda: encode({"serverContent": {"outputTranscription": {"text": "x" * HUGE_BYTES}}}),
    "interrupted": lambda: encode(interrupted()),
    "turn_complete": lambda: encode(turn_complete()),
    "unknown_reason": lambda: encode(turn_complete(reason="BRAND_NEW_REASON")),
}
"""Frames that a client does not expect, by the name that a plan gives them."""
