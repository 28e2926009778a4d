"""What a sink played, as one stretch of samples with times. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bench.sound import Pcm

NEAR_S = 1.0
"""A sample's time is judged by the pieces that came within so much of it."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples, and the times at which they were played.

    A sink renders blocks of 5 ms (`pulse.LATENCY_MS`) just in time, and whatever delays the reading of a
    piece makes it seem later; so the earliest pieces of a stretch tell its time, right to one block.
    """

    samples: Pcm
    rate_hz: int
    firsts: NDArray[np.int64]
    """Of each piece, its first sample."""
    offsets_s: NDArray[np.float64]
    """Of each piece, the time at which sample 0 was played, if this piece was read without delay."""

    @classmethod
    def of(cls, pieces: list[tuple[float, bytes]], rate_hz: int) -> Self:
        """From `pulse.Recorder.pieces()`."""
        samples = np.frombuffer(b"".join(pcm for _, pcm in pieces), "<i2")
        sizes = np.array([len(pcm) // 2 for _, pcm in pieces], np.int64)
        firsts = np.cumsum(sizes) - sizes
        begins_s = np.array([begin_s for begin_s, _ in pieces], np.float64)
        return cls(samples, rate_hz, firsts, begins_s - firsts / rate_hz)

    def time_s(self, sample: int) -> float:
        """When it was played, on the monotonic clock."""
        near = np.abs(self.firsts - sample) <= NEAR_S * self.rate_hz
        return float(self.offsets_s[near].min()) + sample / self.rate_hz

    def span(self, since_s: float, until_s: float) -> tuple[int, int]:
        """First sample and end of what was played between two moments, right to a piece."""
        begins_s = self.offsets_s + self.firsts / self.rate_hz
        first, end = np.searchsorted(begins_s, (since_s, until_s))
        bounds = np.append(self.firsts, len(self.samples))
        return int(bounds[first]), int(bounds[end])
