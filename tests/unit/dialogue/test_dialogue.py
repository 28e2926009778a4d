"""The turn's state table: pair by pair, and under random sequences of events."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.actions import Action
from daemon.dialogue.state import Dialogue, LinkState, Policy, Talk, TurnTaking
from daemon.dialogue.table import TABLES, advance
from daemon.errors import IllegalTransition
from daemon.events import Timer, Trigger
from daemon.words import Earcon, Outcome, Phase

DEVICE = Policy(voice_trigger=True, barge_in=True)
SERVER = Policy(turn_taking=TurnTaking.SERVER, voice_trigger=True, barge_in=True)
ONLINE = Dialogue(link=LinkState(online=True))
ALL_EVENTS = get_args(e.DialogueEvent)
EXAMPLES: list[e.DialogueEvent] = [
    e.TalkPressed(),
    e.TalkPressed(Trigger.COMMAND),
    e.TalkTapped(),
    e.TalkHeld(),
    e.TalkReleased(),
    e.TalkWithdrawn(),
    e.StopAsked(),
    e.MuteSet(True),
    e.MuteSet(False),
    e.TextAsked("what time is it?"),
    e.SpeechStarted(64_000),
    e.SpeechPaused(),
    e.SpeechResumed(),
    e.SpeechEnded(),
    *(e.TimerFired(timer) for timer in Timer),
    *(e.UtteranceSent(turn) for turn in range(1, 4)),
    e.ReplyStarted(),
    e.ReplyIsWhole(),
    *(e.ReplyRanDry(turn, all_here) for turn in (1, 2) for all_here in (False, True)),
    e.ReplyWentOn(),
    e.ReplyEnded(),
    e.ReplyEnded("RESPONSE_REJECTED"),
    e.ReplyInterrupted(),
    *(e.PlaybackDrained(turn) for turn in range(1, 4)),
    e.LinkUp(),
    e.LinkLost(),
    e.LinkLost(trouble=False),
    e.LinkRefused(),
    e.LinkRefused(quota=True),
    e.ToolsBusy(True),
    *(e.ToolsBusy(False, reply_due) for reply_due in (False, True)),
    e.EndAsked(),
    e.MicLost(),
    e.MicBack(),
]


def run(events: list[e.DialogueEvent], policy: Policy = DEVICE, state: Dialogue = ONLINE) -> Dialogue:
    """The state after the events, from idle."""
    for event in events:
        state, _ = advance(state, event, policy)
    return state


def last_actions(events: list[e.DialogueEvent], policy: Policy = DEVICE) -> tuple[Action, ...]:
    """What the last of the events asks for."""
    state = run(events[:-1], policy)
    return advance(state, events[-1], policy)[1]


def kinds(actions: tuple[Action, ...]) -> list[type]:
    return [type(action) for action in actions]


TAPPED: list[e.DialogueEvent] = [e.TalkPressed(), e.TalkTapped()]
SPOKEN = [*TAPPED, e.SpeechStarted(1000), e.SpeechEnded()]
ASKED = [*SPOKEN, e.UtteranceSent(1)]
ANSWERING = [*ASKED, e.ReplyStarted()]
ANSWERED = [*ANSWERING, e.ReplyEnded(), e.PlaybackDrained(1)]


@pytest.mark.parametrize("turn_taking", TurnTaking)
def test_every_phase_has_a_row_for_every_event(turn_taking: TurnTaking) -> None:
    for phase, rows in TABLES[turn_taking].items():
        assert set(rows) == set(ALL_EVENTS), phase


def test_a_phase_without_a_table_raises_illegal_transition() -> None:
    with pytest.raises(IllegalTransition, match="StopAsked while sending"):
        advance(Dialogue(phase=Phase.SENDING), e.StopAsked(), SERVER)


class TestATapTurn:
    def test_goes_through_every_phase_to_the_follow_up_window(self) -> None:
        states = []
        state = ONLINE
        for event in [*ANSWERED, e.TimerFired(Timer.FOLLOW_UP)]:
            state, _ = advance(state, event, DEVICE)
            states.append(state.phase)
        assert states == [
            Phase.LISTENING,
            Phase.LISTENING,
            Phase.LISTENING,
            Phase.SENDING,
            Phase.THINKING,
            Phase.SPEAKING,
            Phase.SPEAKING,
            Phase.FOLLOW_UP,
            Phase.IDLE,
        ]

    def test_begins_at_the_press_before_it_is_known_to_be_a_tap(self) -> None:
        actions = last_actions([e.TalkPressed()])
        assert do.OpenUtterance(1, Trigger.BUTTON, None) in actions
        assert do.Play(Earcon.LISTENING) in actions

    def test_sends_nothing_until_somebody_speaks(self) -> None:
        assert do.ReleaseUtterance not in kinds(last_actions(TAPPED))
        assert do.ReleaseUtterance(1) in last_actions([*TAPPED, e.SpeechStarted(1000)])

    def test_is_forgotten_when_nobody_speaks(self) -> None:
        actions = last_actions([*TAPPED, e.TimerFired(Timer.NO_SPEECH)])
        assert do.CancelUtterance(1) in actions
        assert do.Play(Earcon.DONE) in actions
        assert do.TurnOver(1, Outcome.CANCELLED) in actions

    def test_ends_at_a_second_tap_when_somebody_has_spoken(self) -> None:
        assert run([*TAPPED, e.SpeechStarted(1), e.TalkPressed()]).phase is Phase.SENDING

    def test_is_forgotten_at_a_second_tap_when_nobody_has(self) -> None:
        assert run([*TAPPED, e.TalkPressed()]).phase is Phase.IDLE

    def test_who_already_speaks_at_the_tap_is_heard_at_once(self) -> None:
        quiet = replace(DEVICE, voice_trigger=False)
        assert run([e.SpeechStarted(1), *TAPPED], quiet).turn.released

    def test_ends_by_itself_after_the_longest_utterance(self) -> None:
        assert run([*TAPPED, e.SpeechStarted(1), e.TimerFired(Timer.MAX_UTTERANCE)]).phase is Phase.SENDING


class TestAnEagerEnd:
    PAUSED: ClassVar[list[e.DialogueEvent]] = [*TAPPED, e.SpeechStarted(1), e.SpeechPaused()]
    SENT: ClassVar[list[e.DialogueEvent]] = [*PAUSED, e.UtteranceSent(1)]

    def test_closes_the_utterance_and_goes_on_listening(self) -> None:
        assert last_actions(self.PAUSED) == (do.CloseEagerly(1),)
        state = run(self.PAUSED)
        assert (state.phase, state.mic_streaming, state.mic.voice_active) == (Phase.LISTENING, True, True)

    def test_is_confirmed_by_the_full_silence(self) -> None:
        actions = last_actions([*self.PAUSED, e.SpeechEnded()])
        assert do.ConfirmEnd(1) in actions
        assert do.CloseUtterance not in kinds(actions)
        assert run([*self.PAUSED, e.SpeechEnded()]).phase is Phase.SENDING

    def test_has_left_already_when_it_is_confirmed(self) -> None:
        assert run(self.SENT).phase is Phase.LISTENING
        assert run([*self.SENT, e.SpeechEnded()]).phase is Phase.THINKING
        wait = do.StartTimer(Timer.ANSWER, DEVICE.answer_timeout_s)
        assert wait in last_actions([*self.SENT, e.SpeechEnded()])

    @pytest.mark.parametrize(
        "event", [e.TalkPressed(), e.TimerFired(Timer.MAX_UTTERANCE), e.MicLost()], ids=repr
    )
    def test_is_confirmed_by_whatever_else_ends_an_utterance(self, event: e.DialogueEvent) -> None:
        assert do.ConfirmEnd(1) in last_actions([*self.SENT, event])
        assert run([*self.SENT, event]).phase is Phase.THINKING

    def test_is_taken_back_when_the_speech_goes_on(self) -> None:
        resumed = [*self.SENT, e.SpeechResumed()]
        assert last_actions(resumed) == (do.ReopenUtterance(1),)
        state = run(resumed)
        assert (state.phase, state.turn.eager, state.turn.number) == (Phase.LISTENING, None, 1)
        assert do.CloseUtterance(1) in last_actions([*resumed, e.SpeechEnded()])

    def test_that_was_taken_back_does_not_count_as_sent_when_its_note_comes_late(self) -> None:
        late = [*self.PAUSED, e.SpeechResumed(), e.UtteranceSent(1)]
        assert run([*late, e.SpeechEnded()]).phase is Phase.SENDING

    def test_comes_three_times_in_a_turn_and_again_in_the_next(self) -> None:
        once_more: list[e.DialogueEvent] = [e.SpeechResumed(), e.SpeechPaused()]
        pauses = [*self.PAUSED, *once_more * 2]
        assert do.CloseEagerly(1) in last_actions(pauses)
        spent = [*pauses, *once_more]
        assert last_actions(spent) == ()
        assert do.CloseUtterance(1) in last_actions([*spent, e.SpeechEnded()])
        assert do.CloseEagerly(2) in last_actions([*spent, e.StopAsked(), *self.PAUSED])

    @pytest.mark.parametrize(
        "before",
        [
            [e.TalkPressed(), e.TalkHeld(), e.SpeechStarted(1)],
            [e.TalkPressed(), e.SpeechStarted(1)],
            TAPPED,
            [e.LinkLost(), *TAPPED, e.SpeechStarted(1)],
            [e.SpeechStarted(1), e.MuteSet(True)],
            SPOKEN,
            ANSWERED,
        ],
        ids=["held", "undecided", "nobody spoke", "offline", "muted", "ended", "answered"],
    )
    def test_comes_only_while_silence_may_end_an_utterance_that_can_be_sent(
        self, before: list[e.DialogueEvent]
    ) -> None:
        assert last_actions([*before, e.SpeechPaused()]) == ()
        assert last_actions([*before, e.SpeechResumed()]) == ()

    def test_is_sent_again_after_the_connection_went(self) -> None:
        lost = [*self.SENT, e.LinkLost()]
        assert run(lost).phase is Phase.LISTENING
        assert run([*lost, e.SpeechEnded()]).phase is Phase.SENDING
        assert run([*lost, e.LinkUp(), e.UtteranceSent(1), e.SpeechEnded()]).phase is Phase.THINKING

    @pytest.mark.parametrize(
        "event",
        [e.StopAsked(), e.MuteSet(True), e.TextAsked("hi"), e.LinkRefused(), e.TalkWithdrawn()],
        ids=repr,
    )
    def test_that_is_abandoned_leaves_no_answer_behind(self, event: e.DialogueEvent) -> None:
        actions = last_actions([*self.SENT, event])
        assert do.CutReply() in actions
        assert do.CancelUtterance(1) in actions
        assert run([*self.SENT, event]).turn.eager is None

    def test_is_unknown_where_the_server_takes_turns(self) -> None:
        opened: list[e.DialogueEvent] = [e.TalkPressed(), e.SpeechStarted(1), e.SpeechPaused()]
        assert last_actions(opened, SERVER) == ()
        assert last_actions([*opened, e.SpeechResumed()], SERVER) == ()


class TestAHoldTurn:
    HELD: ClassVar[list[e.DialogueEvent]] = [e.TalkPressed(), e.TalkHeld()]

    def test_lasts_until_release_whatever_the_voice_does(self) -> None:
        spoken = [*self.HELD, e.SpeechStarted(1), e.SpeechEnded()]
        assert run(spoken).phase is Phase.LISTENING
        assert run([*spoken, e.TalkReleased()]).phase is Phase.SENDING

    def test_is_sent_even_if_no_speech_was_detected(self) -> None:
        assert do.ReleaseUtterance(1) in last_actions(self.HELD)
        assert do.CloseUtterance(1) in last_actions([*self.HELD, e.TalkReleased()])


class TestAVoiceTurn:
    def test_begins_where_the_speech_began_and_without_an_earcon(self) -> None:
        actions = last_actions([e.SpeechStarted(64_000)])
        assert do.OpenUtterance(1, Trigger.VOICE, 64_000) in actions
        assert do.Play not in kinds(actions)

    def test_needs_the_voice_trigger(self) -> None:
        assert run([e.SpeechStarted(1)], replace(DEVICE, voice_trigger=False)).phase is Phase.IDLE

    def test_needs_no_trigger_in_the_follow_up_window(self) -> None:
        quiet = replace(DEVICE, voice_trigger=False)
        assert run([*ANSWERED, e.SpeechStarted(9)], quiet).phase is Phase.LISTENING


class TestBargeIn:
    def test_by_press_silences_the_device_before_anything_else(self) -> None:
        actions = last_actions([*ANSWERING, e.TalkPressed()])
        assert kinds(actions).index(do.CutReply) < kinds(actions).index(do.OpenUtterance)
        assert do.TurnOver(1, Outcome.CUT) in actions

    def test_by_voice_is_an_utterance_of_its_own(self) -> None:
        actions = last_actions([*ANSWERING, e.SpeechStarted(5)])
        assert do.CutReply() in actions
        assert do.OpenUtterance(2, Trigger.VOICE, 5) in actions

    def test_by_voice_needs_a_microphone_that_does_not_hear_the_speaker(self) -> None:
        assert run([*ANSWERING, e.SpeechStarted(5)], replace(DEVICE, barge_in=False)).phase is Phase.SPEAKING

    def test_a_late_drain_of_the_cut_turn_does_not_end_the_next_reply(self) -> None:
        second = [
            *ANSWERING,
            *TAPPED,
            e.SpeechStarted(9),
            e.SpeechEnded(),
            e.UtteranceSent(2),
            e.ReplyStarted(),
        ]
        assert run([*second, e.ReplyEnded(), e.PlaybackDrained(1)]).phase is Phase.SPEAKING

    def test_by_the_server_cuts_the_reply_here_too(self) -> None:
        assert do.CutReply(by_server=True) in last_actions([*ANSWERING, e.ReplyInterrupted()])


class TestTheEndOfAReply:
    def test_needs_the_server_and_the_device(self) -> None:
        assert run([*ANSWERING, e.PlaybackDrained(1)]).phase is Phase.SPEAKING
        assert run([*ANSWERING, e.ReplyEnded()]).phase is Phase.SPEAKING
        assert run(ANSWERED).phase is Phase.FOLLOW_UP

    def test_without_follow_up_is_idle(self) -> None:
        assert run(ANSWERED, replace(DEVICE, follow_up_s=0)).phase is Phase.IDLE

    def test_without_a_sound_is_no_failure(self) -> None:
        actions = last_actions([*ASKED, e.ReplyEnded()])
        assert do.TurnOver(1, Outcome.SILENT) in actions
        assert do.CancelUtterance(1) in actions  # else the next connection would hear the question again
        assert do.Play not in kinds(actions)

    def test_without_a_sound_but_with_a_reason_is_one(self) -> None:
        assert do.Play(Earcon.ERROR) in last_actions([*ASKED, e.ReplyEnded("RESPONSE_REJECTED")])


class TestALostLink:
    def test_while_listening_costs_nothing(self) -> None:
        assert run([*TAPPED, e.SpeechStarted(1), e.LinkLost()]).phase is Phase.LISTENING

    def test_before_the_answer_sends_the_utterance_again(self) -> None:
        lost = [*ASKED, e.LinkLost()]
        assert run(lost).phase is Phase.SENDING
        assert run(lost).mic_streaming

    def test_before_the_answer_to_a_text_leaves_it_to_the_uplink_to_send_it_again(self) -> None:
        state = run([e.TextAsked("hi"), e.LinkLost()])
        assert (state.phase, state.turn.resent, state.mic_streaming) == (Phase.THINKING, 1, False)

    def test_in_a_reply_plays_out_what_was_received_then_tells(self) -> None:
        short = [*ANSWERING, e.LinkLost()]
        assert do.FinishReply() in last_actions(short)
        assert do.Play(Earcon.ERROR) in last_actions([*short, e.PlaybackDrained(1)])

    def test_after_the_server_had_said_all_changes_nothing(self) -> None:
        assert last_actions([*ANSWERING, e.ReplyEnded(), e.LinkLost()]) == ()

    def test_that_takes_every_connection_with_it_is_given_up(self) -> None:
        events = list(ASKED)
        for _ in range(DEVICE.max_resends):
            events += [e.LinkLost(), e.LinkUp(), e.UtteranceSent(1)]
        assert run(events).phase is Phase.THINKING
        assert do.TurnOver(1, Outcome.FAILED) in last_actions([*events, e.LinkLost()])

    def test_is_told_once_while_somebody_waits(self) -> None:
        first = last_actions([*SPOKEN, e.LinkLost()])
        again = last_actions([*SPOKEN, e.LinkLost(), e.LinkLost()])
        assert do.Play(Earcon.OFFLINE) in first
        assert do.Play(Earcon.OFFLINE) not in again

    def test_that_is_refused_ends_the_turn_with_its_own_tone(self) -> None:
        assert do.Play(Earcon.REFUSED) in last_actions([*SPOKEN, e.LinkRefused()])
        assert do.Play(Earcon.QUOTA) in last_actions([*ASKED, e.LinkRefused(quota=True)])

    def test_after_all_of_the_reply_is_here_loses_nothing(self) -> None:
        whole = [*ANSWERING, e.ReplyIsWhole(), e.LinkLost(), e.PlaybackDrained(1)]
        assert do.TurnOver(1, Outcome.ANSWERED) in last_actions(whole)

    def test_after_a_mute_while_waiting_is_not_made_good_by_an_unmute(self) -> None:
        """What was said before the mute never leaves again."""
        muted = [*ASKED, e.MuteSet(True)]
        assert do.CancelUtterance(1) in last_actions(muted)
        assert run([*muted, e.MuteSet(False), e.LinkLost()]).phase is Phase.IDLE


class TestMute:
    def test_closes_the_microphone_first_and_forgets_what_was_said(self) -> None:
        actions = last_actions([*TAPPED, e.SpeechStarted(1), e.MuteSet(True)])
        assert actions[0] == do.MicWanted(False)
        assert do.CancelUtterance(1) in actions

    def test_leaves_a_reply_alone(self) -> None:
        assert run([*ANSWERING, e.MuteSet(True)]).phase is Phase.SPEAKING

    def test_keeps_the_device_from_listening(self) -> None:
        muted: list[e.DialogueEvent] = [e.MuteSet(True), e.TalkPressed()]
        assert run(muted).phase is Phase.IDLE
        assert do.Play(Earcon.MUTED) in last_actions(muted)
        assert run([e.MuteSet(True), e.SpeechStarted(1)]).phase is Phase.IDLE

    def test_an_utterance_that_was_sent_is_not_sent_again_after_it(self) -> None:
        assert run([*ASKED, e.MuteSet(True), e.LinkLost()]).phase is Phase.IDLE

    def test_ends(self) -> None:
        assert do.MicWanted(True) in last_actions([e.MuteSet(True), e.MuteSet(False)])
        assert run([e.MuteSet(True), e.MuteSet(False), e.TalkPressed()]).phase is Phase.LISTENING


class TestAText:
    def test_waits_for_a_connection_as_an_utterance_does_and_then_for_its_answer(self) -> None:
        assert do.StartTimer(Timer.ANSWER, DEVICE.hold_utterance_s) in last_actions([e.TextAsked("hi")])
        sent: list[e.DialogueEvent] = [e.TextAsked("hi"), e.UtteranceSent(1)]
        assert do.StartTimer(Timer.ANSWER, DEVICE.answer_timeout_s) in last_actions(sent)
        assert do.StartTimer(Timer.ANSWER, SERVER.answer_timeout_s) in last_actions(sent, SERVER)


class TestACut:
    def test_while_sending_silences_the_answer_that_may_be_on_its_way(self) -> None:
        actions = kinds(last_actions([*SPOKEN, e.TalkPressed()]))
        assert actions.index(do.CutReply) < actions.index(do.OpenUtterance)


def test_a_command_to_talk_while_somebody_speaks_hears_them_at_once() -> None:
    quiet = replace(DEVICE, voice_trigger=False)
    assert run([e.SpeechStarted(1), e.TalkPressed(Trigger.COMMAND)], quiet).turn.released


def test_in_half_duplex_a_voice_from_before_the_reply_is_not_one_after_it() -> None:
    half_duplex = replace(DEVICE, barge_in=False)
    assert not run([*ASKED, e.SpeechStarted(1), e.ReplyStarted()], half_duplex).mic.voice_active


class TestTheServersTurns:
    OPEN: ClassVar[list[e.DialogueEvent]] = [e.TalkPressed()]
    REPLY: ClassVar[list[e.DialogueEvent]] = [*OPEN, e.SpeechStarted(1), e.SpeechEnded(), e.ReplyStarted()]

    def test_stream_from_the_trigger_on(self) -> None:
        assert do.OpenUtterance(1, Trigger.BUTTON, None, stream=True) in last_actions(self.OPEN, SERVER)

    def test_return_to_listening_after_a_reply(self) -> None:
        heard = [*self.REPLY, e.ReplyEnded(), e.PlaybackDrained(1)]
        assert run(heard, SERVER).phase is Phase.LISTENING

    def test_keep_streaming_over_the_reply_only_with_barge_in(self) -> None:
        assert run(self.REPLY, SERVER).mic_streaming
        half_duplex = replace(SERVER, barge_in=False)
        assert not run(self.REPLY, half_duplex).mic_streaming
        assert do.PauseUplink() in last_actions(self.REPLY, half_duplex)
        heard = [*self.REPLY, e.ReplyEnded(), e.PlaybackDrained(1)]
        assert do.ResumeUplink() in last_actions(heard, half_duplex)

    def test_are_interrupted_by_the_server(self) -> None:
        cut = do.CutReply(by_server=True)
        assert cut in last_actions([*self.REPLY, e.ReplyInterrupted()], SERVER)

    def test_close_when_nobody_says_more(self) -> None:
        closed = [*self.OPEN, e.TimerFired(Timer.FOLLOW_UP)]
        assert do.CloseUtterance(1) in last_actions(closed, SERVER)
        assert run(closed, SERVER).phase is Phase.IDLE

    def test_that_bring_no_answer_are_told_and_get_a_fresh_session(self) -> None:
        unanswered = [*self.OPEN, e.SpeechStarted(1), e.SpeechEnded(), e.TimerFired(Timer.FOLLOW_UP)]
        actions = last_actions(unanswered, SERVER)
        assert do.Play(Earcon.ERROR) in actions
        assert do.TurnOver(1, Outcome.FAILED) in actions
        assert do.RenewLink("no_answer", keep_handle=False) in actions

    def test_hang_up_after_speech_waits_for_the_answer_with_the_stream_closed(self) -> None:
        hung_up = [*self.OPEN, e.SpeechStarted(1), e.SpeechEnded(), e.TalkPressed()]
        state = run(hung_up, SERVER)
        assert (state.phase, state.mic_streaming) == (Phase.THINKING, False)
        heard = [*hung_up, e.ReplyStarted(), e.ReplyEnded(), e.PlaybackDrained(1)]
        assert run(heard, SERVER).phase is Phase.IDLE

    def test_end_with_the_second_reply_when_it_began_before_the_first_was_heard(self) -> None:
        second = [*self.REPLY, e.ReplyEnded(), e.ReplyStarted()]
        assert run([*second, e.PlaybackDrained(1)], SERVER).phase is Phase.SPEAKING
        assert do.FinishReply() in last_actions([*second, e.LinkLost()], SERVER)

    def test_do_not_stay_open_for_ever(self) -> None:
        endless = [*self.OPEN, e.TimerFired(Timer.MAX_UTTERANCE)]
        assert run(endless, SERVER).phase is Phase.IDLE

    def test_tell_once_that_the_network_is_gone(self) -> None:
        assert do.Play(Earcon.OFFLINE) in last_actions([*self.OPEN, e.LinkLost()], SERVER)
        assert last_actions([*self.OPEN, e.LinkLost(), e.LinkLost()], SERVER) == ()

    def test_play_out_what_a_lost_link_left(self) -> None:
        lost = [*self.REPLY, e.LinkLost()]
        assert run([*lost, e.PlaybackDrained(1)], SERVER).phase is Phase.LISTENING


# --- properties ------------------------------------------------------------------------------------

policies = st.builds(
    Policy,
    turn_taking=st.sampled_from(TurnTaking),
    voice_trigger=st.booleans(),
    barge_in=st.booleans(),
    follow_up_s=st.sampled_from([0.0, 6.0]),
)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_no_sequence_of_events_reaches_an_undefined_pair(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    run(events, policy)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_a_press_wakes_the_device_from_every_state(policy: Policy, events: list[e.DialogueEvent]) -> None:
    """No state is deaf: unmuted, with a microphone, and stopped first, a press always listens."""
    state = run([*events, e.StopAsked(), e.MuteSet(False), e.MicBack(), e.TalkPressed()], policy)
    assert state.phase is Phase.LISTENING


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_nothing_streams_while_muted(policy: Policy, events: list[e.DialogueEvent]) -> None:
    state = run(events, policy)
    assert not (state.mic.muted and state.mic_streaming)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_an_utterance_is_open_exactly_while_the_light_says_so(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """Replays the actions: what may leave the device, against the state's own promise."""
    state, leaving = ONLINE, False
    for event in events:
        state, actions = advance(state, event, policy)
        for action in actions:
            if isinstance(action, do.OpenUtterance | do.ResumeUplink):
                leaving = True
            elif isinstance(action, do.CancelUtterance | do.PauseUplink):
                leaving = False
        if state.turn.talk is Talk.STREAM and not state.mic_streaming:
            leaving = False  # a stream that was closed leaves nothing behind
        if isinstance(event, e.UtteranceSent) and state.phase is Phase.THINKING:
            leaving = False
        if state.phase in (Phase.THINKING, Phase.SPEAKING) and state.turn.talk is not Talk.STREAM:
            leaving = False  # all of it was sent, or the reply has settled it
        if state.phase is Phase.SENDING:
            leaving = True
        assert state.mic_streaming == leaving, (event, state)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_every_state_that_waits_has_a_timer_or_a_person_to_end_it(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """SENDING and THINKING end by ANSWER, FOLLOW_UP by its own, LISTENING by one of three or by a hold."""
    state, armed = ONLINE, set[Timer]()
    for event in events:
        if isinstance(event, e.TimerFired):
            if event.timer not in armed:
                continue
            armed.discard(event.timer)
        state, actions = advance(state, event, policy)
        for action in actions:
            if isinstance(action, do.StartTimer):
                armed.add(action.timer)
            elif isinstance(action, do.StopTimer):
                armed.discard(action.timer)
        match state.phase:
            case Phase.SENDING | Phase.THINKING:
                assert Timer.ANSWER in armed, (event, state)
            case Phase.FOLLOW_UP:
                assert Timer.FOLLOW_UP in armed, (event, state)
            case Phase.LISTENING if not policy.by_server:
                assert Timer.MAX_UTTERANCE in armed, (event, state)


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=400)
def test_an_eager_end_is_confirmed_or_taken_back_before_anything_of_its_answer_is_heard(
    policy: Policy, events: list[e.DialogueEvent]
) -> None:
    """Replays the actions: what was asked for too early, and what became of it."""
    state, unsure, count = ONLINE, 0, 0
    for event in events:
        state, actions = advance(state, event, policy)
        for action in actions:
            match action:
                case do.CloseEagerly(turn):
                    assert not unsure
                    unsure, count = turn, count + 1
                case do.ConfirmEnd(turn) | do.ReopenUtterance(turn):
                    assert unsure == turn
                    unsure = 0
                case do.CutReply(by_server=False):
                    unsure = 0
                case do.OpenUtterance() | do.SendText():
                    assert not unsure
                    count = 0
                case do.CloseUtterance() | do.CancelUtterance() | do.FinishReply():
                    assert not unsure
        assert count <= policy.max_eager_ends
        assert bool(unsure) is (state.turn.eager is not None)
        assert not unsure or (state.phase is Phase.LISTENING and state.mic_streaming)
