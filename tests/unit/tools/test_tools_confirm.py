"""Calls that the user must confirm: asked about, done after the next words, and forgotten else."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from home_assistant_mcp import Home, running_home

from daemon.config.models import capabilities
from daemon.runtime.feed import Feed
from daemon.server_events import ToolCall
from daemon.tools import spec_of, tool
from daemon.tools.calling.confirming import CONFIRM_S, MAX_ASKED, Confirmations, Occasion
from daemon.tools.calling.fates import ToolAnswer
from daemon.tools.calling.host import ToolHost
from daemon.tools.declaring.confirm import Confirm
from daemon.tools.declaring.functions import DeclarationError
from daemon.tools.declaring.spec import ToolSpec
from daemon.tools.sources.mcp_servers import McpTools
from daemon.tools.sources.owned import load_owned
from daemon.tools.sources.toml_files import McpServer, Unasked, read_tables
from daemon.web.talk.equipment import equipment_of

DOOR = {"name": "front door"}

# --- when the user has agreed


@pytest.mark.parametrize(
    ("said", "later_s", "admitted"),
    [
        (Occasion(4), 0.0, False),  # in the same breath
        (Occasion(5), CONFIRM_S, True),
        (Occasion(5), CONFIRM_S + 0.1, False),
        (Occasion(6), 1.0, False),  # something else was said in between
        (Occasion(3), 1.0, False),
        (Occasion(4, 1), 1.0, True),  # a turn that holds several utterances
    ],
)
def test_a_call_is_admitted_once_the_user_has_spoken_right_after_the_question(
    said: Occasion, later_s: float, admitted: bool
) -> None:
    asked = Confirmations()
    assert not asked.admits("unlock", DOOR, Occasion(4), 100.0)
    assert asked.admits("unlock", DOOR, said, 100.0 + later_s) is admitted
    assert asked.confirmed == admitted
    assert asked.asked == 2 - admitted


def test_consent_is_for_just_this_call_and_for_once() -> None:
    asked = Confirmations()
    asked.admits("unlock", DOOR, Occasion(1), 0.0)
    assert not asked.admits("unlock", {"name": "back door"}, Occasion(2), 1.0)
    assert not asked.admits("open", DOOR, Occasion(2), 1.0)
    assert asked.admits("unlock", DOOR, Occasion(2), 1.0)
    assert not asked.admits("unlock", DOOR, Occasion(2), 1.0)


def test_the_oldest_question_is_forgotten_when_too_many_are_open() -> None:
    asked = Confirmations()
    for number in range(MAX_ASKED + 1):
        asked.admits("unlock", {"number": number}, Occasion(1), 0.0)
    assert asked.admits("unlock", {"number": 1}, Occasion(2), 1.0)
    assert not asked.admits("unlock", {"number": 0}, Occasion(2), 1.0)


# --- which calls are asked about

LIGHTS = Confirm(({"domain": ("light", "fan")},))


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [
        ({"domain": ["light"]}, False),
        ({"domain": "fan", "name": "x"}, False),
        ({"domain": ["light", "lock"]}, True),
        ({"domain": []}, True),
        ({"domain": None}, True),
        ({"name": "front door"}, True),
    ],
)
def test_only_a_call_whose_arguments_are_all_harmless_is_not_asked_about(
    arguments: dict[str, Any], asks: bool
) -> None:
    assert LIGHTS.asks(arguments) is asks
    assert Confirm.from_plain(json.loads(json.dumps(LIGHTS.plain()))).asks(arguments) is asks


@pytest.mark.parametrize("plain", ["all", [{}], ["light"], [{"domain": "light"}], {}])
def test_a_rule_that_cannot_be_read_excepts_nothing(plain: object) -> None:
    assert Confirm.from_plain(plain).asks({"domain": "light"})


# --- what people write

HOME = """
[mcp.home]
url = "http://homeassistant.local:8123/api/mcp"
allow = ["*"]
confirm = "say"

[[mcp.home.unasked]]
tools = ["Get*"]

