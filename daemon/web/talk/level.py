"""Whether somebody may be speaking, judged by loudness alone. Pure."""

from __future__ import annotations

LOUD_DBFS = -45.0
"""Louder may be speech: phones bring it to some -20 dBFS and the room to -60 (their gain control is on)."""


def is_loud(pcm: bytes) -> bool:
    """Whether mono s16 is louder than a quiet room."""
    import numpy as np  # 18 MB, which a gateway without a talk does not need

    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    if not len(samples):
        return False
    return float(np.dot(samples, samples)) / len(samples) > 32768.0**2 * 10 ** (LOUD_DBFS / 10)
