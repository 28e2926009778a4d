"""What outlives the process is written when it has changed, and a handle is used only where it can work."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import settled

from daemon.conductor.accounts import UNSET, Accounts, Day
from daemon.conductor.daily import DailyTimes
from daemon.config.settings import LiveSettings
from daemon.run.kept_files import USAGE_FILE, files_to_keep, load_days, local_day
from daemon.runtime.keeper import Content, Keeper
from daemon.runtime.store import Store
from daemon.session.kept_handle import SESSION_FILE, load_handle
from daemon.session.link import Handle

LIVE = LiveSettings(keep_session=True)
LIFE_S = 7000.0


# --- the calendar


@pytest.fixture
def central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a POSIX rule (tzset(3)), which needs no time zone files."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("central_europe")
def test_summer_time_makes_days_of_23_and_25_hours_and_none_comes_back() -> None:
    begin_s = datetime(2026, 5, 31, 22, tzinfo=UTC).timestamp()
    days = [local_day(begin_s + 1800.0 * half_hour) for half_hour in range(2 * 24 * 365)]
    assert days == sorted(days)
    lengths = Counter(days)
    assert (lengths.pop("2026-10-25"), lengths.pop("2027-03-28")) == (50, 46)
    assert set(lengths.values()) == {48}
    assert len(lengths) == 363


def test_a_clock_from_before_the_release_is_not_set() -> None:
    assert local_day(0.0) == UNSET
    assert local_day(datetime(2025, 6, 1, tzinfo=UTC).timestamp()) == UNSET
    assert local_day(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()) == "2026-06-01"


# --- when it is written


class Minutes:
    """A sleep that lasts until the test says that it is over."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._sleeping = asyncio.Event()
        self.asked_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        self._sleeping.set()
        await self._over.wait()
        self._over.clear()

    async def pass_one(self) -> None:
        """One sleep ends; returns when the next has begun, and with it all that lies between is done."""
        await asyncio.wait_for(self._sleeping.wait(), 10)
        self._sleeping.clear()
        self._over.set()
        await asyncio.wait_for(self._sleeping.wait(), 10)


