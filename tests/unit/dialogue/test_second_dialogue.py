"""The turn's state table where the answer is asked for on a second connection, too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dialogue_runs import ASKED, DEVICE, ONLINE, SERVER, SPOKEN, last_actions, run

from daemon import events as e
from daemon.dialogue import actions as do
from daemon.dialogue.state import Policy
from daemon.dialogue.table import advance
from daemon.events import Timer
from daemon.words import Outcome, Phase

LATE = [*ASKED, e.TimerFired(Timer.UNUSUAL)]
UP = [*LATE, e.SecondUp(1)]
TEXT: list[e.DialogueEvent] = [e.TextAsked("hello"), e.UtteranceSent(1)]


def test_a_second_connection_is_wanted_when_the_answer_takes_unusually_long() -> None:
    policy = replace(DEVICE, unusual_s=2.5)
    assert do.StartTimer(Timer.UNUSUAL, 2.5) in last_actions(ASKED, policy)
    assert last_actions(LATE) == (do.OpenSecond(1),)
    assert run(LATE).phase is Phase.THINKING


@pytest.mark.parametrize(
    "policy", [replace(DEVICE, unusual_s=15.0), replace(DEVICE, unusual_s=24.0)], ids=["as long", "longer"]
)
def test_of_a_model_that_usually_takes_longer_than_an_answer_may_none_is_wanted(policy: Policy) -> None:
    assert last_actions(ASKED, policy) == (do.StartTimer(Timer.ANSWER, 15.0),)


BEGUN: dict[str, list[e.DialogueEvent]] = {
    "announced work or a tool": [e.ToolsBusy(True)],
    "the microphone was muted": [e.MuteSet(True)],
    "something was heard": [e.ReplyStarted(), e.ToolsBusy(True), e.ReplyRanDry(1, False), e.ToolsBusy(False)],
    "the connection is gone": [e.LinkLost(), e.UtteranceSent(1)],
    "a second one was wanted": [e.TimerFired(Timer.UNUSUAL)],
    "it was asked again on a fresh session": [
        e.TimerFired(Timer.ANSWER), e.LinkUp(), e.UtteranceSent(1),
    ],
}  # fmt: skip


@pytest.mark.parametrize("why", BEGUN)
def test_none_is_wanted_where_it_could_not_help(why: str) -> None:
    waiting = run([*ASKED, *BEGUN[why]])
    assert waiting.phase is Phase.THINKING
    assert advance(waiting, e.TimerFired(Timer.UNUSUAL), DEVICE) == (waiting, ())


@pytest.mark.parametrize("events", [[e.ToolsBusy(True)], [e.MuteSet(True)], [e.StopAsked()]])
def test_it_is_not_asked_where_it_came_too_late(events: list[e.DialogueEvent]) -> None:
    state = run([*LATE, *events])
    assert advance(state, e.SecondUp(1), DEVICE) == (state, ())


def test_what_was_said_leaves_once_more_under_the_light_that_says_so() -> None:
    assert last_actions(UP) == (do.AskSecond(1),)
    state = run(UP)
    assert (state.phase, state.mic_streaming) == (Phase.SENDING, True)
    assert run([*UP, e.UtteranceSent(1)]).phase is Phase.THINKING
    assert last_actions([*UP, e.UtteranceSent(1)]) == (do.StartTimer(Timer.ANSWER, 15.0),)


def test_a_text_leaves_without_a_light() -> None:
    events = [*TEXT, e.TimerFired(Timer.UNUSUAL), e.SecondUp(1)]
    assert last_actions(events) == (do.AskSecond(1),)
    assert run(events).phase is Phase.THINKING


@pytest.mark.parametrize("over", [e.SecondLost(1), e.SecondAnswers(1, 5.0)])
def test_nothing_leaves_any_more_when_it_is_over(over: e.DialogueEvent) -> None:
    assert run([*UP, over]).phase is Phase.THINKING


@pytest.mark.parametrize("over", [e.SecondLost(1), e.SecondAnswers(1, 5.0), e.SecondUp(1)])
def test_what_comes_of_an_earlier_turn_means_nothing(over: e.DialogueEvent) -> None:
    state = run([*LATE, e.TalkPressed(), e.TalkTapped(), e.SpeechStarted(9), e.SpeechEnded()])
    assert (state.turn.number, state.phase) == (2, Phase.SENDING)
    assert advance(state, over, DEVICE) == (state, ())


def test_an_answer_of_the_first_is_heard_while_the_second_is_asked() -> None:
    assert run([*UP, e.ReplyStarted()]).phase is Phase.SPEAKING


def test_when_neither_answers_it_is_asked_again_on_a_fresh_session_once() -> None:
    actions = last_actions([*UP, e.TimerFired(Timer.ANSWER)])
    assert do.RenewLink("no_answer", keep_handle=False) in actions
    assert run([*UP, e.TimerFired(Timer.ANSWER)]).turn.retried


def test_while_it_is_asked_again_the_light_stays_though_the_second_is_left() -> None:
    state = run([*UP, e.TimerFired(Timer.ANSWER), e.SecondLost(1)])
    assert (state.phase, state.mic_streaming) == (Phase.SENDING, True)


def test_the_connection_that_follows_a_lost_one_may_have_a_second_beside_it_too() -> None:
    again = [*UP, e.LinkLost(), e.LinkUp(), e.UtteranceSent(1), e.TimerFired(Timer.UNUSUAL)]
    assert last_actions(again) == (do.OpenSecond(1),)


def test_when_the_first_is_lost_while_the_second_is_asked_it_is_held_for_another() -> None:
    state, actions = advance(run(UP), e.LinkLost(), DEVICE)
    assert (state.phase, state.turn.resent) == (Phase.SENDING, 1)
    assert do.StartTimer(Timer.ANSWER, DEVICE.hold_utterance_s) in actions


def test_while_it_waits_for_its_first_connection_none_is_wanted() -> None:
    state = run(SPOKEN)
    assert advance(state, e.TimerFired(Timer.UNUSUAL), DEVICE) == (state, ())
    assert advance(state, e.SecondLost(1), DEVICE) == (state, ())


def test_where_the_server_takes_turns_none_is_wanted() -> None:
    assert last_actions(TEXT, SERVER) == (do.StartTimer(Timer.ANSWER, 15.0),)


def test_whoever_speaks_again_leaves_the_second_connection_and_loses_no_word() -> None:
    actions = last_actions([*UP, e.TalkPressed()])
    assert do.TurnOver(1, Outcome.CUT) in actions
    assert do.CancelUtterance(1) not in actions


def test_the_next_turn_may_have_a_second_connection_again() -> None:
    answered: list[e.DialogueEvent] = [
        *UP,
        e.SecondAnswers(1, 5.0),
        e.ReplyStarted(),
        e.ReplyEnded(),
        e.PlaybackDrained(1),
    ]
    again: list[e.DialogueEvent] = [
        e.TalkPressed(),
        e.TalkTapped(),
        e.SpeechStarted(9),
        e.SpeechEnded(),
        e.UtteranceSent(2),
    ]
    assert ONLINE.link.online
    assert last_actions([*answered, *again, e.TimerFired(Timer.UNUSUAL)]) == (do.OpenSecond(2),)
