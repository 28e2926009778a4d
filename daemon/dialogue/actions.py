"""What the dialogue may tell the conductor to do. Each is done at once; none of it waits."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.events import Timer, Trigger
from daemon.words import Earcon, Outcome


@dataclass(frozen=True, slots=True)
class OpenUtterance:
    """Begin an utterance. `onset_byte` is where speech began; None: at this moment.

    One before it that was not cancelled was not answered, and goes with it.
    """

    turn: int
    trigger: Trigger
    onset_byte: int | None
    stream: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseUtterance:
    """The open utterance may be sent now, all of it from its pre-roll on."""

    turn: int


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """The utterance ends here; what is left of it is still sent."""

    turn: int


@dataclass(frozen=True, slots=True)
class CloseEagerly:
    """The utterance ends here, unless its user goes on: what is answered is withheld until that is sure."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReopenUtterance:
    """Its user goes on: forget what was answered to the first part, and send all of it as one utterance."""

    turn: int


@dataclass(frozen=True, slots=True)
class ConfirmEnd:
    """The end was one: what is answered may be heard and done."""

    turn: int


@dataclass(frozen=True, slots=True)
class CancelUtterance:
    """Forget the utterance: nothing more of it is sent, and it is not answered."""

    turn: int


@dataclass(frozen=True, slots=True)
class PauseUplink:
    """Stop streaming while the reply plays (server turn-taking)."""


@dataclass(frozen=True, slots=True)
class ResumeUplink:
    """Stream again from this moment on (server turn-taking)."""


@dataclass(frozen=True, slots=True)
class SendText:
    """Send a turn in writing."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class FinishReply:
    """Nothing more comes: tell when what is there has been heard."""


@dataclass(frozen=True, slots=True)
class CutReply:
    """Silence now: drop the reply wherever it is. `by_server`: it is cut there already, and what its tools
    bring may still be told."""

    by_server: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """Sound an earcon."""

    earcon: Earcon


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Arm a timer, replacing it if it runs."""

    timer: Timer
    after_s: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Disarm a timer; harmless if it does not run."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class MicWanted:
    """Open the capture stream, or close it (mute)."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class RenewLink:
    """The session looks alive and is of no use: begin another one. `why` is for the counters."""

    why: str
    keep_handle: bool


@dataclass(frozen=True, slots=True)
class OpenSecond:
    """The answer takes longer than is usual: have a second connection, and keep the first."""

    turn: int


@dataclass(frozen=True, slots=True)
class AskSecond:
    """Send what was said on the second connection, too: whichever answers first is heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class RefuseTurn:
    """The day's budget is used up: no turn begins. Tell whoever asked for one."""

    trigger: Trigger


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The turn has ended; for the ledger."""

    turn: int
    outcome: Outcome


Action = (
    OpenUtterance
    | ReleaseUtterance
    | CloseUtterance
    | CloseEagerly
    | ReopenUtterance
    | ConfirmEnd
    | CancelUtterance
    | PauseUplink
    | ResumeUplink
    | SendText
    | FinishReply
    | CutReply
    | Play
    | StartTimer
    | StopTimer
    | MicWanted
    | RenewLink
    | OpenSecond
    | AskSecond
    | RefuseTurn
    | TurnOver
)
