"""What the service may do either way, or does only to some: the choices of a plan's `[service]` table. Pure.

    [service]
    transcripts = "pieces"    # as one speaks, instead of whole after the turn
    connection_s = 600        # the documented ten minutes, `GoAway` a minute before
    session_s = 900           # fifteen minutes in all without context compression
    connections = 3           # more at once are answered by HTTP 429

What is not named keeps its default. Where public reports contradict each other the default is what breaks
more clients, so that one that passes here passes either way.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from daemon.standin.parameters import check_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The choices. Times in seconds; 0 is no limit."""

    transcripts: str = "whole"
    """`whole`: one each, the user's after the turn. `pieces`: while they speak, each side's."""
    voice_activity: bool = False
    """Tell when automatic detection finds the start and end of speech (`voiceActivity`)."""
    combined: bool = False
    """Several contents in one message, on models that do so (3.1 and later)."""
    interaction_status: bool = False
    """`interactionStatus: IDLE` beside each `turnComplete`."""
    content_on_3_1: str = "refused"
    """`clientContent` after the history: `refused` (livekit #5251), or `taken` (the newer model page)."""
    audio_in_call_on_2_5: str = "refused"
    """Audio while a call waits for its answer: `refused` (agents-js #1130), or `taken`."""
    connection_s: float = 0.0
    """How long a connection lives; documented as about 600."""
    session_s: float = 0.0
    """How long a session without context compression lives over all its connections; documented as 900."""
    go_away_s: float = 60.0
    """How long before either end `goAway` says so."""
    quota_tokens: int = 0
    """Tokens of all sessions together, after which the quota is used up; 0: never."""
    connections: int = 0
    """Connections at once, beyond which an upgrade is answered by 429; 0: any number."""

    def __post_init__(self) -> None:
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}; it is {' or '.join(words)}")
        for number in ("connection_s", "session_s", "go_away_s", "quota_tokens", "connections"):
            if not 0 <= getattr(self, number) < LARGEST:
                raise ValueError(f"{number} cannot be {getattr(self, number)!r}; it is 0 or more")


WORDS = {
    "transcripts": ("whole", "pieces"),
    "content_on_3_1": ("refused", "taken"),
    "audio_in_call_on_2_5": ("refused", "taken"),
}
LARGEST = 10**9
"""Beyond any test, and still a number that timers take."""

USUAL = Service()
"""What holds where a plan says nothing."""


def service_from(table: Any) -> Service:
    """The service that a TOML table describes. Raises ValueError or TypeError."""
    if not isinstance(table, dict):
        raise TypeError("service is a table")
    check_parameters("service", dataclasses.fields(Service), table)
    return Service(**table)
