"""With the day's budget used up: who is told how often."""

from __future__ import annotations

import logging

import pytest

from daemon.conductor.accounts import Accounts, Day
from daemon.conductor.budget import VOICE_REFUSAL_PAUSE_S, DayBudget
from daemon.config.settings import UsageSettings
from daemon.events import Trigger


def day_budget() -> tuple[DayBudget, Accounts]:
    accounts = Accounts(UsageSettings(daily_tokens=100), lambda: "2026-11-21")
    accounts.add(Day(prompt_tokens=100))
    return DayBudget(accounts), accounts


@pytest.mark.parametrize("trigger", [trigger for trigger in Trigger if trigger is not Trigger.VOICE])
def test_who_presses_or_writes_is_told_each_time(trigger: Trigger) -> None:
    budget, accounts = day_budget()
    assert [budget.refuse(trigger, now_s) for now_s in (1.0, 2.0, 3.0)] == [True, True, True]
    assert accounts.used_today().refused == 3


def test_a_television_is_told_once_and_a_voice_after_a_long_silence_again() -> None:
    budget, accounts = day_budget()
    evening = [budget.refuse(Trigger.VOICE, now_s) for now_s in (5.0, 60.0, 600.0, 1190.0)]
    assert evening == [True, False, False, False]
    assert budget.refuse(Trigger.VOICE, 1190.0 + VOICE_REFUSAL_PAUSE_S)
    assert accounts.used_today().refused == 5


def test_a_press_while_a_television_talks_is_told() -> None:
    budget, _ = day_budget()
    assert budget.refuse(Trigger.VOICE, 5.0)
    assert budget.refuse(Trigger.BUTTON, 6.0)
    assert not budget.refuse(Trigger.VOICE, 7.0)


def test_the_log_tells_the_first_refusal_of_a_day_alone(caplog: pytest.LogCaptureFixture) -> None:
    budget, _ = day_budget()
    with caplog.at_level(logging.WARNING):
        for now_s in (1.0, 2.0):
            budget.refuse(Trigger.BUTTON, now_s)
    assert [record.getMessage().count("100 of 100 tokens") for record in caplog.records] == [1]
