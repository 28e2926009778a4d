"""The device takes turns: an utterance begins with a trigger and ends by endpointing or release."""

from __future__ import annotations

from dataclasses import replace

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.eager import (
    lost_while_listening,
    pause_while_listening,
    resumed_while_listening,
    sent_while_listening,
)
from daemon.dialogue.follow_up import (
    follow_up_over,
    late_reply,
    mic_lost_in_follow_up,
    rest,
    voice_in_follow_up,
)
from daemon.dialogue.second import ask_second, have_second, second_is_over
from daemon.dialogue.shared import (
    GO_ON,
    LATE,
    Rule,
    Step,
    await_answer,
    count_failure,
    cut_short,
    failed_tone,
    go_idle,
    is_whole,
    judge_reply,
    nothing_more_comes,
    offline_tone,
    open_text,
    open_turn,
    ran_dry,
    refuse,
    stalled,
    text_sent,
    went_on,
    withdrawn,
)
from daemon.dialogue.state import Dialogue, LinkState, Policy, Talk
from daemon.words import Earcon, Outcome, Phase

# --- opening ---------------------------------------------------------------------------------------


def press(state: Dialogue, event: e.TalkPressed, policy: Policy) -> Step:
    """A press opens a turn at once, and cuts the one that is under way: local first."""
    return open_turn(state, event.trigger, policy, event.heard_at_byte)


def voice_when_idle(state: Dialogue, event: e.SpeechStarted, policy: Policy) -> Step:
    """A voice opens a turn where the configuration says so."""
    state = state.hearing(voice=True)
    if not policy.voice_trigger or not state.mic.can_hear:
        return state, ()
    return open_turn(state, e.Trigger.VOICE, policy, event.onset_byte)


def voice_over_reply(state: Dialogue, event: e.SpeechStarted, policy: Policy) -> Step:
    """Barge-in by voice, where the microphone does not hear the speaker."""
    state = state.hearing(voice=True)
    if not policy.barge_in or not state.mic.can_hear:
        return state, ()
    return open_turn(state, e.Trigger.VOICE, policy, event.onset_byte)


# --- listening -------------------------------------------------------------------------------------


def press_while_listening(state: Dialogue, _event: e.TalkPressed, policy: Policy) -> Step:
    """A second press ends the utterance: it is sent if somebody spoke, else forgotten."""
    if state.turn.talk in (Talk.HELD, Talk.UNDECIDED):
        return state, ()
    return close(state, policy) if state.turn.released else go_idle(state, Outcome.CANCELLED, Earcon.DONE)


def tapped(state: Dialogue, _event: e.TalkTapped, policy: Policy) -> Step:
    """It was a tap: silence will end it, and if nobody speaks it is forgotten."""
    if state.turn.talk is not Talk.UNDECIDED:
        return state, ()
    state = replace(state, turn=replace(state.turn, talk=Talk.ENDPOINTED))
    if state.mic.voice_active:
        return release(state)
    return state, (do.StartTimer(e.Timer.NO_SPEECH, policy.no_speech_s),)


def held(state: Dialogue, _event: e.TalkHeld, _policy: Policy) -> Step:
    """It is a hold: who holds the button is heard, loud or soft."""
    if state.turn.talk is not Talk.UNDECIDED:
        return state, ()
    return release(replace(state, turn=replace(state.turn, talk=Talk.HELD)))


def let_go(state: Dialogue, _event: e.TalkReleased, policy: Policy) -> Step:
    """The end of a hold is the end of the utterance."""
    return close(state, policy) if state.turn.talk is Talk.HELD else (state, ())


def voice_while_listening(state: Dialogue, _event: e.SpeechStarted, _policy: Policy) -> Step:
    """Somebody speaks: the utterance may leave now."""
    return release(state.hearing(voice=True))


