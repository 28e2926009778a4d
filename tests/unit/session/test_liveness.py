"""The half-open rule, over made-up evidence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.session.liveness import SAMPLE_S, SILENT_S, Evidence, Pulse


def run(*samples: tuple[float, int, int]) -> Pulse:
    """The pulse after samples of (time, outstanding, acknowledged)."""
    pulse = Pulse()
    for now_s, outstanding, acknowledged in samples:
        pulse = pulse.after(Evidence(outstanding, acknowledged), now_s)
    return pulse


def test_a_connection_with_nothing_outstanding_is_never_gone() -> None:
    assert not run((0.0, 0, 100), (1000.0, 0, 100)).is_gone(2000.0)


def test_one_that_acknowledges_nothing_is_gone_after_the_limit() -> None:
    pulse = run((0.0, 50, 100), (1.0, 90, 100), (2.0, 200, 100))
    assert not pulse.is_gone(SILENT_S - 0.01)
    assert pulse.is_gone(SILENT_S)


def test_a_slow_one_that_acknowledges_a_little_is_alive() -> None:
    assert not run((0.0, 50, 100), (3.0, 9000, 101), (6.0, 20_000, 102)).is_gone(6.0 + SILENT_S - 0.01)


def test_the_time_counts_from_the_first_outstanding_byte() -> None:
    assert not run((0.0, 0, 100), (10.0, 50, 100)).is_gone(10.0 + SILENT_S - 0.01)


def test_a_pause_in_the_sampling_is_judged_anew() -> None:
    assert not run((0.0, 50, 100)).rested().is_gone(100.0)


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=60))
def test_it_is_gone_exactly_when_nothing_moved_for_the_limit(samples: list[tuple[int, bool]]) -> None:
    pulse, acknowledged, now_s = Pulse(), 0, 0.0
    stuck_since_s: float | None = None
    for outstanding, moves in samples:
        now_s += SAMPLE_S
        acknowledged += moves
        pulse = pulse.after(Evidence(outstanding, acknowledged), now_s)
        if outstanding == 0:
            stuck_since_s = None
        elif moves or stuck_since_s is None:
            stuck_since_s = now_s
        gone = stuck_since_s is not None and now_s - stuck_since_s >= SILENT_S
        assert pulse.is_gone(now_s) == gone
