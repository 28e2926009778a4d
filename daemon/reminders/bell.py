"""The sound of what rings: a melody again and again, with pauses, slowly louder. Pure.

Between two melodies is a pause in which nothing is played, so that a microphone which hears the speaker can
hear a voice there.
"""

from __future__ import annotations

from daemon.reminders.book import EntryKind
from daemon.speaking.earcons import Note, melody_pcm
from daemon.speaking.gain import apply_gain, gain_for
from hw.base import SPEAKER_FORMAT

PAUSE_S = 1.6
"""Between two melodies: long enough to say "stop"."""

START_DB = -20.0
"""How much softer than its loudest a bell begins: it need not startle who is awake."""

GROWTH_S = 40.0
"""In this time it becomes as loud as it gets."""

PEAK_DBFS = -3.0
"""Peak of the melody at full volume. Other tones have -15: an alarm is to be heard in the next room."""

_C5, _E5, _G5, _A5, _C6, _E6 = 523.25, 659.26, 783.99, 880.00, 1046.50, 1318.51

MELODIES: dict[EntryKind, tuple[Note, ...]] = {
    EntryKind.TIMER: (
        Note(_C6, 110),
        Note(0, 50),
        Note(_C6, 110),
        Note(0, 50),
        Note(_C6, 110),
        Note(0, 50),
        Note(_E6, 260),
    ),
    EntryKind.ALARM: (
        Note(_G5, 160),
        Note(_C6, 160),
        Note(_E6, 160),
        Note(_C6, 160),
        Note(_G5, 160),
        Note(_C6, 320),
    ),
    EntryKind.REMINDER: (Note(_E5, 240), Note(_A5, 240), Note(_C5, 420)),
}
"""Told apart by ear: one note and a rise, up and down, slow and soft."""


class BellSound:
    """One ringing, from its beginning on. Used by one thread."""

    def __init__(self, kind: EntryKind, volume: float) -> None:
        """`volume`: the loudness that it grows to, in percent."""
        melody = melody_pcm(MELODIES[kind], PEAK_DBFS)
        self._melody_bytes = len(melody)
        self._loop = melody + bytes(SPEAKER_FORMAT.bytes(PAUSE_S))
        self._gain = gain_for(volume)
        self._begin = 0

    def take(self, size_bytes: int) -> bytes:
        """The next stretch of this length (whole frames), or b"" where all of it is pause.

        A rest within the melody is silence: what is not played would not part the notes in the device.
        """
        begin, self._begin = self._begin, self._begin + size_bytes
        into = begin % len(self._loop)
        if into >= self._melody_bytes and into + size_bytes <= len(self._loop):
            return b""
        stretch = self._loop[into : into + size_bytes]
        stretch += self._loop[: size_bytes - len(stretch)]
        return apply_gain(stretch, self._gain * growth(SPEAKER_FORMAT.seconds(begin)))


def growth(t_s: float) -> float:
    """The factor, `t_s` after the beginning, with which a bell is as loud as it is then; at last 1."""
    share = min(1.0, t_s / GROWTH_S)
    return float(10 ** (START_DB * (1.0 - share) / 20))
