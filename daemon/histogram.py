"""Counts durations in buckets, as a Prometheus histogram has them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any


class Histogram:
    """How often a duration fell into each bucket."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        """`bounds_s`: upper bounds of the buckets, inclusive, ascending; one more has none."""
        self.bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one."""
        self._counts[bisect_left(self.bounds_s, duration_s)] += 1
        self._sum_s += duration_s

    def report(self) -> dict[str, Any]:
        """The count of each bucket by itself, the last without a bound, and the sum of all durations."""
        return {"counts": list(self._counts), "sum_s": round(self._sum_s, 4)}
