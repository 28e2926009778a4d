"""Whether the microphone hears the speaker at all: where it does not, nothing must be taken away. Pure.

It does not with headphones, far from the speaker, and on a loopback.

An echo is there when the linear stage explains what is heard by what is played. None is there when the
speaker
has sounded for a second while the room stayed as quiet as it is. Between the two it is as it was; until the
first of them there may be one.
"""

from __future__ import annotations

LOUD_DBFS = -40.0
"""A reference that is louder makes an echo that counts."""

LATE_CHUNKS = 5
"""For 0.1 s after it, too."""

QUIET_DB = 4.0
"""Above the noise floor: chunks of steady noise differ by less."""

SILENT_CHUNKS = 50
"""1 s of a loud reference without an echo; each chunk that is louder takes two of it away."""

UNEXPECTED_CHUNKS = 25
"""0.5 s of it where a measurement has found none before; an echo may be as late as that."""


class Coupling:
    """Judges chunk by chunk, while the speaker sounds. Capture thread."""

    def __init__(self, *, expected: bool = True) -> None:
        """`expected`: an echo is to be expected; else less is enough to prove that there is none."""
        self.heard: bool | None = None
        """Whether there is an echo; None: not known yet."""
        self._loud_chunks = 0
        self._silent_chunks = 0 if expected else SILENT_CHUNKS - UNEXPECTED_CHUNKS

    def judge(self, far_dbfs: float, mic_dbfs: float, floor_dbfs: float, *, explained: bool) -> None:
        """Levels of a chunk: of the reference, and of the microphone; and the room's noise floor.

        `explained`: the linear stage takes echo away.
        """
        if explained:
            self.heard, self._silent_chunks = True, 0
            return
        self._loud_chunks = LATE_CHUNKS if far_dbfs > LOUD_DBFS else max(0, self._loud_chunks - 1)
        if not self._loud_chunks:
            return
        quiet = mic_dbfs < floor_dbfs + QUIET_DB
        self._silent_chunks = max(0, self._silent_chunks + (1 if quiet else -2))
        if self._silent_chunks >= SILENT_CHUNKS:
            self.heard, self._silent_chunks = False, 0
