"""Everything that happens, as small frozen values.

Three kinds. *Server events* (`server_events.py`) are what one message of the Live service says. *Dialogue
events* are what the turn's state table (`dialogue/`) takes: `conductor/reply_gate.py` turns the first into
the second. The rest tells the conductor of button, timers, tools and speaker, and of what is to be counted or
shown. All of them travel in one queue to one consumer, on the event loop.

Times are `time.monotonic()` seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from daemon.server_events import ServerEvent
from daemon.words import Trigger as Trigger

# --- to the dialogue -------------------------------------------------------------------------------


class Timer(Enum):
    """The dialogue's own timers; each is armed at most once at a time."""

    NO_SPEECH = "no_speech"
    MAX_UTTERANCE = "max_utterance"
    ANSWER = "answer"
    FOLLOW_UP = "follow_up"
    STALL = "stall"
    UNUSUAL = "unusual"
    """An answer has been waited for longer than is usual."""


@dataclass(frozen=True, slots=True)
class TalkPressed:
    """The user asks to talk, before it is known whether this is a tap or a hold."""

    trigger: Trigger = Trigger.BUTTON
    heard_at_byte: int | None = field(default=None, compare=False)
    """Of a wake word: where it ended in the capture ring; None: now."""
    score_db: float = field(default=0.0, compare=False)
    """Of a wake word: by how much it was louder than the noise floor."""
    agreed: bool = field(default=False, compare=False)
    """Of a wake word: other speakers have been asked whether they answer it."""


@dataclass(frozen=True, slots=True)
class TalkTapped:
    """The press was a tap: the end of the utterance is found by endpointing."""


@dataclass(frozen=True, slots=True)
class TalkHeld:
    """The press is a hold: the utterance lasts until it is released."""


@dataclass(frozen=True, slots=True)
class TalkReleased:
    """The hold has ended."""


@dataclass(frozen=True, slots=True)
class TalkWithdrawn:
    """The press was the first half of another gesture: forget what it opened."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Be quiet and go idle."""


@dataclass(frozen=True, slots=True)
class MuteSet:
    """The microphone is to be closed, or opened again."""

    muted: bool


@dataclass(frozen=True, slots=True)
class TextAsked:
    """A turn in writing."""

    text: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak; `onset_byte` is the place in the uplink ring where it began."""

    onset_byte: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The silence after speech has lasted for `vad.eager_ms`: perhaps it is over."""


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """After `SpeechPaused`, and before `SpeechEnded`, the speech has gone on."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The speech is over: the silence after it has lasted."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """One of the dialogue's timers ran out."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class UtteranceSent:
    """The last of the utterance has left: the other end has acknowledged it."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The first audio of a reply is in the reply ring."""


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The server has nothing more to say in this turn. `reason` as in `TurnComplete`."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReplyInterrupted:
    """The server cut the reply, because it heard the user."""


