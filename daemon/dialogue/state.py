"""What the dialogue knows, and the policy it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from daemon.words import Phase


class TurnTaking(Enum):
    """Who finds the turns: `live.turn_taking`, whose words these are."""

    DEVICE = "device"
    SERVER = "server"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration decides, and the day's budget. Durations in seconds."""

    turn_taking: TurnTaking = TurnTaking.DEVICE
    turns_left: bool = True
    """False while the day's budget is used up: the turn under way is finished, and no other begins."""
    voice_trigger: bool = False
    barge_in: bool = False
    wake_earcon: bool = True
    """Whether a wake word is answered with a tone."""
    follow_up_s: float = 6.0
    no_speech_s: float = 5.0
    max_utterance_s: float = 60.0
    answer_timeout_s: float = 15.0
    unusual_s: float = 3.0
    """An answer that takes so long is unusual, and is asked for on a second connection, too. The controller
    puts what it has learned in the place of this, which is twice what was measured of native audio models."""
    least_unusual_s: float = 1.5
    """No answer is missed sooner, however fast the model is: a busy service and a retransmission or two (RFC
    6298) take that."""
    stall_timeout_s: float = 6.0
    """A reply that runs dry and does not go on within this has lost its end."""
    end_timeout_s: float = 2.0
    """A reply that was sent whole has ended, if its `turnComplete` does not come within this."""
    ask_to_go_on: bool = False
    """After a reply lost its end, ask the next session to go on."""
    hold_utterance_s: float = 60.0
    """How long an utterance waits for a connection before the user is told."""
    max_eager_ends: int = 3
    """After so many pauses that might have been the end, only the full silence ends this utterance."""
    max_resends: int = 5
    """An utterance that every connection dies of is given up after this many."""

    @property
    def by_server(self) -> bool:
        """Whether the server takes turns."""
        return self.turn_taking is TurnTaking.SERVER

    @property
    def window_s(self) -> float:
        """How long it is listened after a turn; with the budget used up not at all."""
        return self.follow_up_s if self.turns_left else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyState:
    """What is known of the reply that plays. Each reply begins with a new one."""

    over: bool = False
    """The server has nothing more to send in this turn."""
    whole: bool = False
    """All of the reply has been sent, though the turn has not ended."""
    dry: bool = False
    """All that has come was heard, and the server has not ended it."""
    short: bool = False
    """The reply was cut by the network: its end is missing."""
    bad: bool = False
    """The service ended the reply with a reason that is a failure."""
    paused: bool = False
    """Server turn-taking without barge-in: nothing is streamed while the reply plays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EagerEnd:
    """The utterance was closed at a pause, and its user may still go on. Ends with the pause."""

    sent: bool = False
    """All of it has left the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnState:
    """What ends with the turn; with server turn-taking a turn is the whole open conversation."""

    number: int = 0
    """Of the newest turn; each utterance or text opens a new one."""
    talk: Talk = Talk.ENDPOINTED
    """Known of the last turn too."""
    released: bool = False
    """Whether the open utterance may leave the device (somebody spoke, or holds the button)."""
    eager: EagerEnd | None = None
    """While it is not sure that the utterance is over: nothing of an answer is heard, and nothing done."""
    eager_ends: int = 0
    """How often the utterance was closed at a pause."""
    text: str = ""
    """The text of the turn, if it is one in writing."""
    resent: int = 0
    """How often this turn had to be sent again."""
    retried: bool = False
    """This turn's question was already asked again on a fresh session, since no answer came."""
    second: bool = False
    """Beside the present connection a second one is, or was, to be asked, too."""
    unanswered: bool = False
    """Server turn-taking: somebody spoke, and no reply has begun since."""
    heard_reply: bool = False
    """The turn has brought a reply."""
    ended: bool = False
    """The server ended its turn while tools ran: what it says of them is another one."""
    late: bool = False
    """The reply tells of a tool after its turn was over."""
    closing: bool = False
    """The conversation ends with this reply, without a follow-up."""
    reply: ReplyState = ReplyState()

    def replying(self, *, paused: bool = False) -> TurnState:
        """The same turn at the beginning of a reply."""
        return replace(self, reply=ReplyState(paused=paused), unanswered=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MicState:
    """Whether somebody can be heard, and is."""

    ok: bool = True
    muted: bool = False
    voice_active: bool = False

    @property
    def can_hear(self) -> bool:
        """Whether a microphone is there and not muted."""
        return self.ok and not self.muted


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """What the dialogue knows of the connection."""

    online: bool = False
    trouble: bool = False
    """It was lost, or cannot be had, and has not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """The whole state of the conversation, by what ends when: a new value is the reset."""

    phase: Phase = Phase.IDLE
    turn: TurnState = TurnState()
    mic: MicState = MicState()
    link: LinkState = LinkState()
    tools_busy: bool = False
    """Tools run, or the server does work that it has announced: what is missing will come after it, perhaps
    after the turn."""
    failures_in_row: int = 0
    """Turns without a good answer since the last good one."""

    @property
    def mic_streaming(self) -> bool:
        """Whether microphone audio can leave the device in this state: the listening light."""
        if self.phase in (Phase.LISTENING, Phase.SENDING):
            return True
        streams = self.turn.talk is Talk.STREAM and not self.turn.reply.paused
        return self.phase is Phase.SPEAKING and streams

    def to(self, phase: Phase) -> Dialogue:
        """The same state in another phase."""
        return replace(self, phase=phase)

    def rested(self) -> Dialogue:
        """The same state with nothing under way."""
        return replace(self, turn=TurnState(number=self.turn.number, talk=self.turn.talk))

    def with_reply(self, reply: ReplyState) -> Dialogue:
        """The same state, with this known of the reply."""
        return replace(self, turn=replace(self.turn, reply=reply))

    def hearing(self, *, voice: bool) -> Dialogue:
        """The same state while somebody speaks, or nobody does."""
        return replace(self, mic=replace(self.mic, voice_active=voice))

    def without_mic(self) -> Dialogue:
        """The same state after the microphone failed."""
        return replace(self, mic=replace(self.mic, ok=False, voice_active=False))
