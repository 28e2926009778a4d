"""The turn's state table: who speaks, who listens, and what follows from what happens.

`advance(state, event, policy)` is a pure function: no I/O, no clock, no asyncio. It gives the next state
and the actions that the controller has to carry out, in order. There is one table for each way of taking
turns (`device.py`, `server.py`); a pair that neither a table nor the shared rows name is a bug and raises
`IllegalTransition`.
"""

from daemon.dialogue.machine import TABLES, advance
from daemon.dialogue.state import (
    Action,
    CancelUtterance,
    CloseUtterance,
    CutReply,
    Dialogue,
    FinishReply,
    MicWanted,
    OpenUtterance,
    PauseUplink,
    Phase,
    Play,
    Policy,
    ReleaseUtterance,
    RenewLink,
    ResumeUplink,
    SendText,
    StartTimer,
    StopTimer,
    Talk,
    TurnOver,
)

__all__ = [
    "TABLES",
    "Action",
    "CancelUtterance",
    "CloseUtterance",
    "CutReply",
    "Dialogue",
    "FinishReply",
    "MicWanted",
    "OpenUtterance",
    "PauseUplink",
    "Phase",
    "Play",
    "Policy",
    "ReleaseUtterance",
    "RenewLink",
    "ResumeUplink",
    "SendText",
    "StartTimer",
    "StopTimer",
    "Talk",
    "TurnOver",
    "advance",
]
