"""From a device's samples to Conure's and back: one channel of several, and another rate.

Rates are converted by libsoxr (LGPL 2.1 or later; python-soxr is loaded as a shared library of its own), and
only where the device has not ours: the library is imported then. Its variable-rate mode is used at a fixed
ratio, for it alone gives equal chunks: measured with chunks of 20 ms, soxr 1.1.0, x86,

| quality | held back, 48 → 16 / 24 → 48 kHz | gives | 8.5 kHz at 48 → 16 | CPU a minute |
|---|---|---|---|---|
| **HQ, variable rate** | **12.5 / 10 ms, always** | every time a chunk | -132 dB | 0.12 / 0.08 s |
| HQ | 17 to 37 / 5 to 38 ms | nothing, then two chunks | -136 dB | 0.014 s |
| LQ | 1 to 20 ms; -3 dB from 6.5 kHz on | unequal chunks | -110 dB | 0.012 s |
| QQ | 0 ms | every time a chunk | 0 dB: it folds down | 0.010 s |

With both streams it takes 8 MB of memory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.sound.negotiate import MIX, Form

Samples = NDArray[np.int16]


class Resampler:
    """Mono samples from one rate to another, in pieces. One thread at a time."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Raises ImportError where soxr is missing and the rates differ."""
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._stream: Any = None
        if from_hz != to_hz:
            import soxr

            # In floats: to whole numbers soxr adds a dither, and digital silence must stay silence.
            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ", vr=True)
        self._taken_frames = 0
        self._given_frames = 0

    @property
    def held_s(self) -> float:
        """How long what was taken is beyond what was given, in seconds."""
        return self._taken_frames / self.from_hz - self._given_frames / self.to_hz

    def convert(self, samples: Samples) -> Samples:
        """What can be given now, for these samples too."""
        if self._stream is None:
            return samples
        floats = self._stream.resample_chunk(samples.astype(np.float32))
        given: Samples = np.clip(np.rint(floats), -32768, 32767).astype(np.int16)
        self._taken_frames += len(samples)
        self._given_frames += len(given)
        return given

    def reset(self) -> None:
        """Forget all samples."""
        if self._stream is not None:
            self._stream.clear()
        self._taken_frames = self._given_frames = 0


class CaptureConverter:
    """From a capture device's form to `MIC_FORMAT`. One thread at a time."""

    def __init__(self, form: Form, channel: int) -> None:
        """`channel` counts from 0, or is MIX. Raises ImportError where soxr is missing and needed."""
        self._form = form
        self._channel = channel
        self._resampler = Resampler(form.rate_hz, MIC_FORMAT.rate_hz)

    @property
    def held_s(self) -> float:
        """How late a sample is for having been converted, in seconds."""
        return self._resampler.held_s

    def frames_for(self, size_bytes: int) -> int:
        """How many frames of the device make so many bytes, but for what is held back at the beginning."""
        frames = size_bytes // MIC_FORMAT.frame_bytes
        return math.ceil(frames * self._form.rate_hz / MIC_FORMAT.rate_hz)

    def convert(self, pcm: bytes) -> bytes:
        """Whole frames of the device as `MIC_FORMAT`."""
        return self._resampler.convert(self._one_channel(pcm)).tobytes()

    def _one_channel(self, pcm: bytes) -> Samples:
        samples: Samples = np.frombuffer(pcm, np.int16)
        if self._form.channels == 1:
            return samples
        frames = samples.reshape(-1, self._form.channels)
        if self._channel == MIX:
            mixed: Samples = np.rint(frames.mean(axis=1)).astype(np.int16)
            return mixed
        return np.ascontiguousarray(frames[:, self._channel])


class PlaybackConverter:
    """From `SPEAKER_FORMAT` to a playback device's form. One thread at a time."""

    def __init__(self, form: Form) -> None:
        """Raises ImportError where soxr is missing and needed."""
        self._form = form
        self._resampler = Resampler(SPEAKER_FORMAT.rate_hz, form.rate_hz)

    @property
    def held_s(self) -> float:
        """How much of what was taken has not been given yet, in seconds."""
        return self._resampler.held_s

    def convert(self, pcm: bytes) -> bytes:
        """Whole frames of `SPEAKER_FORMAT` as the device wants them; the same sound on each channel."""
        samples = self._resampler.convert(np.frombuffer(pcm, np.int16))
        return np.repeat(samples, self._form.channels).tobytes()

    def rest(self) -> bytes:
        """What is held back, so that a sound is heard to its end; afterwards silence is held."""
        return self.convert(bytes(SPEAKER_FORMAT.bytes(self.held_s)))

    def reset(self) -> None:
        """Forget what is held back."""
        self._resampler.reset()