class CountingStore(Store):
    """Counts what is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.writes: list[str] = []

    def keep(self, name: str, content: Mapping[str, Any] | str | None) -> bool:
        self.writes.append(name)
        return super().keep(name, content)


class Kept:
    """A running keeper of accounts."""

    def __init__(self, folder: Path) -> None:
        self.store = CountingStore(folder)
        self.minutes = Minutes()
        self.accounts = Accounts(today=lambda: "2026-11-21", days=load_days(self.store))
        files: dict[str, Callable[[], Content | None]] = {USAGE_FILE: self.accounts.as_dict}
        self.keeper = Keeper(self.store, files, sleep=self.minutes.sleep)
        self.task = asyncio.create_task(self.keeper.run())

    async def end(self) -> None:
        await settled()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_what_was_counted_is_there_again_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.accounts.add(Day(prompt_tokens=7))
    await kept.end()
    again = Kept(tmp_path)
    again.accounts.add(Day(prompt_tokens=5))
    await again.end()
    assert load_days(Store(tmp_path)) == {"2026-11-21": Day(prompt_tokens=12)}


async def test_writes_once_a_minute_and_only_what_has_changed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.minutes.pass_one()
    assert kept.store.writes == []
    kept.accounts.add(Day(prompt_tokens=1))
    kept.accounts.add(Day(prompt_tokens=1))
    await kept.minutes.pass_one()
    await kept.minutes.pass_one()
    assert kept.store.writes == [USAGE_FILE]
    assert set(kept.minutes.asked_s) == {60.0}
    await kept.end()
    assert kept.store.writes == [USAGE_FILE]


async def test_what_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "conure"
    folder.write_text("in the way")
    kept = Kept(folder)
    kept.accounts.add(Day(prompt_tokens=1))
    await kept.minutes.pass_one()
    assert kept.keeper.failures == 1
    (tmp_path / "conure").unlink()
    await kept.minutes.pass_one()
    assert load_days(Store(folder)) == {"2026-11-21": Day(prompt_tokens=1)}
    await kept.end()


async def test_without_a_store_nothing_is_kept() -> None:
    files: dict[str, Callable[[], Content | None]] = {USAGE_FILE: lambda: {"a": object()}}
    keeper = Keeper(None, files)
    task = asyncio.create_task(keeper.run())
    await settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert keeper.failures == 0


# --- the session


class Clocks:
    """Both clocks of a run; a restart gives the monotonic one another beginning."""

    def __init__(self, *, wall_s: float, monotonic_s: float) -> None:
        self.wall_s = wall_s
        self.monotonic_s = monotonic_s

    def wall(self) -> float:
        return self.wall_s

    def monotonic(self) -> float:
        return self.monotonic_s


WALL_S = 1_795_000_000.0


async def keep(folder: Path, handle: Handle | None, clocks: Clocks, live: LiveSettings = LIVE) -> None:
    """What a run of the daemon leaves behind, with this handle at its end."""
    now: list[Handle | None] = [None]
    files = files_to_keep(
        Accounts(), DailyTimes(), live, lambda: now[0], clock=clocks.monotonic, wall_clock=clocks.wall
    )
    keeper = Keeper(Store(folder), files)
    task = asyncio.create_task(keeper.run())
    await settled()
    now[0] = handle
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def restart(folder: Path, clocks: Clocks, live: LiveSettings = LIVE) -> Handle | None:
    return load_handle(Store(folder), live, life_s=LIFE_S, clock=clocks.monotonic, wall_clock=clocks.wall)


async def test_a_handle_is_as_old_after_a_restart_as_it_is(tmp_path: Path) -> None:
    await keep(tmp_path, Handle("h-1", given_s=900.0), Clocks(wall_s=WALL_S, monotonic_s=1000.0))
    found = restart(tmp_path, Clocks(wall_s=WALL_S + 500.0, monotonic_s=20.0))
    assert found is not None
    assert found.value == "h-1"
    assert found.given_s == pytest.approx(20.0 - 600.0, abs=1.0)


@pytest.mark.parametrize(
    ("later_s", "used"), [(0.0, True), (LIFE_S - 2, True), (LIFE_S + 2, False), (-10.0, False)]
)
async def test_only_a_young_handle_is_used(tmp_path: Path, later_s: float, used: bool) -> None:
    await keep(tmp_path, Handle("h-1", given_s=100.0), Clocks(wall_s=WALL_S, monotonic_s=100.0))
    found = restart(tmp_path, Clocks(wall_s=WALL_S + later_s, monotonic_s=5.0))
    assert (found is not None) is used
    assert (tmp_path / SESSION_FILE).exists() is used


@pytest.mark.parametrize("live", [replace(LIVE, model="gemini-other"), replace(LIVE, keep_session=False)])
async def test_for_another_model_or_unwanted_it_is_removed(tmp_path: Path, live: LiveSettings) -> None:
    clocks = Clocks(wall_s=WALL_S, monotonic_s=100.0)
    await keep(tmp_path, Handle("h-1", given_s=100.0), clocks)
    assert restart(tmp_path, clocks, live) is None
    assert not (tmp_path / SESSION_FILE).exists()


async def test_nothing_of_a_session_is_kept_unless_asked(tmp_path: Path) -> None:
    clocks = Clocks(wall_s=WALL_S, monotonic_s=100.0)
    await keep(tmp_path, Handle("h-1", given_s=100.0), clocks, LiveSettings())
    assert not (tmp_path / SESSION_FILE).exists()


async def test_a_handle_that_failed_is_not_kept_any_longer(tmp_path: Path) -> None:
    clocks = Clocks(wall_s=WALL_S, monotonic_s=100.0)
    present: list[Handle | None] = [Handle("h-1", given_s=100.0)]
    files = files_to_keep(
        Accounts(), DailyTimes(), LIVE, lambda: present[0], clock=clocks.monotonic, wall_clock=clocks.wall
    )
    store = Store(tmp_path)
    store.keep(SESSION_FILE, files[SESSION_FILE]())
    keeper = Keeper(store, files)
    present[0] = None
    task = asyncio.create_task(keeper.run())
    await settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not (tmp_path / SESSION_FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"model": LIVE.model, "handle": "", "given_at_s": 1},
        {"model": LIVE.model, "handle": "h", "given_at_s": "1"},
        {"model": None, "handle": "h", "given_at_s": 1},
        ["secret-handle"],
    ],
)
def test_a_corrupt_note_is_put_aside_without_a_word_of_it(
    tmp_path: Path, content: object, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / SESSION_FILE).write_text(json.dumps(content))
    assert restart(tmp_path, Clocks(wall_s=WALL_S, monotonic_s=1.0)) is None
    assert (tmp_path / f"{SESSION_FILE}.bad").exists()
    assert "secret" not in caplog.text
