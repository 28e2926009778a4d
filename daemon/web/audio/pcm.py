"""Reads raw samples and WAV files as they come, to 16 kHz mono s16. One thread at a time; it does no I/O.

Any cut of the bytes gives the same samples: other rates are converted in blocks of a fixed length.
"""

from __future__ import annotations

import importlib
import struct
from typing import Protocol

from daemon.web.audio.form import SampleForm
from daemon.web.audio.sniff import HIGHEST_HZ, LOWEST_HZ, BadRecording

MAX_CHANNELS = 8

MAX_HEADER_BYTES = 64 * 1024
"""Of what stands before a WAV's samples; texts and pictures of music files are longer, and no speech."""

BLOCK_S = 0.02
"""What is converted to another rate at once."""

ENDLESS = (0, 2**31 - 1, 2**32 - 1)
"""Lengths that mean: until the end. Programs that write while they record do not know it yet."""


class RawReader:
    """Samples without a header."""

    def __init__(self, form: SampleForm) -> None:
        """Raises BadRecording where the form cannot be taken."""
        _check(form)
        self._frame_bytes = form.frame_bytes
        self._converter = None if form == SampleForm() else _converter_for(form)
        block_bytes = round(form.rate_hz * BLOCK_S) * form.frame_bytes
        self._step_bytes = form.frame_bytes if self._converter is None else block_bytes
        self._waiting = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What can be given with these bytes."""
        self._waiting += data
        taken = self._take(len(self._waiting) // self._step_bytes * self._step_bytes)
        if self._converter is None:
            return taken
        starts = range(0, len(taken), self._step_bytes)
        return b"".join(self._converter.convert(taken[at : at + self._step_bytes]) for at in starts)

    def finish(self) -> bytes:
        """The rest; half a frame at the end is no sample."""
        rest = self._take(len(self._waiting) // self._frame_bytes * self._frame_bytes)
        return rest if self._converter is None else self._converter.convert(rest) + self._converter.rest()

    def _take(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken


class Converter(Protocol):
    """Brings samples to 16 kHz mono s16."""

    def convert(self, data: bytes) -> bytes:
        """What can be given for these whole frames."""
        ...

    def rest(self) -> bytes:
        """What was held back."""
        ...


def _converter_for(form: SampleForm) -> Converter:
    """Computing with samples takes 17 MB, which most clients cost nobody: they send what is needed."""
    conversion = importlib.import_module("daemon.web.audio.conversion")
    converter: Converter = conversion.SampleConverter(form)
    return converter


def _check(form: SampleForm) -> None:
    if not 1 <= form.channels <= MAX_CHANNELS:
        raise BadRecording(f"it has {form.channels} channels; 1 to {MAX_CHANNELS} can be taken")
    if not LOWEST_HZ <= form.rate_hz <= HIGHEST_HZ:
        raise BadRecording(f"its rate is {form.rate_hz} Hz; {LOWEST_HZ} to {HIGHEST_HZ} can be taken")
    if form.bits not in ((32, 64) if form.floats else (8, 16, 24, 32)):
        raise BadRecording(f"its samples have {form.bits} bits; 8, 16, 24, 32 or floats can be taken")


class WavReader:
    """A RIFF file (Microsoft, "Multimedia Programming Interface", 1991; WAVE_FORMAT_EXTENSIBLE as well)."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._form: SampleForm | None = None
        self._samples: RawReader | None = None
        self._left: int | None = None
        """Bytes of samples that are still to come; None: until the end."""

    def feed(self, data: bytes) -> bytes:
        """What can be given with these bytes. Raises BadRecording."""
        if self._samples is None:
            self._head += data
            if (at := self._find_samples()) is None:
                return b""
            data = bytes(self._head[at:])
            self._head.clear()
        assert self._samples is not None, "found just above"
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        return self._samples.feed(data)

    def finish(self) -> bytes:
        """The rest."""
        return self._samples.finish() if self._samples is not None else b""

    def _find_samples(self) -> int | None:
        """Where they begin; None: not known yet."""
        at = 12
        while len(self._head) >= at + 8:
            name, size = struct.unpack_from("<4sI", self._head, at)
            if name == b"data":
                self._begin(size)
                return at + 8
            if at + 8 + size > MAX_HEADER_BYTES:
                raise BadRecording("its header is too long")
            if len(self._head) < at + 8 + size:
                return None
            if name == b"fmt ":
                self._form = _form_of(bytes(self._head[at + 8 : at + 8 + size]))
            at += 8 + size + size % 2
        return None

    def _begin(self, size: int) -> None:
        if self._form is None:
            raise BadRecording("it does not say how its samples are written")
        self._left = None if size in ENDLESS else size
        self._samples = RawReader(self._form)


def _form_of(chunk: bytes) -> SampleForm:
    if len(chunk) < 16:
        raise BadRecording("its header is cut")
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == 0xFFFE and len(chunk) >= 26:  # extensible: the tag begins the sub-format's GUID
        (tag,) = struct.unpack_from("<H", chunk, 24)
    if tag not in (1, 3):
        raise BadRecording(f"its samples are compressed (format {tag}); PCM and floats can be taken")
    form = SampleForm(rate_hz=rate_hz, channels=channels, bits=bits, floats=tag == 3)
    _check(form)
    if frame_bytes != form.frame_bytes:
        raise BadRecording("its header contradicts itself")
    return form
