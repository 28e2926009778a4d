"""What all connections of one stand-in share, and how fast and in which words it answers. Event loop only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daemon.standin.actions import QUOTA
from daemon.standin.grammar.protocol import Refusal
from daemon.standin.plan import PlanRun
from daemon.standin.record import Record
from daemon.standin.service import Service
from daemon.standin.sessions import Sessions
from daemon.standin.voices import Voice


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the server is."""

    thinking_s: float = 0.15
    """From the end of a turn to the first message of the reply."""
    message_s: float = 0.2
    """Audio in one message; the service sends 200 to 240 ms."""
    speed: float = 8.0
    """How much faster than real time a reply is sent."""
    playout: float = 1.0
    """`turnComplete` waits for this share of the reply's length, counted from its first message."""


@dataclass(frozen=True, slots=True)
class Transcripts:
    """The made-up texts of transcriptions; `{seconds:.1f}` is how much was heard."""

    user: str = "({seconds:.1f} s of speech)"
    model: str = "(echo of {seconds:.1f} s)"

    def said(self, seconds: float) -> str:
        """What the user is said to have said."""
        return self.user.format(seconds=seconds)

    def answered(self, seconds: float) -> str:
        """What the model is said to have said."""
        return self.model.format(seconds=seconds)


@dataclass(slots=True)
class World:
    """What all connections of one server share. The voice and the plan may be changed between turns."""

    voice: Voice
    plan: PlanRun
    record: Record
    sessions: Sessions
    clock: Callable[[], float]
    pace: Pace
    transcripts: Transcripts
    tokens_used: int = 0
    """Of all sessions, since the start."""

    @property
    def service(self) -> Service:
        """What the plan has chosen."""
        return self.plan.service

    def check_quota(self) -> None:
        """Raises Refusal where the plan's quota is used up."""
        if 0 < self.service.quota_tokens <= self.tokens_used:
            raise Refusal(QUOTA.code, QUOTA.reason)
