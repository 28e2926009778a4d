"""The one module that imports pywebrtc_audio: WebRTC's echo canceller, noise suppression, gain and high-pass.

The library works in frames of 10 ms, releases the interpreter's lock meanwhile, and belongs to one thread. It
is imported when a processor is made, so that a device which needs none does without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.base import MIC_FORMAT

Pcm = NDArray[np.int16]

NOISE_LEVELS = {"low": 0, "medium": 1, "high": 2, "highest": 3}
"""6, 12, 18 and 21 dB (pywebrtc_audio.AudioProcessor, ns_level)."""

MAX_GAIN_DB = 24.0
"""Of the automatic gain: a voice from across the room is some 20 dB softer than one at the device; more would
be the room's noise. The library's own limit is 50."""


class LibraryMissing(Exception):
    """The library is not installed, or cannot be loaded; the message says why."""


class EchoCanceller:
    """AEC3: takes away from the microphone's signal what the reference explains. One thread.

    A high-pass filter at some 100 Hz is part of it. Its output is 8 ms late. The echo may come 0 to some
    300 ms after its reference, which it finds out by itself (measured: docs/inside/frontend.md).
    """

    def __init__(self) -> None:
        """Raises LibraryMissing."""
        self._processor = _processor(echo_cancellation=True)

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """Two chunks of 320 samples at 16 kHz: what the microphone heard, and the reference."""
        cleaned: Pcm = self._processor.process(near, far)
        return cleaned

    def reset(self) -> None:
        """Forget the echo path."""
        self._processor.reset()


def make_polish(*, noise: str, gain: bool, high_pass: bool) -> Callable[[bytes], bytes] | None:
    """What is done to the signal after the echo is gone; None where nothing is wanted.

    `noise` is `off` or one of NOISE_LEVELS. The noise suppression makes the signal 6 ms late. Takes and gives
    chunks of 16 kHz mono s16. Raises LibraryMissing.
    """
    if noise == "off" and not gain and not high_pass:
        return None
    processor = _processor(
        noise_suppression=noise != "off",
        ns_level=NOISE_LEVELS.get(noise, 0),
        auto_gain_control=gain,
        agc_max_gain_db=MAX_GAIN_DB,
        high_pass_filter=high_pass,
    )

    def polish(chunk: bytes) -> bytes:
        polished: bytes = processor.process(np.frombuffer(chunk, np.int16)).tobytes()
        return polished

    return polish


def _processor(**features: Any) -> Any:
    try:
        import pywebrtc_audio
    except ImportError as error:
        raise LibraryMissing(f"pywebrtc-audio cannot be loaded: {error}") from error
    return pywebrtc_audio.AudioProcessor(sample_rate=MIC_FORMAT.rate_hz, num_channels=1, **features)
