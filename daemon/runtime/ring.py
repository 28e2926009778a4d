"""Bounded byte rings between a device thread and the event loop.

Two policies for a full ring, each with its own class: `HistoryRing` overwrites the oldest (what the
microphone heard), `FifoRing` refuses the newest (the reply that waits to be played). Both may be used
from any thread: one lock is held for the length of one copy. Neither ever blocks for data or for room.
"""

from __future__ import annotations

import mmap
from dataclasses import asdict, dataclass
from enum import Enum
from threading import Lock
from typing import Any


class Overflow(Enum):
    """What a full ring does with a write."""

    OVERWRITE_OLDEST = "overwrite_oldest"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class RingStats:
    """A ring's counters, in bytes since it was made, taken at one instant."""

    overflow: Overflow
    capacity_bytes: int
    level_bytes: int
    high_water_bytes: int
    written_bytes: int
    """Taken in, the overwritten ones included and the refused ones not."""
    lost_bytes: int
    """OVERWRITE_OLDEST: asked for after they had been overwritten. REFUSE: refused for want of room."""

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return asdict(self) | {"overflow": self.overflow.value}


class _Storage:
    """Circular memory, addressed by positions that only grow. Not locked.

    An anonymous mapping, since the kernel gives it real memory page by page at the first touch, while a
    bytearray is filled with zeros, and so resident, at once.
    """

    def __init__(self, capacity_bytes: int) -> None:
        if capacity_bytes < 1:
            raise ValueError(f"a ring must hold at least one byte, not {capacity_bytes}")
        self.capacity = capacity_bytes
        self._memory = mmap.mmap(-1, capacity_bytes)

    def put(self, position: int, data: memoryview) -> None:
        """Copy `data`, at most `capacity` bytes, to `position`."""
        start = position % self.capacity
        first = min(len(data), self.capacity - start)
        self._memory[start : start + first] = data[:first]
        if first < len(data):
            self._memory[: len(data) - first] = data[first:]

    def get(self, position: int, size: int) -> bytes:
        """A copy of the `size` bytes at `position`."""
        start = position % self.capacity
        end = start + size
        if end <= self.capacity:
            return self._memory[start:end]
        return self._memory[start:] + self._memory[: end - self.capacity]


class HistoryRing:
    """The newest `capacity_bytes` of a stream, read by absolute position (bytes since the ring was made).

    Reading does not consume, so the same bytes can be sent again on another connection. Overflow policy:
    OVERWRITE_OLDEST.
    """

    def __init__(self, capacity_bytes: int) -> None:
        """Raise ValueError unless `capacity_bytes` is positive."""
        self._storage = _Storage(capacity_bytes)
        self._lock = Lock()
        self._head = 0
        self._cleared_to = 0
        self._high_water = 0
        self._lost = 0

    @property
    def head(self) -> int:
        """Position after the newest byte."""
        with self._lock:
            return self._head

    @property
    def tail(self) -> int:
        """Position of the oldest byte that is still held."""
        with self._lock:
            return self._tail()

    def write(self, data: bytes) -> None:
        """Append `data`. Of more than the capacity only the end is kept."""
        kept = memoryview(data)[-self._storage.capacity :]
        with self._lock:
            self._head += len(data)
            self._storage.put(self._head - len(kept), kept)
            self._high_water = max(self._high_water, self._head - self._tail())

    def read_at(self, position: int, max_bytes: int) -> tuple[int, bytes]:
        """Return up to `max_bytes` and the position where they begin.

        That is `position`, or `tail` where `position` is no longer held; what was overwritten in between
        counts as lost (what was cleared, or never was, does not). At `head` there are no bytes. Raises
        ValueError beyond `head` or for a negative `max_bytes`.
        """
        if max_bytes < 0:
            raise ValueError(f"cannot read {max_bytes} bytes")
        with self._lock:
            if position > self._head:
                raise ValueError(f"position {position} is beyond the head at {self._head}")
            begin = max(position, self._tail())
            self._lost += begin - max(position, self._cleared_to)
            return begin, self._storage.get(begin, min(max_bytes, self._head - begin))

    def clear(self) -> int:
        """Forget everything held (the microphone was muted); return how many bytes that were."""
        with self._lock:
            dropped = self._head - self._tail()
            self._cleared_to = self._head
            return dropped

    def stats(self) -> RingStats:
        """The counters now."""
        with self._lock:
            return RingStats(
                overflow=Overflow.OVERWRITE_OLDEST,
                capacity_bytes=self._storage.capacity,
                level_bytes=self._head - self._tail(),
                high_water_bytes=self._high_water,
                written_bytes=self._head,
                lost_bytes=self._lost,
            )

    def _tail(self) -> int:
        return max(self._cleared_to, self._head - self._storage.capacity)


class FifoRing:
    """A queue of bytes for one reader. Overflow policy: REFUSE.

    Where the capacity, the writes and the reads are whole frames, what is accepted is whole frames too.
    """

    def __init__(self, capacity_bytes: int) -> None:
        """Raise ValueError unless `capacity_bytes` is positive."""
        self._storage = _Storage(capacity_bytes)
        self._lock = Lock()
        self._begin = 0
        self._level = 0
        self._high_water = 0
        self._written = 0
        self._refused = 0

    @property
    def level_bytes(self) -> int:
        """Bytes that wait to be read."""
        with self._lock:
            return self._level

    def write(self, data: bytes) -> int:
        """Append as much of `data` as fits and return how many bytes that are; the rest counts as lost."""
        with self._lock:
            accepted = min(len(data), self._storage.capacity - self._level)
            self._storage.put(self._begin + self._level, memoryview(data)[:accepted])
            self._level += accepted
            self._high_water = max(self._high_water, self._level)
            self._written += accepted
            self._refused += len(data) - accepted
            return accepted

    def read(self, max_bytes: int) -> bytes:
        """Take the oldest bytes, at most `max_bytes`. Raises ValueError if that is negative."""
        if max_bytes < 0:
            raise ValueError(f"cannot read {max_bytes} bytes")
        with self._lock:
            data = self._storage.get(self._begin, min(max_bytes, self._level))
            self._consume(len(data))
            return data

    def clear(self) -> int:
        """Throw away what waits (barge-in); return how many bytes that were."""
        with self._lock:
            dropped = self._level
            self._consume(dropped)
            return dropped

    def stats(self) -> RingStats:
        """The counters now."""
        with self._lock:
            return RingStats(
                overflow=Overflow.REFUSE,
                capacity_bytes=self._storage.capacity,
                level_bytes=self._level,
                high_water_bytes=self._high_water,
                written_bytes=self._written,
                lost_bytes=self._refused,
            )

    def _consume(self, size: int) -> None:
        self._level -= size
        # An empty ring starts again at the front: only as much memory is ever touched as the longest
        # reply needed.
        self._begin = self._begin + size if self._level else 0
