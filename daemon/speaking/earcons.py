"""The short tones, made in memory: what each says is in its melody, so that it needs no words.

Two notes tell of the microphone: rising, it opens; falling, it closes. Two equal ones are a picture that
leaves. Three or more are a fault. All but one
are equally loud to somebody who hears them from a small loudspeaker, which plays hardly anything below 500
Hz: so no melody of a fault lies there. Their peaks are at most -15 dBFS, for they come at night too; the
volume is applied elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from daemon.speaking.small_speaker import loudness_dba
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT


@dataclass(frozen=True, slots=True)
class Note:
    """One tone, or a rest where the pitch is 0."""

    pitch_hz: float
    duration_ms: int


REST = Note(0.0, 60)

# Equal temperament, A4 = 440 Hz (ISO 16).
_A4 = 440.00
_C5, _E5, _G5, _A5, _C6 = 523.25, 659.26, 783.99, 880.00, 1046.50

MELODIES: dict[Earcon, tuple[Note, ...]] = {
    # At most 120 ms: the user is about to speak.
    Earcon.LISTENING: (Note(_G5, 50), Note(_C6, 60)),
    Earcon.DONE: (Note(_C6, 50), Note(_G5, 60)),
    Earcon.MUTED: (Note(_A5, 120), Note(_A4, 160)),
    Earcon.UNMUTED: (Note(_A4, 120), Note(_A5, 160)),
    Earcon.ERROR: (Note(_E5, 110), REST, Note(_C5, 110), REST, Note(_C5, 260)),
    Earcon.OFFLINE: (Note(_G5, 110), Note(_E5, 110), Note(_C5, 200)),
    Earcon.QUOTA: (Note(_C6, 110), Note(_G5, 110), Note(_C6, 110), Note(_G5, 200)),
    Earcon.REFUSED: (Note(_E5, 110), REST, Note(_E5, 110), REST, Note(_E5, 110)),
    Earcon.LOOK: (Note(_C6, 40), REST, Note(_C6, 40)),
    Earcon.NO_MIC: (Note(_A5, 80), REST, Note(_A5, 80), REST, Note(_C5, 260)),
}

LOUDNESS_DBA = -24.5
"""Of each tone (`daemon.speaking.small_speaker`): with it the strongest peak is just below -15 dBFS."""

LISTENING_DBA = -29.0
"""Softer than the others: it sounds at every turn, and the microphone is open already."""

_RAMP_MS = 8
"""Each note rises and falls along a raised cosine this long: shorter ones are heard as clicks."""

_OVERTONE = 0.15
"""Share of the octave in a note: a pure sine sounds like a test signal."""


@cache
def earcon_pcm(earcon: Earcon) -> bytes:
    """Return the tone as samples of `hw.base.SPEAKER_FORMAT`; the same object every time. Any thread."""
    sound = _sound(MELODIES[earcon])
    wanted_dba = LISTENING_DBA if earcon is Earcon.LISTENING else LOUDNESS_DBA
    return _samples(sound, wanted_dba - loudness_dba(sound))


def melody_pcm(notes: Sequence[Note], peak_dbfs: float) -> bytes:
    """Return notes as samples of `hw.base.SPEAKER_FORMAT`, with this peak (at most 0). Any thread."""
    return _samples(_sound(notes), peak_dbfs)


def _sound(notes: Sequence[Note]) -> NDArray[np.float64]:
    return np.concatenate([_tone(note) for note in notes])


def _samples(sound: NDArray[np.float64], gain_db: float) -> bytes:
    return np.rint(sound * (32767 * 10 ** (gain_db / 20))).astype(np.int16).tobytes()


def _tone(note: Note) -> NDArray[np.float64]:
    """The note at a peak of at most 1."""
    count = SPEAKER_FORMAT.frames(note.duration_ms / 1000)
    phase = 2 * np.pi * note.pitch_hz * np.arange(count) / SPEAKER_FORMAT.rate_hz
    wave = (np.sin(phase) + _OVERTONE * np.sin(2 * phase)) / (1 + _OVERTONE)
    ramp = SPEAKER_FORMAT.frames(_RAMP_MS / 1000)
    to_edge = np.minimum(np.arange(count), np.arange(count)[::-1])
    return np.asarray(wave * (0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, to_edge / ramp))))
