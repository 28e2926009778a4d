"""The dialogue when something does not come: a voice, a connection, an answer, the end of a reply."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
from dialogue_runs import (
    ANSWERED,
    ANSWERING,
    ASKED,
    DEVICE,
    ONLINE,
    SERVER,
    SPOKEN,
    TAPPED,
    last_actions,
    run,
)

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.table import advance
from daemon.events import Timer, Trigger
from daemon.words import Earcon, Outcome, Phase

LATE = e.TimerFired(Timer.ANSWER)
STALLED = e.TimerFired(Timer.STALL)
FAILED = do.TurnOver(1, Outcome.FAILED)


class TestListening:
    def test_ends_after_the_longest_utterance_even_if_nobody_was_heard(self) -> None:
        assert run([e.TalkPressed(), e.TimerFired(Timer.MAX_UTTERANCE)]).phase is Phase.IDLE

    @pytest.mark.parametrize("timer", [Timer.ANSWER, Timer.NO_SPEECH])
    def test_is_not_ended_by_a_timer_that_means_nothing_any_more(self, timer: Timer) -> None:
        assert last_actions([*TAPPED, e.SpeechStarted(1), e.TimerFired(timer)]) == ()

    @pytest.mark.parametrize("spoken", [False, True])
    def test_that_loses_its_microphone_answers_what_was_said_before(self, spoken: bool) -> None:
        heard: list[e.DialogueEvent] = [*TAPPED, *([e.SpeechStarted(1)] if spoken else []), e.MicLost()]
        assert run(heard).phase is (Phase.SENDING if spoken else Phase.IDLE)
        assert (do.Play(Earcon.NO_MIC) in last_actions(heard)) is not spoken
        assert not run(heard).mic.ok

    def test_goes_on_while_the_button_is_down(self) -> None:
        """A command to talk, a second edge, and what another gesture was to say change nothing."""
        for down in ([e.TalkPressed()], [e.TalkPressed(), e.TalkHeld()]):
            assert last_actions([*down, e.TalkPressed(Trigger.COMMAND)]) == ()
        by_command: list[e.DialogueEvent] = [e.TalkPressed(Trigger.COMMAND)]
        for late in (e.TalkTapped(), e.TalkHeld(), e.TalkReleased()):
            assert last_actions([*by_command, late]) == ()

    def test_that_was_another_gesture_is_taken_back(self) -> None:
        assert do.TurnOver(1, Outcome.CANCELLED) in last_actions([e.TalkPressed(), e.TalkWithdrawn()])

    def test_after_a_command_ends_when_nobody_speaks(self) -> None:
        by_command: list[e.DialogueEvent] = [e.TalkPressed(Trigger.COMMAND)]
        assert do.StartTimer(Timer.NO_SPEECH, DEVICE.no_speech_s) in last_actions(by_command)

    def test_in_the_follow_up_window_ends_with_the_microphone(self) -> None:
        assert run([*ANSWERED, e.MicLost()]).phase is Phase.IDLE

    def test_needs_a_microphone_that_is_back(self) -> None:
        assert do.Play(Earcon.NO_MIC) in last_actions([e.MicLost(), e.TalkPressed()])
        assert run([e.MicLost(), e.MicBack(), e.TalkPressed()]).phase is Phase.LISTENING


class TestSending:
    def test_ends_when_no_connection_came_in_all_the_time(self) -> None:
        held = [*SPOKEN, e.LinkLost(), LATE]
        assert FAILED in last_actions(held)
        assert do.Play(Earcon.OFFLINE) in last_actions(held)
        assert last_actions([*SPOKEN, STALLED]) == ()

    def test_of_another_turn_is_not_of_this_one(self) -> None:
        assert last_actions([*SPOKEN, e.UtteranceSent(7)]) == ()
        assert last_actions([e.TextAsked("hi"), e.UtteranceSent(7)]) == ()

    def test_is_given_up_after_so_many_connections(self) -> None:
        events = list(SPOKEN)
        for _ in range(DEVICE.max_resends):
            events += [e.LinkLost(trouble=False), e.LinkUp()]
        assert run(events).phase is Phase.SENDING
        assert FAILED in last_actions([*events, e.LinkLost()])


class TestThinking:
    def test_asks_once_more_on_a_fresh_session_and_then_fails(self) -> None:
        assert do.RenewLink("no_answer", keep_handle=False) in last_actions([*ASKED, LATE])
        again = [*ASKED, LATE, e.UtteranceSent(1)]
        assert run(again).phase is Phase.THINKING
        assert do.Play(Earcon.ERROR) in last_actions([*again, LATE])
        assert FAILED in last_actions([*again, LATE])
        assert last_actions([*ASKED, STALLED]) == ()

    def test_of_a_text_asks_again_without_a_listening_light(self) -> None:
        again = run([e.TextAsked("hi"), LATE])
        assert (again.phase, again.turn.retried, again.mic_streaming) == (Phase.THINKING, True, False)

    def test_of_a_text_that_never_left_only_notes_that_the_connection_failed_again(self) -> None:
        asked: list[e.DialogueEvent] = [e.TextAsked("hi"), e.LinkLost(trouble=False), e.LinkLost()]
        state = run(asked)
        assert (state.turn.resent, state.link.trouble) == (1, True)


class TestSpeaking:
    DRY = e.ReplyRanDry(1, all_here=False)

    def test_waits_for_the_rest_and_gives_up_on_a_session_that_stalls(self) -> None:
        dry = [*ANSWERING, self.DRY]
        assert last_actions(dry) == (do.StartTimer(Timer.STALL, DEVICE.stall_timeout_s),)
        stalled = last_actions([*dry, STALLED])
        assert stalled == (do.FinishReply(), do.RenewLink("stalled", keep_handle=True))
        assert do.TurnOver(1, Outcome.SHORT) in last_actions([*dry, STALLED, e.PlaybackDrained(1)])

    def test_a_reply_that_waits_for_a_tool_does_not_stall(self) -> None:
        waited = last_actions([*ANSWERING, e.ToolsBusy(True), STALLED])
        assert waited == (do.StartTimer(Timer.STALL, DEVICE.stall_timeout_s),)

    def test_waits_a_moment_for_the_word_that_this_was_all(self) -> None:
        dry: list[e.DialogueEvent] = [*ANSWERING, e.ReplyRanDry(1, all_here=True)]
        assert last_actions(dry) == (do.StartTimer(Timer.STALL, DEVICE.end_timeout_s),)
        assert last_actions([*dry, STALLED]) == (do.FinishReply(),)
        assert do.TurnOver(1, Outcome.ANSWERED) in last_actions([*dry, STALLED, e.PlaybackDrained(1)])

    def test_goes_on_when_the_rest_comes(self) -> None:
        went_on = [*ANSWERING, self.DRY, e.ReplyWentOn()]
        assert last_actions(went_on) == (do.StopTimer(Timer.STALL),)
        heard = [*went_on, e.ReplyEnded(), e.PlaybackDrained(1)]
        assert do.TurnOver(1, Outcome.ANSWERED) in last_actions(heard)

    @pytest.mark.parametrize("late", [DRY, e.ReplyRanDry(7, all_here=False), STALLED, LATE])
    def test_that_is_over_or_another_turns_is_not_waited_for(self, late: e.DialogueEvent) -> None:
        assert last_actions([*ANSWERING, e.ReplyEnded(), late]) == ()

    @pytest.mark.parametrize("ask", [False, True])
    def test_asks_the_next_session_to_go_on_once_where_that_is_wanted(self, ask: bool) -> None:
        policy = replace(DEVICE, ask_to_go_on=ask)
        short = [*ANSWERING, e.LinkLost(), e.PlaybackDrained(1)]
        assert run(short, policy).turn.number == 1 + ask
        assert any(isinstance(action, do.SendText) for action in last_actions(short, policy)) is ask
        again = [*short, e.LinkUp(), e.ReplyStarted(), e.LinkLost(), e.PlaybackDrained(2)]
        assert run(again, policy).turn.number == 1 + ask


class TestFailuresInARow:
    REJECTED: ClassVar[list[e.DialogueEvent]] = [
        e.TextAsked("hi"),
        e.ReplyStarted(),
        e.ReplyEnded("RESPONSE_REJECTED"),
    ]
    RENEWED = do.RenewLink("bad_replies", keep_handle=False)

    def rejected(self, turns: int) -> list[e.DialogueEvent]:
        return [event for turn in range(turns) for event in (*self.REJECTED, e.PlaybackDrained(turn + 1))]

    def test_replace_the_session_after_the_third(self) -> None:
        for turns in (1, 2, 3):
            actions = last_actions(self.rejected(turns))
            assert do.TurnOver(turns, Outcome.FAILED) in actions
            assert do.Play(Earcon.ERROR) in actions
            assert (self.RENEWED in actions) is (turns == 3)

    def test_are_forgotten_after_a_good_answer(self) -> None:
        good: list[e.DialogueEvent] = [
            e.TextAsked("hi"),
            e.ReplyStarted(),
            e.ReplyEnded(),
            e.PlaybackDrained(3),
        ]
        assert run([*self.rejected(2), *good]).failures_in_row == 0


class TestAStop:
    def test_means_nothing_at_rest(self) -> None:
        assert last_actions([e.StopAsked()]) == ()

    @pytest.mark.parametrize(("under_way", "outcome"), [(ANSWERING, Outcome.CUT), (ASKED, Outcome.CANCELLED)])
    def test_ends_what_is_under_way(self, under_way: list[e.DialogueEvent], outcome: Outcome) -> None:
        assert run([*under_way, e.StopAsked()]).phase is Phase.IDLE
        assert do.TurnOver(1, outcome) in last_actions([*under_way, e.StopAsked()])


class TestWhatIsNotedAtRest:
    def test_is_a_voice_and_its_end(self) -> None:
        """Where no voice may interrupt, and at rest where none may begin."""
        quiet = replace(DEVICE, voice_trigger=False, barge_in=False)
        for state in (ONLINE, run(ANSWERING)):
            spoken = run([e.SpeechStarted(1)], quiet, state)
            assert spoken.mic.voice_active
            assert not run([e.SpeechEnded()], quiet, spoken).mic.voice_active

    def test_is_a_voice_over_a_reply_of_the_server(self) -> None:
        speaking: list[e.DialogueEvent] = [e.TalkPressed(), e.ReplyStarted(), e.SpeechStarted(1)]
        assert run(speaking, SERVER).mic.voice_active

    def test_is_a_connection_that_is_refused(self) -> None:
        assert not run([e.LinkRefused()]).link.online

    def test_is_no_second_mute(self) -> None:
        assert last_actions([e.MuteSet(True), e.MuteSet(True)]) == ()


class TestNoTurnsLeft:
    SPENT = replace(DEVICE, turns_left=False)

    @pytest.mark.parametrize("event", [e.TalkPressed(), e.TextAsked("hi"), e.SpeechStarted(1)])
    def test_refuses_whatever_would_begin_one(self, event: e.DialogueEvent) -> None:
        trigger = {e.TextAsked: Trigger.TEXT, e.SpeechStarted: Trigger.VOICE}.get(type(event), Trigger.BUTTON)
        assert last_actions([event], self.SPENT) == (do.RefuseTurn(trigger),)

    def test_stops_a_reply_at_a_press_and_at_nothing_else(self) -> None:
        speaking = run(ANSWERING)
        pressed, actions = advance(speaking, e.TalkPressed(), self.SPENT)
        assert pressed.phase is Phase.IDLE
        assert actions[-1] == do.RefuseTurn(Trigger.BUTTON)
        assert do.TurnOver(1, Outcome.CUT) in actions
        for event in (e.SpeechStarted(1), e.TextAsked("hi")):
            assert advance(speaking, event, self.SPENT)[0].phase is Phase.SPEAKING

    def test_finishes_the_one_under_way_and_lets_nothing_follow_it(self) -> None:
        state = run([e.ReplyEnded(), e.PlaybackDrained(1)], self.SPENT, run(ANSWERING))
        assert state.phase is Phase.IDLE
        short = run([e.LinkLost()], self.SPENT, run(ANSWERING))
        state = run([e.PlaybackDrained(1)], replace(self.SPENT, ask_to_go_on=True), short)
        assert (state.phase, state.turn.number) == (Phase.IDLE, 1)

    def test_tells_who_is_muted_that_they_are_muted(self) -> None:
        assert last_actions([e.MuteSet(True), e.TalkPressed()], self.SPENT) == (do.Play(Earcon.MUTED),)
