"""Whether somebody may be speaking, judged by loudness alone. Pure."""

from __future__ import annotations

LOUD_PEAK = 700
"""A sample beyond it may be speech, -33 dBFS: the gain control of phones brings the peaks of speech to some
-10 dBFS, and those of a quiet room stay below -45."""


def is_loud(pcm: bytes) -> bool:
    """Whether mono s16 in the machine's own order is louder than a quiet room."""
    samples = memoryview(pcm).cast("h")
    return bool(len(samples)) and max(max(samples), -min(samples)) > LOUD_PEAK
