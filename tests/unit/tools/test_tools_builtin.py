"""The tools that come with the speaker, and the instruction that goes with them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from daemon.config.settings import LiveSettings
from daemon.errors import ControlError
from daemon.tools.calling.answers import Answer
from daemon.tools.calling.runner import Runner
from daemon.tools.instruction import compose
from daemon.tools.kit import CommandedDevice
from daemon.tools.sources.builtin import BuiltIn

NOW = datetime(2026, 11, 21, 3, 5, tzinfo=timezone(timedelta(hours=1), "CET"))
STATUS: dict[str, Any] = {
    "up_s": 5.0,
    "volume": 90,
    "muted": False,
    "model": "gemini-3.8-live",
    "link": {"state": "online", "since_s": 2.0, "failures": 1, "last_problem": "no network"},
    "devices": {"mic": {"problem": "unplugged"}, "speaker": {"problem": None}},
}


class Speaker:
    """Takes commands, as a running speaker does."""

    def __init__(self, *, running: bool = True) -> None:
        self.running = running
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, command: str, args: dict[str, Any]) -> Any:
        """One command."""
        if not self.running:
            raise ControlError("the daemon is not running")
        self.asked.append((command, args))
        return STATUS if command == "status" else None


async def call(speaker: Speaker, name: str, now: datetime | None = NOW, **arguments: Any) -> Answer:
    """What the model would be answered."""
    specs = {spec.name: spec for spec in BuiltIn(CommandedDevice(speaker.ask), lambda: now).specs()}
    return await Runner().carry_out(specs[name], arguments)


async def test_the_time_is_told_with_its_zone() -> None:
    answer = await call(Speaker(), "get_time")
    assert answer["result"] == {"now": "Saturday, 21 November 2026, 03:05 (UTC+01:00)", "zone": "CET"}


async def test_a_clock_that_is_not_set_is_not_guessed_from() -> None:
    answer = await call(Speaker(), "get_time", now=None)
    assert answer["status"] == "error"
    assert "The clock is not set" in answer["message"]


@pytest.mark.parametrize(
    ("arguments", "after"),
    [({}, 90), ({"percent": 30}, 30), ({"change": -15}, 75), ({"change": 15}, 100), ({"change": -100}, 0)],
)
async def test_volume_is_told_set_or_changed_within_its_limits(arguments: dict[str, int], after: int) -> None:
    speaker = Speaker()
    answer = await call(speaker, "volume", NOW, **arguments)
    assert answer["result"] == {"before_percent": 90, "now_percent": after}
    assert (("volume", {"percent": after}) in speaker.asked) is (after != 90)


async def test_volume_takes_one_wish_at_a_time() -> None:
    assert (await call(Speaker(), "volume", percent=3, change=3))["status"] == "error"
    assert "from 0 to 100" in (await call(Speaker(), "volume", percent=130))["message"]


async def test_the_status_is_short_and_names_what_is_wrong() -> None:
    told = (await call(Speaker(), "device_status"))["result"]
    assert told["faults"] == {"mic": "unplugged"}
    assert told["last_connection_problem"] == "no network"


async def test_without_a_running_speaker_it_is_said_why() -> None:
    answer = await call(Speaker(running=False), "mute")
    assert (answer["status"], answer["message"]) == ("error", "the daemon is not running")


class TestInstruction:
    def test_says_who_where_when_and_in_which_language(self) -> None:
        live = LiveSettings(instruction="You are Polly.", place="Lyon, France", language="fr-FR")
        text = compose(live, NOW, tools=True, facts="The user is called Ann.")
        assert text.startswith("You are Polly.\n")
        for words in (
            "in Lyon, France",
            "Speak fr-FR",
            "Saturday, 21 November 2026, 03:05",
            "called Ann",
            "tool",
        ):
            assert words in text

    def test_says_so_if_the_time_is_not_known(self) -> None:
        assert "clock is not set" in compose(LiveSettings(), None, tools=False)

    def test_says_nothing_of_what_there_is_not(self) -> None:
        text = compose(LiveSettings(), NOW, tools=False)
        assert "tool" not in text
        assert "The device is in" not in text

    def test_is_short(self) -> None:
        """It is paid for with every turn: some 150 tokens."""
        assert len(compose(LiveSettings(), NOW, tools=True)) < 600
