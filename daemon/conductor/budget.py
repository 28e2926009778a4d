"""What changes when the day's budget is used up: a turn is finished, and no other begins. Event loop only."""

from __future__ import annotations

import logging
from dataclasses import replace

from daemon.conductor.accounts import Accounts
from daemon.dialogue.state import Policy
from daemon.events import DialogueEvent, SpeechStarted

log = logging.getLogger(__name__)

VOICE_REFUSAL_PAUSE_S = 600.0
"""After this long without a voice, one that the day's budget refuses is told so again: a television that
talks all evening is told once."""


class DayBudget:
    """Refuses turns, and knows who has been told."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._voice_refused_s = -VOICE_REFUSAL_PAUSE_S

    def used_up(self) -> bool:
        """Whether no turn may begin now."""
        return self._accounts.used_up()

    def policy(self, policy: Policy) -> Policy:
        """The policy that holds now: with the budget used up nothing follows a turn of itself."""
        if self.used_up():
            return replace(policy, follow_up_s=0.0, ask_to_go_on=False)
        return policy

    def refuse(self, event: DialogueEvent, now_s: float) -> bool:
        """Count the turn that this event would begin as refused; returns whether to say so aloud."""
        if self._accounts.refuse():
            words = self._accounts.budget_words()
            log.warning("no new turn: the day's budget (table [usage]) is %s", words)
        if not isinstance(event, SpeechStarted):
            return True
        before_s, self._voice_refused_s = self._voice_refused_s, now_s
        return now_s >= before_s + VOICE_REFUSAL_PAUSE_S
