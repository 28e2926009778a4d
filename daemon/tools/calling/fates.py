"""What becomes of a call: a table from what happened meanwhile. Pure.

An answer may go only to the connection that asked, and never after a cancellation: others are protocol
errors (close code 1008; voiceclaw PR #53, livekit agents-js PR #1130). What was done for a lost connection is
kept for the rest of the turn, because the turn is asked again on the next one, and the model then makes the
same call: it gets the old answer, and nothing is done twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.server_events import ToolCall
from daemon.tools.calling.answers import Answer
from daemon.tools.declaring.spec import Scheduling


class Fate(Enum):
    """What is done with an answer that is ready."""

    SEND = "send"
    SEND_SILENTLY = "send_silently"
    """The user has gone on: the model is to know it, and to say nothing."""
    KEEP = "keep"
    """For the same call of the same turn on another connection."""
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What happened while a call ran."""

    cancelled: bool
    """The server does not want the answer."""
    connected: bool
    """The connection that asked still stands."""
    wanted: bool
    """The turn in which it was asked for is still under way."""


FATES: dict[Circumstances, Fate] = {
    #             cancelled, connected, wanted
    Circumstances(False, True, True): Fate.SEND,
    Circumstances(False, True, False): Fate.SEND_SILENTLY,
    Circumstances(False, False, True): Fate.KEEP,
    Circumstances(False, False, False): Fate.DROP,
    Circumstances(True, True, True): Fate.DROP,
    Circumstances(True, True, False): Fate.DROP,
    Circumstances(True, False, True): Fate.DROP,
    Circumstances(True, False, False): Fate.DROP,
}
"""All that can have happened."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """An answer on its way to the model. `scheduling` None: the model waits for it, or takes none."""

    call_id: str
    name: str
    response: Answer
    scheduling: Scheduling | None = None


def is_same_request(call: ToolCall, name: str, arguments: dict[str, Any]) -> bool:
    """Whether a call asks for just this."""
    return call.name == name and call.arguments == arguments
