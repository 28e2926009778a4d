"""Damaged messages: whole ones of every kind, of which something is made wrong by chance."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 10**400, 0.5, "", "é", "x" * 5000, "\ud800", "\x1b[31m", [], {},
    [[]], [None], {"": 0}, {"text": "x", "inlineData": {}}, "A===", "audio/pcm;rate=99999", "models/none",
    "9999-12-31T23:59:59+23:59", "1e999", -(10**18),
)  # fmt: skip
"""Put where something else is meant."""

LITERALS = ("NaN", "-Infinity", "1e999", "9" * 5000, "[" * 50_000, '"\\ud800"', "1" + "0" * 400, "{")
"""JSON that `json.dumps` would not write."""

_PLACE = "<a literal>"


def whole_messages(model: str) -> list[dict[str, Any]]:
    """One of each kind, with most of what it may hold. The set-up is the first."""
    function = {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}
    said = {"role": "user", "parts": [{"text": "hello"}]}
    audio = {"data": "AAAA" * 80, "mimeType": "audio/pcm;rate=16000"}
    setup = {
        "model": f"models/{model}",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": 0.5,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
        "systemInstruction": said,
        "tools": [{"googleSearch": {}}, {"functionDeclarations": [function]}],
        "sessionResumption": {},
        "inputAudioTranscription": {},
        "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 300}},
        "contextWindowCompression": {"triggerTokens": "25600", "slidingWindow": {"targetTokens": 12800}},
    }
    return [
        {"setup": setup},
        {"realtimeInput": {"audio": audio}},
        {"realtimeInput": {"mediaChunks": [audio]}},
        {"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/jpeg"}}},
        {"realtimeInput": {"text": "hello"}},
        {"realtimeInput": {"audioStreamEnd": True}},
        {"clientContent": {"turns": [said], "turnComplete": True}},
        {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"a": 1}}]}},
        {"contextUpdate": {"systemInstruction": said, "tools": {"tools": [{"googleSearch": {}}]}}},
    ]


def damaged(message: dict[str, Any], chance: random.Random) -> str | bytes:
    """A frame that holds this message with some damage, or hardly anything of it."""
    result = copy.deepcopy(message)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        _harm(result, chance)
    text = json.dumps(result).replace(json.dumps(_PLACE), chance.choice(LITERALS))
    match chance.randrange(8):
        case 0:
            return text[: chance.randrange(len(text))]
        case 1:
            return text.encode()
        case 2:
            frame = bytearray(text.encode())
            frame[chance.randrange(len(frame))] = chance.randrange(256)
            return bytes(frame)
        case _:
            return text


def _harm(message: dict[str, Any], chance: random.Random) -> None:
    """Change one thing somewhere in it."""
    places = list(_places(message))
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [holder[key]]
        case 2 if isinstance(holder, dict):
            holder[chance.choice(("other", key.upper(), f"_{key}", key + "\ud800"))] = holder.pop(key)
        case 3:
            holder[key] = _PLACE
        case _:
            holder[key] = copy.deepcopy(chance.choice(ODD_VALUES))
    if not message:
        message["setup"] = {}


def _places(value: Any) -> Any:
    """Every (holder, key) in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
