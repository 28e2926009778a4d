"""The moments at which something can go wrong, and what can: the words of a fault plan. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from daemon.standin.messages import KINDS, ODD


class When(StrEnum):
    """What a rule waits for. Those that end in a unit take a threshold: `audio_ms=500`."""

    CONNECT = "connect"
    """TCP has been accepted; TLS has not begun."""
    UPGRADE = "upgrade"
    """The HTTP request is there and not yet answered."""
    SETUP = "setup"
    """The set-up was accepted; `setupComplete` is next."""
    RESUME = "resume"
    """As `setup`, and the set-up resumes a session. Rules for `setup` come first."""
    ACTIVITY_START = "activity_start"
    """A turn was opened: by the client, or by the server's own detection."""
    AUDIO_MS = "audio_ms"
    """So much audio of the open turn has arrived."""
    ACTIVITY_END = "activity_end"
    """The turn was closed; the answer has not begun."""
    REPLY_START = "reply_start"
    """The server has thought; the first message of the answer is next."""
    TOOL_CALL = "tool_call"
    """The calls of a reply were sent; their answers are awaited."""
    REPLY_MS = "reply_ms"
    """So much audio of the reply has been sent."""
    TURN_COMPLETE = "turn_complete"
    """Play-out is estimated to be over; `turnComplete` is next."""
    IDLE_S = "idle_s"
    """Nothing was received and nothing answered for so long."""
    CONTENT = "content"
    """A call of `generateContent` was accepted; its answer is next."""
    CONTENT_PIECE = "content_piece"
    """A piece of such an answer is next, the first one included."""


WITH_THRESHOLD = frozenset({When.AUDIO_MS, When.REPLY_MS, When.IDLE_S})
_OUTSIDE = frozenset({When.CONNECT, When.UPGRADE, When.CONTENT, When.CONTENT_PIECE})
_IN_SESSION = frozenset(When) - _OUTSIDE
_IN_CONTENT = frozenset({When.CONTENT, When.CONTENT_PIECE})
_IN_REPLY = frozenset({When.REPLY_START, When.TOOL_CALL, When.REPLY_MS})


@dataclass(frozen=True, slots=True)
class Action:
    """Something that goes wrong. `at` says where it may stand."""

    at: ClassVar[frozenset[When]] = _IN_SESSION


@dataclass(frozen=True, slots=True)
class Refuse(Action):
    """Reset the TCP connection as soon as it is accepted."""

    at = frozenset({When.CONNECT})


@dataclass(frozen=True, slots=True)
class TlsFailure(Action):
    """Show a certificate that nobody trusts (`untrusted`) or one that has run out (`expired`).

    It is shown to the next TLS greeting, so that of two clients that connect at once the other may get it.
    """

    at = frozenset({When.CONNECT})
    kind: str = "untrusted"

    def __post_init__(self) -> None:
        _check_word("kind", self.kind, {"untrusted", "expired"})


@dataclass(frozen=True, slots=True)
class HttpStatus(Action):
    """Answer the upgrade, or a call of `generateContent`, with this status."""

    at = frozenset({When.UPGRADE, When.CONTENT})
    status: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class Close(Action):
    """Close with this code and reason."""

    code: int = 1011
    reason: str = "Internal error encountered."


@dataclass(frozen=True, slots=True)
class Reset(Action):
    """Reset the TCP connection (RST): no close frame."""

    at = _IN_SESSION | _IN_CONTENT


@dataclass(frozen=True, slots=True)
class StopReading(Action):
    """Read no more: what the client sends stays in its kernel, pings are not answered; replies go on."""


@dataclass(frozen=True, slots=True)
class StopAnswering(Action):
    """Say nothing more; go on listening and answering pings. At `setup`: it is never answered."""


@dataclass(frozen=True, slots=True)
class HalfOpen(Action):
    """Neither read nor speak, as if the path had died.

    `holds_session`: the service still believes in this connection, so that resuming its session is
    refused with 1011 while it lasts.
    """

    holds_session: bool = False


@dataclass(frozen=True, slots=True)
class SayGoAway(Action):
    """Announce the end: `time_left_s`, or None to leave it out. `after_s` later (default: at that time),
    `then` "close" with 1011 Deadline expired, be in "silence", or do "nothing".
    """

    time_left_s: float | None = 60.0
    then: str = "close"
    after_s: float | None = None

    def __post_init__(self) -> None:
        _check_word("then", self.then, {"close", "silence", "nothing"})


@dataclass(frozen=True, slots=True)
class Stall(Action):
    """Do nothing for so long: a reply halts, elsewhere the reading; outside a session a minute at most."""

    at = _IN_SESSION | _IN_CONTENT | {When.UPGRADE}
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Send(Action):
    """Send one of `messages.ODD`: unknown, error, not_json, huge, interrupted, turn_complete, …"""

    what: str

    def __post_init__(self) -> None:
        _check_word("what", self.what, ODD)