def release(state: Dialogue) -> Step:
    """Let the utterance leave the device, all of it."""
    turn = state.turn
    if turn.released:
        return state, ()
    released = replace(state, turn=replace(turn, released=True))
    return released, (do.StopTimer(e.Timer.NO_SPEECH), do.ReleaseUtterance(turn.number))


def silence_while_listening(state: Dialogue, _event: e.SpeechEnded, policy: Policy) -> Step:
    """Endpointing."""
    state, turn = state.hearing(voice=False), state.turn
    return close(state, policy) if turn.talk is Talk.ENDPOINTED and turn.released else (state, ())


def timer_while_listening(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """Nobody spoke, or somebody never stopped."""
    match event.timer:
        case e.Timer.NO_SPEECH if not state.turn.released:
            return go_idle(state, Outcome.CANCELLED, Earcon.DONE)
        case e.Timer.MAX_UTTERANCE if state.turn.released:
            return close(state, policy)
        case e.Timer.MAX_UTTERANCE:
            return go_idle(state, Outcome.CANCELLED, Earcon.DONE)
        case _:
            return state, ()


def mic_lost_while_listening(state: Dialogue, _event: e.MicLost, policy: Policy) -> Step:
    """What was said before the microphone failed is still answered."""
    state = state.without_mic()
    return close(state, policy) if state.turn.released else go_idle(state, Outcome.CANCELLED, Earcon.NO_MIC)


def close(state: Dialogue, policy: Policy) -> Step:
    """End the utterance; without a connection it is held for a while, and nothing of it is lost.

    One that was closed at the pause is confirmed, and may have left already.
    """
    number, eager = state.turn.number, state.turn.eager
    timers = (do.StopTimer(e.Timer.NO_SPEECH), do.StopTimer(e.Timer.MAX_UTTERANCE))
    end = do.CloseUtterance(number) if eager is None else do.ConfirmEnd(number)
    closed = replace(state, turn=replace(state.turn, eager=None)).to(Phase.SENDING)
    if eager is not None and eager.sent:
        thinking, wait = sent(closed, e.UtteranceSent(number), policy)
        return thinking, (*timers, end, *wait)
    hold = do.StartTimer(e.Timer.ANSWER, policy.hold_utterance_s)
    tone = (do.Play(Earcon.OFFLINE),) if state.link.trouble else ()
    return closed, (*timers, end, hold, *tone)


# --- sending and thinking --------------------------------------------------------------------------


def sent(state: Dialogue, event: e.UtteranceSent, policy: Policy) -> Step:
    """All of it has left: now the answer has its time limit."""
    if event.turn != state.turn.number:
        return state, ()
    return state.to(Phase.THINKING), await_answer(state, policy)


def tools_while_thinking(state: Dialogue, event: e.ToolsBusy, policy: Policy) -> Step:
    """The answer has its time limit from the moment at which the last tool has answered."""
    state = replace(state, tools_busy=event.busy)
    if event.busy:
        return state, ()
    if not state.turn.ended:
        return state, (do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s),)
    if not event.reply_due:
        return rest(state, policy, _outcome(state))
    return state, (do.StartTimer(e.Timer.ANSWER, policy.stall_timeout_s),)


def _outcome(state: Dialogue) -> Outcome:
    """How a turn ended in which the model had nothing to say of its tools."""
    return Outcome.ANSWERED if state.turn.heard_reply else Outcome.SILENT


def answer_begins(state: Dialogue, _event: e.ReplyStarted, policy: Policy) -> Step:
    """The first audio of the answer."""
    # In half duplex what is heard over the reply is the reply; a voice after it is a new one.
    state = state.hearing(voice=state.mic.voice_active and policy.barge_in)
    turn = replace(state.turn.replying(), heard_reply=True, ended=False)
    timers = (do.StopTimer(e.Timer.ANSWER), do.StopTimer(e.Timer.UNUSUAL))
    return replace(state, phase=Phase.SPEAKING, turn=turn), timers


