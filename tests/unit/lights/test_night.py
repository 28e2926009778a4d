"""Night: when it is, and what it leaves of the lights."""

from __future__ import annotations

import pytest

from daemon.config.schema import minute_of
from daemon.config.settings import LightSettings
from daemon.lights.night import Night, dimmed, night_from
from hw.base import Colour


def at(clock_time: str, begin: str = "22:00", end: str = "07:00") -> float:
    return Night(minute_of(begin), minute_of(end), 0.25).share_at(minute_of(clock_time))


@pytest.mark.parametrize("clock_time", ["22:00", "23:59", "00:00", "06:59"])
def test_a_night_goes_over_midnight(clock_time: str) -> None:
    assert at(clock_time) == 0.25


@pytest.mark.parametrize("clock_time", ["07:00", "12:00", "21:59"])
def test_a_day_has_all_its_light(clock_time: str) -> None:
    assert at(clock_time) == 1.0


def test_a_night_may_lie_within_a_day() -> None:
    assert [at(time, "13:00", "15:00") for time in ("12:59", "13:00", "14:59", "15:00")] == [1, 0.25, 0.25, 1]


def test_without_times_there_is_no_night() -> None:
    assert night_from(LightSettings()) is None


def test_the_share_is_what_the_night_s_limit_is_of_the_day_s() -> None:
    lights = LightSettings(brightness=0.4, night_brightness=0.1, night_from="22:00", night_to="07:00")
    assert night_from(lights) == Night(22 * 60, 7 * 60, 0.25)


def test_a_night_is_never_brighter_than_the_day() -> None:
    lights = LightSettings(brightness=0.1, night_brightness=1.0, night_from="22:00", night_to="07:00")
    night = night_from(lights)
    assert night is not None and night.share == 1.0


def test_what_is_lit_stays_lit_and_what_is_dark_dark() -> None:
    assert dimmed([Colour(200, 1, 0), Colour()], 0.1) == (Colour(20, 1, 0), Colour())


@pytest.mark.parametrize("text", ["24:00", "7:00", "07:60", "", "0700", "07:00 "])
def test_what_is_no_time_of_day_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        minute_of(text)
