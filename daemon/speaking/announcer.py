"""Sounds the tones. After a tone that tells of a fault it says what the fault is. Event loop only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.messages import Message, Reticence
from daemon.speaking.playback import Playback
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT
from hw.files import OddFile, read_wav

log = logging.getLogger(__name__)

RECORDINGS = Path(__file__).parent / "data" / "messages" / "en"

PAUSE_S = 0.15
"""Between a tone and its words: they are two things, and belong together."""


class Announcer:
    """Decides what is heard of an earcon: its tone, its words, both or nothing."""

    def __init__(
        self, playback: Playback, clock: Callable[[], float], *, earcons: bool, spoken: bool
    ) -> None:
        """`earcons` and `spoken` are the keys of [sound]; `clock` is monotonic."""
        self._playback = playback
        self._clock = clock
        self._earcons = earcons
        self._spoken = spoken
        self._reticence = Reticence()

    def announce(self, earcon: Earcon, message: Message | None, *, may_speak: bool) -> None:
        """Sound an earcon, and after it the message unless it was said a moment ago.

        `may_speak` is false while the user or a reply speaks: then there is only the tone.
        """
        sound = earcon_pcm(earcon) if self._earcons else b""
        if message is not None and self._spoken and may_speak:
            sound += self._words(message)
        if sound:
            self._playback.play(sound)

    def _words(self, message: Message) -> bytes:
        if not self._reticence.may_say(message, self._clock()):
            return b""
        return bytes(SPEAKER_FORMAT.bytes(PAUSE_S)) + recording(message)


@cache
def recording(message: Message) -> bytes:
    """The words as samples of `hw.base.SPEAKER_FORMAT`; read and checked once, when they are first needed.

    A file that is missing or of another format gives b"" and one warning: the tone still tells of the fault.
    """
    path = RECORDINGS / f"{message.value}.wav"
    try:
        return read_recording(path)
    except (OSError, OddFile) as error:
        log.warning("the message %s cannot be spoken; install Conure again: %s", path.name, error)
        return b""


def read_recording(path: Path) -> bytes:
    """The samples of a 24 kHz mono 16-bit WAV file. Raises OSError or OddFile."""
    wav = read_wav(path)
    found = (wav.rate_hz, wav.channels, wav.sample_bytes)
    if found != (SPEAKER_FORMAT.rate_hz, SPEAKER_FORMAT.channels, SPEAKER_FORMAT.frame_bytes):
        raise OddFile(f"has {found[0]} Hz, {found[1]} channels, {8 * found[2]} bit")
    return wav.pcm
