"""When the slow way is taken, and when it is left."""

from __future__ import annotations

import pytest

from daemon.session.failures import Failure, FailureKind
from daemon.session.slow import ways
from daemon.session.slow.ways import DIED_S, FIRST_TRIAL_S, LONGEST_TRIAL_S, TRIES, Ways

BROKEN = Failure(FailureKind.TRANSIENT, "connecting: http 502")


def after(*failures: Failure) -> Ways:
    known = Ways()
    for failure in failures:
        known = ways.failed(known, failure)
    return known


def test_three_failures_in_a_row_are_no_accident() -> None:
    assert not after(*[BROKEN] * (TRIES - 1)).doubtful
    assert after(*[BROKEN] * TRIES).doubtful


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_counts_is_decisive_or_speaks_for_the_way(kind: FailureKind) -> None:
    known = after(BROKEN, BROKEN, Failure(kind, "why"))
    if kind in ways.SUSPICIOUS | ways.DECISIVE:
        assert known.doubtful
    else:
        assert known == Ways()
    assert after(Failure(kind, "why")).doubtful is (kind in ways.DECISIVE)


def test_a_close_frame_shows_that_websockets_pass() -> None:
    closed = Failure(FailureKind.TRANSIENT, "setting up: close 1011", closed=True)
    assert after(BROKEN, BROKEN, closed) == Ways()
    assert ways.ended(after(BROKEN, BROKEN), closed, 0.1) == Ways()


def test_a_session_that_lived_speaks_for_the_way_and_one_that_died_at_once_against_it() -> None:
    known = after(BROKEN, BROKEN)
    assert ways.ended(known, BROKEN, DIED_S) == Ways()
    died = ways.ended(known, BROKEN, DIED_S - 0.1)
    assert (died.doubtful, died.died) == (True, True)
    assert not ways.failed(died, BROKEN).died
    assert ways.ended(known, Failure(FailureKind.REFUSED_KEY, "leaked"), 0.1) == Ways()


def test_the_slow_way_has_its_reason_and_sessions_are_tried_after_growing_pauses() -> None:
    slow = ways.go_slow(after(*[BROKEN] * TRIES), "http 502", 100.0)
    assert (slow.slow, slow.doubtful, slow.because) == (True, False, "http 502")
    assert slow.next_trial_s == 100.0 + FIRST_TRIAL_S
    pauses = []
    for _ in range(8):
        slow = ways.tried_in_vain(slow, 0.0)
        pauses.append(slow.next_trial_s)
    assert pauses[0] == 2 * FIRST_TRIAL_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_TRIAL_S
