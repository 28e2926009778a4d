"""Finds whole pictures in a stream of JPEGs. Pure.

A JPEG begins with FFD8 and ends with FFD9; in its compressed data each FF is followed by 00 or a restart
marker (ITU-T T.81, B.1.1.5), so that FFD9 is found by looking for it. A small picture inside a header segment
has the same markers; so header segments are skipped by their length.
"""

from __future__ import annotations

FRAME_BYTES = 1024 * 1024
"""Longest picture; policy for a longer one: it is dropped, and counted."""

_BEGINS = b"\xff\xd8\xff"
_SCAN = 0xDA
_END = 0xD9
ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length (T.81, table B.1)."""


class FrameFinder:
    """Cuts a stream into pictures. `dropped` counts what was too long, or no picture."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0
        """Up to where what is held has been looked at."""
        self.dropped = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take what was read; returns the newest whole picture in it, or None."""
        self._held += data
        newest = None
        while (frame := self._next()) is not None:
            newest = frame
        if len(self._held) > FRAME_BYTES:
            self.dropped += 1
            self._forget(len(self._held))
        return newest

    def _next(self) -> bytes | None:
        """The first whole picture, taken out; None: there is none yet."""
        if not self._aligned():
            return None
        end = self._end()
        if end is None:
            return None
        frame = bytes(self._held[:end])
        self._forget(end)
        return frame

    def _aligned(self) -> bool:
        """Drop what stands before a picture; whether one begins."""
        if self._held.startswith(_BEGINS):
            return True
        begin = self._held.find(_BEGINS)
        self._forget(begin if begin >= 0 else max(0, len(self._held) - len(_BEGINS) + 1))
        return begin >= 0

    def _forget(self, count: int) -> None:
        del self._held[:count]
        self._at = 0

    def _end(self) -> int | None:
        """Where the picture ends; None: later. What was looked at is not looked at again."""
        held, at = self._held, max(self._at, 2)
        while at + 4 <= len(held):
            marker = held[at + 1]
            if held[at] != 0xFF or marker == _SCAN:
                return self._end_of_data(at)
            length = 2 if marker in ALONE else 2 + int.from_bytes(held[at + 2 : at + 4], "big")
            if at + length > len(held):
                break
            at += length
            self._at = at
        return None

    def _end_of_data(self, at: int) -> int | None:
        found = self._held.find(bytes((0xFF, _END)), at)
        return found + 2 if found >= 0 else None
