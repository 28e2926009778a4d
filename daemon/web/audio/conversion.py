"""Computes with samples of any form: to mono, to 16 bits, to 16 kHz. One thread at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.web.audio.form import SampleForm
from hw.base import MIC_FORMAT
from hw.sound.resample import Resampler

Samples = NDArray[np.int16]


class SampleConverter:
    """From one form to 16 kHz mono s16 (`pcm.Converter`)."""

    def __init__(self, form: SampleForm) -> None:
        self._form = form
        self._resampler = Resampler(form.rate_hz, MIC_FORMAT.rate_hz)

    def convert(self, data: bytes) -> bytes:
        """What can be given for these whole frames."""
        return self._resampler.convert(mono(data, self._form)).tobytes()

    def rest(self) -> bytes:
        """What the resampler holds back."""
        held = np.zeros(round(self._resampler.held_s * self._form.rate_hz), np.int16)
        return self._resampler.convert(held).tobytes()


def mono(data: bytes, form: SampleForm) -> Samples:
    """Whole frames as mono s16; what is no number is silence."""
    values = _scaled(data, form).reshape(-1, form.channels)
    mixed = values[:, 0] if form.channels == 1 else values.mean(axis=1)
    finite = np.nan_to_num(mixed, nan=0.0, posinf=32767.0, neginf=-32768.0)
    return np.clip(np.rint(finite), -32768, 32767).astype(np.int16)


def _scaled(data: bytes, form: SampleForm) -> NDArray[np.float64]:
    """Samples as they would be in 16 bits."""
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
