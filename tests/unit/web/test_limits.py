"""How many requests somebody may make."""

from __future__ import annotations

import pytest

from daemon.web.gate.limits import MAX_ADDRESSES, AddressLimits, TokenBucket, owner_of


def test_a_burst_goes_through_and_then_the_long_run_decides() -> None:
    bucket = TokenBucket(rate_hz=20, burst=60)
    assert [bucket.take(0.0) for _ in range(60)] == [0.0] * 60
    assert bucket.take(0.0) == pytest.approx(0.05)
    assert bucket.take(0.05) == 0.0
    assert bucket.take(0.05) > 0


def test_who_waits_as_long_as_was_said_comes_in() -> None:
    bucket = TokenBucket(rate_hz=20, burst=1)
    bucket.take(5.0)
    wait_s = bucket.take(5.01)
    assert bucket.take(5.01 + wait_s + 1e-9) == 0.0


def test_a_pause_saves_up_no_more_than_a_burst() -> None:
    bucket = TokenBucket(rate_hz=20, burst=3)
    bucket.take(0.0)
    assert [bucket.take(1000.0) > 0 for _ in range(4)] == [False, False, False, True]


def test_a_clock_that_goes_backwards_gives_nothing() -> None:
    bucket = TokenBucket(rate_hz=20, burst=1)
    bucket.take(100.0)
    assert bucket.take(1.0) > 0


def test_one_address_does_not_use_up_anothers() -> None:
    limits = AddressLimits(rate_hz=1, burst=1)
    assert [limits.take(address, 0.0) > 0 for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2")] == [
        False,
        True,
        False,
    ]


def test_the_addresses_are_bounded_and_the_one_heard_longest_ago_is_forgotten() -> None:
    limits = AddressLimits(rate_hz=1, burst=1)
    for number in range(MAX_ADDRESSES):
        limits.take(f"10.0.{number // 256}.{number % 256}", 0.0)
    limits.take("10.0.0.0", 0.0)
    limits.take("10.9.9.9", 0.0)
    assert limits.forgotten == 1
    assert limits.take("10.0.0.0", 0.0) > 0
    assert limits.take("10.0.0.1", 0.0) == 0.0


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("fd00:1:2:3:aaaa::1", "fd00:1:2:3::"),
        ("fd00:1:2:3:bbbb::2", "fd00:1:2:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient", "testclient"),
    ],
)
def test_a_machine_has_one_bucket_whatever_addresses_it_gives_itself(address: str, owner: str) -> None:
    assert owner_of(address) == owner
