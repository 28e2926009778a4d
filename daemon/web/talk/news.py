"""What a talk tells its client's dialect, and what it can be asked for, as small frozen values. Pure.

`turn` counts the exchanges of a talk from 1; a reply that was cut is told by its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TalkPhase(StrEnum):
    """What the talk does, in words for a page."""

    CONNECTING = "connecting"
    READY = "ready"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkWishes:
    """What a client may choose of its session. Empty: as in the settings."""

    voice: str = ""
    instruction: str = ""
    temperature: float | None = None
    max_output_tokens: int = 0
    manual: bool = False
    """The client says where an utterance begins and ends; else the service finds out."""
    text_only: bool = False
    """No sound is wanted: it is counted and dropped."""
    upload: bool = False
    """One utterance that comes faster than it was spoken, and may be minutes long."""
    connect_s: float = 12.0
    """So long at most until the session stands, before the client is told that it does not."""
    device: str = ""
    """What the user speaks with, in words for the model; empty: nothing is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What went wrong, in a sentence, and what helps. `code` is a word for programs."""

    code: str
    sentence: str
    remedy: str = ""
    retry_after_s: float | None = None
    expected: bool = False
    """It is how talks end, and no fault."""
    close_code: int = 1011
    """With what the client's connection ends (RFC 6455 §7.4.1, and 1013 of the IANA registry)."""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class TalkReady:
    """The session is set up."""


@dataclass(frozen=True, slots=True)
class PhaseShown:
    """The talk does something else from now on."""

    phase: TalkPhase


@dataclass(frozen=True, slots=True)
class ReplySound:
    """A piece of the reply: 24 kHz mono s16."""

    turn: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """A piece of what `who` (user or model) has said."""

    turn: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyWhole:
    """All of the reply was sent; the service may still wait until it thinks that it was heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyWasCut:
    """The reply is void from here on: the user spoke over it, or stopped it."""

    turn: int


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The exchange is over. `reason` is empty, or why it was cut short."""

    turn: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """The model uses a tool."""

    name: str


@dataclass(frozen=True, slots=True)
class PictureTaken:
    """A picture went to the service."""


@dataclass(frozen=True, slots=True)
class TalkNotice:
    """Something that the user should know, while the talk goes on."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """The talk is over. `trouble` None: as it was meant to be."""

    reason: str
    trouble: Trouble | None = None


News = (
    TalkReady | PhaseShown | ReplySound | WordsHeard | ReplyWhole | ReplyWasCut | TurnDone | ToolUsed
    | PictureTaken | TalkNotice | TalkEnded
)  # fmt: skip
