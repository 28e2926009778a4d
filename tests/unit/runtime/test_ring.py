"""The rings against plain bytes: order, wrap, overflow, counters, threads."""

from __future__ import annotations

import mmap
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daemon.runtime.ring import FifoRing, HistoryRing, Overflow

CAPACITY_BYTES = 13
CHUNKS = st.binary(max_size=3 * CAPACITY_BYTES)


class HistoryModel(RuleBasedStateMachine):
    """A HistoryRing beside the whole stream as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = HistoryRing(CAPACITY_BYTES)
        self.stream = b""
        self.cleared_to = 0
        self.high_water = 0
        self.lost = 0

    def tail(self) -> int:
        return max(self.cleared_to, len(self.stream) - CAPACITY_BYTES)

    @rule(data=CHUNKS)
    def write(self, data: bytes) -> None:
        self.ring.write(data)
        self.stream += data
        self.high_water = max(self.high_water, len(self.stream) - self.tail())

    @rule(back=st.integers(0, 5 * CAPACITY_BYTES), max_bytes=st.integers(0, 2 * CAPACITY_BYTES))
    def read(self, back: int, max_bytes: int) -> None:
        wanted = len(self.stream) - back
        begin, data = self.ring.read_at(wanted, max_bytes)
        assert begin == max(wanted, self.tail())
        assert data == self.stream[begin : begin + max_bytes]
        self.lost += sum(1 for at in range(max(wanted, 0), self.tail()) if at >= self.cleared_to)

    @rule()
    def clear(self) -> None:
        assert self.ring.clear() == len(self.stream) - self.tail()
        self.cleared_to = len(self.stream)

    @invariant()
    def counters_agree(self) -> None:
        stats = self.ring.stats()
        assert (self.ring.tail, self.ring.head) == (self.tail(), len(self.stream))
        assert stats.overflow is Overflow.OVERWRITE_OLDEST
        assert stats.capacity_bytes == CAPACITY_BYTES
        assert stats.level_bytes == len(self.stream) - self.tail()
        assert stats.high_water_bytes == self.high_water
        assert stats.written_bytes == len(self.stream)
        assert stats.lost_bytes == self.lost


class FifoModel(RuleBasedStateMachine):
    """A FifoRing beside the bytes that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = FifoRing(CAPACITY_BYTES)
        self.waiting = b""
        self.high_water = 0
        self.written = 0
        self.refused = 0

    @rule(data=CHUNKS)
    def write(self, data: bytes) -> None:
        fits = data[: CAPACITY_BYTES - len(self.waiting)]
        assert self.ring.write(data) == len(fits)
        self.waiting += fits
        self.high_water = max(self.high_water, len(self.waiting))
        self.written += len(fits)
        self.refused += len(data) - len(fits)

    @rule(max_bytes=st.integers(0, 2 * CAPACITY_BYTES))
    def read(self, max_bytes: int) -> None:
        assert self.ring.read(max_bytes) == self.waiting[:max_bytes]
        self.waiting = self.waiting[max_bytes:]

    @rule()
    def clear(self) -> None:
        assert self.ring.clear() == len(self.waiting)
        self.waiting = b""

    @invariant()
    def counters_agree(self) -> None:
        stats = self.ring.stats()
        assert stats.overflow is Overflow.REFUSE
        assert stats.level_bytes == self.ring.level_bytes == len(self.waiting)
        assert stats.high_water_bytes == self.high_water
        assert stats.written_bytes == self.written
        assert stats.lost_bytes == self.refused


TestHistoryModel = HistoryModel.TestCase
TestFifoModel = FifoModel.TestCase
for case in (TestHistoryModel, TestFifoModel):
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("ring_type", [HistoryRing, FifoRing])
def test_a_ring_without_room_is_refused(ring_type: type[HistoryRing] | type[FifoRing]) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        ring_type(0)


def test_reading_beyond_the_head_is_an_error_and_counts_nothing() -> None:
    ring = HistoryRing(4)
    ring.write(b"ab")
    with pytest.raises(ValueError, match="beyond the head"):
        ring.read_at(3, 1)
    assert ring.stats().lost_bytes == 0


@pytest.mark.parametrize("read", [lambda: HistoryRing(4).read_at(0, -1), lambda: FifoRing(4).read(-1)])
def test_a_negative_read_is_an_error(read) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(ValueError, match="cannot read -1"):
        read()


def test_a_preroll_from_before_the_ring_existed_is_not_lost() -> None:
    ring = HistoryRing(8)
    ring.write(b"abc")
    assert ring.read_at(-5, 8) == (0, b"abc")
    assert ring.stats().lost_bytes == 0


def test_what_was_cleared_can_no_longer_be_read() -> None:
    ring = HistoryRing(8)
    ring.write(b"secret")
    ring.clear()
    ring.write(b"ok")
    assert ring.read_at(0, 8) == (6, b"ok")
    assert ring.stats().lost_bytes == 0


def resident_bytes() -> int:
    """Memory of this process that is really there, now (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def test_a_big_ring_that_is_emptied_again_and_again_stays_small_in_memory() -> None:
    size_bytes = 64 * 1024 * 1024
    before = resident_bytes()
    ring = FifoRing(size_bytes)
    piece = bytes(size_bytes // 256)
    for _ in range(300):
        ring.write(piece)
        ring.read(len(piece))
    assert ring.stats().written_bytes > size_bytes
    assert resident_bytes() - before < size_bytes // 8


def numbered(count: int) -> bytes:
    """`count` bytes in which every position can be told from its neighbours'."""
    return bytes((at * at + at // 251) % 256 for at in range(count))


def test_a_fifo_between_two_threads_keeps_every_byte_in_order() -> None:
    sent = numbered(300_000)
    ring = FifoRing(1000)
    received = bytearray()

    def write_all() -> None:
        at = 0
        while at < len(sent):
            at += ring.write(sent[at : at + 96])

    writer = Thread(target=write_all, daemon=True)
    writer.start()
    while len(received) < len(sent):
        received += ring.read(70)
    writer.join(timeout=10)
    assert bytes(received) == sent


def test_a_history_between_two_threads_never_tears_and_accounts_for_every_byte() -> None:
    sent = numbered(300_000)
    ring = HistoryRing(1000)
    position = received = 0

    def write_all() -> None:
        for at in range(0, len(sent), 96):
            ring.write(sent[at : at + 96])

    writer = Thread(target=write_all, daemon=True)
    writer.start()
    while position < len(sent):
        begin, data = ring.read_at(position, 70)
        assert data == sent[begin : begin + len(data)]
        received += len(data)
        position = begin + len(data)
    writer.join(timeout=10)
    assert received + ring.stats().lost_bytes == len(sent)
