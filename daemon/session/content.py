"""What is said to the service by plain HTTP, and what it answers, free of the vendor's types. Pure.

It is the way where WebSockets do not pass, and the way to speech for a text that is known word for word.
`gemini/content.py` carries it out. A conversation is a sequence of `Contribution`, oldest first: who goes on
with one appends what the model gave, as it came, and then what the user or the tools say to it. A call and
its result belong together: the service refuses a conversation where one of them is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daemon.errors import ConureError
from daemon.server_events import TurnComplete, Usage


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance: 16 kHz mono s16, at least one sample."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Words:
    """A text, or a piece of one. `signature` is the model's own: it is handed back with the words."""

    text: str
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The model asks for a function. `signature` is handed back with the call, or the service refuses it."""

    call_id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What a function gave."""

    call_id: str
    name: str
    response: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one side said in one go. Of the model: words and calls; of the user: all but calls."""

    by_model: bool
    parts: tuple[Spoken | Words | FunctionCall | FunctionResult, ...]


AnswerPart = Words | FunctionCall | Usage | TurnComplete
"""Of an answer, in order; the last one is `TurnComplete`, whose reason is empty where it ended well."""


class NotSpoken(ConureError):
    """The service was reached and does not speak this text; the message says why. Trying again may help."""
