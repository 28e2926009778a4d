"""What a client says, checked as strictly as the service does. Pure.

`parse` turns a frame into one normalised message or raises the `Refusal` with which the service would close
the connection; nothing else is ever raised, whatever the frame is. Like proto3 JSON it takes lowerCamelCase
and snake_case names, both alphabets of base64 (google-genai mixes the first and uses the URL-safe of the
second), enums in any case or as numbers, and one value where a list is meant. Unlike it, null is refused:
models are reported to refuse `{"handle": null}` (harness-sdk #1999).
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from daemon.standin.grammar.schema import AUTH_TOKEN, CLIENT_MESSAGE, EnumValues, Leaf, MapOf, OneOf

INVALID_ARGUMENT = 1007
POLICY = 1008
INTERNAL = 1011
NOT_FOUND = 404
"""Over plain HTTP only, where it is a status."""

DEPTH_LIMIT = 100
"""How deep messages may nest: protobuf's own limit (`SetRecursionLimit`)."""

_INT_BITS = {Leaf.INT32: 31, Leaf.INT64: 63}
_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s")


class Refusal(Exception):
    """The service would close the connection with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def invalid(reason: str = "Request contains an invalid argument.") -> Refusal:
    """A 1007: what was sent cannot be accepted."""
    return Refusal(INVALID_ARGUMENT, reason)


def unsupported() -> Refusal:
    """A 1008: the model cannot do this."""
    return Refusal(POLICY, "Operation is not implemented, or supported, or enabled.")


def unknown_field(name: str, path: str) -> Refusal:
    """The service's words for a field that it does not have. `path` is in snake_case."""
    where = f" at '{path}'" if path else ""
    return invalid(f'Unknown name "{name}"{where}: Cannot find field.')


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One message: its kind (a key of `CLIENT_MESSAGE`) and its body.

    All names are in lowerCamelCase, bytes decoded, enums in capitals, lists always lists.
    """

    kind: str
    body: dict[str, Any]


def parse(frame: str | bytes) -> ClientMessage:
    """The message in one WebSocket frame. Raises Refusal."""
    message = _fields(_decoded(frame), CLIENT_MESSAGE, "")
    if len(message) != 1:
        raise invalid("Exactly one of the message's fields must be set.")
    kind, body = message.popitem()
    return ClientMessage(kind, body)


def parse_token_request(body: bytes) -> dict[str, Any]:
    """The body of `POST auth_tokens`, normalised. Raises Refusal."""
    return parse_fields(body, AUTH_TOKEN)


def parse_fields(body: bytes, fields: dict[str, Any]) -> dict[str, Any]:
    """The body of a request over plain HTTP, normalised; an empty one has no fields. Raises Refusal."""
    return _fields(_decoded(body or b"{}"), fields, "")


def camel_case(name: str) -> str:
    """`activity_start` as `activityStart`; lowerCamelCase stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def snake_case(name: str) -> str:
    """`activityStart` as `activity_start`, as the service's messages name fields."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


# --- JSON ---------------------------------------------------------------------------------------------


def _decoded(frame: str | bytes) -> Any:
    """The value in a frame: UTF-8, no NaN, no half of a surrogate pair, not too deep."""
    try:
        text = frame if isinstance(frame, str) else frame.decode()
        value = json.loads(text, parse_constant=_not_json)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # UnicodeError is a ValueError
        raise invalid("Invalid JSON payload received.") from error
    if _is_too_deep(value):
        raise invalid("Invalid JSON payload received. Message too deep.")
    return value


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return False
    return True


def _inner(value: Any) -> Iterator[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (inner for inner in values if isinstance(inner, dict | list))


# --- the grammar --------------------------------------------------------------------------------------


def _fields(value: Any, fields: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid_value(path) if path else invalid("Invalid JSON payload received.")
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
    match kind:
        case dict():
            return _fields(value, kind, path)
        case OneOf():
            return _one_of(value, kind, path)
        case MapOf():
            return _map(value, kind, path)
        case list():
            values = value if isinstance(value, list) else [value]
            return [_value(item, kind[0], f"{path}[{place}]") for place, item in enumerate(values)]
        case EnumValues():
            return _choice(value, kind, path)
        case _:
            return _leaf(value, kind, path)


def _one_of(value: Any, kind: OneOf, path: str) -> dict[str, Any]:
    result = _fields(value, kind.fields, path)
    if len(both := [name for name in result if name in kind.group]) > 1:
        already = f"oneof field '{kind.name}' is already set. Cannot set '{both[1]}'"
        raise invalid(f"Invalid value at '{path}' (oneof), {already}")
    return result


def _map(value: Any, kind: MapOf, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid_value(path)
    return {name: _value(item, kind.value, f"{path}[{name}]") for name, item in value.items()}


def _choice(value: Any, kind: EnumValues, path: str) -> str:
    if type(value) is int and 0 <= value < len(kind.values):
        return kind.values[value]
    if isinstance(value, str) and value.upper() in kind.values:
        return value.upper()
    raise invalid(f"Invalid value at '{path}' (enum), {json.dumps(value)[:40]}")


def _leaf(value: Any, kind: Leaf, path: str) -> Any:
    if kind is Leaf.FREE:
        return value
    read = _READERS[kind](value)
    if read is None:
        raise _invalid_value(path, kind)
    if kind is Leaf.BYTES:
        return decode_base64(read, path)
    return read


def _invalid_value(path: str, kind: Leaf | None = None) -> Refusal:
    return invalid(f"Invalid value at '{path}'{f' ({kind.value})' if kind else ''}.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any, bits: int) -> int | None:
    """int64 is written as a string by proto3 JSON, and 1.0 is a whole number to it."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and -(1 << bits) <= value < 1 << bits else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if not math.isfinite(number) else number if isinstance(value, str) else value


def _duration(value: Any) -> str | None:
    return value if isinstance(value, str) and _DURATION.fullmatch(value) else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


_READERS: dict[Leaf, Any] = {
    Leaf.TEXT: _text,
    Leaf.FLAG: lambda value: value if isinstance(value, bool) else None,
    Leaf.INT32: lambda value: _whole(value, _INT_BITS[Leaf.INT32]),
    Leaf.INT64: lambda value: _whole(value, _INT_BITS[Leaf.INT64]),
    Leaf.NUMBER: _number,
    Leaf.BYTES: _text,
    Leaf.DURATION: _duration,
    Leaf.TIME: _time,
    Leaf.STRUCT: lambda value: value if isinstance(value, dict) else None,
}
"""What each leaf makes of a JSON value; None where it is not one."""


def decode_base64(text: str, path: str) -> bytes:
    """Standard or URL-safe alphabet, with or without padding. Raises Refusal."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError as error:  # binascii.Error is one; letters outside ASCII raise the plain one
        raise invalid(f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed.") from error


_AUDIO_MIME = re.compile(r"audio/pcm(?:;\s*rate=([0-9]{4,5}))?")
_RATES_HZ = range(8_000, 48_001)


def audio_rate_hz(blob: dict[str, Any]) -> int:
    """The sample rate of a blob of whole s16 samples; 16 kHz if it does not say. Raises Refusal."""
    match = _AUDIO_MIME.fullmatch(blob.get("mimeType", ""))
    rate_hz = int(match[1] or 16_000) if match else 0
    if rate_hz not in _RATES_HZ or len(blob.get("data", b"")) % 2:
        raise invalid()
    return rate_hz
