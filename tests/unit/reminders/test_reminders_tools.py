"""Timers as the model and the command line ask for them: answers in words, refusals that help."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reminder_world import SATURDAY_S, Zone

from daemon.cli import main as cli
from daemon.control.server import ControlServer
from daemon.errors import ControlError
from daemon.reminders.advance import advance
from daemon.reminders.book import MAX_TIMER_S, Ending, EntryKind, Past, Rules, remember
from daemon.reminders.commands import ReminderCommands
from daemon.reminders.local_time import Moment
from daemon.reminders.service import Reminders
from daemon.reminders.tools import ReminderTools
from daemon.runtime.store import Store
from daemon.tools.calling.answers import Answer
from daemon.tools.calling.runner import Runner
from daemon.tools.declaring.functions import spec_of

BERLIN = Zone("Europe/Berlin")


class Asked:
    """A book in Berlin, on a Saturday at 13:00, that is kept; time passes when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.now = Moment(SATURDAY_S, 500.0, "boot")
        self.reminders = Reminders(None, Store(folder), clocks=lambda: self.now, offset=BERLIN)
        self.specs = {spec.name: spec for spec in map(spec_of, ReminderTools(self.reminders).all())}
        self.runner = Runner()

    async def call(self, tool: str, /, **args: object) -> Answer:
        """As the model calls it."""
        return await self.runner.carry_out(self.specs[tool], args)

    async def says(self, tool: str, /, **args: object) -> str:
        answer = await self.call(tool, **args)
        assert answer["status"] == "ok", answer
        return str(answer["message"])

    async def refuses(self, tool: str, /, **args: object) -> str:
        answer = await self.call(tool, **args)
        assert (answer["status"], answer["retryable"]) == ("error", False), answer
        assert not answer["message"].startswith("The tool failed")
        return str(answer["message"])

    async def pass_time(self, seconds: float) -> None:
        now = replace(self.now, wall_s=self.now.wall_s + seconds, steady_s=self.now.steady_s + seconds)
        self.now = now
        await self.reminders.change(lambda book, at: advance(book, at, BERLIN, Rules()))


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


# --- the model --------------------------------------------------------------------------------------


def test_the_model_is_told_of_each_tool_and_of_each_parameter(asked: Asked) -> None:
    assert list(asked.specs) == [
        "set_timer", "set_alarm", "set_reminder", "list_timers", "cancel_timer", "snooze", "stop_ringing",
    ]  # fmt: skip
    for spec in asked.specs.values():
        assert len(spec.description) > 30
        for parameter in spec.parameters["properties"].values():
            assert parameter["description"]
    weekdays = asked.specs["set_alarm"].parameters["properties"]["weekdays"]
    assert weekdays["items"]["enum"] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert asked.specs["set_timer"].parameters["properties"]["duration_s"]["maximum"] == MAX_TIMER_S


async def test_each_answer_is_words_with_exact_local_times(asked: Asked) -> None:
    assert await asked.says("set_timer", duration_s=600, name="tea") == (
        "Set, number 1: timer “tea”: 10 minutes left, rings today at 13:10."
    )
    assert await asked.says("set_alarm", at="07:30", weekdays=["mon", "fri"]) == (
        "Set, number 2: alarm, Monday and Friday at 07:30: rings next on Monday 23 November at 07:30."
    )
    assert await asked.says("set_alarm", at="6:00", name="flight", day="2026-12-24") == (
        "Set, number 3: alarm “flight”: rings on Thursday 24 December at 06:00."
    )
    assert await asked.says("set_reminder", text="call Ann", at="18:00") == (
        "Set, number 4: reminder “call Ann”: rings today at 18:00."
    )
    assert await asked.says("list_timers") == (
        "1: timer “tea”: 10 minutes left, rings today at 13:10\n"
        "4: reminder “call Ann”: rings today at 18:00\n"
        "2: alarm, Monday and Friday at 07:30: rings next on Monday 23 November at 07:30\n"
        "3: alarm “flight”: rings on Thursday 24 December at 06:00"
    )
    assert await asked.says("cancel_timer", which="tea") == "Cancelled: timer “tea”."
    assert await asked.says("cancel_timer", which="2") == "Cancelled: alarm."
    assert await asked.says("cancel_timer", which="all") == "Cancelled: alarm “flight”, reminder “call Ann”."
    assert await asked.says("list_timers") == "There are no timers, alarms or reminders."


