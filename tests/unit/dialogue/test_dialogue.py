"""The turn's state table where the device takes turns, pair by pair."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
from dialogue_runs import (
    ALL_EVENTS,
    ANSWERED,
    ANSWERING,
    ASKED,
    DEVICE,
    ONLINE,
    SERVER,
    SPOKEN,
    TAPPED,
    kinds,
    last_actions,
    run,
)

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Dialogue, TurnTaking
from daemon.dialogue.table import TABLES, advance
from daemon.errors import IllegalTransition
from daemon.events import Timer, Trigger
from daemon.words import Earcon, Outcome, Phase


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


@pytest.mark.parametrize("asked", [SPOKEN, ASKED])
@pytest.mark.parametrize("again", [e.TalkPressed(), e.SpeechStarted(90_000)])
def test_what_was_not_answered_is_not_forgotten_when_its_user_speaks_again(
    asked: list[e.DialogueEvent], again: e.DialogueEvent
) -> None:
    actions = last_actions([*asked, again])
    assert do.CancelUtterance not in kinds(actions)
    assert do.CutReply in kinds(actions)
    assert any(isinstance(action, do.OpenUtterance) and action.turn == 2 for action in actions)


@pytest.mark.parametrize("asked", [SPOKEN, ASKED])
@pytest.mark.parametrize("instead", [e.StopAsked(), e.TextAsked("hello")])
def test_what_was_not_answered_is_forgotten_when_its_user_does_not_speak_again(
    asked: list[e.DialogueEvent], instead: e.DialogueEvent
) -> None:
    assert do.CancelUtterance(1) in last_actions([*asked, instead])
