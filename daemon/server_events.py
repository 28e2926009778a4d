"""What one message of the Live service says, as small frozen values free of the vendor's types.

Audio is 16-bit mono PCM at 24 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """A piece of the model's speech."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one side said, piece by piece; no order is promised against the audio."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class GenerationComplete:
    """All of the reply has been sent; `TurnComplete` follows when the server thinks it was heard."""


@dataclass(frozen=True, slots=True)
class WorkAnnounced:
    """The server still works on the turn: more of it may follow, perhaps after a long pause."""


@dataclass(frozen=True, slots=True)
class ServerInterrupted:
    """The model's turn was cut on the server; its `TurnComplete` follows, its audio is void."""


@dataclass(frozen=True, slots=True)
class TurnComplete:
    """The model's turn is over. `reason` is empty, or the service's word for why it was cut short."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class GoAway:
    """The server will close the connection; `time_left_s` is None where it did not say when."""

    time_left_s: float | None


@dataclass(frozen=True, slots=True)
class HandleUpdate:
    """A resumption handle; only a resumable one may be used."""

    handle: str
    resumable: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the service has counted for a turn."""

    prompt_tokens: int
    response_tokens: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a function."""

    call_id: str
    name: str
    arguments: dict[str, object]
    connection: int = 0
    """The number of the connection that it came on, the only one that may bring its answer."""


@dataclass(frozen=True, slots=True)
class ToolCallCancelled:
    """Calls that must not be answered any more."""

    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A message that this version does not know; the connection is still good."""

    what: str


ServerEvent = (
    ReplyAudio | Transcript | GenerationComplete | WorkAnnounced | ServerInterrupted | TurnComplete | GoAway
    | HandleUpdate | Usage | ToolCall | ToolCallCancelled | NotUnderstood
)  # fmt: skip
