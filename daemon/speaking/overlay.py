"""What is heard over all else, ducking it: an announcement, a bell, or the one over the other."""

from __future__ import annotations

from collections.abc import Callable

from daemon.speaking.gain import apply_gain, mix
from daemon.speaking.playback import DUCK_GAIN, Bell
from hw.base import SPEAKER_FORMAT

TAIL_S = 0.25
"""Silence after an announcement, so that what the device still holds when its end is told is no speech."""


class Speech:
    """A sound that is heard once. Its owner is the playback thread, from when it is given to it."""

    def __init__(self, pcm: bytes, gain: float, ended: Callable[[], object]) -> None:
        """`pcm` is 24 kHz mono s16. `ended` is called on the playback thread, once all has been heard."""
        self._pcm = apply_gain(pcm, gain) + bytes(SPEAKER_FORMAT.bytes(TAIL_S))
        self._begin = 0
        self._ended: Callable[[], object] | None = ended

    def take(self, size_bytes: int) -> bytes:
        """The next stretch of this length (whole frames); b"" where nothing is left."""
        stretch = self._pcm[self._begin : self._begin + size_bytes]
        self._begin += size_bytes
        if not stretch:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()
            return b""
        return stretch + bytes(size_bytes - len(stretch))


class _SpeechOverBell:
    """An announcement over a bell."""

    def __init__(self, speech: Speech, bell: Bell) -> None:
        self._speech = speech
        self._bell = bell

    def take(self, size_bytes: int) -> bytes:
        """As a bell's."""
        said, rung = self._speech.take(size_bytes), self._bell.take(size_bytes)
        if not said or not rung:
            return said or rung
        return mix(said, apply_gain(rung, DUCK_GAIN))


def over_all(speech: Speech | None, bell: Bell | None) -> Bell | None:
    """What is heard over all else; None: nothing."""
    if speech is None or bell is None:
        return speech or bell
    return _SpeechOverBell(speech, bell)