async def test_what_rings_is_snoozed_and_stopped(asked: Asked) -> None:
    await asked.says("set_timer", duration_s=60, name="tea")
    await asked.pass_time(60)
    assert await asked.says("list_timers") == "1: timer “tea”: rings now"
    assert await asked.says("snooze", minutes=5) == "timer “tea”: again in 5 minutes."
    await asked.pass_time(300)
    assert await asked.says("stop_ringing") == "Silenced: timer “tea”."
    assert await asked.says("stop_ringing") == "Nothing rings now."
    assert await asked.says("list_timers") == "timer “tea”: rang today at 13:06"


async def test_what_may_be_several_is_answered_with_the_choices(asked: Asked) -> None:
    await asked.says("set_timer", duration_s=60, name="eggs")
    await asked.says("set_timer", duration_s=90, name="eggs")
    words = await asked.refuses("cancel_timer", which="eggs")
    assert '"eggs" may be any of these: 1, timer “eggs”: 1 minute left' in words
    assert words.endswith("Give the number")


@pytest.mark.parametrize(
    ("tool", "args", "words"),
    [
        ("set_timer", {"duration_s": 60, "name": "x" * 101}, "too long: 101 characters of at most 100"),
        ("set_alarm", {"at": "half past seven"}, 'write it like "07:30"'),
        ("set_alarm", {"at": "7:30", "day": "tomorrow"}, 'write it like "2026-12-24"'),
        ("set_alarm", {"at": "7:30", "day": "2026-12-24", "weekdays": ["mon"]}, "not both"),
        ("set_alarm", {"at": "7:30", "day": "2026-11-20"}, "has passed; today is 2026-11-21"),
        ("set_reminder", {"text": " ", "at": "18:00"}, "needs a text"),
        ("set_reminder", {"text": "call", "at": "in an hour"}, 'write it like "18:00"'),
        ("cancel_timer", {"which": "tea"}, "there are no timers"),
        ("snooze", {}, "nothing rings now"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_what_can(
    asked: Asked, tool: str, args: dict[str, Any], words: str
) -> None:
    assert words in await asked.refuses(tool, **args)
    assert asked.reminders.book.entries == ()


async def test_a_clock_that_is_not_set_leaves_timers(asked: Asked) -> None:
    asked.now = Moment(1000.0, 500.0, "boot")
    assert "timers work" in await asked.refuses("set_alarm", at="7:30")
    assert await asked.says("set_timer", duration_s=90) == (
        "Set, number 1: timer of 1 minute 30 seconds: 1 minute 30 seconds left."
    )


async def test_listing_tells_what_was_missed_and_then_it_is_told(asked: Asked) -> None:
    past = Past(7, EntryKind.ALARM, "up", Ending.UNANSWERED, SATURDAY_S - 3600, told=False)
    await asked.reminders.change(lambda book, now: remember(book, past))
    assert asked.reminders.untold
    words = "alarm “up”: rang today at 12:00, and nobody stopped it"
    assert asked.reminders.report()["missed"] == [words]
    assert await asked.says("list_timers") == words
    assert not asked.reminders.untold


async def test_what_is_not_kept_says_so() -> None:
    reminders = Reminders(None, None, clocks=lambda: Moment(SATURDAY_S, 500.0, "boot"), offset=BERLIN)
    answer = await ReminderTools(reminders).set_timer(60)
    assert answer.endswith("It is not saved, so it ends with the program.")


# --- the command line -------------------------------------------------------------------------------


async def nothing_to_watch(_: object) -> AsyncIterator[dict[str, Any]]:
    for event in list[dict[str, Any]]():
        yield event


async def conure(asked: Asked, socket: Path, *argv: str) -> int:
    """`conure timers …` beside a daemon with this book."""
    commands = ReminderCommands(asked.reminders)

    async def handle(command: str, args: dict[str, Any]) -> Any:
        assert command == "timers"
        return await commands.handle(args)

    async with ControlServer(socket, handle, nothing_to_watch):
        return await asyncio.to_thread(cli.main, ["timers", *argv])


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "control.sock"
    monkeypatch.setattr("daemon.control.client.find_daemon", lambda env: path)
    return path


async def test_timers_as_json(asked: Asked, socket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await conure(asked, socket, "add", "10m", "--name", "tea")
    await conure(asked, socket, "alarm", "07:30", "--weekdays", "mon,tue")
    capsys.readouterr()
    for argv in (["--json"], ["list", "--json"]):
        assert await conure(asked, socket, *argv) == 0
        assert json.loads(capsys.readouterr().out) == {
            "ringing": [],
            "waiting": [
                {
                    "id": 1, "kind": "timer", "name": "tea", "title": "timer “tea”",
                    "words": "timer “tea”: 10 minutes left, rings today at 13:10", "left_s": 600.0,
                    "at": "2026-11-21 13:10:00", "weekdays": [],
                },
                {
                    "id": 2, "kind": "alarm", "name": "", "title": "alarm",
                    "words": "alarm, Monday and Tuesday at 07:30: rings next on Monday 23 November at 07:30",
                    "left_s": 153000.0,
                    "at": "2026-11-23 07:30:00", "weekdays": ["mon", "tue"],
                },
            ],
            "past": [],
        }  # fmt: skip


async def test_what_an_action_answers_as_json(
    asked: Asked, socket: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await conure(asked, socket, "--json", "add", "10m") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"].startswith("Set, number 1: timer of 10 minutes")


@pytest.mark.parametrize("argv", [[], ["list"]])
async def test_a_speaker_that_knows_no_json_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    async def handle(command: str, args: dict[str, Any]) -> str:
        return "1: timer: rings now"

    path = tmp_path / "old.sock"
    monkeypatch.setattr("daemon.control.client.find_daemon", lambda env: path)
    async with ControlServer(path, handle, nothing_to_watch):
        assert await asyncio.to_thread(cli.main, ["timers", *argv, "--json"]) == 1
    assert "is older than this command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "printed"),
    [
        ([], "There are no timers, alarms or reminders.\n"),
        (["list"], "There are no timers, alarms or reminders.\n"),
        (
            ["add", "10m", "--name", "tea"],
            "Set, number 1: timer “tea”: 10 minutes left, rings today at 13:10.\n",
        ),
        (["add", "1h30m"], "Set, number 1: timer of 1 hour 30 minutes: 1 hour 30 minutes left, rings today"),
        (["alarm", "07:30", "--weekdays", "weekdays"], "Set, number 1: alarm, Monday to Friday at 07:30: "),
        (["alarm", "07:30", "--weekdays", "sat,sun"], "Set, number 1: alarm, Saturday and Sunday at 07:30: "),
        (["alarm", "07:30", "--day", "2026-12-24"], "Set, number 1: alarm: rings on Thursday 24 December"),
        (["remind", "18:00", "call", "Ann"], "Set, number 1: reminder “call Ann”: rings today at 18:00.\n"),
    ],
)
async def test_a_line_on_the_command_line_does_it(
    asked: Asked, socket: Path, capsys: pytest.CaptureFixture[str], argv: list[str], printed: str
) -> None:
    assert await conure(asked, socket, *argv) == 0
    assert capsys.readouterr().out.startswith(printed)


async def test_what_is_there_is_listed_snoozed_and_cancelled(
    asked: Asked, socket: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked.says("set_timer", duration_s=60, name="tea \x1b[2J")
    await asked.pass_time(60)
    for argv in (["list"], ["snooze", "5m"], ["snooze"], ["cancel", "tea"], ["cancel", "tea"]):
        await conure(asked, socket, *argv)
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "1: timer “tea [2J”: rings now",
        "timer “tea [2J”: again in 5 minutes.",
        "Cancelled: timer “tea [2J”.",
    ]
    assert captured.err.splitlines() == [
        "conure: nothing rings now, and nothing was silenced within the last 10 minutes",
        "conure: there are no timers, alarms or reminders",
    ]


@pytest.mark.parametrize(
    "args", [{}, {"action": "explode"}, {"action": "add"}, {"action": "cancel", "which": 1}]
)
async def test_a_command_of_another_form_is_refused(asked: Asked, args: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="in this form"):
        await ReminderCommands(asked.reminders).handle(args)


async def test_a_program_gets_the_book_as_a_table_and_what_was_missed_stays_untold(asked: Asked) -> None:
    await asked.says("set_timer", duration_s=600, name="tea")
    await asked.says("set_timer", duration_s=60, name="")
    missed = Past(id=9, kind=EntryKind.ALARM, name="early", fate=Ending.MISSED, at_wall_s=None, told=False)
    await asked.reminders.change(lambda book, now: remember(book, missed))
    commands = ReminderCommands(asked.reminders)
    table = await commands.handle({"action": "list", "form": "data"})
    assert [(row["title"], row["left_s"]) for row in table["waiting"]] == [
        ("timer of 1 minute", 60.0),
        ("timer “tea”", 600.0),
    ]
    assert table["waiting"][1]["words"].startswith("timer “tea”: 10 minutes left")
    assert table["ringing"] == []
    assert table["past"][0]["title"] == "alarm “early”"
    assert asked.reminders.untold
    await asked.pass_time(61)
    table = await commands.handle({"action": "list", "form": "data"})
    assert [(row["kind"], row["title"]) for row in table["ringing"]] == [("timer", "timer")]
