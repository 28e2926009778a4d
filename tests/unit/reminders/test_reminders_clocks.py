"""The machine's clocks, and its time zone, which may be another tomorrow."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reminder_world import SATURDAY_S, Zone

from daemon.reminders import actions
from daemon.reminders.clocks import Clocks
from daemon.reminders.local_time import Moment
from daemon.reminders.service import Reminders
from daemon.run.kept_files import local_day
from daemon.runtime.local_clock import LOCAL, LocalOffset, local_minute, local_time


def zone_file(name: str) -> Path:
    return Path("/usr/share/zoneinfo") / name


@pytest.fixture
def localtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TZ", raising=False)
    link = tmp_path / "localtime"
    link.symlink_to(zone_file("Europe/Berlin"))
    return link


def move(localtime: Path, name: str) -> None:
    """As timedatectl does it."""
    new = localtime.with_name("new")
    new.symlink_to(zone_file(name))
    new.replace(localtime)


async def test_an_alarm_is_for_the_zone_that_the_machine_is_in_now(localtime: Path) -> None:
    reminders = Reminders(clocks=lambda: Moment(SATURDAY_S, 500.0, "boot"), offset=LocalOffset(localtime))
    assert "rings today at 14:00" in await actions.set_alarm(reminders, "14:00", "", (), "")
    move(localtime, "America/New_York")  # where it is seven in the morning
    assert "rings today at 08:00" in await actions.set_alarm(reminders, "8:00", "", (), "")
    assert reminders.lines()[-1].endswith("rings today at 14:00")


async def test_alarms_the_day_of_the_usage_and_the_night_change_their_zone_together(
    localtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOCAL, "_path", localtime)
    monkeypatch.setattr(time, "time", lambda: SATURDAY_S)
    reminders = Reminders(clocks=lambda: Moment(SATURDAY_S, 500.0, "boot"))
    seen = []
    for zone in ("Europe/Berlin", "Pacific/Kiritimati", "America/New_York"):
        move(localtime, zone)
        now = local_time()
        seen.append((local_day(), local_minute()))
        assert local_minute() == now.hour * 60 + now.minute
        at = f"{(now.hour + 1) % 24:02}:{now.minute:02}"
        assert at in await actions.set_alarm(reminders, at, "", (), "")
    assert len({day for day, _ in seen}) == 2 and len({minute for _, minute in seen}) == 3
    monkeypatch.undo()
    LOCAL.refresh()


class TestLocalOffset:
    def test_it_is_the_zones_at_the_instant(self, localtime: Path) -> None:
        offset = LocalOffset(localtime)
        assert offset.refresh()
        for at_s in (SATURDAY_S, SATURDAY_S + 180 * 86_400):
            assert offset(at_s) == Zone("Europe/Berlin")(at_s)

    def test_another_zone_is_noticed_and_the_same_one_is_not_read_again(self, localtime: Path) -> None:
        offset = LocalOffset(localtime)
        assert [offset.refresh(), offset.refresh()] == [True, False]
        move(localtime, "Australia/Lord_Howe")
        assert offset.refresh()
        assert offset(SATURDAY_S) == 11 * 3600

    @pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("no zone")])
    def test_without_a_zone_that_can_be_read_the_c_library_decides(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
    ) -> None:
        monkeypatch.delenv("TZ", raising=False)
        file = tmp_path / "localtime"
        file.write_bytes(zone_file("Asia/Tokyo").read_bytes())
        offset = LocalOffset(file)
        offset.refresh()
        assert offset(SATURDAY_S) == 9 * 3600
        spoil(file)
        offset.refresh()
        assert offset(SATURDAY_S) == time.localtime(SATURDAY_S).tm_gmtoff

    def test_the_environment_goes_first(self, localtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        try:
            offset = LocalOffset(localtime)
            offset.refresh()
            assert offset(SATURDAY_S) == 0
        finally:
            monkeypatch.undo()
            time.tzset()


def test_the_clocks_are_the_machines() -> None:
    clocks = Clocks()
    first, second = clocks(), clocks()
    assert abs(first.wall_s - time.time()) < 5
    assert first.steady_s <= second.steady_s
    assert len(first.boot) == len("cd0a5d33-d40c-4b1e-a9be-8d0fb8e1ee39")
    assert first.boot == second.boot


def test_without_a_boot_id_each_start_counts_as_another(tmp_path: Path) -> None:
    assert Clocks(tmp_path / "none")().boot == ""
