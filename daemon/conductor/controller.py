"""The one consumer of events: asks the dialogue what follows, and has it done. Event loop only.

For each event: the state table gives the next state and the actions; the lights are set first, so that the
listening light is on before audio may leave; then the actions are carried out, none of which waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, get_args

from daemon.conductor.accounts import Day
from daemon.conductor.button import ButtonInput
from daemon.conductor.downlink import Downlink
from daemon.conductor.ledger import Mark
from daemon.conductor.parts import Parts
from daemon.conductor.performer import Performer
from daemon.conductor.reach import reach_of
from daemon.conductor.reply_times import ReplyTimes
from daemon.conductor.shown import calls_of
from daemon.conductor.timers import Timers
from daemon.config.settings import VadSettings
from daemon.dialogue.state import Dialogue, Policy, Talk
from daemon.dialogue.table import advance
from daemon.events import (
    AnnouncementsChanged,
    ButtonEdge,
    DialogueEvent,
    Event,
    GestureDue,
    LinkChanged,
    LinkLost,
    LinkUp,
    MicLost,
    MicSilent,
    MuteSet,
    OtherTools,
    PairingChanged,
    PictureChanged,
    PieceSent,
    PlaybackStarted,
    RemindersChanged,
    ReplyEnded,
    ReplyStarted,
    ReplyWentOn,
    SecondAnswers,
    SpeakerBack,
    SpeakerLost,
    SpeechStarted,
    StopAsked,
    TalkPressed,
    TextAsked,
    Timer,
    TimerDue,
    TimerFired,
    ToolsBusy,
    Trigger,
    UtteranceGiven,
    VolumeSet,
)
from daemon.hearing.ears import ears_for
from daemon.hearing.silence import REMEDY
from daemon.lights.conditions import RunStage, conditions_of, share_left
from daemon.lights.ladder import Conditions
from daemon.lights.scenes import PAIRING
from daemon.reminders.phrases import question_of
from daemon.server_events import ReplyAudio, ServerEvent
from daemon.words import Earcon, Phase

log = logging.getLogger(__name__)

DIALOGUE_EVENTS = get_args(DialogueEvent)
SERVER_EVENTS = get_args(ServerEvent)

SHOWN_CHANGES = (LinkChanged, RemindersChanged, AnnouncementsChanged, PairingChanged, PictureChanged)
"""After these the lights are drawn again."""

BELL_HELD_S = 15.0
"""A bell waits for the end of what somebody says, and no longer than a long sentence takes."""


class Controller:
    """Conducts the conversation."""

    def __init__(
        self,
        parts: Parts,
        *,
        policy: Policy,
        vad: VadSettings,
        downlink: Downlink,
        performer: Performer,
        button: ButtonInput,
        timers: Timers,
    ) -> None:
        """`performer` and this share the timers, and the downlink's gate."""
        self._parts = parts
        self._clock = parts.clock
        self.policy = policy
        self._vad = vad
        self.downlink = downlink
        self.performer = performer
        self._button = button
        self._timers = timers
        self.state = Dialogue()
        self.since_s = self._clock()
        self.speaker_ok = True
        self._stage = RunStage.RUNNING
        self._forgotten = 0
        self._reply_times = ReplyTimes()

    async def run(self) -> None:
        """Handle events for ever. Ends only by cancellation or by a bug."""
        self.show()
        while True:
            self.handle(await self._parts.mailbox.get())

    def handle(self, event: Event) -> None:
        """Handle one event."""
        match event:
            case PieceSent():
                self._note_sent(event)
            case _ if isinstance(event, SHOWN_CHANGES):
                self._redraw(event)
            case VolumeSet(share):
                self._parts.lamp.show_volume(share)
            case OtherTools():
                self._parts.connection.renew_at_pause()
            case ButtonEdge(pressed=True) | TalkPressed(Trigger.COMMAND) if self._parts.reminders.ringing:
                self._silence_bell()
            case ButtonEdge(pressed=True) if self._press_is_for_another():
                self.show()
            case TalkPressed(Trigger.WAKE_WORD) if self._passes_over(event):
                pass
            case ButtonEdge() | GestureDue():
                for meant in self._button.take(event, muted=self.state.mic.muted):
                    self.advance(meant)
            case TimerDue(timer):
                if self._timers.take(event):
                    self.advance(TimerFired(timer))
            case UtteranceGiven(turn) if turn == self.state.turn.number:
                self._mark(turn, Mark.ALL_SENT, self._clock())
                self.downlink.gate.asked(self._clock())
            case PlaybackStarted(turn, heard_at_s):
                self._mark(turn, Mark.FIRST_SAMPLE, heard_at_s)
            case MicSilent(ever_heard):
                self._tell_silence(ever_heard=ever_heard)
            case SpeakerLost() | SpeakerBack():
                self.speaker_ok = isinstance(event, SpeakerBack)
                self.show()
            case _ if isinstance(event, SERVER_EVENTS):
                self._hear(event)
            case _ if isinstance(event, DIALOGUE_EVENTS):
                self.advance(event)
        self._hear_confirmed()
        self._follow_tools()

    def _passes_over(self, word: TalkPressed) -> bool:
        """A voice has begun the turn already, and the wake word is part of it; or others may answer it."""
        agreement = self._parts.agreement
        return self.state.phase is Phase.LISTENING or (agreement is not None and agreement.holds(word))

    # --- the dialogue

    def advance(self, event: DialogueEvent) -> None:
        """Let the state table decide, show it, and do what it says."""
        self._before(event)
        was = self.state
        self.state, actions = advance(was, event, self._policy_now())
        if self.state.phase is not was.phase:
            self._note_phase(was.phase, event)
            if (was.phase, self.state.phase) == (Phase.SPEAKING, Phase.THINKING):
                self.downlink.gate.pause()
        self._hold_bell(was.phase)
        self._parts.announcements.follow(self.state.phase)
        self.show()
        for action in actions:
            self.performer.perform(action, self.state)
        self._tune_ears()
        self._note_need()
        if self._parts.eyes is not None:
            self._parts.eyes.set_wanted(self.state.phase is not Phase.IDLE)

    def _policy_now(self) -> Policy:
        """What is configured, with what has been learned and used up."""
        policy, learned_s = self.policy, self._reply_times.unusual_s(self._clock())
        unusual_s = policy.unusual_s if learned_s is None else max(learned_s, policy.least_unusual_s)
        return replace(policy, turns_left=not self._parts.accounts.used_up(), unusual_s=unusual_s)

    def _note_need(self) -> None:
        """The connection is needed for a turn, and for a call, which no other connection may answer."""
        resting = self.state.phase in (Phase.IDLE, Phase.FOLLOW_UP)
        leaving = self._parts.uplink.leaving  # while a light says so, a dead path is to be found out
        self._parts.connection.set_busy(not resting or self._parts.tools.open or leaving)

    def _follow_tools(self) -> None:
        """Let the dialogue know when its turn waits for tools or announced work, and when it does no more."""
        tools, gate, now_s = self._parts.tools, self.downlink.gate, self._clock()
        works = gate.works(now_s)
        waited = self.state.tools_busy or works
        reply_due = waited and not tools.busy and tools.take_reply_due()
        if reply_due:
            gate.expect(now_s)
        if (tools.busy or works) is self.state.tools_busy:
            self._note_need()
        else:
            self.advance(ToolsBusy(tools.busy or works, reply_due))

    def _before(self, event: DialogueEvent) -> None:
        """What an event means outside the state table: marks, the reply's gate, who is told."""
        now_s = self._clock()
        match event:
            case ReplyStarted() if self._awaits_reply():
                self._answer_begins(now_s)
                self._reply_begins(now_s)
            case ToolsBusy(busy=True) | ReplyEnded():
                self._answer_begins(now_s)
            case SecondAnswers():
                self._take_second(event, now_s)
            case LinkUp():
                self.downlink.lose()
                self._mark(self.state.turn.number, Mark.LINK_UP, now_s)
            case LinkLost():
                self.downlink.lose()
            case SpeechStarted() if self.policy.by_server:
                self._parts.tools.note_said()
            case StopAsked():
                self._parts.playback.hush()
                self._parts.announcements.hush()
                self._parts.reminders.silence()
            case TalkPressed() | TextAsked() | MuteSet():
                self._parts.playback.hush()
            case MicLost():
                log.warning("the microphone failed: %s", self._parts.capture.mic.error)

    def _tell_silence(self, *, ever_heard: bool) -> None:
        """Aloud only where it cannot be a quiet room: see `daemon.hearing.silence`."""
        silent_s = self._parts.capture.silence.silent_s
        log.warning("the microphone has given nothing but zeros for %.0f s: %s", silent_s, REMEDY)
        self._parts.feed.tell("mic_silent", silent_s=silent_s)
        if not ever_heard:
            self.performer.play(Earcon.NO_MIC, self.state.phase)

    def _note_phase(self, was: Phase, event: DialogueEvent) -> None:
        self.since_s = self._clock()
        cause = type(event).__name__
        log.info("%s -> %s (%s)", was.value, self.state.phase.value, cause, extra=self._log_fields())
        self._parts.feed.tell("state", state=self.state.phase.value, was=was.value, cause=cause)

    def _log_fields(self) -> dict[str, object]:
        return {"CONURE_STATE": self.state.phase.value, "CONURE_TURN": self.state.turn.number}

    def _tune_ears(self) -> None:
        hungry = self._parts.uplink.hungry
        ears = ears_for(self.state.phase, self._vad, hungry=hungry, forgotten=self._forgotten)
        self._parts.capture.tune(ears)

    # --- what rings

    def _silence_bell(self) -> None:
        """A press does no more than that; of a reminder its user wants to know what it says."""
        question = question_of(self._parts.reminders.silence())
        link_ok = self._parts.connection.link.failure is None and not self._parts.accounts.used_up()
        if question and self._parts.reminders.speaks and link_ok and self.state.phase is Phase.IDLE:
            self.advance(TextAsked(question))

    def _press_is_for_another(self) -> bool:
        """Whether a press ends an announcement, or lets a browser in: then it does no more than that."""
        for_browser = self._parts.lamp.scene is PAIRING
        return self._parts.announcements.hush() or (for_browser and self._parts.pairing.press())

    def _hold_bell(self, was: Phase) -> None:
        """While somebody speaks no bell sounds; but noise that is taken for speech must not stop an alarm."""
        if (was is Phase.LISTENING) is not (self.state.phase is Phase.LISTENING):
            begins = self.state.phase is Phase.LISTENING
            self._parts.playback.hold_bell(self._clock() + BELL_HELD_S if begins else 0.0)

    # --- the ledger

    def _mark(self, turn: int, mark: Mark, at_s: float) -> None:
        self._parts.ledger.mark(turn, mark, at_s)

    def _note_sent(self, piece: PieceSent) -> None:
        self._parts.accounts.add(Day(sent_bytes=piece.size_bytes))
        self._mark(piece.turn, Mark.FIRST_SENT, piece.at_s)
        if line := self._parts.ledger.find(piece.turn):
            line.sent_bytes += piece.size_bytes

    # --- the server

    def _hear(self, event: ServerEvent) -> None:
        self._deliver(self.downlink.hear(event, self.state.turn.number, self._clock()))

    def _hear_confirmed(self) -> None:
        """What was withheld, as if each had just come."""
        for heard in self.downlink.confirmed():
            self._follow_tools()
            self._deliver([heard])

    def _deliver(self, said: Iterable[ReplyAudio | DialogueEvent]) -> None:
        for heard in said:
            if isinstance(heard, ReplyAudio):
                self._play_reply(heard.pcm)
            else:
                self.advance(heard)

    def _play_reply(self, pcm: bytes) -> None:
        if self.state.phase is not Phase.SPEAKING:
            return
        if self._timers.runs(Timer.STALL):
            self.advance(ReplyWentOn())
        accepted = self.downlink.play(pcm)
        if line := self._parts.ledger.find(self.state.turn.number):
            line.reply_bytes += accepted

    def _awaits_reply(self) -> bool:
        """Whether a reply that begins now belongs to the newest turn; at rest: one that tells of a tool."""
        streams = self.state.turn.talk is Talk.STREAM
        return streams or self.state.phase not in (Phase.LISTENING, Phase.SPEAKING)

    def _answer_begins(self, now_s: float) -> None:
        """The first that comes of an answer, be it a sound or a call: so long it took."""
        line = self._parts.ledger.find(self.state.turn.number)
        waits = self.state.phase in (Phase.SENDING, Phase.THINKING)
        if line is None or not waits or Mark.FIRST_ANSWER in line.marks or Mark.ALL_SENT not in line.marks:
            return
        self._mark(line.turn, Mark.FIRST_ANSWER, now_s)
        self._reply_times.note(now_s - line.marks[Mark.ALL_SENT], now_s)

    def _take_second(self, event: SecondAnswers, now_s: float) -> None:
        """What follows comes from another connection; perhaps nobody waits for it any more."""
        self.downlink.lose()
        if event.turn == self.state.turn.number and self.state.phase in (Phase.SENDING, Phase.THINKING):
            self._mark(event.turn, Mark.ALL_SENT, event.asked_s)
            self.downlink.gate.asked(now_s)
        else:
            self.downlink.gate.withdraw()

    def _reply_begins(self, now_s: float) -> None:
        turn, parts = self.state.turn.number, self._parts
        self._mark(turn, Mark.FIRST_REPLY, now_s)
        self.downlink.begin(turn)
        if self.state.turn.talk is Talk.STREAM:
            parts.uplink.note_answered(turn)
        else:
            parts.uplink.settle(turn)
        if not self.policy.barge_in:
            self._forgotten += 1

    # --- what is shown

    def enter(self, stage: RunStage) -> None:
        """The daemon as a whole begins, runs or ends: the lights say so."""
        self._stage = stage
        self.show()

    def show(self) -> None:
        """Set the lights from the present conditions."""
        self._parts.lamp.refresh(self.conditions())

    def _redraw(self, event: Event) -> None:
        """Show what has changed. A picture that the model asked for leaves after light and tone said so."""
        self.show()
        if event == PictureChanged(waits=True):
            self.performer.play(Earcon.LOOK, self.state.phase)
            self._parts.uplink.glance.let_go()

    def conditions(self) -> Conditions:
        """Everything that the lights depend on."""
        left_s = self.performer.follow_up_until_s - self._clock()
        budget_gone = self.state.phase in (Phase.IDLE, Phase.FOLLOW_UP) and self._parts.accounts.used_up()
        return conditions_of(
            self.state,
            self._stage,
            reach_of(self._parts.connection.link, budget_gone=budget_gone),
            calls_of(self._parts),
            speaker_ok=self.speaker_ok,
            leaving=self._parts.uplink.leaving,
            follow_up_left=share_left(left_s, self.policy.follow_up_s),
        )

    def look(self) -> dict[str, Any]:
        """The part of the report that may change without a note of its own."""
        return {"muted": self.state.mic.muted}

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return {
            "state": self.state.phase.value,
            "since_s": round(self._clock() - self.since_s, 1),
            "muted": self.state.mic.muted,
            "barge_in": self.policy.barge_in,
            "usual_answer_s": self._reply_times.told_s(self._clock()),
        }

    def counters(self) -> dict[str, int]:
        """What its own parts have counted."""
        return self.downlink.counters() | self.performer.counters()
