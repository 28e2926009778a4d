"""How the capture thread is to listen: one value, which the event loop sets whole. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.settings import VadSettings
from daemon.words import Phase


@dataclass(frozen=True, slots=True)
class Ears:
    """What the capture thread has to know of the conversation."""

    min_speech_ms: int = VadSettings().min_speech_ms
    """So much speech is a beginning."""
    expected: bool = False
    """The user has pressed, so a whisper is speech too."""
    hungry: bool = False
    """The uplink wants each chunk as it comes."""
    forgotten: int = 0
    """How often what was being said has ceased to be the user's. With a new number a voice that is heard from
    then on is a new one."""


def ears_for(phase: Phase, vad: VadSettings, *, hungry: bool = False, forgotten: int = 0) -> Ears:
    """Speech must be longer to interrupt than to begin, and may be softer when it was announced."""
    over_reply = phase in (Phase.SENDING, Phase.THINKING, Phase.SPEAKING)
    return Ears(
        min_speech_ms=vad.barge_in_speech_ms if over_reply else vad.min_speech_ms,
        expected=phase is Phase.LISTENING,
        hungry=hungry,
        forgotten=forgotten,
    )
