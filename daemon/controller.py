"""The one consumer of events: asks the dialogue what follows, and does it. Event loop only.

For each event: the state table gives the next state and the actions; the lights are set first, so that the
listening light is on before audio may leave; then the actions are carried out, none of which waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import get_args

from daemon import dialogue as d
from daemon.announcer import Announcer
from daemon.button_input import ButtonEdge, ButtonInput, GestureDue
from daemon.capture import Capture
from daemon.connection import Connection
from daemon.dialogue import Action, Dialogue, Phase, Policy, Talk
from daemon.events import (
    DialogueEvent,
    GenerationComplete,
    LinkLost,
    LinkUp,
    MicLost,
    MicSilent,
    MuteSet,
    NotUnderstood,
    ReplyAudio,
    ReplyEnded,
    ReplyIsWhole,
    ReplyStarted,
    ReplyWentOn,
    ServerEvent,
    SpeechStarted,
    StopAsked,
    TalkPressed,
    TextAsked,
    Timer,
    TimerFired,
    ToolCall,
    ToolCallCancelled,
    ToolsBusy,
    Transcript,
    Trigger,
    Usage,
    UtteranceGiven,
)
from daemon.feed import Feed
from daemon.lamp import Lamp
from daemon.ledger import Ledger, Mark
from daemon.lights import Conditions
from daemon.loudness import Loudness
from daemon.mailbox import Mailbox
from daemon.messages import BUDGET_EARCON, Message, message_for
from daemon.playback import Playback, PlaybackStarted, SpeakerBack, SpeakerLost
from daemon.reminders.book import Kind
from daemon.reminders.service import Reminders
from daemon.replies import ReplyGate
from daemon.settings import ButtonSettings
from daemon.silence import REMEDY
from daemon.timers import TimerDue, Timers
from daemon.tools.host import ToolHost, ToolsChanged, no_tools
from daemon.uplink import Uplink
from daemon.usage import Accounts, Day
from daemon.words import Earcon, Outcome

log = logging.getLogger(__name__)

DIALOGUE_EVENTS = get_args(DialogueEvent)
SERVER_EVENTS = get_args(ServerEvent)


WHY_RENEWED = {
    "no_answer": "no answer came within live.answer_timeout_s",
    "stalled": "a reply stopped in its middle",
    "bad_replies": "several turns in a row brought no usable reply",
}
"""The output watchdogs, by the name under which they are counted."""

VOICE_REFUSAL_PAUSE_S = 600.0
"""After this long without a voice, one that the day's budget refuses is told so again: a television that
talks all evening is told once."""

BELL_HELD_S = 15.0
"""A bell waits for the end of what somebody says, and no longer than a long sentence takes."""

REMINDER_IS_DUE = "A reminder is due now. Tell it to the user in one short sentence: {}"
"""What the model is asked when a reminder has been silenced."""

NEAR_SILENCE = "NEAR_SILENCE"
"""Our own reason for a reply of full length that nobody could hear (gemini-live-api-examples #40)."""


Event = (
    DialogueEvent
    | ServerEvent
    | UtteranceGiven
    | ButtonEdge
    | GestureDue
    | TimerDue
    | ToolsChanged
    | PlaybackStarted
    | MicSilent
    | SpeakerLost
    | SpeakerBack
)


@dataclass(slots=True)
class Parts:
    """What the controller conducts; the composition root makes them."""

    mailbox: Mailbox[Event]
    capture: Capture
    playback: Playback
    uplink: Uplink
    connection: Connection
    lamp: Lamp
    ledger: Ledger
    feed: Feed
    accounts: Accounts = field(default_factory=Accounts)
    reminders: Reminders = field(default_factory=Reminders)
    tools: ToolHost = field(default_factory=no_tools)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the controller behaves, from the configuration."""

    policy: Policy
    button: ButtonSettings
    min_speech_ms: int
    barge_in_speech_ms: int
    earcons: bool
    log_transcripts: bool
    spoken: bool = True
    speak_reminders: bool = True
    echo_free: bool = True
    """Whether the microphone does not hear the speaker."""


class Controller:
    """Conducts the conversation."""

    def __init__(self, parts: Parts, manner: Manner, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._manner = manner
        self._clock = clock
        self.policy = manner.policy
        self.gate = ReplyGate(streaming=manner.policy.streaming)
        self._announcer = Announcer(parts.playback, clock, earcons=manner.earcons, spoken=manner.spoken)
        self._button = ButtonInput(manner.button, clock, parts.mailbox.post)
        self._timers = Timers(parts.mailbox.post)
        self.state = Dialogue()
        self.since_s = clock()
        self.speaker_ok = True
        self.tokens = {"prompt": 0, "response": 0}
        self.not_understood = 0
        self.watchdogs = dict.fromkeys(WHY_RENEWED, 0)
        self._loudness = Loudness()
        self.reply_bytes_refused = 0
        self.near_silent_replies = 0
        self.on_reply_audio: Callable[[bytes], None] = _ignore
        """Told of each piece of a reply that will be played: for rehearsals."""
        self._follow_up_until_s = 0.0
        self._voice_refused_s = -VOICE_REFUSAL_PAUSE_S

    async def run(self) -> None:
        """Handle events for ever. Ends only by cancellation or by a bug."""
        self.show()
        while True:
            self.handle(await self._parts.mailbox.get())

    def handle(self, event: Event) -> None:
        """Handle one event."""
        match event:
            case ButtonEdge(pressed=True) | TalkPressed(Trigger.COMMAND) if self._parts.reminders.ringing:
                self._silence_bell()
            case TalkPressed(Trigger.WAKE_WORD) if self.state.phase is Phase.LISTENING:
                pass  # a voice has begun the turn already; the word is part of what it says
            case ButtonEdge() | GestureDue():
                for meant in self._button.take(event, muted=self.state.muted):
                    self.advance(meant)
            case TimerDue(timer):
                if self._timers.take(event):
                    self.advance(TimerFired(timer))
            case UtteranceGiven(turn) if turn == self.state.turn:
                self._mark(turn, Mark.ALL_SENT, self._clock())
                self.gate.asked(self._clock())
            case PlaybackStarted(turn, heard_at_s):
                self._mark(turn, Mark.FIRST_SAMPLE, heard_at_s)
            case MicSilent(ever_heard):
                self._tell_silence(ever_heard=ever_heard)
            case SpeakerLost() | SpeakerBack():
                self.speaker_ok = isinstance(event, SpeakerBack)
                self.show()
            case _ if isinstance(event, SERVER_EVENTS):
                self._hear_server(event)
            case _ if isinstance(event, DIALOGUE_EVENTS):
                self.advance(event)
        self._follow_tools()

    # --- the dialogue

    def advance(self, event: DialogueEvent) -> None:
        """Let the state table decide, show it, and do what it says."""
        self._before(event)
        was = self.state
        state, actions = d.advance(was, event, self._policy_today())
        if state.turn != was.turn and self._parts.accounts.used_up():
            self._refuse_turn(event)
            return
        self.state = state
        if self.state.phase is not was.phase:
            self._note_phase(was.phase, event)
        self._tune_ears()
        self._hold_bell(was.phase)
        self.show()
        for action in actions:
            self._do(action)
        self._parts.capture.hungry = self._parts.uplink.hungry
        self._note_need()

    def _note_need(self) -> None:
        """The connection is needed for a turn, and for a call, which no other connection may answer."""
        resting = self.state.phase in (Phase.IDLE, Phase.FOLLOW_UP)
        self._parts.connection.set_busy(not resting or self._parts.tools.open)

    def _follow_tools(self) -> None:
        """Let the dialogue know when its tools begin, and when the last of them has answered."""
        tools = self._parts.tools
        if tools.busy is self.state.tools_busy:
            self._note_need()
            return
        reply_due = not tools.busy and tools.take_reply_due()
        if reply_due:
            self.gate.expect(self._clock())
        self.advance(ToolsBusy(tools.busy, reply_due))

    def _policy_today(self) -> Policy:
        """With the day's budget used up a turn is finished, and nothing follows of itself."""
        if self._parts.accounts.used_up():
            return replace(self.policy, follow_up_s=0.0, ask_to_go_on=False)
        return self.policy

    def _refuse_turn(self, event: DialogueEvent) -> None:
        """The day's budget is used up. A press still stops a reply; a voice may be a television's."""
        accounts = self._parts.accounts
        if accounts.refuse():
            log.warning("no new turn: the day's budget (table [usage]) is %s", accounts.budget_words())
        if isinstance(event, TalkPressed) and self.state.phase is Phase.SPEAKING:
            self.advance(StopAsked())
        now_s = self._clock()
        if not isinstance(event, SpeechStarted) or now_s >= self._voice_refused_s + VOICE_REFUSAL_PAUSE_S:
            self._play(BUDGET_EARCON, Message.BUDGET)
        if isinstance(event, SpeechStarted):
            self._voice_refused_s = now_s
        self.show()

    def _before(self, event: DialogueEvent) -> None:
        """What an event means outside the state table: marks, the reply's gate, who is told."""
        now_s = self._clock()
        match event:
            case ReplyStarted() if self._awaits_reply():
                self._reply_begins(now_s)
            case LinkUp():
                self.gate.reset()  # what was begun on the old connection cannot be answered on this one
                self._mark(self.state.turn, Mark.LINK_UP, now_s)
            case LinkLost():
                self.gate.reset()
            case StopAsked():
                self._parts.playback.hush()
                self._parts.reminders.silence()
            case TalkPressed() | TextAsked() | MuteSet():
                self._parts.playback.hush()
            case MicLost():
                log.warning("the microphone failed: %s", self._parts.capture.error)

    def _tell_silence(self, *, ever_heard: bool) -> None:
        """Aloud only where it cannot be a quiet room: see `daemon.silence`."""
        silent_s = self._parts.capture.silence.silent_s
        log.warning("the microphone has given nothing but zeros for %.0f s: %s", silent_s, REMEDY)
        self._parts.feed.tell("mic_silent", silent_s=silent_s)
        if not ever_heard:
            self._play(Earcon.NO_MIC)

    def _awaits_reply(self) -> bool:
        """Whether a reply that begins now belongs to the newest turn; at rest: one that tells of a tool."""
        return self.state.talk is Talk.STREAM or self.state.phase not in (Phase.LISTENING, Phase.SPEAKING)

    def _reply_begins(self, now_s: float) -> None:
        turn, parts = self.state.turn, self._parts
        self._loudness = Loudness()
        self._mark(turn, Mark.FIRST_REPLY, now_s)
        parts.playback.hush()  # the words would be false now, and the answer would wait
        parts.playback.begin(turn)
        if self.state.talk is Talk.STREAM:
            parts.uplink.note_answered(turn)
        else:
            parts.uplink.settle(turn)
        if not self.policy.barge_in:
            parts.capture.forget_speech = True

    def _note_phase(self, was: Phase, event: DialogueEvent) -> None:
        self.since_s = self._clock()
        cause = type(event).__name__
        log.info("%s -> %s (%s)", was.value, self.state.phase.value, cause, extra=self._log_fields())
        self._parts.feed.tell("state", state=self.state.phase.value, was=was.value, cause=cause)

    def _log_fields(self) -> dict[str, object]:
        return {"CONURE_STATE": self.state.phase.value, "CONURE_TURN": self.state.turn}

    def _tune_ears(self) -> None:
        """Speech must be longer to interrupt than to begin, and may be softer when it was announced."""
        over_reply = self.state.phase in (Phase.SENDING, Phase.THINKING, Phase.SPEAKING)
        capture = self._parts.capture
        capture.min_speech_ms = self._manner.barge_in_speech_ms if over_reply else self._manner.min_speech_ms
        capture.expected = self.state.phase is Phase.LISTENING

    # --- what rings

    def _silence_bell(self) -> None:
        """A press does no more than that; of a reminder its user wants to know what it says."""
        rang = self._parts.reminders.silence()
        texts = [one.name for one in rang if one.kind is Kind.REMINDER and one.name]
        link_ok = self._parts.connection.link.failure is None and not self._parts.accounts.used_up()
        if texts and self._manner.speak_reminders and link_ok and self.state.phase is Phase.IDLE:
            self.advance(TextAsked(REMINDER_IS_DUE.format("; ".join(texts))))

    def _hold_bell(self, was: Phase) -> None:
        """While somebody speaks no bell sounds; but noise that is taken for speech must not stop an alarm."""
        if (was is Phase.LISTENING) is not (self.state.phase is Phase.LISTENING):
            begins = self.state.phase is Phase.LISTENING
            self._parts.playback.hold_bell(self._clock() + BELL_HELD_S if begins else 0.0)

    # --- actions

    def _do(self, action: Action) -> None:
        parts = self._parts
        match action:
            case d.OpenUtterance():
                self._open(action)
            case d.ReleaseUtterance(turn):
                parts.uplink.release(turn)
            case d.CloseUtterance(turn):
                self._mark(turn, Mark.SPEECH_ENDED, self._clock())
                parts.uplink.close(turn)
            case d.CancelUtterance(turn):
                if parts.uplink.settle(turn):
                    self.gate.withdraw()
            case d.PauseUplink():
                parts.uplink.pause()
            case d.ResumeUplink():
                parts.uplink.resume(self.state.turn)
            case d.SendText(turn, text):
                self._send_text(turn, text)
            case d.FinishReply():
                parts.playback.finish()
            case d.CutReply(by_server):
                parts.playback.cut()
                if not by_server:
                    self.gate.cut()
                    parts.tools.turn_cut()
            case d.Play(earcon):
                self._play(earcon)
            case d.StartTimer(timer, after_s):
                self._start_timer(timer, after_s)
            case d.StopTimer(timer):
                self._timers.stop(timer)
            case d.RenewLink(why, keep_handle):
                self._renew_link(why, keep_handle=keep_handle)
            case d.MicWanted(wanted):
                parts.capture.set_wanted(wanted)
            case d.TurnOver(turn, outcome):
                self._turn_over(turn, outcome)

    def _open(self, action: d.OpenUtterance) -> None:
        now_s = self._clock()
        self._parts.playback.hush()  # a voice that opens a turn has not hushed anything yet
        self._parts.ledger.open(action.turn, action.trigger, now_s, online=self.state.online)
        self._parts.uplink.open(
            action.turn,
            action.onset_byte,
            stream=action.stream,
            released=self.state.released,
            quiet_s=None if self._manner.echo_free else now_s - self._parts.playback.audible_until_s,
        )
        self._parts.connection.ask()

    def _send_text(self, turn: int, text: str) -> None:
        self._parts.ledger.open(turn, Trigger.TEXT, self._clock(), online=self.state.online)
        self._parts.uplink.write_text(turn, text)
        self._parts.connection.ask()

    def _renew_link(self, why: str, *, keep_handle: bool) -> None:
        self.watchdogs[why] += 1
        log.warning("beginning another session: %s", WHY_RENEWED[why])
        self._parts.connection.renew(keep_handle=keep_handle)

    def _play(self, earcon: Earcon, message: Message | None = None) -> None:
        """Without a message of its own, an earcon has that which fits the failure of the link.

        That nobody spoke is not said by a microphone that heard nothing at all.
        """
        if earcon is Earcon.DONE and self._parts.capture.silence.unheard:
            earcon = Earcon.NO_MIC
        failure = self._parts.connection.link.failure
        fitting = message_for(earcon, failure.kind if failure is not None else None)
        may_speak = self.state.phase not in (Phase.LISTENING, Phase.SPEAKING)
        self._announcer.announce(earcon, message or fitting, may_speak=may_speak)
        self._parts.feed.tell("earcon", name=earcon.value)

    def _start_timer(self, timer: Timer, after_s: float) -> None:
        if timer is Timer.FOLLOW_UP:
            self._follow_up_until_s = self._clock() + after_s
        self._timers.start(timer, after_s)

    def _turn_over(self, turn: int, outcome: Outcome) -> None:
        line = self._parts.ledger.close(turn, outcome, self._clock())
        if line is not None:
            self._parts.feed.tell("turn", **line.as_dict())

    def _mark(self, turn: int, mark: Mark, at_s: float) -> None:
        self._parts.ledger.mark(turn, mark, at_s)

    def note_sent(self, turn: int, first_byte: int, last_byte: int) -> None:
        """A piece of an utterance was given to the connection."""
        self._parts.accounts.add(Day(sent_bytes=last_byte - first_byte))
        self._mark(turn, Mark.FIRST_SENT, self._clock())
        if line := self._parts.ledger.find(turn):
            line.sent_bytes += last_byte - first_byte

    # --- the server

    def _hear_server(self, event: ServerEvent) -> None:
        if isinstance(event, ReplyAudio):
            self._parts.accounts.add(Day(received_bytes=len(event.pcm)))
        match event:
            case Transcript(who, text):
                self._parts.feed.tell("transcript", who=who, text=text)
                if self._manner.log_transcripts:
                    log.info("%s: %s", who, text)
            case Usage(prompt, response):
                self.tokens["prompt"] += prompt
                self.tokens["response"] += response
                self._parts.accounts.add(Day(prompt_tokens=prompt, response_tokens=response))
            case NotUnderstood(what):
                self.not_understood += 1
                log.debug("a message was not understood: %s", what)
            case ToolCall():
                wanted = self.gate.called(self._clock())
                self._parts.tools.take(event, self.state.turn, wanted=wanted)
            case ToolCallCancelled(call_ids):
                self._parts.tools.cancel(call_ids)
            case _:
                for sorted_event in self.gate.sort(event, self._clock()):
                    self._hear_reply(sorted_event)

    def _hear_reply(self, event: ReplyAudio | GenerationComplete | DialogueEvent) -> None:
        if isinstance(event, GenerationComplete):
            self._parts.playback.note_all_here()
            self.advance(ReplyIsWhole())
            return
        if event == ReplyEnded() and self._loudness.is_silence:
            self.near_silent_replies += 1
            event = ReplyEnded(NEAR_SILENCE)
        if not isinstance(event, ReplyAudio):
            self.advance(event)
            return
        if self.state.phase is not Phase.SPEAKING:
            return
        if self._timers.runs(Timer.STALL):
            self.advance(ReplyWentOn())
        self._loudness.add(event.pcm)
        accepted = self._parts.playback.feed(event.pcm)
        self.on_reply_audio(event.pcm[:accepted])
        self.reply_bytes_refused += len(event.pcm) - accepted
        if line := self._parts.ledger.find(self.state.turn):
            line.reply_bytes += accepted

    # --- what is shown

    def show(self) -> None:
        """Set the lights from the present conditions."""
        self._parts.lamp.refresh(self.conditions())

    def conditions(self) -> Conditions:
        """Everything that the lights depend on."""
        link = self._parts.connection.link
        failure = link.failure
        left_s = self._follow_up_until_s - self._clock()
        whole_s = self.policy.follow_up_s
        resting = self.state.phase in (Phase.IDLE, Phase.FOLLOW_UP)
        budget_gone = resting and self._parts.accounts.used_up()
        return Conditions(
            mic_fault=not self.state.mic_ok,
            speaker_fault=not self.speaker_ok,
            refused=failure is not None and failure.refused,
            quota=budget_gone or (failure is not None and failure.kind.value == "quota"),
            offline=failure is not None and not failure.refused,
            muted=self.state.muted,
            ringing=self._parts.reminders.ringing,
            missed=self._parts.reminders.untold,
            mic_streaming=self.state.mic_streaming,
            phase=self.state.phase,
            follow_up_left=max(0.0, min(1.0, left_s / whole_s)) if whole_s > 0 else 0.0,
        )


def _ignore(_pcm: bytes) -> None:
    """Nobody wants the reply's audio."""
