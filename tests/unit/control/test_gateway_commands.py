"""What the gateway asks of the speaker: equipment, accounts, and who talks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.conductor.accounts import Accounts
from daemon.config.settings import Settings, UsageSettings
from daemon.control.gateway import MAX_TALKS, TALKS_KEPT_S, GatewayCommands, RemoteTalks
from daemon.errors import ControlError
from daemon.run.assembly import build
from hw.simulated.board import SimulatedBoard

DAY = "2026-11-30"


async def test_equipment_is_what_a_session_of_the_speaker_begins_with() -> None:
    conure = build(Settings(), SimulatedBoard(), stand_in=True)
    answer = await conure.commands.handle("equipment", {})
    assert answer["instruction"] == conure.tools.equipment.instruction()
    names = {one["name"] for one in answer["declarations"]}
    assert names == {one.name for one in conure.tools.equipment.declarations()}
    assert {"get_time", "set_timer"} <= names
    assert {one["source"] for one in answer["declarations"]} == {"built in"}
    json.dumps(answer)


def commands(**limits: Any) -> tuple[GatewayCommands, Accounts]:
    accounts = Accounts(UsageSettings(**limits), lambda: DAY)
    kit = build(Settings(), SimulatedBoard(), stand_in=True).tools
    return GatewayCommands(kit, accounts), accounts


async def test_what_talks_use_counts_for_the_day() -> None:
    gateway, accounts = commands()
    await gateway.account({"sent_s": 2.0, "received_s": 3.0, "prompt_tokens": 10, "response_tokens": 20})
    used = accounts.used_today()
    assert (used.audio_s, used.prompt_tokens, used.response_tokens) == (5.0, 10, 20)


async def test_to_ask_counts_nothing_and_tells_whether_the_budget_is_used_up() -> None:
    gateway, accounts = commands(daily_minutes=1)
    assert (await gateway.account({}))["used_up"] is False
    assert accounts.days == {}
    answer = await gateway.account({"sent_s": 60})
    assert answer["used_up"] is True
    assert "used up" in answer["budget"]


@pytest.mark.parametrize(
    "args",
    [{"sent_s": -1}, {"sent_s": "1"}, {"received_s": 1e9}, {"prompt_tokens": 1.5}, {"response_tokens": -1}],
)
async def test_numbers_that_cannot_be_are_refused(args: dict[str, Any]) -> None:
    gateway, accounts = commands()
    with pytest.raises(ControlError, match="what was used must be"):
        await gateway.account(args)
    assert accounts.days == {}


class Told:
    """Who talks, the clock, and what was told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.notes: list[tuple[str, bool]] = []
        self.talks = RemoteTalks(self._tell, lambda: self.now_s)

    def _tell(self, event: str, *, name: str, open: bool) -> None:
        self.notes.append((name, open))


async def test_who_begins_and_ends_a_talk_is_told_and_stands_in_the_status() -> None:
    told = Told()
    await told.talks.handle({"talks": ["Firefox on Android"]})
    await told.talks.handle({"talks": ["Firefox on Android", "Chrome on Linux"]})
    assert told.talks.report() == {"talks": ["Firefox on Android", "Chrome on Linux"]}
    await told.talks.handle({"talks": ["Chrome on Linux"]})
    await told.talks.handle({"talks": []})
    assert told.notes == [
        ("Firefox on Android", True),
        ("Chrome on Linux", True),
        ("Firefox on Android", False),
        ("Chrome on Linux", False),
    ]
    assert told.talks.report() == {"talks": None}


async def test_a_gateway_that_ended_by_a_fault_leaves_nobody_talking() -> None:
    told = Told()
    await told.talks.handle({"talks": ["Firefox on Android"]})
    told.now_s = TALKS_KEPT_S
    assert told.talks.report() == {"talks": None}


async def test_names_are_bounded_and_harmless() -> None:
    told = Told()
    await told.talks.handle({"talks": ["\x1b[31m" + "x" * 1000] * (MAX_TALKS + 1)})
    assert len(told.talks.names) == MAX_TALKS
    assert all(len(name) <= 60 and "\x1b" not in name for name in told.talks.names)


@pytest.mark.parametrize("args", [{}, {"talks": "x"}, {"talks": [1]}, {"talks": None}])
async def test_a_list_of_another_form_is_refused(args: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="a list of names"):
        await Told().talks.handle(args)
