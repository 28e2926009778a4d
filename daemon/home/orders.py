"""What comes from the broker, and what it asks of the speaker. Pure.

Whoever may publish at the broker sends this: it is obeyed if it has exactly the form, and counted if not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.outside import OutOfRange, json_of, number, plain_text, whole_number

PAYLOAD_BYTES = 1024
"""Longest payload of a command; policy for a longer one: it is not obeyed, and counted."""

SAY_CHARS = 255
"""Home Assistant's longest text entity."""
ANNOUNCE_CHARS = 1000
ID_CHARS = 64
LONGEST_WAIT_S = 86_400.0

LOUDEST = 100
WORD_CHARS = 20

PRESS = "PRESS"
"""What Home Assistant's buttons publish."""


class BadOrder(ValueError):
    """A payload that is not obeyed; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command of the control socket, with its arguments."""

    command: str
    args: Mapping[str, Any]


def order_of(name: str, payload: bytes, *, talk: bool) -> Order:
    """What the command `name` asks with this payload. Raises BadOrder.

    `talk`: whether a message may open the microphone.
    """
    if len(payload) > PAYLOAD_BYTES:
        raise BadOrder(f"a payload has at most {PAYLOAD_BYTES} bytes")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise BadOrder("a payload is text in UTF-8") from error
    if name not in FORMS or (name == "talk" and not talk):
        raise BadOrder(f"there is no command {name[:20]!r} here")
    return FORMS[name](text)


def _pressed(command: str) -> Callable[[str], Order]:
    def press(text: str) -> Order:
        if text != PRESS:
            raise BadOrder(f"a button's payload is {PRESS}")
        return Order(command, {})

    return press


def _mute(text: str) -> Order:
    match text:
        case "ON":
            return Order("mute", {})
        case "OFF":
            return Order("unmute", {})
    raise BadOrder("a switch's payload is ON or OFF")


def _volume(text: str) -> Order:
    try:
        percent = whole_number(json_of(text), 0, LOUDEST)
    except ValueError as error:
        raise BadOrder(f"a volume is a whole number from 0 to {LOUDEST}") from error
    return Order("volume", {"percent": percent})


def _say(text: str) -> Order:
    return Order("say", {"text": _words(text, SAY_CHARS)})


def _announce(text: str) -> Order:
    """A text, or a JSON object with it and more."""
    if not text.lstrip().startswith("{"):
        return Order("announce", {"text": _words(text, ANNOUNCE_CHARS)})
    try:
        table = json_of(text)
    except ValueError as error:
        raise BadOrder("an announcement is a text, or a JSON object") from error
    if not isinstance(table.get("text"), str) or not table.keys() <= {"text", *ANNOUNCE_OPTIONS}:
        raise BadOrder(f'an announcement has "text", and may have {", ".join(ANNOUNCE_OPTIONS)}')
    try:
        options = {name: ANNOUNCE_OPTIONS[name](value) for name, value in table.items() if name != "text"}
    except OutOfRange as error:
        raise BadOrder(f"an option of an announcement {error}") from error
    return Order("announce", {"text": _words(table["text"], ANNOUNCE_CHARS), **options})


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise OutOfRange("must be true or false")
    return value


def _text_of(most_chars: int) -> Callable[[object], str]:
    """Which words are known, the speaker says."""

    def checked(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= most_chars or not value.isprintable():
            raise OutOfRange(f"must be a text of 1 to {most_chars} characters")
        return value

    return checked


ANNOUNCE_OPTIONS: dict[str, Callable[[object], Any]] = {
    "volume": lambda value: whole_number(value, 0, LOUDEST),
    "chime": _flag,
    "priority": _text_of(WORD_CHARS),
    "expires_s": lambda value: number(value, 1.0, LONGEST_WAIT_S),
    "id": _text_of(ID_CHARS),
}


def _words(text: str, most_chars: int) -> str:
    words = plain_text(text).strip()
    if not words or len(words) > most_chars:
        raise BadOrder(f"a text has 1 to {most_chars} characters")
    return words


FORMS: dict[str, Callable[[str], Order]] = {
    "talk": _pressed("talk"),
    "stop": _pressed("stop"),
    "silence": _pressed("stop"),  # what rings is silenced by it, and nothing is opened
    "mute": _mute,
    "volume": _volume,
    "say": _say,
    "announce": _announce,
}
"""By the last level of the topic: what a payload asks."""
