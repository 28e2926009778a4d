"""Counts the turns that the day's budget refuses, and remembers who was told. Event loop only."""

from __future__ import annotations

import logging

from daemon.conductor.accounts import Accounts
from daemon.events import Trigger

log = logging.getLogger(__name__)

VOICE_REFUSAL_PAUSE_S = 600.0
"""After this long without a voice, one that the day's budget refuses is told so again: a television that
talks all evening is told once."""


class DayBudget:
    """Counts the turns that the budget refuses, and knows who has been told."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._voice_refused_s = -VOICE_REFUSAL_PAUSE_S

    def refuse(self, trigger: Trigger, now_s: float) -> bool:
        """Count a turn as refused; returns whether to say so aloud."""
        if self._accounts.refuse():
            words = self._accounts.budget_words()
            log.warning("no new turn: the day's budget (table [usage]) is %s", words)
        if trigger is not Trigger.VOICE:
            return True
        before_s, self._voice_refused_s = self._voice_refused_s, now_s
        return now_s >= before_s + VOICE_REFUSAL_PAUSE_S
