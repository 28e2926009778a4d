"""What a client may say: the messages of BidiGenerateContent, checked as strictly as the service does. Pure.

`SCHEMA` is the grammar; `parse` turns a frame into one normalised message or raises the `Refusal` with which
the service would close the connection. Like proto3 JSON it takes lowerCamelCase and snake_case names, and
both alphabets of base64 (google-genai mixes the first and uses the URL-safe of the second). Field names are
those of google-genai 3.4.0 (`types.py`, `_live_converters.py`), as far as the Developer API has them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

INVALID_ARGUMENT = 1007
POLICY = 1008
INTERNAL = 1011


class Refusal(Exception):
    """The service would close the connection with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def invalid(reason: str = "Request contains an invalid argument.") -> Refusal:
    """A 1007: what was sent cannot be accepted."""
    return Refusal(INVALID_ARGUMENT, reason)


def unknown_field(name: str, path: str) -> Refusal:
    """The service's words for a field that it does not have. `path` is in snake_case."""
    where = f" at '{path}'" if path else ""
    return invalid(f'Unknown name "{name}"{where}: Cannot find field.')


class Leaf(Enum):
    """A value without fields of its own."""

    TEXT = "string"
    FLAG = "bool"
    WHOLE = "int"
    NUMBER = "float"
    BYTES = "bytes"
    FREE = "anything: a struct, a map or a JSON schema"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from any name to values of this kind."""

    value: Any


_EMPTY: dict[str, Any] = {}
_BLOB = {"data": Leaf.BYTES, "mimeType": Leaf.TEXT}
_PART = {
    "text": Leaf.TEXT,
    "thought": Leaf.FLAG,
    "thoughtSignature": Leaf.BYTES,
    "inlineData": _BLOB,
    "functionCall": Leaf.FREE,
    "functionResponse": Leaf.FREE,
}
_CONTENT = {"role": Leaf.TEXT, "parts": [_PART]}
_FUNCTION_SCHEMA: dict[str, Any] = {
    "type": Leaf.TEXT,
    "format": Leaf.TEXT,
    "title": Leaf.TEXT,
    "description": Leaf.TEXT,
    "nullable": Leaf.FLAG,
    "enum": [Leaf.TEXT],
    "required": [Leaf.TEXT],
    "propertyOrdering": [Leaf.TEXT],
    "pattern": Leaf.TEXT,
    "default": Leaf.FREE,
    "example": Leaf.FREE,
}
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_FUNCTION_SCHEMA |= dict.fromkeys(_COUNTS, Leaf.WHOLE)
_FUNCTION_SCHEMA |= {"minimum": Leaf.NUMBER, "maximum": Leaf.NUMBER, "items": _FUNCTION_SCHEMA}
_FUNCTION_SCHEMA |= {"anyOf": [_FUNCTION_SCHEMA], "properties": MapOf(_FUNCTION_SCHEMA)}
_FUNCTION = {
    "name": Leaf.TEXT,
    "description": Leaf.TEXT,
    "parameters": _FUNCTION_SCHEMA,
    "parametersJsonSchema": Leaf.FREE,
    "response": Leaf.FREE,
    "responseJsonSchema": Leaf.FREE,
    "behavior": Leaf.TEXT,
}
_TOOL = {
    "functionDeclarations": [_FUNCTION],
    "googleSearch": Leaf.FREE,
    "googleMaps": Leaf.FREE,
    "codeExecution": _EMPTY,
    "urlContext": _EMPTY,
}
_TRANSCRIPTION = {
    "languageCodes": [Leaf.TEXT],
    "languageAuto": Leaf.FREE,
    "languageHints": Leaf.FREE,
    "customVocabulary": [Leaf.TEXT],
    "adaptationPhrases": [Leaf.TEXT],
    "wordTimestamp": Leaf.FLAG,
    "diarization": Leaf.FLAG,
    "mode": Leaf.TEXT,
}
_SPEECH = {
    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": Leaf.TEXT}, "voice": Leaf.TEXT},
    "languageCode": Leaf.TEXT,
}
_GENERATION = {
    "responseModalities": [Leaf.TEXT],
    "temperature": Leaf.NUMBER,
    "topP": Leaf.NUMBER,
    "topK": Leaf.NUMBER,
    "maxOutputTokens": Leaf.WHOLE,
    "seed": Leaf.WHOLE,
    "mediaResolution": Leaf.TEXT,
    "speechConfig": _SPEECH,
    "thinkingConfig": {
        "includeThoughts": Leaf.FLAG,
        "thinkingBudget": Leaf.WHOLE,
        "thinkingLevel": Leaf.TEXT,
    },
    "enableAffectiveDialog": Leaf.FLAG,
}
_DETECTION = {
    "disabled": Leaf.FLAG,
    "startOfSpeechSensitivity": Leaf.TEXT,
    "endOfSpeechSensitivity": Leaf.TEXT,
    "prefixPaddingMs": Leaf.WHOLE,
    "silenceDurationMs": Leaf.WHOLE,
}
_SETUP = {
    "model": Leaf.TEXT,
    "generationConfig": _GENERATION,
    "systemInstruction": _CONTENT,
    "tools": [_TOOL],
    "sessionResumption": {"handle": Leaf.TEXT},
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "realtimeInputConfig": {
        "automaticActivityDetection": _DETECTION,
        "activityHandling": Leaf.TEXT,
        "turnCoverage": Leaf.TEXT,
        "interimTranscriptTimestampEnabled": Leaf.FLAG,
    },
    "contextWindowCompression": {
        "triggerTokens": Leaf.WHOLE,
        "slidingWindow": {"targetTokens": Leaf.WHOLE},
    },
    "proactivity": {"proactiveAudio": Leaf.FLAG, "proactiveVideo": Leaf.FLAG},
    "historyConfig": {"initialHistoryInClientContent": Leaf.FLAG},
    "safetySettings": [{"category": Leaf.TEXT, "threshold": Leaf.TEXT, "method": Leaf.TEXT}],
    "labels": Leaf.FREE,
}
_FUNCTION_RESPONSE = {
    "id": Leaf.TEXT,
    "name": Leaf.TEXT,
    "response": Leaf.FREE,
    "willContinue": Leaf.FLAG,
    "scheduling": Leaf.TEXT,
    "parts": Leaf.FREE,
}
SCHEMA: dict[str, Any] = {
    "setup": _SETUP,
    "realtimeInput": {
        "audio": _BLOB,
        "video": _BLOB,
        "text": Leaf.TEXT,
        "mediaChunks": [_BLOB],
        "activityStart": _EMPTY,
        "activityEnd": _EMPTY,
        "audioStreamEnd": Leaf.FLAG,
    },
    "clientContent": {"turns": [_CONTENT], "turnComplete": Leaf.FLAG},
    "toolResponse": {"functionResponses": [_FUNCTION_RESPONSE]},
    "contextUpdate": {"systemInstruction": _CONTENT, "tools": {"tools": [_TOOL]}},
}


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One message: its kind (a key of `SCHEMA`) and its body, all names in lowerCamelCase, bytes decoded."""

    kind: str
    body: dict[str, Any]


