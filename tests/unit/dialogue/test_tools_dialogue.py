"""The dialogue while tools run: no time limit fires, nothing is cut, and the conversation ends when asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dialogue_runs import ASKED, last_actions

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Dialogue, LinkState, Policy, Talk, TurnState, TurnTaking
from daemon.dialogue.table import advance
from daemon.events import Timer
from daemon.words import Earcon, Outcome, Phase

POLICY = Policy()
SERVER = Policy(turn_taking=TurnTaking.SERVER, barge_in=True)
ONLINE = Dialogue(link=LinkState(online=True))
THINKING = replace(ONLINE, phase=Phase.THINKING, turn=TurnState(number=1, released=True))
SPEAKING = replace(ONLINE, phase=Phase.SPEAKING, turn=TurnState(number=1, heard_reply=True))
BUSY, IDLE = e.ToolsBusy(True), e.ToolsBusy(False)
TOLD = e.ToolsBusy(False, reply_due=True)
ANSWER_LATE = e.TimerFired(Timer.ANSWER)


def run(
    state: Dialogue, *events: e.DialogueEvent, policy: Policy = POLICY
) -> tuple[Dialogue, list[do.Action]]:
    """The state after the events, and all that was to be done."""
    done: list[do.Action] = []
    for event in events:
        state, actions = advance(state, event, policy)
        done += actions
    return state, done


def outcomes(actions: list[do.Action]) -> list[Outcome]:
    """How turns ended."""
    return [action.outcome for action in actions if isinstance(action, do.TurnOver)]


class TestThinking:
    def test_the_time_limit_begins_anew_when_the_last_tool_has_answered(self) -> None:
        state, actions = run(THINKING, BUSY, ANSWER_LATE, TOLD)
        assert state.phase is Phase.THINKING
        assert actions == [do.StartTimer(Timer.ANSWER, POLICY.answer_timeout_s)] * 2

    def test_after_that_an_answer_that_does_not_come_is_a_failure_as_ever(self) -> None:
        _, actions = run(THINKING, BUSY, TOLD, ANSWER_LATE)
        assert any(isinstance(action, do.RenewLink) for action in actions)

    def test_a_turn_that_ends_while_tools_run_goes_on(self) -> None:
        state, actions = run(THINKING, BUSY, e.ReplyEnded(), TOLD, e.ReplyStarted())
        assert state.phase is Phase.SPEAKING
        assert not outcomes(actions)

    def test_a_turn_that_ended_and_whose_tools_are_silent_is_over(self) -> None:
        state, actions = run(THINKING, BUSY, e.ReplyEnded(), IDLE)
        assert state.phase is Phase.FOLLOW_UP
        assert outcomes(actions) == [Outcome.SILENT]

    def test_of_a_turn_that_ended_no_answer_is_demanded(self) -> None:
        state, actions = run(THINKING, BUSY, e.ReplyEnded(), TOLD, ANSWER_LATE)
        assert state.phase is Phase.FOLLOW_UP
        assert not any(isinstance(action, do.RenewLink) for action in actions)

    def test_a_lost_connection_sends_the_question_again(self) -> None:
        state, _ = run(THINKING, BUSY, IDLE, e.LinkLost())
        assert state.phase is Phase.SENDING
        assert not state.tools_busy

    def test_after_a_part_of_the_answer_was_heard_it_does_not(self) -> None:
        """The utterance is settled: nothing would be sent, and the user would wait for a minute."""
        heard = replace(THINKING, turn=replace(THINKING.turn, heard_reply=True))
        state, actions = run(heard, BUSY, IDLE, e.LinkLost())
        assert state.phase is Phase.IDLE
        assert do.Play(Earcon.OFFLINE) in actions
        assert outcomes(actions) == [Outcome.FAILED]


class TestSpeaking:
    def test_what_runs_dry_at_a_tool_is_thinking_and_not_a_stall(self) -> None:
        state, actions = run(SPEAKING, BUSY, e.ReplyRanDry(1, all_here=False))
        assert state.phase is Phase.THINKING
        assert actions == [do.StartTimer(Timer.ANSWER, POLICY.answer_timeout_s)]

    def test_the_rest_of_the_reply_is_heard(self) -> None:
        dry = e.ReplyRanDry(1, all_here=False)
        events = (dry, TOLD, e.ReplyStarted(), e.ReplyEnded(), e.PlaybackDrained(1))
        state, actions = run(SPEAKING, BUSY, *events)
        assert state.phase is Phase.FOLLOW_UP
        assert outcomes(actions) == [Outcome.ANSWERED]

    def test_a_stall_that_began_before_the_call_waits_for_it(self) -> None:
        stall = e.TimerFired(Timer.STALL)
        _, actions = run(SPEAKING, e.ReplyRanDry(1, all_here=False), BUSY, stall)
        assert not any(isinstance(action, do.RenewLink | do.FinishReply) for action in actions)

    def test_after_a_whole_reply_the_tools_are_awaited(self) -> None:
        state, actions = run(SPEAKING, BUSY, e.ReplyEnded(), e.PlaybackDrained(1))
        assert state.phase is Phase.THINKING
        assert not outcomes(actions)

    def test_and_silent_ones_end_the_turn(self) -> None:
        state, actions = run(SPEAKING, BUSY, e.ReplyEnded(), e.PlaybackDrained(1), IDLE)
        assert state.phase is Phase.FOLLOW_UP
        assert outcomes(actions) == [Outcome.ANSWERED]

    def test_a_press_begins_a_new_turn_whatever_runs(self) -> None:
        state, _ = run(SPEAKING, BUSY, e.ReplyEnded(), e.PlaybackDrained(1), e.TalkPressed())
        assert (state.phase, state.turn.number, state.turn.ended) == (Phase.LISTENING, 2, False)


class TestAFiller:
    """The model says something and goes on when its tools, or work that it has announced, are done."""

    DRY = e.ReplyRanDry(1, all_here=True)

    @pytest.mark.parametrize("all_here", [True, False])
    @pytest.mark.parametrize("sound_ends_first", [True, False])
    def test_is_followed_by_thought_whichever_comes_first(
        self, *, all_here: bool, sound_ends_first: bool
    ) -> None:
        dry = e.ReplyRanDry(1, all_here)
        state, actions = run(SPEAKING, *((dry, BUSY) if sound_ends_first else (BUSY, dry)))
        assert state.phase is Phase.THINKING
        assert actions[-1] == do.StartTimer(Timer.ANSWER, POLICY.answer_timeout_s)
        armed = [action for action in actions if isinstance(action, do.StartTimer | do.StopTimer)]
        assert not sound_ends_first or do.StopTimer(Timer.STALL) in armed

    def test_that_went_on_meanwhile_is_still_spoken(self) -> None:
        state, _ = run(SPEAKING, self.DRY, e.ReplyWentOn(), BUSY)
        assert state.phase is Phase.SPEAKING

    def test_and_the_answer_after_it_are_one_turn(self) -> None:
        rest = (e.ReplyStarted(), e.ReplyEnded(), IDLE, e.PlaybackDrained(1))
        state, actions = run(SPEAKING, self.DRY, BUSY, e.TimerFired(Timer.ANSWER), *rest)
        assert state.phase is Phase.FOLLOW_UP
        assert outcomes(actions) == [Outcome.ANSWERED]
        assert not any(isinstance(action, do.RenewLink | do.Play) for action in actions)


class TestLateReply:
    @pytest.mark.parametrize("phase", [Phase.FOLLOW_UP, Phase.IDLE])
    def test_what_a_tool_brought_is_heard_and_the_turn_counts_once(self, phase: Phase) -> None:
        resting = replace(SPEAKING, phase=phase)
        state, actions = run(resting, e.ReplyStarted(), e.ReplyEnded(), e.PlaybackDrained(1))
        assert do.FinishReply() in actions
        assert outcomes(actions) == []
        assert (state.phase, state.turn.late) == (Phase.IDLE, False)  # nobody asked: no ears are opened

    def test_a_press_over_it_counts_it_neither(self) -> None:
        state, actions = run(replace(SPEAKING, phase=Phase.IDLE), e.ReplyStarted(), e.TalkPressed())
        assert state.phase is Phase.LISTENING
        assert outcomes(actions) == []


class TestServerTurnTaking:
    OPEN = replace(
        ONLINE,
        phase=Phase.LISTENING,
        turn=TurnState(number=1, talk=Talk.STREAM, released=True, unanswered=True),
    )
    WINDOW_OVER = e.TimerFired(Timer.FOLLOW_UP)

    def test_the_window_stays_open_while_a_tool_runs(self) -> None:
        state, actions = run(self.OPEN, BUSY, self.WINDOW_OVER, policy=SERVER)
        assert state.phase is Phase.LISTENING
        assert actions == [do.StartTimer(Timer.FOLLOW_UP, SERVER.answer_timeout_s)]

    def test_the_end_of_the_conversation_closes_it_soon(self) -> None:
        events = (BUSY, e.EndAsked(), IDLE, self.WINDOW_OVER)
        state, actions = run(self.OPEN, *events, policy=SERVER)
        assert state.phase is Phase.IDLE
        assert do.StartTimer(Timer.FOLLOW_UP, SERVER.end_timeout_s) in actions
        assert not any(isinstance(action, do.RenewLink) for action in actions)


class TestEnd:
    @pytest.mark.parametrize("phase", [Phase.THINKING, Phase.SPEAKING])
    def test_no_follow_up_comes_after_the_reply(self, phase: Phase) -> None:
        events = (e.EndAsked(), e.ReplyStarted(), e.ReplyEnded(), e.PlaybackDrained(1))
        state, _ = run(replace(SPEAKING, phase=phase), *events)
        assert state.phase is Phase.IDLE
        assert not state.turn.closing

    def test_a_follow_up_ends_at_once(self) -> None:
        state, _ = run(replace(SPEAKING, phase=Phase.FOLLOW_UP), e.EndAsked())
        assert state.phase is Phase.IDLE

    def test_idle_it_means_nothing_for_the_next_turn(self) -> None:
        state, _ = run(ONLINE, e.EndAsked(), e.TalkPressed())
        assert not state.turn.closing


SILENT_ENDS: dict[str, list[e.DialogueEvent]] = {
    "the model has nothing to say of its tools": [e.ToolsBusy(True), e.ReplyEnded(), e.ToolsBusy(False)],
    "what it was to say of them did not come": [
        e.ToolsBusy(True), e.ReplyEnded(), e.ToolsBusy(False, reply_due=True), e.TimerFired(Timer.ANSWER),
    ],
    "the server cut the turn": [e.ReplyInterrupted()],
}  # fmt: skip


@pytest.mark.parametrize("why", SILENT_ENDS)
def test_a_turn_that_ends_without_a_sound_leaves_nothing_that_another_connection_would_get(why: str) -> None:
    assert do.CancelUtterance(1) in last_actions([*ASKED, *SILENT_ENDS[why]])
