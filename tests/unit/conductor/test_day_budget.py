"""With the day's budget used up: what goes on, what does not, and who is told how often."""

from __future__ import annotations

import logging

import pytest

from daemon.conductor.accounts import Accounts, Day
from daemon.conductor.budget import VOICE_REFUSAL_PAUSE_S, DayBudget
from daemon.config.settings import UsageSettings
from daemon.dialogue.state import Policy
from daemon.events import SpeechStarted, TalkPressed, TextAsked

POLICY = Policy(follow_up_s=8.0, ask_to_go_on=True)
VOICE = SpeechStarted(0)


def day_budget(*, used_tokens: int) -> tuple[DayBudget, Accounts]:
    accounts = Accounts(UsageSettings(daily_tokens=100), lambda: "2026-11-21")
    accounts.add(Day(prompt_tokens=used_tokens))
    return DayBudget(accounts), accounts


def test_while_some_is_left_the_policy_is_the_configured_one() -> None:
    budget, _ = day_budget(used_tokens=99)
    assert not budget.used_up()
    assert budget.policy(POLICY) is POLICY


def test_used_up_nothing_follows_a_turn_of_itself() -> None:
    budget, _ = day_budget(used_tokens=100)
    assert budget.used_up()
    assert budget.policy(POLICY) == Policy(follow_up_s=0.0, ask_to_go_on=False)


@pytest.mark.parametrize("event", [TalkPressed(), TextAsked("hello")])
def test_who_presses_or_writes_is_told_each_time(event: TalkPressed | TextAsked) -> None:
    budget, accounts = day_budget(used_tokens=100)
    assert [budget.refuse(event, now_s) for now_s in (1.0, 2.0, 3.0)] == [True, True, True]
    assert accounts.used_today().refused == 3


def test_a_television_is_told_once_and_a_voice_after_a_long_silence_again() -> None:
    budget, accounts = day_budget(used_tokens=100)
    evening = [budget.refuse(VOICE, now_s) for now_s in (5.0, 60.0, 600.0, 1190.0)]
    assert evening == [True, False, False, False]
    assert budget.refuse(VOICE, 1190.0 + VOICE_REFUSAL_PAUSE_S)
    assert accounts.used_today().refused == 5


def test_a_press_while_a_television_talks_is_told() -> None:
    budget, _ = day_budget(used_tokens=100)
    assert budget.refuse(VOICE, 5.0)
    assert budget.refuse(TalkPressed(), 6.0)
    assert not budget.refuse(VOICE, 7.0)


def test_the_log_tells_the_first_refusal_of_a_day_alone(caplog: pytest.LogCaptureFixture) -> None:
    budget, _ = day_budget(used_tokens=100)
    with caplog.at_level(logging.WARNING):
        for now_s in (1.0, 2.0):
            budget.refuse(TalkPressed(), now_s)
    assert [record.getMessage().count("100 of 100 tokens") for record in caplog.records] == [1]
