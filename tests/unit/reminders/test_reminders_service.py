"""The running book: it rings in time, notices clocks that are set, and keeps what was asked of it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE_S, LoopTime
from places import ROOT
from reminder_world import SATURDAY_S, utc

from daemon.config.settings import ReminderSettings
from daemon.events import RemindersChanged
from daemon.reminders import actions, service
from daemon.reminders.book import Book, Ending, EntryKind, Refused, add_alarm, add_timer
from daemon.reminders.local_time import Moment
from daemon.reminders.record import FILE
from daemon.reminders.service import MAX_NAP_S, Reminders
from daemon.runtime.store import Store

TURN_S = 0.01
"""How late things may be by the loop's own turns."""


class House:
    """What there is around the book: clocks, a speaker, lights, and who is told."""

    def __init__(self, time: LoopTime) -> None:
        self.time = time
        self.began_s = time.now_s()
        self.wall_error_s = 0.0
        self.looks = 0
        self.bells: list[tuple[float, bool]] = []
        """When the bell was begun (True) and ended, in seconds from the beginning."""
        self.shown = 0
        self.notes: list[dict[str, Any]] = []
        self.reminders = Reminders(
            ReminderSettings(ring_s=60.0),
            clocks=self.now,
            offset=utc,
            ring=self._ring,
            tell=self._tell,
            post=self._show,
        )

    def now(self) -> Moment:
        self.looks += 1
        since_s = self.time.now_s() - self.began_s
        return Moment(SATURDAY_S + since_s + self.wall_error_s, 500.0 + since_s, "boot")

    def _ring(self, bell: object) -> None:
        self.bells.append((self.time.now_s() - self.began_s, bell is not None))

    def _show(self, _changed: RemindersChanged) -> None:
        self.shown += 1

    def _tell(self, event: str, **fields: Any) -> None:
        self.notes.append({"event": event, **fields})

    async def timer(self, duration_s: float, name: str = "tea") -> None:
        await actions.set_timer(self.reminders, duration_s, name)

    def assert_bells(self, *bells: tuple[float, bool]) -> None:
        assert [sounds for _, sounds in self.bells] == [sounds for _, sounds in bells]
        for (at_s, _), (wanted_s, _) in zip(self.bells, bells, strict=True):
            assert wanted_s <= at_s <= wanted_s + TURN_S


@asynccontextmanager
async def a_house() -> AsyncIterator[House]:
    with LoopTime() as time:
        house = House(time)
        task = asyncio.create_task(house.reminders.run())
        await time.run(0)
        try:
            yield house
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# --- in time ----------------------------------------------------------------------------------------


async def test_a_timer_rings_when_it_is_due_until_nobody_has_come() -> None:
    async with a_house() as house:
        await house.timer(100)
        await house.time.run(99.9)
        assert house.bells == []
        await house.time.run(100)
        house.assert_bells((100, True), (160, False))
        assert house.reminders.untold


async def test_what_is_due_sooner_is_not_slept_over() -> None:
    async with a_house() as house:
        await house.timer(20, "later")
        await house.time.run(1)
        await house.timer(5, "sooner")
        await house.time.run(5.1)
        house.assert_bells((6, True))


async def test_silence_ends_the_bell_at_once_and_says_what_rang() -> None:
    async with a_house() as house:
        await house.timer(10, "tea")
        await house.timer(10, "eggs")
        await house.time.run(15)
        assert [one.name for one in house.reminders.silence()] == ["tea", "eggs"]
        house.assert_bells((10, True), (15, False))
        assert house.reminders.silence() == ()
        await house.time.run(100)
        assert not house.reminders.untold
        assert len(house.bells) == 2


async def test_what_comes_due_while_something_rings_keeps_the_bell_going() -> None:
    async with a_house() as house:
        await house.timer(10, "tea")
        await house.timer(50, "eggs")
        await house.time.run(200)
        house.assert_bells((10, True), (110, False))


async def test_the_lights_follow_what_rings_and_what_was_missed() -> None:
    async with a_house() as house:
        await house.timer(10)
        await house.time.run(9)
        assert house.shown == 0
        await house.time.run(2)
        assert (house.shown, house.reminders.ringing) == (1, True)
        await house.time.run(60)
        assert (house.shown, house.reminders.ringing, house.reminders.untold) == (2, False, True)
        await actions.list_all(house.reminders)
        assert (house.shown, house.reminders.untold) == (3, False)


async def test_an_empty_book_costs_nothing() -> None:
    async with a_house() as house:
        looks = house.looks
        await house.time.run(7 * 86_400)
        assert house.looks == looks


