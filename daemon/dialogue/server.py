"""The server takes turns: the microphone is streamed while the conversation is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.device import voice_when_idle
from daemon.dialogue.shared import (
    LATE,
    Rule,
    Step,
    count_failure,
    cut_short,
    failed_tone,
    go_idle,
    is_whole,
    judge_reply,
    nothing_more_comes,
    offline_tone,
    open_turn,
    ran_dry,
    refuse,
    stalled,
    text_sent,
    went_on,
    withdrawn,
)
from daemon.dialogue.state import Dialogue, LinkState, Policy, ReplyState, Talk
from daemon.words import Earcon, Outcome, Phase


def press_when_idle(state: Dialogue, event: e.TalkPressed, policy: Policy) -> Step:
    """Open the conversation; it closes by itself when nobody says more."""
    opened, actions = open_turn(state, event.trigger, policy, event.heard_at_byte)
    if opened.phase is not Phase.LISTENING:
        return opened, actions
    return opened, (*actions, do.StartTimer(e.Timer.FOLLOW_UP, policy.no_speech_s))


def hang_up(state: Dialogue, _event: Any, policy: Policy) -> Step:
    """End the stream; the server flushes what it has, and answers it if somebody spoke."""
    turn = state.turn
    close = (
        do.StopTimer(e.Timer.FOLLOW_UP),
        do.StopTimer(e.Timer.MAX_UTTERANCE),
        do.CloseUtterance(turn.number),
    )
    if turn.unanswered:
        waiting = replace(state, phase=Phase.THINKING, turn=replace(turn, talk=Talk.ENDPOINTED))
        return waiting, (*close, do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s))
    outcome = Outcome.ANSWERED if turn.heard_reply else Outcome.CANCELLED
    return state.rested().to(Phase.IDLE), (*close, do.TurnOver(turn.number, outcome))


def voice_while_open(state: Dialogue, _event: e.SpeechStarted, _policy: Policy) -> Step:
    """Somebody speaks: the window stays open."""
    waiting = replace(state.hearing(voice=True), turn=replace(state.turn, unanswered=True))
    return waiting, (do.StopTimer(e.Timer.FOLLOW_UP),)


def silence_while_open(state: Dialogue, _event: e.SpeechEnded, policy: Policy) -> Step:
    """The server will answer, or not: then the window closes."""
    timer = do.StartTimer(e.Timer.FOLLOW_UP, policy.answer_timeout_s)
    return state.hearing(voice=False), (timer,)


def lost_while_open(state: Dialogue, event: e.LinkLost, _policy: Policy) -> Step:
    """What is said is held, and goes on the next connection; the user is told once."""
    return replace(state, link=LinkState(trouble=event.trouble)), offline_tone(state, event)


def window_over(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """Nobody said more; or somebody did, and no answer came; or the stream was open for too long."""
    if event.timer is e.Timer.MAX_UTTERANCE:
        return hang_up(state, event, policy)
    if event.timer is not e.Timer.FOLLOW_UP:
        return state, ()
    if state.tools_busy:
        return state, (do.StartTimer(e.Timer.FOLLOW_UP, policy.answer_timeout_s),)
    if not state.turn.unanswered:
        return hang_up(state, event, policy)
    idle, actions = go_idle(state, Outcome.FAILED, failed_tone(state))
    return idle, (*actions, do.RenewLink("no_answer", keep_handle=False))


def tools_while_open(state: Dialogue, event: e.ToolsBusy, policy: Policy) -> Step:
    """Who waits for a tool hears of it: until then the window stays open."""
    state = replace(state, tools_busy=event.busy)
    if event.busy:
        return state, ()
    wait_s = policy.end_timeout_s if state.turn.closing else policy.answer_timeout_s
    return state, (do.StartTimer(e.Timer.FOLLOW_UP, wait_s),)


def close_while_open(state: Dialogue, _event: e.EndAsked, policy: Policy) -> Step:
    """The conversation ends, with the reply if there is one."""
    closing = replace(state.turn, closing=True, unanswered=False)
    return replace(state, turn=closing), (do.StartTimer(e.Timer.FOLLOW_UP, policy.end_timeout_s),)


def reply_begins(state: Dialogue, _event: e.ReplyStarted, policy: Policy) -> Step:
    """Without barge-in nothing is streamed while the device speaks: it would hear itself."""
    turn = replace(state.turn.replying(paused=not policy.barge_in), heard_reply=True)
    state = state.hearing(voice=state.mic.voice_active and policy.barge_in)
    pause: tuple[do.Action, ...] = () if policy.barge_in else (do.PauseUplink(),)
    return replace(state, phase=Phase.SPEAKING, turn=turn), (do.StopTimer(e.Timer.FOLLOW_UP), *pause)


def reply_without_audio(state: Dialogue, event: e.ReplyEnded, policy: Policy) -> Step:
    """A turn without a sound: the window goes on."""
    timer = do.StartTimer(e.Timer.FOLLOW_UP, policy.window_s)
    if not event.reason:
        return state, (timer,)
    failed, renew = count_failure(state)
    return failed, (do.Play(Earcon.ERROR), *renew, timer)


def listen_again(state: Dialogue, policy: Policy) -> Step:
    """The device is silent: stream again, for as long as the window lasts."""
    turn = state.turn
    if not state.mic.can_hear or turn.talk is not Talk.STREAM:
        return go_idle(state, Outcome.ANSWERED)
    again = state.with_reply(ReplyState()).to(Phase.LISTENING)
    resume: tuple[do.Action, ...] = (do.ResumeUplink(),) if turn.reply.paused else ()
    if policy.window_s <= 0 or turn.closing:
        return hang_up(again, None, policy)
    longest = do.StartTimer(e.Timer.MAX_UTTERANCE, policy.max_utterance_s)
    return again, (*resume, longest, do.StartTimer(e.Timer.FOLLOW_UP, policy.window_s))


def heard(state: Dialogue, event: e.PlaybackDrained, policy: Policy) -> Step:
    """All of the reply has been heard."""
    if event.turn != state.turn.number or not state.turn.reply.over:
        return state, ()
    judged, _, tones = judge_reply(state)
    again, actions = listen_again(judged, policy)
    return again, (*tones, *actions)


def interrupt(state: Dialogue, event: Any, policy: Policy) -> Step:
    """The user speaks or presses over the reply: silence first, then listen."""
    again, actions = listen_again(state, policy)
    return again, (do.CutReply(by_server=isinstance(event, e.ReplyInterrupted)), *actions)


def mic_lost_while_open(state: Dialogue, _event: e.MicLost, _policy: Policy) -> Step:
    """Nobody can be heard any more."""
    return go_idle(state.without_mic(), Outcome.CANCELLED, Earcon.NO_MIC)


def no_answer(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """The time for the answer is up: a session that hears and does not answer is replaced."""
    if event.timer is not e.Timer.ANSWER:
        return state, ()
    if state.tools_busy:
        return state, (do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s),)
    idle, actions = go_idle(state, Outcome.FAILED, failed_tone(state))
    return idle, (*actions, do.RenewLink("no_answer", keep_handle=False))


def text_answered(state: Dialogue, event: e.ReplyEnded, _policy: Policy) -> Step:
    """A turn in writing that brought no audio; one that waits for a tool may still bring some."""
    if state.tools_busy and not event.reason:
        return state, ()
    return go_idle(state, Outcome.FAILED if event.reason else Outcome.SILENT)


def text_reply_begins(state: Dialogue, _event: e.ReplyStarted, _policy: Policy) -> Step:
    """The answer to a turn in writing; no stream is open."""
    speaking = replace(state, phase=Phase.SPEAKING, turn=state.turn.replying())
    return speaking, (do.StopTimer(e.Timer.ANSWER),)


def another_reply_begins(state: Dialogue, _event: e.ReplyStarted, _policy: Policy) -> Step:
    """While the first still plays: both are heard, and the end of the second is the end."""
    turn = state.turn.replying(paused=state.turn.reply.paused)
    return replace(state, turn=turn), (do.StopTimer(e.Timer.STALL),)


_LATE = LATE | {e.TalkPressed: press_when_idle}

SERVER_TABLE: dict[Phase, dict[type, Rule]] = {
    Phase.IDLE: _LATE | {e.SpeechStarted: voice_when_idle},
    Phase.LISTENING: _LATE
    | {
        e.TalkPressed: hang_up,
        e.TalkWithdrawn: withdrawn,
        e.SpeechStarted: voice_while_open,
        e.SpeechEnded: silence_while_open,
        e.TimerFired: window_over,
        e.ReplyStarted: reply_begins,
        e.ReplyEnded: reply_without_audio,
        e.ToolsBusy: tools_while_open,
        e.EndAsked: close_while_open,
        e.LinkLost: lost_while_open,
        e.LinkRefused: refuse,
        e.MicLost: mic_lost_while_open,
    },
    Phase.THINKING: _LATE
    | {
        e.UtteranceSent: text_sent,
        e.ReplyStarted: text_reply_begins,
        e.ReplyEnded: text_answered,
        e.TimerFired: no_answer,
        e.LinkRefused: refuse,
    },
    Phase.SPEAKING: _LATE
    | {
        e.TalkPressed: interrupt,
        e.ReplyStarted: another_reply_begins,
        e.ReplyEnded: nothing_more_comes,
        e.ReplyInterrupted: interrupt,
        e.ReplyIsWhole: is_whole,
        e.ReplyRanDry: ran_dry,
        e.ReplyWentOn: went_on,
        e.TimerFired: stalled,
        e.PlaybackDrained: heard,
        e.LinkLost: cut_short,
        e.LinkRefused: cut_short,
    },
}
"""No SENDING and no FOLLOW_UP here: the open stream is both."""
