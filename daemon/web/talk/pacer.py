"""Cuts a reply into whole WAV files, each to be sent when the one before has been played. Pure.

A page that plays each message by `new Audio("data:audio/wav;base64,…")`, at once, needs files, and one after
the other. The first is short, so that it is heard soon; each further one is longer, for at every seam a
browser may leave a gap.
"""

from __future__ import annotations

import struct

from hw.base import SPEAKER_FORMAT

SEGMENTS_S = (0.6, 2.0, 4.0)
"""Lengths of the files of a reply; the last is that of all further ones."""

EARLY_S = 0.015
"""So much before the end of a file the next one leaves: a browser takes that long to begin it."""

HELD_S = 20.0
"""Audio that may wait here; then no more is to be given, and it waits in the reply's ring."""


class Pacer:
    """Takes 24 kHz mono s16, gives RIFF files by the clock that each call brings."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._whole = False
        self._number = 0
        self._next_at_s = 0.0

    @property
    def full(self) -> bool:
        """Whether no more is to be given for now."""
        return len(self._waiting) >= SPEAKER_FORMAT.bytes(HELD_S)

    def add(self, pcm: bytes) -> None:
        """The next piece of a reply."""
        if self._whole and not self._waiting:
            self._number = 0
        self._whole = False
        self._waiting += pcm

    def finish(self) -> None:
        """The reply is whole: its end need not fill a file."""
        self._whole = True

    def clear(self) -> None:
        """The reply was cut: nothing more of it leaves, and what left is stopped by the client."""
        self._waiting.clear()
        self._number, self._next_at_s, self._whole = 0, 0.0, False

    def due_s(self) -> float | None:
        """When there is a file to send; None: not before more audio comes."""
        return self._next_at_s if self._ready() else None

    def take(self, now_s: float) -> list[bytes]:
        """The files to be sent now, of which there is one at most."""
        if not self._ready() or now_s < self._next_at_s:
            return []
        pcm = bytes(self._waiting[: self._size()])
        del self._waiting[: len(pcm)]
        self._number += 1
        self._next_at_s = max(now_s, self._next_at_s) + SPEAKER_FORMAT.seconds(len(pcm)) - EARLY_S
        return [wav_of(pcm)]

    def _size(self) -> int:
        return SPEAKER_FORMAT.bytes(SEGMENTS_S[min(self._number, len(SEGMENTS_S) - 1)])

    def _ready(self) -> bool:
        return len(self._waiting) >= self._size() or (self._whole and bool(self._waiting))


def wav_of(pcm: bytes) -> bytes:
    """24 kHz mono s16 as a RIFF file (Microsoft, "Multimedia Programming Interface", 1991: 44 bytes before
    the samples).
    """
    rate_hz, frame_bytes = SPEAKER_FORMAT.rate_hz, SPEAKER_FORMAT.frame_bytes
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(pcm))
    return b"RIFF" + struct.pack("<I", len(head) + len(pcm)) + head + pcm
