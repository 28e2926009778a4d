"""A capture device far off real time is found out, and no other is; and when the next chunk is due."""

from __future__ import annotations

import random

import pytest

from hw.sound.pace import LIMIT_S, DevicePace, NextDue

CHUNK_S = 0.02


def run(pace: DevicePace, *, speed: float, hours: float) -> tuple[str | None, float]:
    """What is told of a device at this speed, and after how much sound."""
    for number in range(round(hours * 3600 / CHUNK_S)):
        passed_s = CHUNK_S / speed
        if fault := pace.note(CHUNK_S, passed_s, passed_s):
            return fault, number * CHUNK_S
    return None, 0.0


@pytest.mark.parametrize("speed", [0.999, 1.0, 1.001, 0.918, 1.088])
def test_drift_and_a_neighbouring_rate_are_no_fault(speed: float) -> None:
    assert run(DevicePace(), speed=speed, hours=0.5) == (None, 0.0)


@pytest.mark.parametrize(
    ("speed", "words", "longest_s"), [(1e6, "faster", 3.1), (2.0, "faster", 8.1), (0.5, "slower", 4.1)]
)
def test_far_off_is_a_fault_after_seconds_of_sound(speed: float, words: str, longest_s: float) -> None:
    fault, after_s = run(DevicePace(), speed=speed, hours=0.1)
    assert fault is not None and words in fault
    assert after_s <= longest_s


def test_bursts_of_a_sound_server_are_no_fault() -> None:
    pace, chance = DevicePace(), random.Random(1)
    for _ in range(500):
        burst_s = chance.uniform(0.1, 2.0)
        assert pace.note(CHUNK_S, burst_s, burst_s) is None
        for _ in range(round(burst_s / CHUNK_S) - 1):
            assert pace.note(CHUNK_S, 0.0, 0.0) is None


def test_whoever_reads_late_makes_the_device_neither_slow_nor_fast() -> None:
    pace = DevicePace()
    for _ in range(100):
        assert pace.note(CHUNK_S, 60.0, 0.0) is None, "the reader slept, and the device had it ready"
        for _ in range(25):
            assert pace.note(CHUNK_S, 0.0, 0.0) is None, "what had waited in the device"
    assert LIMIT_S > 0.5


class Server:
    """A sound server that has each chunk ready on a grid of its own, and what a reader of it goes through."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.ready_s = 100.0
        self.due = NextDue()
        self.rested_s = self.waited_s = self.late_s = 0.0

    def read(self, chunk_s: float = CHUNK_S, *, passing_s: float = CHUNK_S) -> None:
        """One chunk, of which the next is there `passing_s` after this one."""
        rest_s = self.due.rest_s(chunk_s, self.now_s)
        asked_s = self.now_s + rest_s
        done_s = max(asked_s, self.ready_s) + 0.0001
        self.rested_s, self.waited_s, self.late_s = rest_s, done_s - asked_s, done_s - self.ready_s
        self.due.note(chunk_s, asked_s, done_s)
        self.now_s, self.ready_s = done_s, self.ready_s + passing_s


def test_the_first_read_is_not_put_off() -> None:
    assert NextDue().rest_s(CHUNK_S, 5.0) == 0.0


@pytest.mark.parametrize("drift", [-200e-6, 0.0, 200e-6])
def test_a_reader_rests_until_shortly_before_each_chunk(drift: float) -> None:
    server = Server()
    for _ in range(50):
        server.read(passing_s=CHUNK_S * (1 + drift))
    for _ in range(5000):
        server.read(passing_s=CHUNK_S * (1 + drift))
        assert server.rested_s > 0.9 * CHUNK_S
        assert server.late_s < 0.0015


def test_after_a_stall_of_the_reader_nothing_is_put_off_until_all_is_read() -> None:
    server = Server()
    for _ in range(50):
        server.read()
    server.now_s += 0.2
    for _ in range(10):
        server.read()
        assert server.rested_s == 0.0 or server.late_s < 0.001
    server.read()
    assert server.late_s < 0.001


def test_after_a_stall_of_the_server_what_comes_late_is_not_read_later_still() -> None:
    server = Server()
    for _ in range(50):
        server.read()
    server.ready_s += 0.1
    server.read(passing_s=CHUNK_S - 0.1)
    for _ in range(50):
        server.read()
        assert server.late_s < 0.1
    assert server.late_s < 0.001


def test_nobody_rests_longer_than_the_sound_lasts() -> None:
    due = NextDue()
    due.note(CHUNK_S, 10.0, 10.0)
    assert due.rest_s(CHUNK_S, 3.0) == CHUNK_S
