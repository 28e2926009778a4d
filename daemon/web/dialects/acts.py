"""What a dialect wants done, and what every dialect can be asked. Pure.

A dialect knows one client's messages and nothing of sockets and clocks: each call brings the time.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemon.outside import json_of
from daemon.web.talk.news import News, TalkWishes

MAX_TEXT_CHARS = 4_000
"""Longest turn in writing; policy: refuse it."""

MAX_BAD = 10
BAD_WITHIN_S = 60.0
"""So many messages of which nothing can be made, within this time, end the connection."""

POLICY_CODE = 1008
"""RFC 6455 §7.4.1: what was sent breaks the rules."""

ONE_OBJECT = "a message is one JSON object"
INVALID_AUDIO = "Invalid base64 audio payload"
"""In the words of ai-proxy-core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginTalk:
    """The session is to be set up like this; `take_over` ends the one that this device has elsewhere."""

    wishes: TalkWishes
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Rewish:
    """Voice, instruction or modality are to be others from now on."""

    wishes: TalkWishes


@dataclass(frozen=True, slots=True)
class HearBytes:
    """Bytes of what the microphone heard, in any form; what the client calls them is a hint."""

    data: bytes
    mime_type: str = ""


@dataclass(frozen=True, slots=True)
class SpeechOver:
    """What was said is whole."""


@dataclass(frozen=True, slots=True)
class WriteText:
    """A turn in writing."""

    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """The user begins to speak, and says so."""


@dataclass(frozen=True, slots=True)
class StopReply:
    """Be quiet."""


@dataclass(frozen=True, slots=True)
class ShowPicture:
    """A JPEG of what the camera sees."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this to the client: text or bytes."""

    message: str | bytes


@dataclass(frozen=True, slots=True)
class Leave:
    """Close the client's connection."""

    code: int = 1000
    reason: str = ""


Act = BeginTalk | Rewish | HearBytes | SpeechOver | WriteText | Press | StopReply | ShowPicture | Tell | Leave


class Dialect(Protocol):
    """One client's way to talk."""

    name: str
    """As it is counted."""

    @property
    def takes_sound(self) -> bool:
        """Whether more of the reply's sound may be told."""
        ...

    @property
    def next_due_s(self) -> float | None:
        """When `due` has something to do; None: only other calls can bring it."""
        ...

    def opened(self, now_s: float) -> list[Act]:
        """The client is there."""
        ...

    def take(self, message: str | bytes, now_s: float) -> list[Act]:
        """The client says this."""
        ...

    def tell(self, told: News, now_s: float) -> list[Act]:
        """This happened in the talk."""
        ...

    def fault(self, sentence: str, now_s: float) -> list[Act]:
        """Something of what the client sent cannot be used, for this reason."""
        ...

    def due(self, now_s: float) -> list[Act]:
        """Time has passed."""
        ...


class NotTaken(ValueError):
    """A message that cannot be taken; the text is for the client."""


@dataclass(slots=True)
class BadMessages:
    """Counts messages that cannot be taken, for a client that sends nothing else is closed."""

    _at_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_BAD))

    def answered(self, told: Tell, now_s: float) -> list[Act]:
        """Count one more, which is answered so."""
        self._at_s.append(now_s)
        if len(self._at_s) < MAX_BAD or now_s - self._at_s[0] > BAD_WITHIN_S:
            return [told]
        return [told, Leave(POLICY_CODE, "too many bad messages")]


def object_of(message: str) -> dict[str, Any]:
    """A message's JSON object. Raises NotTaken."""
    try:
        value = json_of(message)
    except ValueError as error:
        raise NotTaken(ONE_OBJECT) from error
    if not isinstance(value, dict):
        raise NotTaken(ONE_OBJECT)
    return value


def text_of(value: object) -> str:
    """What somebody wrote. Raises NotTaken."""
    if not isinstance(value, str) or not value.strip():
        raise NotTaken("the text is missing")
    if len(value) > MAX_TEXT_CHARS:
        raise NotTaken(f"the text has {len(value)} characters; at most {MAX_TEXT_CHARS} can be taken")
    return value


def bytes_of(value: object) -> bytes:
    """What base64 holds: also of the URL alphabet, without padding, with line breaks. Raises NotTaken."""
    if not isinstance(value, str) or not value:
        raise NotTaken(INVALID_AUDIO)
    compact = "".join(value.split()) if any(char.isspace() for char in value[:200]) else value
    plain = compact.rstrip("=").translate(_URL_ALPHABET)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotTaken(INVALID_AUDIO) from error


_URL_ALPHABET = str.maketrans("-_", "+/")


def kinds_known(kind: object, known: tuple[str, ...]) -> NotTaken:
    """The answer to a message of a kind that there is not."""
    named = f"there is no type {kind!r}" if isinstance(kind, str) and len(kind) <= 40 else "it has no type"
    return NotTaken(f"{named}; there are {', '.join(known)}")
