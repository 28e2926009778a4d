"""What the lights depend on, put together from what the parts know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.dialogue.state import Dialogue
from daemon.lights.ladder import Conditions
from daemon.words import Phase


class RunStage(Enum):
    """How far the daemon is: before READY and while it ends the lights say so."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether the service can be had."""

    connecting: bool = False
    refused: bool = False
    """It does not take the key, the model or the configuration."""
    offline: bool = False
    """A connection is wanted and cannot be had, or is being waited for after failures."""
    slow: bool = False
    """Answers come the slow way."""
    quota: bool = False
    """The service's limit, or the day's own budget, is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What calls for the user of itself."""

    ringing: bool = False
    missed: bool = False
    announcing: bool = False
    pairing: bool = False
    """A browser asks to be let in; shown at rest alone, when a press means nothing else but to talk."""


def conditions_of(
    state: Dialogue,
    stage: RunStage,
    reach: Reach,
    calls: Calls,
    *,
    speaker_ok: bool,
    leaving: bool,
    follow_up_left: float,
) -> Conditions:
    """Everything that the lights depend on.

    `leaving`: audio that was said before is still on its way out of the device. `follow_up_left` is the share
    of the follow-up window that is left.
    """
    return Conditions(
        starting=stage is RunStage.STARTING,
        stopping=stage is RunStage.STOPPING,
        mic_fault=not state.mic.ok,
        speaker_fault=not speaker_ok,
        refused=reach.refused,
        quota=reach.quota,
        offline=reach.offline,
        slow=reach.slow,
        muted=state.mic.muted,
        connecting=reach.connecting,
        ringing=calls.ringing,
        missed=calls.missed,
        announcing=calls.announcing,
        pairing=calls.pairing and state.phase is Phase.IDLE,
        mic_streaming=state.mic_streaming or leaving,
        phase=state.phase,
        follow_up_left=follow_up_left,
    )


def share_left(left_s: float, whole_s: float) -> float:
    """How much of a window is left, 0 to 1; 0 of a window that there is not."""
    return max(0.0, min(1.0, left_s / whole_s)) if whole_s > 0 else 0.0
