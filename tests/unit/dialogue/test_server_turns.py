"""The turn's state table where the server takes turns."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from dialogue_runs import (
    SERVER,
    last_actions,
    run,
)

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.events import Timer, Trigger
from daemon.words import Earcon, Outcome, Phase


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


class TestAPressThatCannotBeHeard:
    def test_opens_nothing(self) -> None:
        assert run([e.MicLost(), e.TalkPressed()], SERVER).phase is Phase.IDLE

    def test_over_a_reply_without_a_microphone_ends_the_conversation(self) -> None:
        speaking: list[e.DialogueEvent] = [*TestTheServersTurns.REPLY, e.MicLost(), e.TalkPressed()]
        assert run(speaking, SERVER).phase is Phase.IDLE


class TestTheOpenWindow:
    OPEN: ClassVar[list[e.DialogueEvent]] = [e.TalkPressed()]

    def test_goes_on_after_a_turn_without_a_sound(self) -> None:
        silent: list[e.DialogueEvent] = [*self.OPEN, e.SpeechStarted(1), e.SpeechEnded(), e.ReplyEnded()]
        assert last_actions(silent, SERVER) == (do.StartTimer(Timer.FOLLOW_UP, SERVER.follow_up_s),)
        bad = last_actions([*silent[:-1], e.ReplyEnded("RESPONSE_REJECTED")], SERVER)
        assert do.Play(Earcon.ERROR) in bad

    def test_cares_for_no_other_timer(self) -> None:
        assert last_actions([*self.OPEN, e.TimerFired(Timer.NO_SPEECH)], SERVER) == ()

    def test_ends_with_the_microphone(self) -> None:
        lost = [*self.OPEN, e.MicLost()]
        assert do.Play(Earcon.NO_MIC) in last_actions(lost, SERVER)
        assert run(lost, SERVER).phase is Phase.IDLE

    def test_is_closed_after_the_reply_where_no_follow_up_is_wanted(self) -> None:
        heard = [*TestTheServersTurns.REPLY, e.ReplyEnded(), e.PlaybackDrained(1)]
        assert run(heard, replace(SERVER, follow_up_s=0.0)).phase is Phase.IDLE


class TestAnAnswerThatIsAwaitedWithTheStreamClosed:
    HUNG_UP: ClassVar[list[e.DialogueEvent]] = [
        e.TalkPressed(),
        e.SpeechStarted(1),
        e.SpeechEnded(),
        e.TalkPressed(),
    ]
    LATE: ClassVar[e.DialogueEvent] = e.TimerFired(Timer.ANSWER)

    def test_and_does_not_come_is_a_failure_that_begins_another_session(self) -> None:
        actions = last_actions([*self.HUNG_UP, self.LATE], SERVER)
        assert do.RenewLink("no_answer", keep_handle=False) in actions
        assert last_actions([*self.HUNG_UP, e.TimerFired(Timer.STALL)], SERVER) == ()

    def test_waits_for_a_tool(self) -> None:
        busy = [*self.HUNG_UP, e.ToolsBusy(True), self.LATE]
        assert last_actions(busy, SERVER) == (do.StartTimer(Timer.ANSWER, SERVER.answer_timeout_s),)

    def test_may_be_silence_or_a_refusal(self) -> None:
        outcomes = {
            reason: last_actions([*self.HUNG_UP, e.ReplyEnded(reason)], SERVER)[-1]
            for reason in ("", "RESPONSE_REJECTED")
        }
        assert outcomes == {
            "": do.TurnOver(1, Outcome.SILENT),
            "RESPONSE_REJECTED": do.TurnOver(1, Outcome.FAILED),
        }

    def test_that_is_silent_while_a_tool_runs_may_still_bring_some(self) -> None:
        assert run([*self.HUNG_UP, e.ToolsBusy(True), e.ReplyEnded()], SERVER).phase is Phase.THINKING
