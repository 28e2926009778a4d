"""The sound before an announcement, and in place of one that cannot be spoken."""

from __future__ import annotations

from functools import cache

from daemon.speaking.earcons import Note, melody_pcm
from hw.base import SPEAKER_FORMAT

PEAK_DBFS = -12.0
"""Louder than the tones, which tell of what somebody has just done, and softer than what rings."""

PAUSE_S = 0.25
"""Between the chime and the words."""

_G5, _E6 = 783.99, 1318.51
MELODY = (Note(_E6, 260), Note(_G5, 480))
"""A door bell's two notes: longer, and farther apart, than those that tell of the microphone."""


@cache
def chime() -> bytes:
    """The chime, `hw.base.SPEAKER_FORMAT`."""
    return melody_pcm(MELODY, PEAK_DBFS)


def sound_with(spoken: bytes, *, chimes: bool) -> bytes:
    """All that is heard of an announcement; the chime alone where nothing can be spoken."""
    if not spoken:
        return chime()
    return (chime() + bytes(SPEAKER_FORMAT.bytes(PAUSE_S)) if chimes else b"") + spoken
