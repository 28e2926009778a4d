"""Knows sound that webrtcvad takes for a voice and the neural judge does not: music, dishes, animals. Pure.

What such a room takes for speech needs more proof, and long sound of this kind is told as music.
"""

from __future__ import annotations

from collections import deque

from hw.base import CHUNK_MS

_SPAN_CHUNKS = 500 // CHUNK_MS
_SPANS = 16
"""Eight seconds: longer than the rests of music, or the time between two plates."""

_NEWEST_SPANS = 2
"""What is judged now is no reason to doubt it."""

BUSY_CHUNKS = 400 // CHUNK_MS
"""So much of it, in the seconds before the newest one, makes a room busy."""

MUSIC_SHARE = 0.3
"""Of eight seconds; measured: docs/inside/frontend.md."""


class ForeignSound:
    """Counts in spans of half a second. Capture thread; any thread may read its fields."""

    def __init__(self) -> None:
        self._spans: deque[int] = deque([0] * _SPANS, maxlen=_SPANS)
        self._span_left = _SPAN_CHUNKS
        self._count = 0
        self.music = False
        """Whether it goes on and on."""
        self.musics = 0
        """How often music was passed over, each until it has stopped."""
        self.busy = False
        """Whether there was much of it of late."""

    def hear(self, foreign: bool) -> None:
        """Take the next chunk: whether the cheap judge was sure and the neural one was not."""
        self._count += foreign
        self._span_left -= 1
        if self._span_left:
            return
        self._spans.append(self._count)
        self._count, self._span_left = 0, _SPAN_CHUNKS
        before = sum(self._spans)
        self.busy = before - sum(list(self._spans)[-_NEWEST_SPANS:]) >= BUSY_CHUNKS
        music = before >= MUSIC_SHARE * _SPANS * _SPAN_CHUNKS
        self.musics += music and not self.music
        self.music = music
