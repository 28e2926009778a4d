"""Notices a microphone that gives nothing but exact zeros. Pure.

A microphone that works gives at least its own noise. One that is muted in the mixer, or an array that has
died, gives zeros. But a device that gates its noise gives zeros too while the room is quiet. So the log and
the status tell each such silence; it is told aloud only if a quiet room cannot be the reason: if the program
has heard nothing since it began, or if a user was to speak and was not heard.
"""

from __future__ import annotations

from hw.base import CHUNK_MS, MIC_FORMAT

ZEROS = bytes(MIC_FORMAT.chunk_bytes)

REMEDY = "is it muted (`alsamixer`, F4), or has the device died (pull it and plug it in again)?"

UNHEARD_S = 3.0
"""Whoever has pressed the button says something within this time, or says it again."""


class SilenceWatch:
    """Counts chunks that hold nothing. Capture thread; any thread may read its fields."""

    def __init__(self, after_s: float) -> None:
        """A silence is told after this long; 0: never."""
        self._after_s = after_s
        self._run = 0
        self._unheard = 0
        self._expected = False
        self.told = False
        """Whether there is a silence that was told, and it lasts."""
        self.heard_ever = False
        self.silences = 0
        """How many were told."""

    @property
    def silent_s(self) -> float:
        """For how long there has been nothing."""
        return self._run * CHUNK_MS / 1000

    @property
    def unheard(self) -> bool:
        """Whether there was nothing at all while somebody was to speak, now or when it was so last."""
        return self._after_s > 0 and self._unheard * CHUNK_MS / 1000 >= UNHEARD_S

    def hear(self, chunk: bytes, *, expected: bool) -> bool:
        """Take a chunk (`MIC_FORMAT`); returns whether a silence is to be told, once.

        `expected`: somebody has announced that he will speak.
        """
        if expected and not self._expected:
            self._unheard = 0
        self._expected = expected
        if chunk != ZEROS:
            self._run = self._unheard = 0
            self.told, self.heard_ever = False, True
            return False
        self._run += 1
        self._unheard += expected
        if self.told or not 0 < self._after_s <= self.silent_s:
            return False
        self.told = True
        self.silences += 1
        return True
