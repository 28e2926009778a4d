"""Does anything grow? Samples of what the process holds, and a verdict over them. Pure, but for `sample`."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MB = 2**20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

LIMIT_MB_PER_1000 = 1.0
"""Resident memory may grow by this much in a thousand turns."""

FEWEST_FOR_SLOPE = 500
"""Judged samples below which the slope says nothing: the allocator's own steps are of a few MB."""

GROSS_MB = 16.0
"""More than this is a leak in any run: warm-up and the allocator's steps together stay below it."""

WARM_UP = 0.3
"""The share of the samples that is not judged: caches, pools and rings fill."""

SPARE = 3
"""Descriptors, threads or tasks that may be more at the end than at the start: those of one connection that
is being left while the next one comes up."""

FEWEST = 20
"""Samples below which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds at one moment."""

    turn: int
    resident_bytes: int
    descriptors: int
    threads: int
    tasks: int


def sample(turn: int) -> Sample:
    """Now. On the event loop; the first of each hundred after a collection of garbage."""
    if turn % 100 == 0:
        gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Sample(turn, pages * PAGE_BYTES, descriptors, threading.active_count(), len(asyncio.all_tasks()))


def slope_mb_per_1000(samples: Sequence[Sample]) -> float:
    """The straight line through the resident memory after the warm-up, by least squares; 0 for too few."""
    judged = after_warm_up(samples)
    if len(judged) < 2:
        return 0.0
    turns = [one.turn for one in judged]
    slope = np.polyfit(turns, [one.resident_bytes / MB for one in judged], 1)[0]
    return float(slope) * 1000


def after_warm_up(samples: Sequence[Sample]) -> Sequence[Sample]:
    """What is judged."""
    return samples[int(len(samples) * WARM_UP) :]


def complaints(samples: Sequence[Sample]) -> list[str]:
    """What grows; empty: nothing, or too short a run to tell."""
    judged = after_warm_up(samples)
    if len(judged) < FEWEST:
        return []
    found = []
    slope = slope_mb_per_1000(samples)
    grown_mb = slope * (judged[-1].turn - judged[0].turn) / 1000
    if grown_mb > GROSS_MB or (slope > LIMIT_MB_PER_1000 and len(judged) >= FEWEST_FOR_SLOPE):
        found.append(f"resident memory grows by {slope:.2f} MB in 1000 turns")
    quarter = len(judged) // 4
    for name in ("descriptors", "threads", "tasks"):
        counts = [getattr(one, name) for one in judged]
        first, last = min(counts[:quarter]), min(counts[-quarter:])
        if last > first + SPARE:
            found.append(f"{name} grow: at least {first} at first, at least {last} at last")
    return found