@dataclass(frozen=True, slots=True)
class Withhold(Action):
    """Leave out the next message of this kind: setup_complete, generation_complete, turn_complete, …"""

    what: str

    def __post_init__(self) -> None:
        _check_word("what", self.what, KINDS)


@dataclass(frozen=True, slots=True)
class InterruptedWithAudio(Action):
    """Cut the reply by one message that holds `interrupted` and audio; then `turnComplete`."""

    at = _IN_REPLY


@dataclass(frozen=True, slots=True)
class Speak(Action):
    """Answer this turn, or speak this text, with another voice: a name of `voices.VOICES` or a WAV file."""

    at = frozenset({When.REPLY_START, When.CONTENT})
    voice: str = "silence"


@dataclass(frozen=True, slots=True)
class Reject(Action):
    """End this turn without audio, with a `turnCompleteReason`; of content: with a `finishReason`."""

    at = frozenset({When.REPLY_START, When.CONTENT})
    reason: str = "RESPONSE_REJECTED"


@dataclass(frozen=True, slots=True)
class CallTool(Action):
    """Ask for a function before this turn's reply; several in one turn are asked for at once.

    The reply waits for their answers, unless a function was declared as NON_BLOCKING: then it does not, and
    another reply follows the answer, as its scheduling says. Of content: it is all of the answer.
    """

    at = frozenset({When.REPLY_START, When.CONTENT})
    name: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Think(Action):
    """Send a thought before the sound: a text part that is marked as one, as with `includeThoughts`."""

    at = frozenset({When.REPLY_START})
    text: str = "The user wants an answer."


@dataclass(frozen=True, slots=True)
class Write(Action):
    """Send a text part beside the sound. Of content: it is the answer."""

    at = frozenset({When.REPLY_START, When.CONTENT})
    text: str = "Here is the answer."


@dataclass(frozen=True, slots=True)
class Ground(Action):
    """Say with the end of the generation where the answer comes from (`groundingMetadata`)."""

    at = frozenset({When.REPLY_START})
    query: str = "weather today"
    uri: str = "https://example.com/weather"
    title: str = "Weather"


@dataclass(frozen=True, slots=True)
class WorkAWhile(Action):
    """Say a filler, work for `seconds` (`interactionStatus: IN_PROGRESS`), then answer (`IDLE`).

    The status comes with `turnComplete`, as the SDK documents it, or alone. `generation_complete`: the filler
    ends with it.
    """

    at = frozenset({When.REPLY_START})
    seconds: float = 10.0
    filler_s: float = 0.8
    generation_complete: bool = True
    turn_complete: bool = True


@dataclass(frozen=True, slots=True)
class CancelTools(Action):
    """Cancel the calls that were not answered; the reply goes on without them."""

    at = frozenset({When.TOOL_CALL})


@dataclass(frozen=True, slots=True)
class NeverAnswer(Action):
    """The session goes on hearing (transcripts come) and answers no turn, on no later connection either."""


def _check_word(name: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        raise ValueError(f"{name} cannot be {word!r}; there are {', '.join(sorted(known))}")


Actions = tuple[Action, ...]

ACTIONS: dict[str, type[Action]] = {
    "refuse": Refuse,
    "tls_failure": TlsFailure,
    "http_status": HttpStatus,
    "close": Close,
    "reset": Reset,
    "stop_reading": StopReading,
    "stop_answering": StopAnswering,
    "half_open": HalfOpen,
    "go_away": SayGoAway,
    "stall": Stall,
    "send": Send,
    "withhold": Withhold,
    "interrupted_with_audio": InterruptedWithAudio,
    "speak": Speak,
    "reject": Reject,
    "call_tool": CallTool,
    "think": Think,
    "write": Write,
    "ground": Ground,
    "work": WorkAWhile,
    "cancel_tools": CancelTools,
    "never_answer": NeverAnswer,
}
"""The actions by the names that they have in TOML; their fields are the parameters."""

DEADLINE = Close(1011, "Deadline expired before operation could complete.")
QUOTA = Close(1011, "You exceeded your current quota, please check your plan and billing details.")
LEAKED_KEY = Close(1008, "Your API key was reported as leaked. Please use another API key.")
POISONED_HANDLE = Close(1007, "Request contains an invalid argument.")

PRESETS: dict[str, Actions] = {
    "deadline": (DEADLINE,),
    "quota": (QUOTA,),
    "leaked_key": (LEAKED_KEY,),
    "poisoned_handle": (POISONED_HANDLE,),
    "wrong_setup_answer": (Send("unknown"), Withhold("setup_complete")),
    "no_audio": (Speak("none"),),
    "near_silence": (Speak("silence"),),
    "turn_complete_twice": (Send("turn_complete"),),
    "turn_complete_missing": (Withhold("turn_complete"),),
}
"""Faults that have been seen in the field, by name."""
