"""How long a device is waited for: by hand, at a service, and when it fails rather than being absent."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest

from daemon.runtime.patience import ABSENT_PAUSE_S, Patience
from daemon.runtime.retry import device_pauses_s
from daemon.runtime.supervision import watchdog_interval_s
from hw.base import MicError

RETRY_S = 10.0


def absent() -> str:
    raise MicError("USB", "there is no such capture device", absent=True)


def busy() -> str:
    raise MicError("USB", "is busy")


def there() -> str:
    return "a microphone"


def patience(*looks: Callable[[], str], service: bool) -> Patience[str]:
    """One whose looks find these, in turn."""
    found = iter(looks)
    return Patience(lambda: next(found)(), retry_s=RETRY_S, service=service)


def failed(waiting: Patience[str]) -> MicError:
    with pytest.raises(MicError) as caught:
        waiting.open()
    return caught.value


def test_by_hand_an_absent_device_is_a_wrong_name() -> None:
    waiting = patience(absent, service=False)
    assert failed(waiting).permanent
    assert waiting.absences == 0, "nobody waits for it"


def test_by_hand_a_device_that_was_there_may_come_back() -> None:
    waiting = patience(there, absent, there, service=False)
    waiting.open()
    assert not failed(waiting).permanent
    assert waiting.open() == "a microphone"


def test_by_hand_waiting_has_an_end() -> None:
    waiting = patience(there, absent, service=False)
    waiting.open()
    failed(waiting)
    assert list(waiting.pauses_s()) == list(device_pauses_s(RETRY_S))


def test_a_service_waits_for_an_absent_device_for_ever_and_shows_that_it_looks() -> None:
    waiting = patience(*[absent] * 500, service=True)
    pauses = waiting.pauses_s()
    tried = [(failed(waiting).permanent, next(pauses)) for _ in range(500)]
    assert not any(permanent for permanent, _ in tried)
    assert waiting.absent
    assert waiting.absences == 500
    assert tried[-1][1] == ABSENT_PAUSE_S


def test_a_device_that_is_there_and_fails_ends_the_patience_of_a_service_too() -> None:
    waiting = patience(*[busy] * 500, service=True)
    pauses = list(islice(((failed(waiting), pause)[1] for pause in waiting.pauses_s()), 500))
    assert sum(pauses) <= RETRY_S
    assert (waiting.absent, waiting.absences) == (False, 0)


def test_a_device_that_came_and_then_fails_is_not_waited_for_as_if_absent() -> None:
    waiting = patience(*[absent] * 20, there, busy, service=True)
    pauses = waiting.pauses_s()
    for _ in range(20):
        failed(waiting)
        next(pauses)
    waiting.open()
    failed(waiting)
    assert next(pauses, None) is None


def test_a_look_comes_within_each_interval_of_the_shortest_watchdog() -> None:
    assert watchdog_interval_s({"WATCHDOG_USEC": "20000000"}) > ABSENT_PAUSE_S
