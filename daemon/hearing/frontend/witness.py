"""A neural judge of what the canceller left: whether it sounds like somebody. Pure.

What AEC3 leaves of an echo is torn to pieces: the judge takes one chunk in some hundreds of it for speech, of
a voice that is 10 dB softer than the echo half (measured: docs/inside/echo.md). A level says nothing of the
kind. But what passes whole is speech as well: the echo by a path that the canceller does not know yet, which
`likeness` tells apart.

The judge tells a voice by what was before. After some seconds of torn echo it believes softer voices less,
and fresh it believes too much for half a second. So it is made fresh now and then, when nothing stands out,
and until it knows the sound again it says nothing.
"""

from __future__ import annotations

from daemon.hearing.judging import Network

SURE = 0.5
"""The probability from which it is somebody, as the judge's authors have it."""

LIKELY, LIKELY_EXCESS_DB = 0.3, 0.3
"""So much is enough in a chunk that exceeds what may be left of the echo by so much, as a mean over all
bands."""

OF_LATE_DB, OF_LATE = 0.3, 0.1
"""The judge is believed only where the excess of late was so much on the mean; the weight of the newest chunk
in it, 0.2 s. Measured when speech was about to be noticed: echoes that sounded like somebody 0.1 to 0.2, and
once 0.8; voices 10 dB softer than the echo 0.3 to 5."""

FRESH_CHUNKS = 32
"""For 0.6 s a fresh judge says nothing."""

RENEWED_CHUNKS = 200
"""After 4 s it may be made fresh."""

QUIET_CHUNKS = 15
"""If for 0.3 s nothing exceeded the rest of the echo."""


class Witness:
    """Asks the judge. Capture thread."""

    def __init__(self, judge: Network) -> None:
        self._judge = judge
        self._of_late_db = 0.0
        self.begin()

    def begin(self) -> None:
        """A sound begins."""
        self._judge.reset()
        self._chunks = self._quiet_chunks = 0

    def hears_voice(self, chunk: bytes, excess_db: float) -> bool | None:
        """Whether a chunk of what is left, which exceeds the rest of the echo by so much, sounds like
        somebody; None: not known yet."""
        self._quiet_chunks = 0 if excess_db > LIKELY_EXCESS_DB else self._quiet_chunks + 1
        if self._chunks > RENEWED_CHUNKS and self._quiet_chunks > QUIET_CHUNKS:
            self.begin()
        self._chunks += 1
        self._of_late_db += OF_LATE * (excess_db - self._of_late_db)
        probability = self._judge.hear(chunk)
        if self._chunks <= FRESH_CHUNKS:
            return None
        if self._of_late_db < OF_LATE_DB:
            return False
        return probability > SURE or (probability > LIKELY and excess_db > LIKELY_EXCESS_DB)
