"""What the dialogue knows, and the policy it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from daemon.words import Phase


class Talk(Enum):
    """How the open utterance will end."""

    UNDECIDED = "undecided"
    """The button is down and it is not known yet whether this is a tap or a hold."""
    ENDPOINTED = "endpointed"
    """After a tap or a voice: by silence."""
    HELD = "held"
    """By letting go of the button."""
    STREAM = "stream"
    """Not at all: the server finds the turns in an open stream."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration decides. Durations in seconds."""

    streaming: bool = False
    """True where the server takes turns (`turn_taking = "server"`)."""
    voice_trigger: bool = False
    barge_in: bool = False
    wake_earcon: bool = True
    """Whether a wake word is answered with a tone."""
    follow_up_s: float = 6.0
    no_speech_s: float = 5.0
    max_utterance_s: float = 60.0
    answer_timeout_s: float = 15.0
    stall_timeout_s: float = 6.0
    """A reply that runs dry and does not go on within this has lost its end."""
    end_timeout_s: float = 2.0
    """A reply that was sent whole has ended, if its `turnComplete` does not come within this."""
    ask_to_go_on: bool = False
    """After a reply lost its end, ask the next session to go on."""
    hold_utterance_s: float = 60.0
    """How long an utterance waits for a connection before the user is told."""
    max_resends: int = 5
    """An utterance that every connection dies of is given up after this many."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The whole state of the conversation."""

    phase: Phase = Phase.IDLE
    turn: int = 0
    """Number of the newest turn; each utterance or text opens a new one."""
    talk: Talk = Talk.ENDPOINTED
    released: bool = False
    """Whether the open utterance may leave the device (somebody spoke, or holds the button)."""
    resent: int = 0
    """How often this turn had to be sent again."""
    text: str = ""
    """The text of the turn, if it is one in writing."""
    paused: bool = False
    """Server turn-taking without barge-in: nothing is streamed while the reply plays."""
    reply_over: bool = False
    """The server has nothing more to send in this turn."""
    reply_whole: bool = False
    """All of the reply has been sent, though the turn has not ended."""
    reply_short: bool = False
    """The reply was cut by the network: its end is missing."""
    reply_bad: bool = False
    """The service ended the reply with a reason that is a failure."""
    retried: bool = False
    """This turn's question was already asked again on a fresh session, since no answer came."""
    failures_in_row: int = 0
    """Turns without a good answer since the last good one."""
    heard_reply: bool = False
    """The turn, or with server turn-taking the open conversation, has brought a reply."""
    unanswered: bool = False
    """Server turn-taking: somebody spoke, and no reply has begun since."""
    tools_busy: bool = False
    """Tools run for this turn: the model waits for them, or will be told of them."""
    turn_ended: bool = False
    """The server ended its turn while tools ran: what it says of them is another one."""
    late: bool = False
    """The reply tells of a tool after its turn was over."""
    closing: bool = False
    """The conversation ends with this reply, without a follow-up."""
    voice_active: bool = False
    muted: bool = False
    mic_ok: bool = True
    online: bool = False
    trouble: bool = False
    """The connection was lost, or cannot be had, and has not come back."""

    @property
    def mic_streaming(self) -> bool:
        """Whether microphone audio can leave the device in this state: the listening light."""
        if self.phase in (Phase.LISTENING, Phase.SENDING):
            return True
        return self.phase is Phase.SPEAKING and self.talk is Talk.STREAM and not self.paused

    @property
    def can_hear(self) -> bool:
        """Whether a microphone is there and not muted."""
        return self.mic_ok and not self.muted

    def rested(self) -> Dialogue:
        """The same state with nothing under way."""
        return replace(
            self,
            released=False,
            text="",
            paused=False,
            reply_over=False,
            reply_whole=False,
            reply_short=False,
            reply_bad=False,
            retried=False,
            unanswered=False,
            turn_ended=False,
            late=False,
            closing=False,
        )

    def replying(self) -> Dialogue:
        """The same state at the beginning of a reply."""
        return replace(
            self,
            phase=Phase.SPEAKING,
            reply_over=False,
            reply_whole=False,
            reply_short=False,
            reply_bad=False,
            unanswered=False,
        )

    def to(self, phase: Phase) -> Dialogue:
        """The same state in another phase."""
        return replace(self, phase=phase)
