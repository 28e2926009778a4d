"""The server's own endpointing, for automatic activity detection: loudness and patience. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from math import log10

import numpy as np

SPEECH_DBFS = -40.0
"""Louder is speech. Loopback audio has no room noise worth a moving floor."""

LOW_SENSITIVITY_DBFS = -30.0
"""The same with START_SENSITIVITY_LOW."""

SLICE_S = 0.02
"""What is judged at once, however much a message holds."""

PART_SLICES = 5
"""How much is handed on at once where nothing changes, so that the start of a turn can be cut out of it."""

_SAMPLE_BYTES = 2
_FULL_SCALE_SQUARED = 32768.0**2


class Change(Enum):
    """What a piece of audio changed."""

    NOTHING = "nothing"
    STARTED = "started"
    ENDED = "ended"


class Ear:
    """Finds the start and end of speech; time is that of the samples."""

    def __init__(self, *, speech_s: float, silence_s: float, threshold_dbfs: float = SPEECH_DBFS) -> None:
        """`speech_s` of loud audio in a row start an utterance, `silence_s` of quiet audio end it."""
        self._speech_s = speech_s
        self._silence_s = silence_s
        self._threshold_dbfs = threshold_dbfs
        self._speaking = False
        self._run_s = 0.0
        """How long it has been loud (waiting for speech), or quiet (waiting for its end)."""

    def listen(self, pcm: bytes, rate_hz: int) -> Iterator[tuple[bytes, Change]]:
        """Take a message (s16 mono) of any length: its parts, and what changed at the end of each."""
        step_bytes = _SAMPLE_BYTES * max(1, round(rate_hz * SLICE_S))
        part_start = 0
        for end in range(step_bytes, len(pcm) + step_bytes, step_bytes):
            piece = pcm[end - step_bytes : end]
            heard = self.hear(piece, len(piece) / (_SAMPLE_BYTES * rate_hz))
            if heard is not Change.NOTHING or end - part_start >= PART_SLICES * step_bytes or end >= len(pcm):
                yield pcm[part_start:end], heard
                part_start = end

    def hear(self, pcm: bytes, seconds: float) -> Change:
        """Take the next `seconds` of audio (s16 mono), short enough to be judged as one."""
        loud = level_dbfs(pcm) > self._threshold_dbfs
        self._run_s = self._run_s + seconds if loud != self._speaking else 0.0
        if self._run_s == 0.0 or self._run_s < (self._silence_s if self._speaking else self._speech_s):
            return Change.NOTHING
        self._speaking = not self._speaking
        self._run_s = 0.0
        return Change.STARTED if self._speaking else Change.ENDED

    def stream_ended(self) -> Change:
        """The microphone was switched off: speech that was going on has ended."""
        was_speaking, self._speaking, self._run_s = self._speaking, False, 0.0
        return Change.ENDED if was_speaking else Change.NOTHING


def level_dbfs(pcm: bytes) -> float:
    """Mean square against full scale; -inf never, silence is -100."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    mean_square = float(np.mean(samples * samples)) if len(samples) else 0.0
    return 10.0 * log10(max(mean_square / _FULL_SCALE_SQUARED, 1e-10))