@dataclass(frozen=True, slots=True)
class PlaybackDrained:
    """All of the reply to this turn has been heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyRanDry:
    """All of the reply to this turn that has come was heard, and the server has not ended it.

    `all_here`: it said that it has sent everything, and only the end of the turn is missing.
    """

    turn: int
    all_here: bool


@dataclass(frozen=True, slots=True)
class ReplyIsWhole:
    """The server has sent all of the reply; the end of its turn is still to come."""


@dataclass(frozen=True, slots=True)
class ReplyWentOn:
    """After it ran dry, more of the reply has come."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The connection is set up."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """There is no connection now. `trouble`: because something failed, and not by our own will."""

    trouble: bool = True


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The service will not have us; trying again cannot help until somebody acts."""

    quota: bool = False


@dataclass(frozen=True, slots=True)
class SecondUp:
    """A second connection is there, and may be asked what the first has not answered."""

    turn: int


@dataclass(frozen=True, slots=True)
class SecondLost:
    """There is no second connection any more, and it has not answered."""

    turn: int


@dataclass(frozen=True, slots=True)
class SecondAnswers:
    """The second connection answers the turn, which it was asked at `asked_s`: it has taken the first one's
    place.
    """

    turn: int
    asked_s: float


@dataclass(frozen=True, slots=True)
class ToolsBusy:
    """The turn under way waits for tools or for work that the server has announced, or waits no more.

    `reply_due`: the model will speak of the tools' answers.
    """

    busy: bool
    reply_due: bool = False


@dataclass(frozen=True, slots=True)
class EndAsked:
    """The conversation is to end with the reply that is under way: no follow-up."""


@dataclass(frozen=True, slots=True)
class MicLost:
    """The microphone failed; it is being tried again."""


@dataclass(frozen=True, slots=True)
class MicBack:
    """The microphone delivers again."""


DialogueEvent = (
    TalkPressed | TalkTapped | TalkHeld | TalkReleased | TalkWithdrawn | StopAsked | MuteSet | TextAsked
    | SpeechStarted | SpeechPaused | SpeechResumed | SpeechEnded | TimerFired | UtteranceSent
    | ReplyStarted | ReplyEnded | ReplyInterrupted | PlaybackDrained | ReplyIsWhole | ReplyRanDry
    | ReplyWentOn | LinkUp | LinkLost | LinkRefused | SecondUp | SecondLost | SecondAnswers
    | ToolsBusy | EndAsked | MicLost | MicBack
)  # fmt: skip

# --- to the conductor ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ButtonEdge:
    """The button went down or up; `at_s` is when, on the monotonic clock."""

    pressed: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class GestureDue:
    """A press may have lasted long enough to be something else."""


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer has run out. It may have been stopped since: ask `Timers.take`."""

    timer: Timer
    serial: int


@dataclass(frozen=True, slots=True)
class ToolsChanged:
    """`busy` or `open` may have changed."""


@dataclass(frozen=True, slots=True)
class UtteranceGiven:
    """The last of the utterance was given to the connection: from now on an answer may come."""

    turn: int


@dataclass(frozen=True, slots=True)
class MicSilent:
    """The microphone delivers, and for long nothing but zeros. `ever_heard`: it was not always so."""

    ever_heard: bool


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The first sample of the reply to `turn` was given to the device, to be heard at `heard_at_s`."""

    turn: int
    heard_at_s: float


@dataclass(frozen=True, slots=True)
class SpeakerLost:
    """The speaker failed; it is being tried again."""


@dataclass(frozen=True, slots=True)
class SpeakerBack:
    """The speaker plays again."""


@dataclass(frozen=True, slots=True)
class PieceSent:
    """A piece of the utterance of `turn` was given to the connection."""

    turn: int
    size_bytes: int
    at_s: float


@dataclass(frozen=True, slots=True)
class PictureChanged:
    """A picture that the model asked for waits for the lights, or has left."""

    waits: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The connection is in another phase: what is shown of it is to be drawn again."""


@dataclass(frozen=True, slots=True)
class OtherTools:
    """An MCP server has brought other tools than the model was told of."""


@dataclass(frozen=True, slots=True)
class VolumeSet:
    """The user has set the loudness, to this share of all."""

    share: float


@dataclass(frozen=True, slots=True)
class RemindersChanged:
    """Something rings, or was missed, or does so no more."""


@dataclass(frozen=True, slots=True)
class AnnouncementsChanged:
    """An announcement is heard, or is heard no more."""


@dataclass(frozen=True, slots=True)
class PairingChanged:
    """A browser asks to be let in by a press, or does so no more."""


Event = (
    DialogueEvent | ServerEvent | UtteranceGiven | ButtonEdge | GestureDue | TimerDue | ToolsChanged
    | PlaybackStarted | MicSilent | SpeakerLost | SpeakerBack | PieceSent | LinkChanged | OtherTools
    | VolumeSet | RemindersChanged | AnnouncementsChanged | PairingChanged | PictureChanged
)  # fmt: skip
"""All that travels in the queue."""
