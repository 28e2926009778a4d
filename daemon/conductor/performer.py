"""Does what the dialogue has decided: for each action, what it means for the parts. Event loop only."""

from __future__ import annotations

import logging

from daemon.conductor.accounts import Day
from daemon.conductor.budget import DayBudget
from daemon.conductor.downlink import Downlink
from daemon.conductor.ledger import Mark
from daemon.conductor.parts import Parts
from daemon.conductor.timers import Timers
from daemon.dialogue import actions as do
from daemon.dialogue.actions import Action
from daemon.dialogue.state import Dialogue
from daemon.events import Timer, Trigger
from daemon.speaking.announcer import Announcer
from daemon.speaking.messages import BUDGET_EARCON, Message, message_for
from daemon.words import Earcon, Outcome, Phase

log = logging.getLogger(__name__)

WHY_RENEWED = {
    "no_answer": "no answer came within live.answer_timeout_s",
    "stalled": "a reply stopped in its middle",
    "bad_replies": "several turns in a row brought no usable reply",
}
"""The output watchdogs, by the name under which they are counted."""


class Performer:
    """Performs actions; decides nothing but what is heard of a tone."""

    def __init__(
        self,
        parts: Parts,
        timers: Timers,
        downlink: Downlink,
        announcer: Announcer,
        budget: DayBudget,
        *,
        echo_free: bool,
    ) -> None:
        """`echo_free`: the microphone does not hear the speaker."""
        self._parts = parts
        self._clock = parts.clock
        self._timers = timers
        self._downlink = downlink
        self._gate = downlink.gate
        self._announcer = announcer
        self._budget = budget
        self._echo_free = echo_free
        self.watchdogs = dict.fromkeys(WHY_RENEWED, 0)
        self.follow_up_until_s = 0.0
        """On the clock."""

    def perform(self, action: Action, state: Dialogue) -> None:
        """Carry out one action; `state` is the dialogue's newest. None of it waits."""
        parts = self._parts
        match action:
            case do.OpenUtterance():
                self._open(action, state)
            case do.ReleaseUtterance(turn):
                parts.uplink.release(turn)
            case do.CloseUtterance(turn):
                parts.ledger.mark(turn, Mark.SPEECH_ENDED, self._clock())
                parts.uplink.close(turn)
            case do.CloseEagerly() | do.ReopenUtterance() | do.ConfirmEnd():
                self._end_eagerly(action)
            case do.CancelUtterance(turn):
                self._cancel(turn)
            case do.PauseUplink():
                parts.uplink.pause()
            case do.ResumeUplink():
                parts.uplink.resume(state.turn.number)
            case do.SendText(turn, text):
                self._send_text(turn, text, online=state.link.online)
            case do.FinishReply():
                parts.playback.finish()
            case do.CutReply(by_server):
                self._cut(by_server=by_server)
            case do.Play(earcon):
                self.play(earcon, state.phase)
            case do.StartTimer(timer, after_s):
                self._start_timer(timer, after_s)
            case do.StopTimer(timer):
                self._timers.stop(timer)
            case do.RenewLink(why, keep_handle):
                self._renew_link(why, keep_handle=keep_handle)
            case do.OpenSecond() | do.AskSecond():
                self._use_second(action)
            case do.RefuseTurn(trigger):
                self._refuse_turn(trigger, state.phase)
            case do.MicWanted(wanted):
                parts.capture.set_wanted(wanted)
            case do.TurnOver(turn, outcome):
                self._turn_over(turn, outcome)

    def _open(self, action: do.OpenUtterance, state: Dialogue) -> None:
        now_s = self._clock()
        self._parts.playback.hush()  # a voice that opens a turn has not hushed anything yet
        self._parts.ledger.open(action.turn, action.trigger, now_s, online=state.link.online)
        self._parts.uplink.open(
            action.turn,
            action.onset_byte,
            stream=action.stream,
            released=state.turn.released,
            quiet_s=None if self._echo_free else now_s - self._parts.playback.audible_until_s,
        )
        self._parts.connection.ask()

    def _cancel(self, turn: int) -> None:
        self._parts.connection.drop_second()
        if self._parts.uplink.settle(turn):
            self._gate.withdraw()

    def _use_second(self, action: do.OpenSecond | do.AskSecond) -> None:
        match action:
            case do.OpenSecond(turn):
                self._parts.connection.open_second(turn)
            case do.AskSecond(turn):
                self._parts.connection.ask_second(turn)

    def _end_eagerly(self, action: do.CloseEagerly | do.ReopenUtterance | do.ConfirmEnd) -> None:
        match action:
            case do.CloseEagerly(turn):
                self._close_eagerly(turn)
            case do.ReopenUtterance(turn):
                self._reopen(turn)
            case do.ConfirmEnd(turn):
                self._confirm(turn)

    def _close_eagerly(self, turn: int) -> None:
        self._downlink.withheld.begin()
        self._parts.ledger.close_eagerly(turn, self._clock())
        self._parts.accounts.add(Day(eager_ends=1))
        self._parts.uplink.close(turn)

    def _reopen(self, turn: int) -> None:
        """Calls are answered first: some models close the connection on audio that comes before that."""
        self._downlink.drop_withheld()
        again_bytes = self._parts.uplink.reopen(turn)
        if again_bytes:
            self._gate.reopen(self._clock())
            self._parts.ledger.reopen(turn)
            self._parts.accounts.add(Day(eager_wasted=1, again_bytes=again_bytes))

    def _confirm(self, turn: int) -> None:
        now_s = self._clock()
        self._parts.ledger.mark(turn, Mark.SPEECH_ENDED, now_s)
        self._parts.ledger.confirm(turn, self._downlink.withheld.confirm(now_s))

    def _cut(self, *, by_server: bool) -> None:
        self._parts.playback.cut()
        if not by_server:
            self._downlink.drop_withheld()
            self._gate.cut()
            self._parts.tools.turn_cut()

    def _send_text(self, turn: int, text: str, *, online: bool) -> None:
        self._parts.ledger.open(turn, Trigger.TEXT, self._clock(), online=online)
        self._parts.uplink.write_text(turn, text)
        self._parts.feed.tell("say", text=text)
        self._parts.connection.ask()

    def _renew_link(self, why: str, *, keep_handle: bool) -> None:
        self.watchdogs[why] += 1
        log.warning("beginning another session: %s", WHY_RENEWED[why])
        self._parts.connection.renew(keep_handle=keep_handle)

    def play(self, earcon: Earcon, phase: Phase, message: Message | None = None) -> None:
        """Sound an earcon. Without a message of its own it has that which fits the failure of the link.

        That nobody spoke is not said by a microphone that heard nothing at all.
        """
        if earcon is Earcon.DONE and self._parts.capture.silence.unheard:
            earcon = Earcon.NO_MIC
        failure = self._parts.connection.link.failure
        fitting = message_for(earcon, failure.kind if failure is not None else None)
        may_speak = phase not in (Phase.LISTENING, Phase.SPEAKING)
        self._announcer.announce(earcon, message or fitting, may_speak=may_speak)
        self._parts.feed.tell("earcon", name=earcon.value)

    def counters(self) -> dict[str, int]:
        """How often each watchdog began another session."""
        return {f"renewed_{why}": count for why, count in self.watchdogs.items()}

    def _start_timer(self, timer: Timer, after_s: float) -> None:
        if timer is Timer.FOLLOW_UP:
            self.follow_up_until_s = self._clock() + after_s
        self._timers.start(timer, after_s)

    def _refuse_turn(self, trigger: Trigger, phase: Phase) -> None:
        if self._budget.refuse(trigger, self._clock()):
            self.play(BUDGET_EARCON, phase, Message.BUDGET)

    def _turn_over(self, turn: int, outcome: Outcome) -> None:
        self._parts.connection.drop_second()
        line = self._parts.ledger.close(turn, outcome, self._clock())
        if line is not None:
            self._parts.totals.add(line)
            self._parts.times.add(line)
            self._parts.feed.tell("turn", **line.as_dict())
