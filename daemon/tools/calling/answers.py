"""What the model is told of a call: always a status, words or a result, and whether to try again. Pure.

An empty answer makes current models call again with other arguments, up to five times (Gemini 3.8 Live,
migration notes). So no answer is ever empty.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from daemon.outside import is_usable, plain_text

Answer = dict[str, Any]
"""`status` ok, error or unconfirmed, `message` or `result`, `retryable`; plain data that JSON can hold."""

ANSWER_CHARS = 12_000
"""Longest result: some 3,000 tokens, which the model has to read before it can speak."""

MESSAGE_CHARS = 500
"""Longest text of an error."""

MAX_DEPTH = 16
"""Deepest nesting; the service's JSON parser gives up at 100 (protobuf)."""

SHORT_CHARS = 4 * ANSWER_CHARS
"""Text up to here is answered at once; with all else the work may be long, and belongs on a thread."""

NOTHING_TO_TELL = "Done. There is nothing more to tell."
NO_RESULT = "There is no result. Asking again would bring none either."


def succeeded(result: object) -> Answer:
    """The answer for what a tool returned, whatever it was."""
    if result is None:
        return _ok(message=NOTHING_TO_TELL)
    if isinstance(result, str):
        return _ok(message=_clean(result)) if len(result) <= ANSWER_CHARS else _cut(result)
    return _of_data(result)


def _of_data(result: object) -> Answer:
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False, default=_plain)
        plain = json.loads(text)
        depth = _depth(plain)
    except (ValueError, TypeError, RecursionError):
        return succeeded(_described(result))
    if len(text) > ANSWER_CHARS or depth > MAX_DEPTH:
        return _cut(text)
    if plain in ("", [], {}):
        return _ok(message=NO_RESULT)
    return _ok(result=_cleaned(plain))


def _described(result: object) -> str:
    """What JSON cannot hold, in words; numbers of thousands of digits and endless nesting have none."""
    try:
        return str(result)
    except (ValueError, RecursionError):
        return f"The result is of the type {type(result).__name__}, and cannot be told."


def failed(message: str, *, retryable: bool = False) -> Answer:
    """The answer for a call that brought nothing. `retryable`: the same call may succeed a moment later."""
    text = _clean(message[: 4 * MESSAGE_CHARS]) or "The tool failed without a word."
    short = text if len(text) <= MESSAGE_CHARS else f"{text[:MESSAGE_CHARS]}…"
    return {"status": "error", "message": short, "retryable": retryable}


def unconfirmed(message: str) -> Answer:
    """The answer for a call that waits for the user's consent."""
    return {"status": "unconfirmed", "message": message, "retryable": True}


def _ok(**said: Any) -> Answer:
    return (
        {"status": "ok"}
        | ({"message": NO_RESULT} if said == {"message": ""} else said)
        | {"retryable": False}
    )


def _cut(text: str) -> Answer:
    note = f"The result was too long: these are its first {ANSWER_CHARS} of {len(text)} characters."
    return _ok(message=_clean(text[:ANSWER_CHARS]), note=note)


def _clean(text: str) -> str:
    """Text that every JSON parser takes, and that neither commands a terminal nor hides anything."""
    return plain_text(text.encode("utf-8", "replace").decode()).strip()


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return _clean(value)
        case list():
            return [_cleaned(item) for item in value]
        case dict():
            return {_clean(name): _cleaned(item) for name, item in value.items()}
        case int() | float() if not is_usable(value):
            return str(value)  # the service keeps numbers as doubles
    return value


def _plain(value: Any) -> Any:
    """What `json` does not know by itself."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)