[[mcp.home.unasked]]
tools = ["HassTurn*"]
arguments = { domain = ["light"] }
"""


def test_a_server_excepts_tools_by_pattern_and_calls_by_argument(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(HOME)
    (server,) = load_owned(tmp_path).servers
    assert server.confirms("GetLiveContext") is None
    assert server.confirms("HassTurnOn") == Confirm(({"domain": ("light",)},))
    assert server.confirms("HassBroadcast") == Confirm()
    assert McpServer("other", allow=("*",)).confirms("anything") is None


def test_a_command_and_a_function_may_ask_too(tmp_path: Path) -> None:
    text = '[command.gate]\ndescription = "Open the gate."\nargv = ["true"]\nconfirm = "say"\n'
    (tmp_path / "gate.toml").write_text(text)
    (spec,) = load_owned(tmp_path).tools
    assert spec.confirm == Confirm()

    @tool(confirm="say")
    def shut() -> None:
        """Shut it."""

    @tool(confirm="shout")
    def wrong() -> None:
        """Shut it."""

    assert spec_of(shut).confirm == Confirm()
    with pytest.raises(DeclarationError, match='confirm must be "say" or left out, not "shout"'):
        spec_of(wrong)


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ({"confirm": "yes"}, 'mcp.home.confirm: must be "say"'),
        ({"unasked": []}, None),
        ({"unasked": [{"tools": ["a"]}]}, 'mcp.home.unasked: goes with confirm = "say" only'),
        ({"confirm": "say", "unasked": {"tools": ["a"]}}, "mcp.home.unasked: must be tables: [[mcp"),
        ({"confirm": "say", "unasked": [{}]}, "mcp.home.unasked.tools: must be a list such as"),
        ({"confirm": "say", "unasked": [{"tool": "a"}]}, "mcp.home.unasked.tool: there is no such key"),
        (
            {"confirm": "say", "unasked": [{"tools": ["a"], "arguments": {"domain": "light"}}]},
            "mcp.home.unasked.arguments: must name values for each argument",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_named(more: dict[str, Any], mistake: str | None) -> None:
    described = read_tables({"mcp": {"home": {"url": "http://home:8123/api/mcp", "allow": ["*"]} | more}})
    assert [line for line in described.mistakes if mistake and line.startswith(mistake)] or mistake is None
    assert bool(described.servers) is (mistake is None)


# --- a house


class Talk:
    """A model that calls tools through a host, turn after turn."""

    def __init__(self, specs: Callable[[], Mapping[str, ToolSpec]]) -> None:
        model = capabilities("gemini-3.8-live")
        self.host = ToolHost(
            specs, model, feed=Feed(), post=lambda changed: None, hold_uplink=lambda held: None
        )
        self._answers: asyncio.Queue[ToolAnswer] = asyncio.Queue()

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """As a session does."""
        self._answers.put_nowait(answer)

    async def call(self, tool: str, turn: int, /, **arguments: Any) -> dict[str, Any]:
        """The answer to one call."""
        self.host.take(ToolCall(f"id-{turn}", tool, arguments, 1), turn, wanted=True)
        return (await self._answers.get()).response


@contextlib.asynccontextmanager
async def talking(specs: Callable[[], Mapping[str, ToolSpec]]) -> AsyncIterator[Talk]:
    """A conversation on one connection."""
    talk = Talk(specs)
    talk.host.connect(1)
    pump = asyncio.create_task(talk.host.pump(talk))
    try:
        yield talk
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


@contextlib.asynccontextmanager
async def talking_at_home(folder: Path) -> AsyncIterator[tuple[Talk, Home]]:
    """A conversation with the tools of a house."""
    pytest.importorskip("mcp", reason="the extra conure[mcp] is not installed")
    token = folder / "token"
    token.write_text("a-long-lived-token\n")
    async with running_home() as home:
        tools = McpTools(rules(home, token), lambda: None)
        task = asyncio.create_task(tools.run())
        try:
            async with asyncio.timeout(30), talking(lambda: tools.specs) as talk:
                await tools.listed.wait()
                yield talk, home
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def rules(home: Home, token: Path) -> McpServer:
    unasked = (Unasked(("Get*",)), Unasked(("HassTurn*",), {"domain": ("light",)}))
    return McpServer("home", url=home.url, allow=("*",), token_file=str(token), confirm=True, unasked=unasked)


async def test_a_lock_is_opened_after_a_yes_and_a_light_at_once(tmp_path: Path) -> None:
    async with talking_at_home(tmp_path) as (talk, home):
        assert (await talk.call("HassTurnOn", 1, name="lamp", domain=["light"]))["status"] == "ok"
        assert (await talk.call("GetLiveContext", 1))["status"] == "ok"
        asked = await talk.call("HassTurnOn", 2, **DOOR)
        assert asked["status"] == "unconfirmed"
        assert "ask whether you shall do it" in asked["message"]
        assert (await talk.call("HassTurnOn", 2, **DOOR))["status"] == "unconfirmed"
        assert home.done == [("HassTurnOn", {"name": "lamp", "domain": ["light"]}), ("GetLiveContext", {})]
        assert (await talk.call("HassTurnOn", 3, **DOOR))["status"] == "ok"
        assert home.done[2:] == [("HassTurnOn", DOOR)]


async def test_a_change_of_mind_does_nothing(tmp_path: Path) -> None:
    async with talking_at_home(tmp_path) as (talk, home):
        await talk.call("HassTurnOff", 1, **DOOR)
        await talk.call("GetLiveContext", 2)  # "no, tell me whether the window is open"
        assert (await talk.call("HassTurnOff", 3, **DOOR))["status"] == "unconfirmed"
        assert home.done == [("GetLiveContext", {})]


async def test_the_users_words_count_within_a_turn_that_holds_several_utterances() -> None:
    done: list[str] = []

    @tool(confirm="say")
    def unlock() -> None:
        """Unlock."""
        done.append("unlock")

    specs = {"unlock": spec_of(unlock)}
    async with talking(lambda: specs) as talk:
        await talk.call("unlock", 1)
        assert (await talk.call("unlock", 1))["status"] == "unconfirmed"
        talk.host.note_said()
        assert (await talk.call("unlock", 1))["status"] == "ok"
        assert done == ["unlock"]


async def test_a_talk_in_a_browser_is_asked_as_the_speaker_is() -> None:
    one = {"name": "unlock", "description": "", "parameters": {}, "behavior": "", "source": "home.toml"}

    async def ask(command: str, **_: Any) -> Any:
        rules = [one | {"confirm": LIGHTS.plain()}, one | {"name": "look", "confirm": None}]
        return {"instruction": "", "declarations": rules}

    equipment = await equipment_of(ask, "all")
    assert equipment.tools["unlock"].confirm == LIGHTS
    assert equipment.tools["look"].confirm is None