async def test_a_waiting_book_looks_at_the_clocks_no_oftener_than_it_naps() -> None:
    async with a_house() as house:
        await actions.set_alarm(house.reminders, "23:00", "", (), "")
        looks = house.looks
        await house.time.run(3600)
        assert house.looks - looks <= 4 * 3600 / MAX_NAP_S


async def test_who_watches_is_told_what_rings_and_the_log_does_not_say_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_house() as house:
        await house.timer(10, "surprise party")
        await house.time.run(80)
    told = [(note["event"], note["kind"], note["id"], note["what"]) for note in house.notes]
    assert told == [("reminder", "timer", 1, "rings"), ("reminder", "timer", 1, "unanswered")]
    assert "timer 1: rings" in caplog.messages
    assert "surprise" not in caplog.text


# --- clocks that are set ----------------------------------------------------------------------------


async def test_a_clock_set_forward_over_an_alarm_is_noticed_within_a_nap() -> None:
    async with a_house() as house:
        await actions.set_alarm(house.reminders, "13:00", "", (), "")
        await house.time.run(100)
        house.wall_error_s = 3600.0
        await house.time.run(MAX_NAP_S)
        assert [sounds for _, sounds in house.bells] == [True]


async def test_an_alarm_waits_for_the_clock_to_be_set() -> None:
    async with a_house() as house:
        await house.reminders.change(
            lambda book, now: add_alarm(book, time(12, 30), now, utc, weekdays=tuple(range(7)))[0]
        )
        house.wall_error_s = -SATURDAY_S
        await house.time.run(3600)
        assert house.bells == []
        house.wall_error_s = -3600.0  # it is noon, and was half past eleven
        await house.time.run(1800 + MAX_NAP_S)
        assert [sounds for _, sounds in house.bells] == [True]


# --- on the disk ------------------------------------------------------------------------------------


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def kept_in(folder: Path, settings: ReminderSettings | None = None, **more: Any) -> Reminders:
    return Reminders(settings, Store(folder), offset=utc, **more)


async def test_a_change_is_on_the_disk_when_its_call_returns(tmp_path: Path) -> None:
    answer = await actions.set_timer(kept_in(tmp_path), 600, "tea")
    assert answer.startswith("Set, number 1: timer “tea”: 10 minutes left, rings ")
    assert [entry.name for entry in kept_in(tmp_path).book.entries] == ["tea"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    reminders = kept_in(tmp_path)
    answers = await asyncio.gather(*(actions.set_timer(reminders, 600, f"{n}") for n in range(20)))
    assert not [answer for answer in answers if "is not saved" in answer]
    names = [entry.name for entry in kept_in(tmp_path).book.entries]
    assert names == [f"{number}" for number in range(20)]


async def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    reminders = kept_in(tmp_path)
    await actions.set_timer(reminders, 600, "tea")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Refused, match="too long"):
        await actions.set_timer(reminders, 600, "x" * 101)
    assert (tmp_path / FILE).read_bytes() == before
    assert len(reminders.book.entries) == 1


async def test_what_rang_when_the_program_was_killed_rings_again(tmp_path: Path) -> None:
    reminders = kept_in(tmp_path)
    await reminders.change(lambda book, now: add_timer(book, 1, "tea", _ago(now, 2))[0])
    task = asyncio.create_task(reminders.run())
    await until(lambda: reminders.ringing and _saved(tmp_path)["entries"])
    rung: list[object] = []
    again = kept_in(tmp_path, ring=rung.append)
    second = asyncio.create_task(again.run())
    await until(lambda: again.ringing)
    assert len(rung) == 1
    for running in (task, second):
        running.cancel()
    await asyncio.gather(task, second, return_exceptions=True)


def _ago(now: Moment, seconds: float) -> Moment:
    return Moment(now.wall_s - seconds, now.steady_s - seconds, now.boot)


def _saved(folder: Path) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads((folder / FILE).read_text())
    return saved


async def test_what_was_silenced_is_saved_when_the_program_ends(tmp_path: Path) -> None:
    reminders = kept_in(tmp_path)
    await reminders.change(lambda book, now: add_timer(book, 1, "tea", _ago(now, 2))[0])
    task = asyncio.create_task(reminders.run())
    await until(lambda: reminders.ringing)
    reminders.silence()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (past,) = kept_in(tmp_path).book.past
    assert (past.name, past.fate) == ("tea", Ending.SILENCED)