def not_sent(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """No connection came in all the time that an utterance is held."""
    if event.timer is not e.Timer.ANSWER:
        return state, ()
    if state.turn.second:
        return no_answer(state, event, policy)
    return go_idle(state, Outcome.FAILED, failed_tone(state))


def no_answer(state: Dialogue, event: e.TimerFired, policy: Policy) -> Step:
    """The time for an answer is up: ask again, once, on a fresh session."""
    turn = state.turn
    if event.timer is e.Timer.UNUSUAL:
        return have_second(state)
    if event.timer is not e.Timer.ANSWER:
        return state, ()
    if state.tools_busy:
        return state, (do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s),)
    if turn.ended:
        return rest(state, policy, _outcome(state))
    renew = do.RenewLink("no_answer", keep_handle=False)
    if turn.retried or state.mic.muted or turn.heard_reply or not state.link.online:
        idle, actions = go_idle(state, Outcome.FAILED, failed_tone(state))
        return idle, (*actions, renew)
    wait = do.StartTimer(e.Timer.ANSWER, policy.hold_utterance_s)
    again = replace(state, turn=replace(turn, retried=True, second=False))
    if turn.text:
        return again, (renew, wait)
    return again.to(Phase.SENDING), (renew, wait)


def ended_without_audio(state: Dialogue, event: e.ReplyEnded, policy: Policy) -> Step:
    """A turn without a sound: deliberate silence, unless the service gives a reason."""
    if event.reason:
        failed, renew = count_failure(state)
        idle, actions = go_idle(failed, Outcome.FAILED, Earcon.ERROR)
        return idle, (*actions, *renew)
    if state.tools_busy:
        return replace(state, turn=replace(state.turn, ended=True)), ()
    return rest(state, policy, _outcome(state))


def send_again(state: Dialogue, event: e.LinkLost, policy: Policy) -> Step:
    """The connection went before the answer came: what was said is sent again on the next one.

    Unless a part of the answer was heard, and only what the tools bring is missing.
    """
    turn, lost = state.turn, replace(state, link=LinkState(trouble=event.trouble))
    if turn.text and not state.link.online:
        return lost, ()
    again = replace(lost, turn=replace(turn, resent=turn.resent + 1, ended=False, second=False))
    if again.turn.resent > policy.max_resends or state.mic.muted or turn.heard_reply:
        return go_idle(again, Outcome.FAILED, Earcon.OFFLINE)
    wait = do.StartTimer(e.Timer.ANSWER, policy.hold_utterance_s)
    # A text is sent again by the uplink, as an utterance is; it lights no listening light.
    return again if turn.text else again.to(Phase.SENDING), (wait,)


def lost_while_sending(state: Dialogue, event: e.LinkLost, policy: Policy) -> Step:
    """The connection went while the utterance was leaving; it starts again from its beginning."""
    if state.turn.second:
        return send_again(state, event, policy)
    turn = replace(state.turn, resent=state.turn.resent + state.link.online)
    lost = replace(state, turn=turn, link=LinkState(trouble=event.trouble))
    if turn.resent > policy.max_resends:
        return go_idle(lost, Outcome.FAILED, Earcon.OFFLINE)
    return lost, offline_tone(state, event)


# --- speaking --------------------------------------------------------------------------------------


def heard(state: Dialogue, event: e.PlaybackDrained, policy: Policy) -> Step:
    """A reply has ended when the server said so and all of it has been heard."""
    if event.turn != state.turn.number or not state.turn.reply.over:
        return state, ()
    if state.tools_busy and not state.turn.reply.bad:
        return replace(state, phase=Phase.THINKING, turn=replace(state.turn, ended=True)), ()
    judged, outcome, tones = judge_reply(state)
    rested, actions = rest(judged, policy, outcome)
    may_ask = policy.ask_to_go_on and policy.turns_left
    if outcome is Outcome.SHORT and may_ask and state.turn.text != GO_ON:  # once, not for ever
        asking, more = open_text(rested, e.TextAsked(GO_ON), policy)
        return asking, (*actions, *tones, *more)
    return rested, (*actions, *tones)


