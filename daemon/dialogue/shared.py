"""Steps that both ways of taking turns share, and the rows that hold in every phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Dialogue, LinkState, MicState, Policy, Talk, TurnState
from daemon.words import Earcon, Outcome, Phase

Step = tuple[Dialogue, tuple[do.Action, ...]]
"""What a rule returns: the next state, and what to do."""

Rule = Callable[[Dialogue, Any, Policy], Step]
"""A row of a table. The event is typed Any: each row takes the one event that it is listed under."""

ALL_TIMERS = tuple(do.StopTimer(timer) for timer in e.Timer)


def stay(state: Dialogue, _event: Any, _policy: Policy) -> Step:
    """The event means nothing here: it is late, or already true."""
    return state, ()


# --- how turns begin and end -----------------------------------------------------------------------


def leave_turn(state: Dialogue, outcome: Outcome, *, speaks_again: bool = False) -> Step:
    """Abandon whatever is under way, silently; the phase is the caller's to set.

    `speaks_again`: an utterance follows. What was said and not answered is not forgotten then, but goes with
    it: whoever hears nothing repeats himself, or goes on.
    """
    actions: list[do.Action] = [*ALL_TIMERS]
    match state.phase:
        case Phase.LISTENING if state.turn.eager is None:
            actions.append(do.CancelUtterance(state.turn.number))
        case Phase.LISTENING | Phase.SENDING | Phase.THINKING | Phase.SPEAKING:
            # Before it was heard too: the server may have all of it, and its answer may be on the way.
            actions.append(do.CutReply())
            if not speaks_again or state.phase not in (Phase.SENDING, Phase.THINKING):
                actions.append(do.CancelUtterance(state.turn.number))
    if state.phase not in (Phase.IDLE, Phase.FOLLOW_UP) and not state.turn.late:
        actions.append(do.TurnOver(state.turn.number, outcome))
    return state.rested(), tuple(actions)


def go_idle(state: Dialogue, outcome: Outcome, earcon: Earcon | None = None) -> Step:
    """Abandon the turn and go to sleep, with a tone that says why."""
    left, actions = leave_turn(state, outcome)
    tone = (do.Play(earcon),) if earcon else ()
    return left.to(Phase.IDLE), (*actions, *tone)


def open_turn(state: Dialogue, trigger: e.Trigger, policy: Policy, onset_byte: int | None = None) -> Step:
    """Begin a new turn, cutting the one that is under way."""
    if not state.mic.can_hear:
        return refuse_to_listen(state)
    if not policy.turns_left:
        return refuse_turn(state, trigger)
    left, actions = leave_turn(state, Outcome.CUT, speaks_again=not policy.by_server)
    number = state.turn.number + 1
    by_voice = trigger is e.Trigger.VOICE
    talk = Talk.STREAM if policy.by_server else _talk_for(trigger)
    speaks_already = state.mic.voice_active and talk is Talk.ENDPOINTED
    released = by_voice or policy.by_server or speaks_already
    turn = TurnState(number=number, talk=talk, released=released)
    opening: list[do.Action] = [do.OpenUtterance(number, trigger, onset_byte, policy.by_server)]
    if released:
        opening.append(do.StopTimer(e.Timer.FOLLOW_UP))
    if not by_voice and (trigger is not e.Trigger.WAKE_WORD or policy.wake_earcon):
        opening.append(do.Play(Earcon.LISTENING))
    opening.append(do.StartTimer(e.Timer.MAX_UTTERANCE, policy.max_utterance_s))
    if talk is Talk.ENDPOINTED and not released:
        opening.append(do.StartTimer(e.Timer.NO_SPEECH, policy.no_speech_s))
    return replace(left, phase=Phase.LISTENING, turn=turn), (*actions, *opening)


def _talk_for(trigger: e.Trigger) -> Talk:
    return Talk.UNDECIDED if trigger is e.Trigger.BUTTON else Talk.ENDPOINTED


def refuse_to_listen(state: Dialogue) -> Step:
    """Say with a tone why nobody listens: muted, or no microphone."""
    return state, (do.Play(Earcon.MUTED if state.mic.muted else Earcon.NO_MIC),)


def refuse_turn(state: Dialogue, trigger: e.Trigger) -> Step:
    """No turn may begin. A press over a reply stops it there; a voice may be a television's."""
    refusal = do.RefuseTurn(trigger)
    if state.phase is not Phase.SPEAKING or trigger in (e.Trigger.VOICE, e.Trigger.TEXT):
        return state, (refusal,)
    idle, actions = go_idle(state, Outcome.CUT)
    return idle, (*actions, refusal)


