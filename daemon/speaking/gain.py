"""Volume: from percent to a factor, and the factor onto samples."""

from __future__ import annotations

import numpy as np


def gain_for(percent: float) -> float:
    """Return the factor for a volume of 0 to 100 percent (what is outside counts as the nearer end).

    The cube: half the percent is 18 dB less, and 0 is silence; equal steps in percent are heard as nearly
    equal steps in loudness. It is the curve of PulseAudio's sliders (pulse/volume.h,
    pa_sw_volume_to_linear), so a step here feels like a step there.
    """
    return (min(100.0, max(0.0, percent)) / 100.0) ** 3


def apply_gain(pcm: bytes, gain: float) -> bytes:
    """Return s16 samples times `gain`; what exceeds full scale is clipped, never wrapped.

    At a gain of 1 the very same object comes back. Raises ValueError for a negative gain or half a sample.
    """
    if gain < 0:
        raise ValueError(f"a gain of {gain} is negative")
    if gain == 1.0:
        return pcm
    samples = np.frombuffer(pcm, np.int16).astype(np.float32) * np.float32(gain)
    scaled: bytes = np.clip(np.rint(samples), -32768, 32767).astype(np.int16).tobytes()
    return scaled


def mix(pcm: bytes, other: bytes) -> bytes:
    """Return the sum of two equally long stretches of s16 samples, clipped at full scale."""
    total = np.frombuffer(pcm, np.int16).astype(np.int32) + np.frombuffer(other, np.int16)
    mixed: bytes = np.clip(total, -32768, 32767).astype(np.int16).tobytes()
    return mixed
