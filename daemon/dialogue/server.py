"""The server takes turns: the microphone is streamed while the conversation is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.dialogue.device import voice_when_idle
from daemon.dialogue.shared import (
    Rule,
    count_failure,
    cut_short,
    go_idle,
    judge_reply,
    nothing_more_comes,
    open_turn,
    ran_dry,
    refuse,
    stalled,
    stay,
    stop,
    went_on,
)
from daemon.dialogue.state import (
    Action,
    CloseUtterance,
    CutReply,
    Dialogue,
    PauseUplink,
    Play,
    Policy,
    ResumeUplink,
    StartTimer,
    Step,
    StopTimer,
    Talk,
    TurnOver,
)
from daemon.events import (
    LinkLost,
    LinkRefused,
    MicLost,
    PlaybackDrained,
    ReplyEnded,
    ReplyInterrupted,
    ReplyRanDry,
    ReplyStarted,
    ReplyWentOn,
    SpeechEnded,
    SpeechStarted,
    StopAsked,
    TalkHeld,
    TalkPressed,
    TalkReleased,
    TalkTapped,
    TalkWithdrawn,
    Timer,
    TimerFired,
    UtteranceSent,
)
from daemon.words import Earcon, Outcome, Phase


def press_when_idle(state: Dialogue, event: TalkPressed, policy: Policy) -> Step:
    """Open the conversation; it closes by itself when nobody says more."""
    opened, actions = open_turn(state, event.trigger, policy)
    if opened.phase is not Phase.LISTENING:
        return opened, actions
    return opened, (*actions, StartTimer(Timer.FOLLOW_UP, policy.no_speech_s))


def hang_up(state: Dialogue, _event: Any, _policy: Policy) -> Step:
    """End the stream; the server flushes what it has."""
    ended = replace(state, phase=Phase.IDLE, released=False, paused=False)
    over = TurnOver(state.turn, Outcome.ANSWERED)
    return ended, (StopTimer(Timer.FOLLOW_UP), CloseUtterance(state.turn), over)


def withdrawn(state: Dialogue, _event: TalkWithdrawn, _policy: Policy) -> Step:
    """The press belonged to another gesture."""
    return go_idle(state, Outcome.CANCELLED)


def voice_while_open(state: Dialogue, _event: SpeechStarted, _policy: Policy) -> Step:
    """Somebody speaks: the window stays open."""
    return replace(state, voice_active=True), (StopTimer(Timer.FOLLOW_UP),)


def silence_while_open(state: Dialogue, _event: SpeechEnded, policy: Policy) -> Step:
    """The server will answer, or not: then the window closes."""
    timer = StartTimer(Timer.FOLLOW_UP, policy.answer_timeout_s)
    return replace(state, voice_active=False), (timer,)


def window_over(state: Dialogue, event: TimerFired, policy: Policy) -> Step:
    """Nobody said more."""
    return hang_up(state, event, policy) if event.timer is Timer.FOLLOW_UP else (state, ())


def reply_begins(state: Dialogue, _event: ReplyStarted, policy: Policy) -> Step:
    """Without barge-in nothing is streamed while the device speaks: it would hear itself."""
    speaking = replace(
        state, phase=Phase.SPEAKING, reply_over=False, reply_short=False, paused=not policy.barge_in
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
    again = replace(
        state, phase=Phase.LISTENING, paused=False, reply_over=False, reply_short=False, reply_bad=False
    )
    resume: tuple[Action, ...] = (ResumeUplink(),) if state.paused else ()
    if policy.follow_up_s <= 0:
        return hang_up(again, None, policy)
    return again, (*resume, StartTimer(Timer.FOLLOW_UP, policy.follow_up_s))


def heard(state: Dialogue, event: PlaybackDrained, policy: Policy) -> Step:
    """All of the reply has been heard."""
    if event.turn != state.turn or not state.reply_over:
        return state, ()
    judged, _, tones = judge_reply(state)
    again, actions = listen_again(judged, policy)
    return again, (*tones, *actions)


def interrupt(state: Dialogue, _event: Any, policy: Policy) -> Step:
    """The user speaks or presses over the reply: silence first, then listen."""
    again, actions = listen_again(state, policy)
    return again, (CutReply(), *actions)


def mic_lost_while_open(state: Dialogue, _event: MicLost, _policy: Policy) -> Step:
    """Nobody can be heard any more."""
    return go_idle(replace(state, mic_ok=False, voice_active=False), Outcome.CANCELLED, Earcon.NO_MIC)


def no_text_answer(state: Dialogue, event: TimerFired, _policy: Policy) -> Step:
    """The time for the answer to a turn in writing is up."""
    if event.timer is not Timer.ANSWER:
        return state, ()
    return go_idle(state, Outcome.FAILED, Earcon.ERROR if state.online else Earcon.OFFLINE)


def text_answered(state: Dialogue, event: ReplyEnded, _policy: Policy) -> Step:
    """A turn in writing that brought no audio."""
    return go_idle(state, Outcome.FAILED if event.reason else Outcome.SILENT)


def text_reply_begins(state: Dialogue, _event: ReplyStarted, _policy: Policy) -> Step:
    """The answer to a turn in writing; no stream is open."""
    speaking = replace(state, phase=Phase.SPEAKING, reply_over=False, reply_short=False, paused=True)
    return speaking, (StopTimer(Timer.ANSWER),)


_LATE: dict[type, Rule] = {
    TalkTapped: stay,
    TalkHeld: stay,
    TalkReleased: stay,
    TalkWithdrawn: stay,
    UtteranceSent: stay,
    TimerFired: stay,
    ReplyStarted: stay,
    ReplyEnded: stay,
    ReplyInterrupted: stay,
    PlaybackDrained: stay,
    StopAsked: stop,
    TalkPressed: press_when_idle,
}

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
        LinkRefused: refuse,
        MicLost: mic_lost_while_open,
    },
    Phase.THINKING: _LATE
    | {
        ReplyStarted: text_reply_begins,
        ReplyEnded: text_answered,
        TimerFired: no_text_answer,
        LinkRefused: refuse,
    },
    Phase.SPEAKING: _LATE
    | {
        TalkPressed: interrupt,
        ReplyEnded: nothing_more_comes,
        ReplyInterrupted: interrupt,
        ReplyRanDry: ran_dry,
        ReplyWentOn: went_on,
        TimerFired: stalled,
        PlaybackDrained: heard,
        LinkLost: cut_short,
        LinkRefused: cut_short,
    },
}
"""No SENDING and no FOLLOW_UP here: the open stream is both."""
