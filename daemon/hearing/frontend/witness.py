"""A neural judge of what the canceller left: whether it sounds like somebody. It costs only while something
stands out.

What AEC3 leaves of an echo is torn to pieces: the judge takes one chunk in three hundred of it for speech, of
a voice that is 10 dB softer than the echo more than half (measured: docs/inside/echo.md). A level says
nothing of the kind. But what passes whole is speech as well: the echo by a path that the canceller does not
know yet, which `likeness` tells apart.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

STIRRED_DB = 0.3
"""What exceeds the rest of the echo by so much, as a mean over all bands, makes the judge listen."""

LISTENING_CHUNKS = 25
"""It listens on for 0.5 s."""

BEFORE_CHUNKS = 10
"""And hears the 0.2 s before first: it judges by what was before."""

BELIEVED = 0.3
"""The probability from which it is somebody: less than its authors' 0.5, since other witnesses are heard too."""


class Judge(Protocol):
    """`neural.NeuralJudge`, or a test's."""

    def hear(self, chunk: bytes) -> float:
        """The probability that somebody speaks."""
        ...

    def reset(self) -> None:
        """What comes next does not follow."""
        ...


class Witness:
    """Asks the judge when it matters. Capture thread."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._before: deque[bytes] = deque(maxlen=BEFORE_CHUNKS)
        self._listening_chunks = 0

    def forget(self) -> None:
        """A sound begins."""
        self._before.clear()
        self._listening_chunks = 0

    def hears_voice(self, chunk: bytes, excess_db: float) -> bool:
        """Whether a chunk of what is left, which exceeds the rest of the echo by so much, sounds like
        somebody."""
        if excess_db > STIRRED_DB:
            self._wake()
        if not self._listening_chunks:
            self._before.append(chunk)
            return False
        self._listening_chunks -= 1
        believed = self._judge.hear(chunk) > BELIEVED
        if believed:
            self._listening_chunks = LISTENING_CHUNKS
        return believed

    def _wake(self) -> None:
        if not self._listening_chunks:
            self._judge.reset()
            for chunk in self._before:
                self._judge.hear(chunk)
            self._before.clear()
        self._listening_chunks = LISTENING_CHUNKS
