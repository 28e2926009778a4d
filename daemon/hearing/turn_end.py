"""How much silence ends an utterance: more where what was said sounds as if more were to come. Pure.

Three signs, none of which knows words. *Own pauses*: who has paused for long before pauses so again. *Short
runs*: single words with pauses between them are a list, or digits. *A drawn-out sound*: a voice that holds
its pitch is a filler ("uh"), or somebody who thinks.

Chosen by what it does to composed utterances of recorded human speech (see docs/inside/frontend.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from daemon.config.settings import VadSettings
from daemon.hearing.features import Pitch, pitch
from hw.base import CHUNK_MS

PAUSE_CHUNKS = 200 // CHUNK_MS
"""A silence from which on it is a pause, and no stop consonant or gap between words."""

PAUSE_RATIO = 2
"""It is waited for so many times the longest pause of this utterance."""

SHORT_RUN_MS = 600
"""Speech between two pauses that is shorter is a word or two."""

DRAWN_CHUNKS = 260 // CHUNK_MS
"""A voice that holds its pitch for so long is drawn out: twice a syllable."""

_FADING_CHUNKS = 160 // CHUNK_MS
"""Its end may be too soft, or too hoarse, to have a pitch."""

_VOICED_PERIODICITY, _VOICED_SHARE = 0.6, 0.9
_PITCH_TOLERANCE, _LEVEL_SHARE = 0.06, 0.85
"""A semitone (6 %) is less than what a voice moves through within a syllable that has an accent."""

_RECENT_CHUNKS = PAUSE_CHUNKS + _FADING_CHUNKS + DRAWN_CHUNKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the user has spoken until the pause that is heard now."""

    run_ms: int
    """How long the speech since the pause before was."""
    longest_pause_ms: int = 0
    """Of those before; 0 where this is the first."""
    drawn_out: bool = False


def silence_needed_ms(manner: Manner, *, usual_ms: int, longest_ms: int) -> int:
    """The silence that ends the utterance: from `usual_ms` to `longest_ms`; `usual_ms` if that is more."""
    if longest_ms <= usual_ms:
        return usual_ms
    short = manner.run_ms < SHORT_RUN_MS
    if manner.drawn_out or (short and manner.longest_pause_ms):
        return longest_ms
    if short:  # one word: all, or the first of several
        return (usual_ms + longest_ms) // 2
    return min(longest_ms, max(usual_ms, PAUSE_RATIO * manner.longest_pause_ms))


def is_drawn_out(pitches: Sequence[Pitch]) -> bool:
    """Whether the end of what was said, one value for each chunk, is a voice that holds its pitch."""
    voiced = [_is_voiced(each) for each in pitches]
    if not any(voiced[-_FADING_CHUNKS:]):
        return False
    end = max(at for at, is_voiced in enumerate(voiced) if is_voiced) + 1
    held = [each.hz for each in pitches[max(0, end - DRAWN_CHUNKS) : end] if _is_voiced(each)]
    if len(held) < _VOICED_SHARE * DRAWN_CHUNKS:
        return False
    middle_hz = median(held)
    level = sum(abs(middle_hz / hz - 1) < _PITCH_TOLERANCE for hz in held)
    return level >= _LEVEL_SHARE * len(held)


def _is_voiced(each: Pitch) -> bool:
    return each.periodicity > _VOICED_PERIODICITY


class TurnEnd:
    """Listens to the manner of one utterance after the other. One stream, one thread."""

    def __init__(self, settings: VadSettings) -> None:
        self._usual_ms = settings.silence_ms
        self._longest_ms = settings.silence_max_ms
        self._recent: deque[bytes] = deque(maxlen=_RECENT_CHUNKS)
        self.begin(0)

    def begin(self, run_chunks: int) -> None:
        """Another utterance has begun, so many chunks ago."""
        self._run_chunks = run_chunks
        self._longest_pause_ms = 0
        self._quiet_chunks = 0
        self.silence_ms = self._usual_ms
        """How much silence ends what has been said."""

    def hear(self, chunk: bytes, *, quiet_chunks: int) -> None:
        """Take the next chunk: of speech, or the last of so many without it."""
        self._recent.append(chunk)
        if quiet_chunks == PAUSE_CHUNKS:
            self.silence_ms = silence_needed_ms(
                self._manner(), usual_ms=self._usual_ms, longest_ms=self._longest_ms
            )
        elif not quiet_chunks:
            self._go_on(self._quiet_chunks)
        self._quiet_chunks = quiet_chunks

    def _go_on(self, paused_chunks: int) -> None:
        if paused_chunks < PAUSE_CHUNKS:
            self._run_chunks += paused_chunks + 1
            return
        self._longest_pause_ms = max(self._longest_pause_ms, paused_chunks * CHUNK_MS)
        self._run_chunks = 1
        self.silence_ms = self._usual_ms

    def _manner(self) -> Manner:
        spoken = list(self._recent)[:-PAUSE_CHUNKS]
        adapts = self._longest_ms > self._usual_ms
        return Manner(
            run_ms=self._run_chunks * CHUNK_MS,
            longest_pause_ms=self._longest_pause_ms,
            drawn_out=adapts and is_drawn_out([pitch(chunk) for chunk in spoken]),
        )
