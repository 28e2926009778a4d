"""Reads raw samples and WAV files as they come, to 16 kHz mono s16. One thread at a time; it does no I/O.

Any cut of the bytes gives the same samples: other rates are converted in blocks of a fixed length. numpy
(18 MB) is imported where samples are looked at: a gateway without a talk does not need it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.web.talk.sniff import HIGHEST_HZ, LOWEST_HZ, BadRecording
from hw.base import MIC_FORMAT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hw.sound.resample import Resampler

MAX_CHANNELS = 8

MAX_HEADER_BYTES = 64 * 1024
"""Of what stands before a WAV's samples; texts and pictures of music files are longer, and no speech."""

BLOCK_S = 0.02
"""What is converted to another rate at once."""

ENDLESS = (0, 2**31 - 1, 2**32 - 1)
"""Lengths that mean: until the end. Programs that write while they record do not know it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleForm:
    """How samples stand in the bytes."""

    rate_hz: int = MIC_FORMAT.rate_hz
    channels: int = 1
    bits: int = 16
    floats: bool = False

    @property
    def frame_bytes(self) -> int:
        """Of one sample for each channel."""
        return self.channels * self.bits // 8

    def mono(self, data: bytes) -> NDArray[np.int16]:
        """Whole frames as mono s16."""
        import numpy as np

        values = _scaled(data, self).reshape(-1, self.channels)
        mixed = values[:, 0] if self.channels == 1 else values.mean(axis=1)
        finite = np.nan_to_num(mixed, nan=0.0, posinf=32767.0, neginf=-32768.0)
        return np.clip(np.rint(finite), -32768, 32767).astype(np.int16)


def _scaled(data: bytes, form: SampleForm) -> NDArray[np.float64]:
    """Samples as they would be in 16 bits."""
    import numpy as np

    if form.floats:
        return np.frombuffer(data, "<f4" if form.bits == 32 else "<f8").astype(np.float64) * 32768.0
    match form.bits:
        case 8:
            return (np.frombuffer(data, np.uint8).astype(np.float64) - 128.0) * 256.0
        case 24:
            low, middle, high = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.float64).T
            signed = np.where(high < 128, high, high - 256)
            return low / 256.0 + middle + signed * 256.0
        case 32:
            return np.frombuffer(data, "<i4").astype(np.float64) / 65536.0
        case _:
            return np.frombuffer(data, "<i2").astype(np.float64)


class RawReader:
    """Samples without a header."""

    def __init__(self, form: SampleForm) -> None:
        """Raises BadRecording where the form cannot be taken."""
        _check(form)
        self._form = form
        self._plain = form == SampleForm()
        self._block_bytes = round(form.rate_hz * BLOCK_S) * form.frame_bytes
        self._waiting = bytearray()
        self._resampler = None if self._plain else _resampler(form.rate_hz)

    def feed(self, data: bytes) -> bytes:
        """What can be given with these bytes."""
        self._waiting += data
        step = self._form.frame_bytes if self._plain else self._block_bytes
        taken = bytes(self._waiting[: len(self._waiting) // step * step])
        del self._waiting[: len(taken)]
        return taken if self._plain else self._convert(taken)

    def finish(self) -> bytes:
        """The rest; half a frame at the end is no sample."""
        if self._resampler is None:
            return b""
        import numpy as np

        rest = bytes(self._waiting[: len(self._waiting) // self._form.frame_bytes * self._form.frame_bytes])
        given = self._convert_block(rest)
        held = np.zeros(round(self._resampler.held_s * self._form.rate_hz), np.int16)
        return given + self._resampler.convert(held).tobytes()

    def _convert(self, data: bytes) -> bytes:
        size = self._block_bytes
        return b"".join(self._convert_block(data[at : at + size]) for at in range(0, len(data), size))

    def _convert_block(self, data: bytes) -> bytes:
        assert self._resampler is not None, "samples that are as they should be are not converted"
        return self._resampler.convert(self._form.mono(data)).tobytes()


def _resampler(rate_hz: int) -> Resampler:
    from hw.sound.resample import Resampler

    return Resampler(rate_hz, MIC_FORMAT.rate_hz)


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
