"""Sounds the tones. After a tone that tells of a fault it says what the fault is. Event loop only."""

from __future__ import annotations

from collections.abc import Callable

from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.messages import Message, Reticence
from daemon.speaking.playback import Playback
from daemon.speaking.recordings import Recordings
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT

PAUSE_S = 0.15
"""Between a tone and its words: they are two things, and belong together."""


class Announcer:
    """Decides what is heard of an earcon: its tone, its words, both or nothing."""

    def __init__(
        self,
        playback: Playback,
        clock: Callable[[], float],
        *,
        earcons: bool,
        spoken: bool,
        recordings: Recordings | None = None,
    ) -> None:
        """`earcons` and `spoken` are the keys of [sound]; `clock` is monotonic. No `recordings`: English."""
        self._playback = playback
        self._clock = clock
        self._earcons = earcons
        self._spoken = spoken
        self._recordings = recordings or Recordings()
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
        return bytes(SPEAKER_FORMAT.bytes(PAUSE_S)) + self._recordings.of(message)
