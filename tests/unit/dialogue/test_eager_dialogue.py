"""Eager ends in the state table: closed at a pause, then confirmed, taken back, or abandoned."""

from __future__ import annotations

from typing import ClassVar

import pytest
from dialogue_runs import ANSWERED, DEVICE, EXAMPLES, ONLINE, SERVER, SPOKEN, TAPPED, kinds, last_actions, run
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Policy
from daemon.dialogue.table import advance
from daemon.events import Timer
from daemon.words import Phase


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


policies = st.builds(Policy, voice_trigger=st.booleans(), barge_in=st.booleans())


@given(policies, st.lists(st.sampled_from(EXAMPLES), max_size=60))
@settings(max_examples=150)
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
