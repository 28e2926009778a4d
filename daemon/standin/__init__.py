"""The stand-in Live server: BidiGenerateContent over TLS on loopback, without a key or a network.

`StandIn` is the server, `Record` what it saw, `Plan` what it does wrong, `run_standin` the program.
"""

from daemon.standin.actions import When
from daemon.standin.conversation import Pace, Transcripts
from daemon.standin.plan import Plan, PlanError, Rule
from daemon.standin.record import ConnectionRecord, Record, ReplyRecord, TurnRecord
from daemon.standin.run import run_standin
from daemon.standin.server import StandIn
from daemon.standin.voices import (
    VOICES,
    Echo,
    FixedWav,
    LongSpeech,
    NoAudio,
    Piece,
    Silence,
    Tone,
    Voice,
    voice_named,
)

__all__ = [
    "VOICES",
    "ConnectionRecord",
    "Echo",
    "FixedWav",
    "LongSpeech",
    "NoAudio",
    "Pace",
    "Piece",
    "Plan",
    "PlanError",
    "Record",
    "ReplyRecord",
    "Rule",
    "Silence",
    "StandIn",
    "Tone",
    "Transcripts",
    "TurnRecord",
    "Voice",
    "When",
    "run_standin",
    "voice_named",
]