async def test_a_clock_that_was_set_is_written_down_for_what_waits(tmp_path: Path) -> None:
    """After a power cut nothing but the saved clocks tells what a deadline on the steady clock meant."""
    error_s = [-86_400.0]

    def now() -> Moment:
        return Moment(SATURDAY_S + error_s[0], 500.0, "boot")

    reminders = Reminders(None, Store(tmp_path), clocks=now, offset=utc)
    await actions.set_timer(reminders, 600, "tea")
    error_s[0] = 0.0
    await reminders.change(lambda book, now: book)
    assert _saved(tmp_path)["clocks"]["wall_s"] == SATURDAY_S


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', "\x00" * 100, "9" * 2_000_000])
def test_a_damaged_file_is_set_aside_and_told_and_the_book_is_empty(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(content)
    assert kept_in(tmp_path).book == Book()
    assert (tmp_path / f"{FILE}.bad").read_text() == content
    assert "starting afresh" in caplog.text
    assert f"{FILE}.bad" in caplog.text


async def test_what_cannot_be_saved_is_set_all_the_same_and_says_so(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file where the directory should be")
    reminders = kept_in(in_the_way)
    answer = await actions.set_timer(reminders, 600, "tea")
    assert answer.endswith("It is not saved, so it ends with the program.")
    assert len(reminders.book.entries) == 1
    assert reminders.save_failures == 1


WRITER = """
import asyncio, sys
from pathlib import Path
from daemon.reminders import actions, service
from daemon.reminders.service import Reminders
from daemon.runtime.store import Store

async def write():
    reminders = Reminders(None, Store(Path(sys.argv[1])))
    print("begins with", len(reminders.book.entries), flush=True)
    while True:
        answer = await actions.set_timer(reminders, 86_400, "x" * 90)
        number = int(answer.split(":")[0].removeprefix("Set, number "))
        print(number, flush=True)

asyncio.run(write())
"""


def test_a_program_killed_while_it_writes_has_kept_all_that_it_said_it_kept(tmp_path: Path) -> None:
    said: list[int] = []
    kept: set[int] = set()
    for round_number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as program:
            assert program.stdout is not None
            begins_with = int(program.stdout.readline().removeprefix("begins with"))
            said += [int(program.stdout.readline()) for _ in range(2 + 5 * round_number)]
            program.send_signal(signal.SIGKILL)
            said += [int(line) for line in program.stdout.read().splitlines()]
        assert begins_with == len(kept)
        kept = {entry.id for entry in kept_in(tmp_path).book.entries}
        assert set(said) <= kept
        assert not (tmp_path / f"{FILE}.bad").exists()
    assert len(said) >= 6 * 2 + 5 * 15


async def test_a_reminder_keeps_its_kind_and_a_list_marks_what_was_missed_as_told(tmp_path: Path) -> None:
    reminders = Reminders(None, Store(tmp_path), clocks=lambda: Moment(SATURDAY_S, 500.0, "b"), offset=utc)
    await actions.set_reminder(reminders, "call Ann", "18:00")
    late = Reminders(None, Store(tmp_path), clocks=lambda: Moment(SATURDAY_S + 86_400, 20.0, "c"), offset=utc)
    task = asyncio.create_task(late.run())
    await until(lambda: late.untold)
    assert late.report()["missed"] == [
        "reminder “call Ann”: was missed yesterday at 18:00: the speaker was off, or its clock was not set"
    ]
    (past,) = late.book.past
    assert past.kind is EntryKind.REMINDER
    assert "was missed yesterday at 18:00" in await actions.list_all(late)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not late.untold
    assert late.report() == {"waiting": 0, "rings": None, "next": None, "missed": None}
    assert not kept_in(tmp_path).untold


class FullCard(Store):
    """A disk that can be full."""

    is_full = False

    def keep(self, name: str, content: Any) -> bool:
        return False if self.is_full else super().keep(name, content)


async def test_what_was_cancelled_while_the_disk_was_full_is_saved_once_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_NAP_S", 0.01)
    card = FullCard(tmp_path)
    reminders = Reminders(None, card, clocks=lambda: Moment(SATURDAY_S, 500.0, "b"), offset=utc)
    task = asyncio.create_task(reminders.run())
    await actions.set_timer(reminders, 100, "tea")
    card.is_full = True
    await actions.cancel(reminders, "all")
    await asyncio.sleep(0)
    card.is_full = False
    async with asyncio.timeout(PATIENCE_S):
        while json.loads((tmp_path / FILE).read_text())["entries"]:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
