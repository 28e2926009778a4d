"""Holds back a call until the user has heard what will be done, and has spoken after it. Pure.

The first call is answered with the request to ask the user. The same call is carried out only if the user
has said something right after the question: in the turn that follows, within CONFIRM_S. So nothing that a
tool or a server tells the model can have it done in the same breath, and a user who talks of something else
has changed their mind. Whether the user's words meant yes is the model's to judge.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONFIRM_S = 60.0
"""A question is forgotten after this time: a minute is long for a yes."""

MAX_ASKED = 8
"""Questions that may be open; policy: forget the oldest. As many as calls may be open (`host.MAX_CALLS`)."""

ASK = (
    "Not done yet: this needs the user's consent. Tell the user in one short sentence what would be done, "
    "and ask whether you shall do it. Only if the user then says yes, call {name} again with the same "
    "arguments. If the user says no or something else, do not call it."
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where the conversation is: the turn, and how often the user was heard to begin within it."""

    turn: int
    times: int = 0

    def follows(self, asked: Occasion) -> bool:
        """Whether the user has spoken since, and `asked` was the last thing that they were asked."""
        if self.turn == asked.turn:
            return self.times > asked.times
        return self.turn == asked.turn + 1


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    arguments: Mapping[str, Any]
    said: Occasion
    at_s: float


class Confirmations:
    """The questions of one conversation."""

    def __init__(self) -> None:
        self._questions: deque[_Question] = deque(maxlen=MAX_ASKED)
        self.asked = 0
        self.confirmed = 0

    def admits(self, name: str, arguments: Mapping[str, Any], said: Occasion, now_s: float) -> bool:
        """Whether the user has confirmed just this call, which uses the consent up; else it is asked for."""
        known = next((one for one in self._questions if (one.name, one.arguments) == (name, arguments)), None)
        if known is not None:
            self._questions.remove(known)
            if said.follows(known.said) and now_s - known.at_s <= CONFIRM_S:
                self.confirmed += 1
                return True
        self.asked += 1
        self._questions.append(_Question(name, dict(arguments), said, now_s))
        return False