def open_text(state: Dialogue, event: e.TextAsked, policy: Policy) -> Step:
    """A turn in writing, cutting the one that is under way."""
    if not policy.turns_left:
        return refuse_turn(state, e.Trigger.TEXT)
    left, actions = leave_turn(state, Outcome.CUT)
    turn = TurnState(number=state.turn.number + 1, text=event.text)
    timer = do.StartTimer(e.Timer.ANSWER, policy.hold_utterance_s)
    begun = replace(left, phase=Phase.THINKING, turn=turn)
    return begun, (*actions, do.SendText(turn.number, event.text), timer)


def text_sent(state: Dialogue, event: e.UtteranceSent, policy: Policy) -> Step:
    """The text has left: now the answer has its time limit."""
    if event.turn != state.turn.number or not state.turn.text:
        return state, ()
    return state, await_answer(state, policy)


def await_answer(state: Dialogue, policy: Policy) -> tuple[do.Action, ...]:
    """The answer's time limit; and when to try a second connection, once beside each."""
    limit = do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s)
    once = not (policy.by_server or state.turn.second or state.turn.retried)
    if once and policy.unusual_s < policy.answer_timeout_s:
        return limit, do.StartTimer(e.Timer.UNUSUAL, policy.unusual_s)
    return (limit,)


def refused_tone(event: e.LinkRefused) -> Earcon:
    """The tone for a service that will not have us."""
    return Earcon.QUOTA if event.quota else Earcon.REFUSED


def failed_tone(state: Dialogue) -> Earcon:
    """The tone for an answer that did not come."""
    return Earcon.ERROR if state.link.online else Earcon.OFFLINE


def offline_tone(state: Dialogue, event: e.LinkLost) -> tuple[do.Action, ...]:
    """The tone for a connection that went while somebody waits: once for each trouble."""
    return (do.Play(Earcon.OFFLINE),) if event.trouble and not state.link.trouble else ()


# --- the reply --------------------------------------------------------------------------------------

FAILURES_TO_RENEW = 3
"""So many turns without a good answer in a row, and a fresh session is begun: runs of 27 rejected replies
were seen (gemini-live-api-examples #40)."""

GO_ON = "Your last answer was cut off by a network fault. Please go on from where it broke off."
"""What the next session is asked, if the configuration says so."""


def ran_dry(state: Dialogue, event: e.ReplyRanDry, policy: Policy) -> Step:
    """Wait a while: for the rest of the reply, or only for the word that this was all."""
    reply = state.turn.reply
    if event.turn != state.turn.number or reply.over:
        return state, ()
    wait_s = policy.end_timeout_s if event.all_here else policy.stall_timeout_s
    dry = replace(reply, dry=True, short=not event.all_here)
    return state.with_reply(dry), (do.StartTimer(e.Timer.STALL, wait_s),)


def is_whole(state: Dialogue, _event: e.ReplyIsWhole, _policy: Policy) -> Step:
    """Whatever becomes of the connection, no word of this reply can be lost any more."""
    return state.with_reply(replace(state.turn.reply, whole=True)), ()


def went_on(state: Dialogue, _event: e.ReplyWentOn, _policy: Policy) -> Step:
    """The reply goes on."""
    return state.with_reply(replace(state.turn.reply, dry=False, short=False)), (do.StopTimer(e.Timer.STALL),)


