"""What the server says: the messages of BidiGenerateContent as plain dicts, and odd ones for faults. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
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


def turn_complete(heard_s: float = 0.0, spoken_s: float = 0.0, reason: str = "") -> Message:
    """The turn is over; what it cost rides along."""
    content: Message = {"turnComplete": True}
    if reason:
        content["turnCompleteReason"] = reason
    prompt, response = round(heard_s * TOKENS_PER_S), round(spoken_s * TOKENS_PER_S)
    usage = {
        "promptTokenCount": prompt,
        "responseTokenCount": response,
        "totalTokenCount": prompt + response,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": prompt}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": response}],
    }
    return {"serverContent": content, "usageMetadata": usage}


def transcription(field: str, text: str) -> Message:
    """What one side said; `field` is inputTranscription or outputTranscription."""
    return {"serverContent": {field: {"text": text}}}


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
        "output_transcription", "generation_complete", "turn_complete", "interrupted", "tool_call",
        "tool_call_cancellation",
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
