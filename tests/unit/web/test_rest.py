"""The gateway gives memory back when nobody is there, and never while somebody is."""

from __future__ import annotations

import asyncio

import pytest

from daemon.web.rest import QUIET_S, Bustle, QuietTime, rest_when_quiet

QUIET = Bustle(talks_begun=1, talks_open=0, pages_open=0)


@pytest.mark.parametrize(
    "bustle",
    [
        Bustle(talks_begun=0, talks_open=0, pages_open=0),
        Bustle(talks_begun=2, talks_open=1, pages_open=0),
        Bustle(talks_begun=2, talks_open=0, pages_open=1),
    ],
    ids=["nothing to give back", "a talk", "a page"],
)
def test_it_goes_on(bustle: Bustle) -> None:
    quiet = QuietTime()
    assert not any(quiet.is_over(bustle, now_s) for now_s in (0.0, QUIET_S, 10 * QUIET_S))


def test_it_ends_when_it_has_been_quiet_for_ten_minutes() -> None:
    quiet = QuietTime()
    assert [quiet.is_over(QUIET, now_s) for now_s in (5.0, QUIET_S + 4.9, QUIET_S + 5.0)] == [
        False,
        False,
        True,
    ]


def test_whoever_comes_begins_the_time_anew() -> None:
    quiet = QuietTime()
    busy = Bustle(talks_begun=1, talks_open=0, pages_open=1)
    assert not quiet.is_over(QUIET, 0.0)
    assert not quiet.is_over(busy, QUIET_S)
    assert not quiet.is_over(QUIET, QUIET_S + 1)
    assert quiet.is_over(QUIET, 2 * QUIET_S + 1)


async def test_it_sets_the_end() -> None:
    end = asyncio.Event()
    times = iter([0.0, QUIET_S])
    await rest_when_quiet(lambda: QUIET, end, clock=lambda: next(times), look_s=0)
    assert end.is_set()