def ran_dry_at_tools(state: Dialogue, event: e.ReplyRanDry, policy: Policy) -> Step:
    """The model said something and waits for its tools: the rest of the reply comes after them."""
    if event.turn != state.turn.number or state.turn.reply.over or not state.tools_busy:
        return ran_dry(state, event, policy)
    return state.to(Phase.THINKING), (do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s),)


def tools_while_speaking(state: Dialogue, event: e.ToolsBusy, policy: Policy) -> Step:
    """Where the sound has ended before the call came, this is known only now: the reply did not stall."""
    state, reply = replace(state, tools_busy=event.busy), state.turn.reply
    if not event.busy or not reply.dry or reply.over:
        return state, ()
    wait = do.StartTimer(e.Timer.ANSWER, policy.answer_timeout_s)
    return state.to(Phase.THINKING), (do.StopTimer(e.Timer.STALL), wait)


def cut_by_server(state: Dialogue, _event: e.ReplyInterrupted, policy: Policy) -> Step:
    """The server cut the reply: so does the device."""
    rested, actions = rest(state, policy, Outcome.CUT)
    return rested, (do.CutReply(by_server=True), *actions)


_LATE = LATE | {e.TalkPressed: press}

DEVICE_TABLE: dict[Phase, dict[type, Rule]] = {
    Phase.IDLE: _LATE | {e.SpeechStarted: voice_when_idle, e.ReplyStarted: late_reply},
    Phase.LISTENING: _LATE
    | {
        e.TalkPressed: press_while_listening,
        e.TalkTapped: tapped,
        e.TalkHeld: held,
        e.TalkReleased: let_go,
        e.TalkWithdrawn: withdrawn,
        e.SpeechStarted: voice_while_listening,
        e.SpeechPaused: pause_while_listening,
        e.SpeechResumed: resumed_while_listening,
        e.SpeechEnded: silence_while_listening,
        e.UtteranceSent: sent_while_listening,
        e.TimerFired: timer_while_listening,
        e.LinkLost: lost_while_listening,
        e.LinkRefused: refuse,
        e.MicLost: mic_lost_while_listening,
    },
    Phase.SENDING: _LATE
    | {
        e.SpeechStarted: voice_over_reply,
        e.UtteranceSent: sent,
        e.ReplyStarted: answer_begins,
        e.ReplyEnded: ended_without_audio,
        e.TimerFired: not_sent,
        e.SecondLost: second_is_over,
        e.SecondAnswers: second_is_over,
        e.LinkLost: lost_while_sending,
        e.LinkRefused: refuse,
    },
    Phase.THINKING: _LATE
    | {
        e.UtteranceSent: text_sent,
        e.SpeechStarted: voice_over_reply,
        e.ReplyStarted: answer_begins,
        e.ReplyEnded: ended_without_audio,
        e.ReplyInterrupted: cut_by_server,
        e.TimerFired: no_answer,
        e.SecondUp: ask_second,
        e.ToolsBusy: tools_while_thinking,
        e.LinkLost: send_again,
        e.LinkRefused: refuse,
    },
    Phase.SPEAKING: _LATE
    | {
        e.SpeechStarted: voice_over_reply,
        e.ReplyEnded: nothing_more_comes,
        e.ReplyInterrupted: cut_by_server,
        e.ReplyIsWhole: is_whole,
        e.ReplyRanDry: ran_dry_at_tools,
        e.ReplyWentOn: went_on,
        e.ToolsBusy: tools_while_speaking,
        e.TimerFired: stalled,
        e.PlaybackDrained: heard,
        e.LinkLost: cut_short,
        e.LinkRefused: cut_short,
    },
    Phase.FOLLOW_UP: _LATE
    | {
        e.SpeechStarted: voice_in_follow_up,
        e.ReplyStarted: late_reply,
        e.TimerFired: follow_up_over,
        e.MicLost: mic_lost_in_follow_up,
    },
}
