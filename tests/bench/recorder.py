"""A recording of a sink's monitor whose samples have times."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np

from bench.sound import Pcm
from pulse import LATENCY_MS, PrivatePulse

READ_BYTES = 65_536

NEAR_S = 1.0
"""A sample's time is judged by the reads within so much sound around it."""

MAX_S = 1800.0
"""The bench ends long before; a recording never grows beyond (policy: the newest is dropped)."""


class Recorder:
    """Records one sink; a thread stamps each read with the monotonic clock.

    The earliest reads of a stretch tell its time: a sink renders blocks of `LATENCY_MS` just in time, and
    whatever else delays a read makes it later. So times are right to one block, and too early if wrong.
    """

    def __init__(self, pulse: PrivatePulse, sink: str, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._pcm = bytearray()
        self._read_s: list[float] = []
        self._read_bytes: list[int] = []
        self._process = pulse.pipe(
            "parec", "--raw", "--format=s16le", "--channels=1", f"--rate={rate_hz}",
            f"--device={sink}.monitor", f"--latency-msec={LATENCY_MS}",
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, name=f"recorder {sink}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    @property
    def head(self) -> int:
        """How many samples there are."""
        return len(self._pcm) // 2

    def since(self, sample: int, until: int | None = None) -> Pcm:
        """The samples from one on, up to another or to the newest."""
        end = self.head if until is None else until
        return np.frombuffer(bytes(self._pcm[2 * sample : 2 * end]), "<i2")

    def time_s(self, sample: int) -> float:
        """When this sample was played, on the monotonic clock."""
        count = min(len(self._read_s), len(self._read_bytes))
        ends = np.array(self._read_bytes[:count], np.float64) / 2
        near = np.abs(ends - sample) <= NEAR_S * self.rate_hz
        offsets = np.array(self._read_s[:count])[near] - ends[near] / self.rate_hz
        return float(offsets.min()) + sample / self.rate_hz

    def _run(self) -> None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        limit = round(MAX_S * self.rate_hz) * 2
        while (pcm := os.read(descriptor, READ_BYTES)) and len(self._pcm) < limit:
            now_s = time.monotonic()
            self._pcm += pcm
            self._read_s.append(now_s)
            self._read_bytes.append(len(self._pcm))
