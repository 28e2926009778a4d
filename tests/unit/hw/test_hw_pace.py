"""A capture device that is far off real time is found out, and no other is."""

from __future__ import annotations

import random

import pytest

from hw.sound.pace import LIMIT_S, DevicePace

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
