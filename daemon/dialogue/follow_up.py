"""After a turn: for some seconds no new trigger is needed. The device takes turns."""

from __future__ import annotations

from dataclasses import replace

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.shared import Step, go_idle, open_turn
from daemon.dialogue.state import Dialogue, Policy
from daemon.words import Outcome, Phase


def rest(state: Dialogue, policy: Policy, outcome: Outcome) -> Step:
    """After a turn of the user's: the follow-up window. Else sleep: what nobody asked for opens no ears.

    What was said is done with, answered or not: in the dark no other connection may get it.
    """
    asked_for = not (state.turn.closing or state.turn.late)
    open_ears = policy.window_s > 0 and state.mic.can_hear and asked_for
    left = state.rested()
    timers = (do.StopTimer(e.Timer.ANSWER), do.StopTimer(e.Timer.STALL))
    ends = (do.CancelUtterance(state.turn.number), do.TurnOver(state.turn.number, outcome))
    over = timers if state.turn.late else (*timers, *ends)
    if not open_ears:
        return left.to(Phase.IDLE), over
    return left.to(Phase.FOLLOW_UP), (*over, do.StartTimer(e.Timer.FOLLOW_UP, policy.window_s))


def late_reply(state: Dialogue, _event: e.ReplyStarted, _policy: Policy) -> Step:
    """The model tells what a tool brought, after its turn was over."""
    turn = replace(state.turn.replying(), late=True, heard_reply=True)
    return replace(state, phase=Phase.SPEAKING, turn=turn), (do.StopTimer(e.Timer.FOLLOW_UP),)


def voice_in_follow_up(state: Dialogue, event: e.SpeechStarted, policy: Policy) -> Step:
    """In the follow-up window no new trigger is needed."""
    return open_turn(state.hearing(voice=True), e.Trigger.VOICE, policy, event.onset_byte)


def follow_up_over(state: Dialogue, event: e.TimerFired, _policy: Policy) -> Step:
    """Nobody said more."""
    return (state.to(Phase.IDLE), ()) if event.timer is e.Timer.FOLLOW_UP else (state, ())


def mic_lost_in_follow_up(state: Dialogue, _event: e.MicLost, _policy: Policy) -> Step:
    """Nobody can be heard any more."""
    return go_idle(state.without_mic(), Outcome.CANCELLED)