def parse(frame: str | bytes) -> ClientMessage:
    """The message in one WebSocket frame. Raises Refusal."""
    try:
        data = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON payload received.") from error
    message = _fields(data, SCHEMA, "")
    if len(message) != 1:
        raise invalid("Exactly one of the message's fields must be set.")
    kind, body = message.popitem()
    return ClientMessage(kind, body)


def camel_case(name: str) -> str:
    """`activity_start` as `activityStart`; lowerCamelCase stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def snake_case(name: str) -> str:
    """`activityStart` as `activity_start`, as the service's messages name fields."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _fields(value: Any, fields: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{path}'." if path else "Invalid JSON payload received.")
    result: dict[str, Any] = {}
    for name, item in value.items():
        key = camel_case(name)
        if key not in fields:
            raise unknown_field(name, path)
        if key in result:
            raise invalid(f"Field '{key}' is set twice.")
        result[key] = _value(item, fields[key], f"{path}.{snake_case(key)}".lstrip("."))
    return result


def _value(value: Any, kind: Any, path: str) -> Any:
    if isinstance(kind, MapOf):
        if not isinstance(value, dict):
            raise invalid(f"Invalid value at '{path}'.")
        return {name: _value(item, kind.value, f"{path}[{name}]") for name, item in value.items()}
    if isinstance(kind, dict):
        return _fields(value, kind, path)
    if isinstance(kind, list):
        if not isinstance(value, list):
            raise invalid(f"Invalid value at '{path}'.")
        return [_value(item, kind[0], f"{path}[{place}]") for place, item in enumerate(value)]
    return _leaf(value, kind, path)


def _leaf(value: Any, kind: Leaf, path: str) -> Any:
    match kind, value:
        case Leaf.FREE, _:
            return value
        case Leaf.TEXT, str():
            return value
        case Leaf.FLAG, bool():
            return value
        case Leaf.BYTES, str():
            return decode_base64(value, path)
        case ((Leaf.WHOLE | Leaf.NUMBER), bool()):
            pass
        case Leaf.WHOLE, int():
            return value
        case Leaf.WHOLE, str() if re.fullmatch(r"-?\d{1,18}", value):  # proto3 JSON writes int64 as a string
            return int(value)
        case Leaf.NUMBER, (int() | float()):
            return value
    raise invalid(f"Invalid value at '{path}' ({kind.value}).")


def decode_base64(text: str, path: str) -> bytes:
    """Standard or URL-safe alphabet, with or without padding. Raises Refusal."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise invalid(f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed.") from error


_AUDIO_MIME = re.compile(r"audio/pcm(?:;\s*rate=(\d{4,5}))?")
_RATES_HZ = range(8_000, 48_001)


def audio_rate_hz(blob: dict[str, Any]) -> int:
    """The sample rate of a blob of whole s16 samples; 16 kHz if it does not say. Raises Refusal."""
    match = _AUDIO_MIME.fullmatch(blob.get("mimeType", ""))
    rate_hz = int(match[1] or 16_000) if match else 0
    if rate_hz not in _RATES_HZ or len(blob.get("data", b"")) % 2:
        raise invalid()
    return rate_hz