def nothing_more_comes(state: Dialogue, event: e.ReplyEnded, _policy: Policy) -> Step:
    """The server has said all; what is in hand still plays."""
    over = replace(state.turn.reply, over=True, short=False, bad=bool(event.reason))
    return state.with_reply(over), (do.StopTimer(e.Timer.STALL), do.FinishReply())


def stalled(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """The rest did not come: what was heard was the reply. A session that stalls is replaced.

    One that waits for a tool does not stall.
    """
    reply = state.turn.reply
    if event.timer is not e.Timer.STALL or reply.over:
        return state, ()
    if state.tools_busy:
        return state, (do.StartTimer(e.Timer.STALL, policy.stall_timeout_s),)
    over = state.with_reply(replace(reply, over=True))
    if not reply.short:
        return over, (do.FinishReply(),)
    return over, (do.FinishReply(), do.RenewLink("stalled", keep_handle=True))


def judge_reply(state: Dialogue) -> tuple[Dialogue, Outcome, tuple[do.Action, ...]]:
    """How the reply that was just heard ended, and what the user is told of it."""
    if state.turn.reply.bad:
        failed, actions = count_failure(state)
        return failed, Outcome.FAILED, (*actions, do.Play(Earcon.ERROR))
    good = replace(state, failures_in_row=0)
    if state.turn.reply.short:
        return good, Outcome.SHORT, (do.Play(Earcon.ERROR),)
    return good, Outcome.ANSWERED, ()


def count_failure(state: Dialogue) -> Step:
    """One more turn without a good answer; after several the session is replaced."""
    count = state.failures_in_row + 1
    if count < FAILURES_TO_RENEW:
        return replace(state, failures_in_row=count), ()
    return replace(state, failures_in_row=0), (do.RenewLink("bad_replies", keep_handle=False),)


# --- rows that hold in every phase -----------------------------------------------------------------


def stop(state: Dialogue, _event: Any, _policy: Policy) -> Step:
    """Be quiet and idle, whatever is under way."""
    if state.phase is Phase.IDLE:
        return state, ()
    outcome = Outcome.CUT if state.phase is Phase.SPEAKING else Outcome.CANCELLED
    return go_idle(state, outcome)


def mute(state: Dialogue, event: e.MuteSet, policy: Policy) -> Step:
    """Close the microphone at once; an utterance that has not left the device never will."""
    if event.muted == state.mic.muted:
        return state, ()
    tone = do.Play(Earcon.MUTED if event.muted else Earcon.UNMUTED)
    muted = replace(state, mic=MicState(ok=state.mic.ok, muted=event.muted))
    if event.muted and (state.mic_streaming or state.phase is Phase.FOLLOW_UP):
        left, actions = go_idle(muted, Outcome.CANCELLED)
        return left, (do.MicWanted(False), *actions, tone)
    if event.muted and state.phase is Phase.THINKING:
        # It has left, and is not to leave again: if this connection does not bring the answer, none will.
        muted = replace(muted, turn=replace(state.turn, resent=policy.max_resends, retried=True))
        return muted, (do.MicWanted(False), do.CancelUtterance(state.turn.number), tone)
    return muted, (do.MicWanted(not event.muted), tone)


def note_tools(state: Dialogue, event: e.ToolsBusy, _policy: Policy) -> Step:
    """A tool begins, or all have ended, and nothing follows from it here."""
    return replace(state, tools_busy=event.busy), ()


def close_after_reply(state: Dialogue, _event: e.EndAsked, _policy: Policy) -> Step:
    """The conversation ends with the reply that is under way."""
    if state.phase is Phase.FOLLOW_UP:
        return go_idle(state, Outcome.ANSWERED)
    return replace(state, turn=replace(state.turn, closing=state.phase is not Phase.IDLE)), ()


def note_voice(state: Dialogue, _event: e.SpeechStarted, _policy: Policy) -> Step:
    """Somebody speaks, and nothing follows from it here."""
    return state.hearing(voice=True), ()


def note_pause(state: Dialogue, _event: e.SpeechPaused | e.SpeechResumed, _policy: Policy) -> Step:
    """The voice pauses or goes on: until its silence has lasted it is one voice."""
    return state, ()


def note_silence(state: Dialogue, _event: e.SpeechEnded, _policy: Policy) -> Step:
    """The voice has ended, and nothing follows from it here."""
    return state.hearing(voice=False), ()


def note_online(state: Dialogue, _event: e.LinkUp, _policy: Policy) -> Step:
    """The connection is there."""
    return replace(state, link=LinkState(online=True)), ()


def note_offline(state: Dialogue, event: e.LinkLost, _policy: Policy) -> Step:
    """The connection is gone, and nothing is lost by it here."""
    return replace(state, link=LinkState(trouble=event.trouble)), ()


def note_mic_lost(state: Dialogue, _event: e.MicLost, _policy: Policy) -> Step:
    """The microphone failed while nobody was using it."""
    return state.without_mic(), ()


def note_mic_back(state: Dialogue, _event: e.MicBack, _policy: Policy) -> Step:
    """The microphone delivers again."""
    return replace(state, mic=replace(state.mic, ok=True)), ()


def refuse(state: Dialogue, event: e.LinkRefused, _policy: Policy) -> Step:
    """The service will not have us while the user waits for it."""
    return go_idle(_offline(state), Outcome.FAILED, refused_tone(event))


def note_refused(state: Dialogue, _event: e.LinkRefused, _policy: Policy) -> Step:
    """The service will not have us, and nobody waits for it: the lights say so."""
    return _offline(state), ()


def _offline(state: Dialogue) -> Dialogue:
    return replace(state, link=replace(state.link, online=False))


def cut_short(state: Dialogue, _event: e.LinkLost | e.LinkRefused, _policy: Policy) -> Step:
    """The connection went in the middle of a reply: what was received plays out."""
    state, reply = replace(state, link=LinkState(trouble=True)), state.turn.reply
    if reply.over:
        return state, ()
    over = state.with_reply(replace(reply, over=True, short=not reply.whole))
    return over, (do.StopTimer(e.Timer.STALL), do.FinishReply())


EVERY_PHASE: dict[type, Rule] = {
    e.MuteSet: mute,
    e.TextAsked: open_text,
    e.LinkUp: note_online,
    e.LinkLost: note_offline,
    e.LinkRefused: note_refused,
    e.MicLost: note_mic_lost,
    e.MicBack: note_mic_back,
    e.SpeechStarted: note_voice,
    e.SpeechPaused: note_pause,
    e.SpeechResumed: note_pause,
    e.SpeechEnded: note_silence,
    e.SecondUp: stay,
    e.SecondLost: stay,
    e.SecondAnswers: stay,
    e.ToolsBusy: note_tools,
    e.EndAsked: close_after_reply,
    e.ReplyIsWhole: stay,
    e.ReplyRanDry: stay,
    e.ReplyWentOn: stay,
}
"""Rows for every phase that does not name its own."""


def withdrawn(state: Dialogue, _event: Any, _policy: Policy) -> Step:
    """The press belonged to another gesture."""
    return go_idle(state, Outcome.CANCELLED)


LATE: dict[type, Rule] = {
    e.TalkTapped: stay,
    e.TalkHeld: stay,
    e.TalkReleased: stay,
    e.TalkWithdrawn: stay,
    e.UtteranceSent: stay,
    e.TimerFired: stay,
    e.ReplyStarted: stay,
    e.ReplyEnded: stay,
    e.ReplyInterrupted: stay,
    e.PlaybackDrained: stay,
    e.StopAsked: stop,
}
"""What most phases do with what is not theirs; each names its own rows over these, and one for a press."""
