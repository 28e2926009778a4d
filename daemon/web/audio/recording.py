"""Hears what a client sends, whatever form it has: raw samples, WAV, or a container. Event loop only.

Samples come out as they would be spoken, at most some seconds ahead of the clock, so that nobody can have an
hour decoded in a minute: then reading waits, which makes the client wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from daemon.web.audio.form import SampleForm
from daemon.web.audio.media import ContainerReader, Take
from daemon.web.audio.pcm import RawReader, WavReader
from daemon.web.audio.sniff import AudioKind, BadRecording, PcmHint, begins_recording, hint_of, kind_of
from hw.base import MIC_FORMAT

AHEAD_S = 5.0
"""So much a live stream may be ahead of the clock."""

SHORTEST_S = 0.1
"""A shorter upload holds no word."""

TOO_SHORT = "there is nothing to hear"

PIECE_BYTES = MIC_FORMAT.bytes(0.5)
"""What is handed on at once."""


@dataclass(slots=True)
class Lead:
    """How far ahead of the clock somebody is: filled by what comes, emptied by time. Pure."""

    ahead_s: float = 0.0
    at_s: float = 0.0

    def add(self, length_s: float, now_s: float) -> float:
        """Take so much; returns how long to wait before more."""
        self.ahead_s = max(0.0, self.ahead_s - (now_s - self.at_s)) + length_s
        self.at_s = now_s
        return max(0.0, self.ahead_s - AHEAD_S)


class Recording:
    """What one client sends: one stream, or one recording after another.

    `heard_s` is how much was heard of all of them; a message that begins with the header of a file begins
    another.
    """

    def __init__(
        self,
        take: Callable[[bytes], object],
        *,
        failed: Callable[[BadRecording], None],
        clock: Callable[[], float],
        upload_s: float | None = None,
    ) -> None:
        """`take` gets 16 kHz mono s16; `failed` hears what a container's reader finds later.

        `upload_s`: it is no stream but a file, of which so much is taken, at once.
        """
        self._take = take
        self._failed = failed
        self._clock = clock
        self._upload_s = upload_s
        self._bucket = Lead(at_s=clock())
        self._first = bytearray()
        self._hint = PcmHint()
        self._plain: RawReader | WavReader | None = None
        self._container: ContainerReader | None = None
        self._broken = False
        self.heard_s = 0.0
        self.kinds: dict[str, int] = {}

    async def feed(self, data: bytes, mime_type: str = "") -> None:
        """The next bytes. Raises BadRecording, after which all is passed over until another begins."""
        if self._upload_s is None and begins_recording(data) and self._begun():
            await self._end_earlier()
        if self._broken or not data:
            return
        try:
            await self._read(data, mime_type)
        except BadRecording:
            self._broken = True
            raise

    async def finish(self) -> None:
        """No more comes; returns when all was taken. What comes later is another. Raises BadRecording."""
        try:
            if self._first and not self._broken:
                await self._choose(bytes(self._first), whole=True)
            if self._plain is not None:
                await self._hand_on(self._plain.finish())
            elif self._container is not None:
                await self._container.finish()
        finally:
            self.abandon()
        if self._upload_s is not None and self.heard_s < SHORTEST_S:
            raise BadRecording(TOO_SHORT)

    def abandon(self) -> None:
        """What was begun is over; the next bytes begin another."""
        if self._container is not None:
            self._container.close()
        self._plain = self._container = None
        self._first.clear()
        self._broken = False

    async def _end_earlier(self) -> None:
        """Its rest is heard; what is wrong with it has been told, or is not worth telling any more."""
        with suppress(BadRecording):
            await self.finish()

    def _begun(self) -> bool:
        return self._broken or self._plain is not None or self._container is not None

    async def _read(self, data: bytes, mime_type: str) -> None:
        if self._plain is not None:
            await self._read_plain(data)
        elif self._container is not None:
            await self._container.feed(data)
        else:
            self._hint = hint_of(mime_type) if not self._first else self._hint
            self._first += data
            await self._choose(bytes(self._first))

    async def _choose(self, first: bytes, *, whole: bool = False) -> None:
        kind = kind_of(first, self._hint, whole=whole)
        if kind is None:
            return
        self._first.clear()
        self.kinds[kind.name.lower()] = self.kinds.get(kind.name.lower(), 0) + 1
        if kind in (AudioKind.RAW, AudioKind.WAV):
            raw = SampleForm(rate_hz=self._hint.rate_hz)
            self._plain = WavReader() if kind is AudioKind.WAV else RawReader(raw)
            await self._read_plain(first)
        else:
            await self._open(kind).feed(first)

    def _open(self, kind: AudioKind) -> ContainerReader:
        seekable = self._upload_s is not None and kind is AudioKind.MP4
        take: Take = self._hand_on
        self._container = ContainerReader(kind, take, seekable=seekable, failed=self._fail)
        return self._container

    def _fail(self, error: BadRecording) -> None:
        self._broken = True
        self._failed(error)

    async def _read_plain(self, data: bytes) -> None:
        assert self._plain is not None, "chosen before"
        for at in range(0, len(data), PIECE_BYTES):
            await self._hand_on(self._plain.feed(data[at : at + PIECE_BYTES]))

    async def _hand_on(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), PIECE_BYTES):
            piece = pcm[at : at + PIECE_BYTES]
            length_s = MIC_FORMAT.seconds(len(piece))
            self.heard_s += length_s
            if self._upload_s is not None and self.heard_s > self._upload_s:
                raise BadRecording(f"it is longer than {self._upload_s / 60:.0f} minutes")
            self._take(piece)
            if self._upload_s is None and (wait_s := self._bucket.add(length_s, self._clock())) > 0:
                await asyncio.sleep(wait_s)
