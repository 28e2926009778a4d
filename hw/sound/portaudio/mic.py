"""The microphone: 16 kHz mono in chunks, from whatever form the device has."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from hw.base import MIC_FORMAT, MicError
from hw.sound.cards import CAPTURE
from hw.sound.library import Opened
from hw.sound.negotiate import MIC_OPTIONS, StreamOptions
from hw.sound.pace import DevicePace, NextDue
from hw.sound.portaudio.stream import Stream, describe, is_own, wait_for, waiting_frames
from hw.sound.resample import CaptureConverter


class PortAudioMic:
    """A `Mic`: 16 kHz mono from the device that `wanted` names (`hw.sound.cards.choose`)."""

    def __init__(
        self,
        wanted: str,
        clock: Callable[[], float] = time.monotonic,
        options: StreamOptions = MIC_OPTIONS,
    ) -> None:
        """Open it; raises MicError."""
        self._wanted = wanted
        self._clock = clock
        self._pace = DevicePace()
        self._options = options
        self._converter: CaptureConverter | None = None
        self._rate_hz = MIC_FORMAT.rate_hz
        self._served = True
        self._due = NextDue()
        """Of a sound server's device: asking a card costs less than waiting in a read."""
        self._ready = bytearray()
        self._next = b""
        """The chunk after one that was read patiently."""
        self._opens = 0
        self.about = ""
        self.overruns = 0
        self._stream = Stream(CAPTURE, wanted, options, set_up=self._set_up, may_lend=lambda: True)
        self._read_s = clock()

    @property
    def held_s(self) -> float:
        """How late a sample is for having been resampled, in seconds; 0 where it is not."""
        return 0.0 if self._converter is None else self._converter.held_s

    def read(self, *, patient: bool = False) -> bytes:
        """One chunk. Raises MicError.

        Patiently two are fetched at once: that saves 0.1 to 0.2 s of CPU a minute.
        """
        if self._next:
            chunk, self._next = self._next, b""
            return chunk
        pcm = self._read_in_time(MIC_FORMAT.chunk_frames * (1 + patient))
        self._next = pcm[MIC_FORMAT.chunk_bytes :]
        return pcm[: MIC_FORMAT.chunk_bytes]

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()
        self._converter = None

    def _read_in_time(self, own_frames: int) -> bytes:
        """So many frames, from a device that runs in real time. Raises MicError."""
        before_s, asked_s = self._read_s, self._clock()
        # PyAudio closes a stream whose overflow it reports, and PulseAudio reports none.
        self.overruns += asked_s - before_s > self._options.depth_s
        pcm: bytes = self._stream.call(partial(self._read, own_frames))
        self._stream.has_begun()
        self._read_s = self._clock()
        sound_s = MIC_FORMAT.seconds(len(pcm))
        if fault := self._pace.note(sound_s, self._read_s - before_s, self._read_s - asked_s):
            raise MicError(self._wanted, fault)
        return pcm

    def _set_up(self, opened: Opened) -> None:
        own = is_own(opened.form, MIC_FORMAT)
        self._pace, self._due = DevicePace(), NextDue()
        self._converter = None if own else CaptureConverter(opened.form, self._options.channel)
        self._rate_hz = opened.form.rate_hz
        self._served = opened.served
        self._ready.clear()
        self.about = describe(opened, MIC_FORMAT)
        self.overruns += bool(self._opens)  # it was lent, and samples were lost meanwhile
        self._opens += 1

    def _read(self, own_frames: int) -> bytes:
        """So many frames of `MIC_FORMAT`."""
        stream, converter = self._stream.stream, self._converter
        if converter is None:
            return self._take(stream, own_frames)
        wanted_bytes = own_frames * MIC_FORMAT.frame_bytes
        while (missing_bytes := wanted_bytes - len(self._ready)) > 0:
            frames = converter.frames_for(missing_bytes)
            self._ready += converter.convert(self._take(stream, frames))
        pcm = bytes(self._ready[:wanted_bytes])
        del self._ready[:wanted_bytes]
        return pcm

    def _take(self, stream: Any, frames: int) -> bytes:
        if not self._served:
            wait_for(lambda: waiting_frames(stream), frames, self._rate_hz)
            return self._taken(stream, frames)
        sound_s = frames / self._rate_hz
        time.sleep(self._due.rest_s(sound_s, self._clock()))
        asked_s = self._clock()
        pcm = self._taken(stream, frames)
        self._due.note(sound_s, asked_s, self._clock())
        return pcm

    def _taken(self, stream: Any, frames: int) -> bytes:
        pcm: bytes = stream.read(frames, exception_on_overflow=False)
        return pcm
