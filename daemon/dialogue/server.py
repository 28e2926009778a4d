"""The server takes turns: the microphone is streamed while the conversation is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.dialogue.device import voice_when_idle
from daemon.dialogue.shared import (
    LATE,
    Rule,
    count_failure,
    cut_short,
    failed_tone,
    go_idle,
    is_whole,
    judge_reply,
    nothing_more_comes,
    open_turn,
    ran_dry,
    refuse,
    stalled,
    text_sent,
    went_on,
    withdrawn,
)
from daemon.dialogue.state import (
    Action,
    CloseUtterance,
    CutReply,
    Dialogue,
    PauseUplink,
    Play,
    Policy,
    RenewLink,
    ResumeUplink,
    StartTimer,
    Step,
    StopTimer,
    Talk,
    TurnOver,
)
from daemon.events import (
    EndAsked,
    LinkLost,
    LinkRefused,
    MicLost,
    PlaybackDrained,
    ReplyEnded,
    ReplyInterrupted,
    ReplyIsWhole,
    ReplyRanDry,
    ReplyStarted,
    ReplyWentOn,
    SpeechEnded,
    SpeechStarted,
    TalkPressed,
    TalkWithdrawn,
    Timer,
    TimerFired,
    ToolsBusy,
    UtteranceSent,
)
from daemon.words import Earcon, Outcome, Phase


def press_when_idle(state: Dialogue, event: TalkPressed, policy: Policy) -> Step:
    """Open the conversation; it closes by itself when nobody says more."""
    opened, actions = open_turn(state, event.trigger, policy)
    if opened.phase is not Phase.LISTENING:
        return opened, actions
    return opened, (*actions, StartTimer(Timer.FOLLOW_UP, policy.no_speech_s))


def hang_up(state: Dialogue, _event: Any, policy: Policy) -> Step:
    """End the stream; the server flushes what it has, and answers it if somebody spoke."""
    close = (StopTimer(Timer.FOLLOW_UP), StopTimer(Timer.MAX_UTTERANCE), CloseUtterance(state.turn))
    if state.unanswered:
        waiting = replace(state.to(Phase.THINKING), paused=True, talk=Talk.ENDPOINTED)
        return waiting, (*close, StartTimer(Timer.ANSWER, policy.answer_timeout_s))
    outcome = Outcome.ANSWERED if state.heard_reply else Outcome.CANCELLED
    return state.rested().to(Phase.IDLE), (*close, TurnOver(state.turn, outcome))


def voice_while_open(state: Dialogue, _event: SpeechStarted, _policy: Policy) -> Step:
    """Somebody speaks: the window stays open."""
    return replace(state, voice_active=True, unanswered=True), (StopTimer(Timer.FOLLOW_UP),)


def silence_while_open(state: Dialogue, _event: SpeechEnded, policy: Policy) -> Step:
    """The server will answer, or not: then the window closes."""
    timer = StartTimer(Timer.FOLLOW_UP, policy.answer_timeout_s)
    return replace(state, voice_active=False), (timer,)


def lost_while_open(state: Dialogue, event: LinkLost, _policy: Policy) -> Step:
    """What is said is held, and goes on the next connection; the user is told once."""
    new_trouble = event.trouble and not state.trouble
    lost = replace(state, online=False, trouble=event.trouble)
    return lost, (Play(Earcon.OFFLINE),) if new_trouble else ()


def window_over(state: Dialogue, event: TimerFired, policy: Policy) -> Step:
    """Nobody said more; or somebody did, and no answer came; or the stream was open for too long."""
    if event.timer is Timer.MAX_UTTERANCE:
        return hang_up(state, event, policy)
    if event.timer is not Timer.FOLLOW_UP:
        return state, ()
    if state.tools_busy:
        return state, (StartTimer(Timer.FOLLOW_UP, policy.answer_timeout_s),)
    if not state.unanswered:
        return hang_up(state, event, policy)
    idle, actions = go_idle(state, Outcome.FAILED, failed_tone(state))
    return idle, (*actions, RenewLink("no_answer", keep_handle=False))


def tools_while_open(state: Dialogue, event: ToolsBusy, policy: Policy) -> Step:
    """Who waits for a tool hears of it: until then the window stays open."""
    state = replace(state, tools_busy=event.busy)
    if event.busy:
        return state, ()
    wait_s = policy.end_timeout_s if state.closing else policy.answer_timeout_s
    return state, (StartTimer(Timer.FOLLOW_UP, wait_s),)


def close_while_open(state: Dialogue, _event: EndAsked, policy: Policy) -> Step:
    """The conversation ends, with the reply if there is one."""
    closing = replace(state, closing=True, unanswered=False)
    return closing, (StartTimer(Timer.FOLLOW_UP, policy.end_timeout_s),)


def reply_begins(state: Dialogue, _event: ReplyStarted, policy: Policy) -> Step:
    """Without barge-in nothing is streamed while the device speaks: it would hear itself."""
    speaking = replace(
        state.replying(),
        paused=not policy.barge_in,
        heard_reply=True,
        voice_active=state.voice_active and policy.barge_in,
    )
    pause: tuple[Action, ...] = () if policy.barge_in else (PauseUplink(),)
    return speaking, (StopTimer(Timer.FOLLOW_UP), *pause)


def reply_without_audio(state: Dialogue, event: ReplyEnded, policy: Policy) -> Step:
    """A turn without a sound: the window goes on."""
    timer = StartTimer(Timer.FOLLOW_UP, policy.follow_up_s)
    if not event.reason:
        return state, (timer,)
    failed, renew = count_failure(state)
    return failed, (Play(Earcon.ERROR), *renew, timer)


def listen_again(state: Dialogue, policy: Policy) -> Step:
    """The device is silent: stream again, for as long as the window lasts."""
    if not state.can_hear or state.talk is not Talk.STREAM:
        return go_idle(state, Outcome.ANSWERED)
    again = replace(state.rested(), phase=Phase.LISTENING, released=True)
    resume: tuple[Action, ...] = (ResumeUplink(),) if state.paused else ()
    if policy.follow_up_s <= 0 or state.closing:
        return hang_up(again, None, policy)
    longest = StartTimer(Timer.MAX_UTTERANCE, policy.max_utterance_s)
    return again, (*resume, longest, StartTimer(Timer.FOLLOW_UP, policy.follow_up_s))


def heard(state: Dialogue, event: PlaybackDrained, policy: Policy) -> Step:
    """All of the reply has been heard."""
    if event.turn != state.turn or not state.reply_over:
        return state, ()
    judged, _, tones = judge_reply(state)
    again, actions = listen_again(judged, policy)
    return again, (*tones, *actions)


def interrupt(state: Dialogue, event: Any, policy: Policy) -> Step:
    """The user speaks or presses over the reply: silence first, then listen."""
    again, actions = listen_again(state, policy)
    return again, (CutReply(by_server=isinstance(event, ReplyInterrupted)), *actions)


def mic_lost_while_open(state: Dialogue, _event: MicLost, _policy: Policy) -> Step:
    """Nobody can be heard any more."""
    return go_idle(replace(state, mic_ok=False, voice_active=False), Outcome.CANCELLED, Earcon.NO_MIC)


def no_answer(state: Dialogue, event: TimerFired, policy: Policy) -> Step:
    """The time for the answer is up: a session that hears and does not answer is replaced."""
    if event.timer is not Timer.ANSWER:
        return state, ()
    if state.tools_busy:
        return state, (StartTimer(Timer.ANSWER, policy.answer_timeout_s),)
    idle, actions = go_idle(state, Outcome.FAILED, failed_tone(state))
    return idle, (*actions, RenewLink("no_answer", keep_handle=False))


def text_answered(state: Dialogue, event: ReplyEnded, _policy: Policy) -> Step:
    """A turn in writing that brought no audio; one that waits for a tool may still bring some."""
    if state.tools_busy and not event.reason:
        return state, ()
    return go_idle(state, Outcome.FAILED if event.reason else Outcome.SILENT)


def text_reply_begins(state: Dialogue, _event: ReplyStarted, _policy: Policy) -> Step:
    """The answer to a turn in writing; no stream is open."""
    return replace(state.replying(), paused=True), (StopTimer(Timer.ANSWER),)


def another_reply_begins(state: Dialogue, _event: ReplyStarted, _policy: Policy) -> Step:
    """While the first still plays: both are heard, and the end of the second is the end."""
    return state.replying(), (StopTimer(Timer.STALL),)


_LATE = LATE | {TalkPressed: press_when_idle}

SERVER_TABLE: dict[Phase, dict[type, Rule]] = {
    Phase.IDLE: _LATE | {SpeechStarted: voice_when_idle},
    Phase.LISTENING: _LATE
    | {
        TalkPressed: hang_up,
        TalkWithdrawn: withdrawn,
        SpeechStarted: voice_while_open,
        SpeechEnded: silence_while_open,
        TimerFired: window_over,
        ReplyStarted: reply_begins,
        ReplyEnded: reply_without_audio,
        ToolsBusy: tools_while_open,
        EndAsked: close_while_open,
        LinkLost: lost_while_open,
        LinkRefused: refuse,
        MicLost: mic_lost_while_open,
    },
    Phase.THINKING: _LATE
    | {
        UtteranceSent: text_sent,
        ReplyStarted: text_reply_begins,
        ReplyEnded: text_answered,
        TimerFired: no_answer,
        LinkRefused: refuse,
    },
    Phase.SPEAKING: _LATE
    | {
        TalkPressed: interrupt,
        ReplyStarted: another_reply_begins,
        ReplyEnded: nothing_more_comes,
        ReplyInterrupted: interrupt,
        ReplyIsWhole: is_whole,
        ReplyRanDry: ran_dry,
        ReplyWentOn: went_on,
        TimerFired: stalled,
        PlaybackDrained: heard,
        LinkLost: cut_short,
        LinkRefused: cut_short,
    },
}
"""No SENDING and no FOLLOW_UP here: the open stream is both."""
