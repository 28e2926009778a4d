"""Calls in whole conversations: the daemon on the simulated board, the real SDK, the stand-in that calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.standin.plan import Plan
from daemon.standin.record import Event
from daemon.standin.voices import Tone
from daemon.standin.world import Pace

PACE = Pace(thinking_s=0.05, speed=20.0, playout=0.0)

TOOLS = '''
import os
import time

from daemon.tools import ToolError, tool

HERE = os.path.dirname(__file__)


def note(line):
    with open(os.path.join(HERE, "done.txt"), "a") as file:
        file.write(line + "\\n")


@tool()
def greet(name: str = "you") -> str:
    """Greet somebody."""
    note(f"greet {name}")
    return f"hello {name}"


@tool(confirm="say")
def unlock(door: str) -> str:
    """Unlock a door."""
    note(f"unlock {door}")
    return "unlocked"


@tool(timeout_s=5)
def slow(seconds: float) -> str:
    """Take some time."""
    note("slow")
    time.sleep(seconds)
    return "at last"


@tool(timeout_s=0.3)
def hang() -> str:
    """Never end."""
    time.sleep(3)
    return "too late"


@tool()
def fail() -> str:
    """Fail."""
    raise KeyError("kitchen")


@tool()
def nothing() -> None:
    """Return nothing."""


@tool()
def huge() -> str:
    """Return a megabyte."""
    return "x" * 1_000_000


@tool(blocking=False, timeout_s=5)
def order(seconds: float) -> str:
    """Order something that takes its time."""
    time.sleep(seconds)
    return "ordered"


@tool(blocking=False, interrupts=True, timeout_s=5)
def alarm(seconds: float) -> str:
    """Tell at once."""
    time.sleep(seconds)
    return "fire"


@tool(blocking=False, silent=True)
def note_down() -> str:
    """Write something down."""
    return "written"
'''


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "trial.py").write_text(TOOLS)
    directory = {"directory": str(tmp_path)}
    return with_keys(Settings(), tools=directory, trigger={"follow_up_s": 0.0}, vad={"silence_ms": 300})


def calls(*tools: str, nth: str = "1", then: str = "") -> Plan:
    """A plan that calls these (`name, args = {…}`) in the turns `nth`, and then does `then`."""
    asked = ", ".join(f'{{ action = "call_tool", name = {tool} }}' for tool in tools)
    text = f'[[rule]]\nwhen = "reply_start"\nnth = {nth}\ndo = [{asked}]\n'
    if then:
        text += f'[[rule]]\nwhen = "tool_call"\ndo = [{then}]\n'
    return Plan.from_toml(text)


def answers(rig: Rig) -> list[dict[str, Any]]:
    """Every answer that the stand-in has got, in order."""
    return [one for event in responses(rig) for one in event.payload["functionResponses"]]


def responses(rig: Rig) -> list[Event]:
    return [event for event in rig.standin.record.events if event.kind == "tool_response"]


def done(settings: Settings) -> list[str]:
    """What the tools have noted."""
    path = Path(settings.tools.directory) / "done.txt"
    return path.read_text().splitlines() if path.exists() else []


async def ask(rig: Rig, turns: int = 1) -> None:
    """One turn, to its end."""
    await rig.ask_aloud()
    await rig.until_turns_over(turns)


def no_protocol_error(rig: Rig) -> bool:
    return all(connection.close_code not in (1007, 1008) for connection in rig.standin.record.connections)


@pytest.mark.parametrize(
    ("tool", "status", "words"),
    [
        ('"greet", args = { name = "Ada" }', "ok", "hello Ada"),
        ('"hang"', "error", "No result within 0.3 seconds"),
        ('"fail"', "error", "KeyError: 'kitchen'"),
        ('"nothing"', "ok", "Done. There is nothing more to tell."),
        (
            '"greet", args = { name = 7, age = 3 }',
            "error",
            "age is no parameter; there are name; name",
        ),
        ('"unheard_of"', "error", "There is no tool unheard_of"),
    ],
)
async def test_a_call_is_answered_whatever_the_tool_does_and_the_reply_is_heard(
    settings: Settings, tool: str, status: str, words: str
) -> None:
    async with running_rig(settings, plan=calls(tool), voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        (answer,) = answers(rig)
        assert answer["response"]["status"] == status
        assert words in answer["response"]["message"]
        assert "retryable" in answer["response"]
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert no_protocol_error(rig)


async def test_what_needs_consent_is_done_in_the_turn_after_the_question(settings: Settings) -> None:
    plan = calls('"unlock", args = { door = "front" }', nth='"every"')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        assert done(settings) == []
        await ask(rig, turns=2)
        assert [answer["response"]["status"] for answer in answers(rig)] == ["unconfirmed", "ok"]
        assert done(settings) == ["unlock front"]
        counters = (await rig.command("status"))["counters"]
        assert (counters["tool_consents_asked"], counters["tool_consents_given"]) == (1, 1)


async def test_where_the_server_takes_turns_what_the_user_says_after_the_question_is_consent(
    settings: Settings,
) -> None:
    settings = with_keys(settings, live={"turn_taking": "server"}, trigger={"follow_up_s": 8.0})
    plan = calls('"unlock", args = { door = "front" }', nth='"every"')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until(lambda: len(answers(rig)) == 1 and rig.states[-1:] == ["listening"])
        rig.say()
        await rig.until(lambda: len(answers(rig)) == 2)
        assert [answer["response"]["status"] for answer in answers(rig)] == ["unconfirmed", "ok"]
        assert done(settings) == ["unlock front"]


async def test_a_megabyte_is_cut_and_the_model_is_told_so(settings: Settings) -> None:
    async with running_rig(settings, plan=calls('"huge"'), voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        (answer,) = answers(rig)
        assert len(answer["response"]["message"]) == 12_000
        assert "first 12000 of 1000000 characters" in answer["response"]["note"]


async def test_two_calls_at_once_run_beside_each_other_and_are_both_answered(settings: Settings) -> None:
    plan = calls('"slow", args = { seconds = 0.6 }', '"greet"')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        assert [answer["name"] for answer in answers(rig)] == ["greet", "slow"]
        assert rig.turns_over()[0]["outcome"] == "answered"


async def test_a_cancelled_call_is_never_answered(settings: Settings) -> None:
    plan = calls(
        '"slow", args = { seconds = 0.8 }', then='{ action = "stall", seconds = 0.2 }, "cancel_tools"'
    )
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        await asyncio.sleep(0.8)  # the tool has come to its end by now
        assert answers(rig) == []
        assert rig.standin.record.connections[0].late_answers == 0
        assert (await rig.command("status"))["counters"]["tool_cancelled"] == 1


async def test_a_reconnect_in_the_middle_of_a_call_does_the_work_once_and_answers_the_new_call_only(
    settings: Settings,
) -> None:
    plan = calls(
        '"slow", args = { seconds = 0.8 }', nth='"every"', then='{ action = "stall", seconds = 0.2 }, "reset"'
    )
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE, jitter=0.0) as rig:
        await ask(rig)
        first, second = rig.standin.record.connections
        asked = [
            call
            for connection in (first, second)
            for turn in connection.turns
            for call in turn.reply.tool_calls
        ]
        (answer,) = answers(rig)
        assert second.resumed
        assert answer["id"] == asked[-1] != asked[0]
        assert answer["response"]["message"] == "at last"
        assert done(settings) == ["slow"]
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert no_protocol_error(rig)


async def test_an_answer_that_the_connection_did_not_live_to_take_is_not_sent_on_the_next(
    settings: Settings,
) -> None:
    """After a resume the id is unknown to the service (1008)."""
    plan = calls('"slow", args = { seconds = 0.5 }', then='{ action = "stall", seconds = 0.1 }, "reset"')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE, jitter=0.0) as rig:
        await ask(rig)
        await asyncio.sleep(0.6)  # the tool has come to its end by now
        assert answers(rig) == []
        assert no_protocol_error(rig)
        assert (await rig.command("status"))["counters"]["tool_unsent"] == 1


async def test_no_time_limit_of_the_answer_runs_while_a_tool_runs(settings: Settings) -> None:
    plan = calls('"slow", args = { seconds = 1.5 }')
    policy = {"answer_timeout_s": 0.5}
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE, policy=policy) as rig:
        await ask(rig)
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert "thinking" in rig.states
        assert len(rig.standin.record.turns) == 1


async def test_speech_waits_while_a_call_is_open_on_a_model_that_would_close(settings: Settings) -> None:
    settings = with_keys(settings, live={"model": "gemini-2.5-flash-native-audio-preview-12-2025"})
    plan = calls('"slow", args = { seconds = 1.5 }')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("thinking")
        await rig.until(lambda: done(settings) == ["slow"])
        rig.say()
        rig.tap()
        await rig.until_turns_over(2)
        assert no_protocol_error(rig)
        answered_s = responses(rig)[0].at_s
        second = rig.standin.record.turns[1]
        assert second.audio[0].at_s >= answered_s
        assert second.audio_s >= len(HELLO) / 32_000


async def test_new_speech_on_the_newest_model_ends_a_blocking_call_without_an_answer(
    settings: Settings,
) -> None:
    plan = calls('"slow", args = { seconds = 2.0 }')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until(lambda: done(settings) == ["slow"])
        rig.say()
        rig.tap()
        await rig.until_turns_over(2)
        assert [turn["outcome"] for turn in rig.turns_over()] == ["cut", "answered"]
        assert answers(rig) == []
        assert no_protocol_error(rig)


async def test_what_a_tool_brings_after_the_reply_is_told_in_a_reply_of_its_own(settings: Settings) -> None:
    plan = calls('"order", args = { seconds = 1.5 }')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        assert rig.states.count("speaking") == 2
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert answers(rig)[0]["scheduling"] == "WHEN_IDLE"
        assert [turn.opened_by for turn in rig.standin.record.turns] == ["activity", "tool"]


@pytest.mark.parametrize("seconds", [0.0, 0.4])
async def test_also_if_it_came_before_the_reply_had_ended(settings: Settings, seconds: float) -> None:
    plan = calls(f'"order", args = {{ seconds = {seconds} }}')
    # The second reply is thought over for longer than a busy machine's device may lag behind the first.
    slow_end = replace(PACE, playout=1.0, thinking_s=0.5)
    async with running_rig(settings, plan=plan, voice=Tone(0.8), pace=slow_end) as rig:
        await ask(rig)
        # A device that is late has not ended the first reply when the second comes, and plays on.
        await rig.until(lambda: len(rig.heard()) >= 2 * 0.8 * 24_000)
        await rig.until(lambda: rig.states[-1] == "idle")
        assert [turn["outcome"] for turn in rig.turns_over()] == ["answered"]


async def test_a_result_may_interrupt_the_reply(settings: Settings) -> None:
    plan = calls('"alarm", args = { seconds = 0.6 }')
    async with running_rig(settings, plan=plan, voice=Tone(3.0), pace=Pace(0.05, speed=2.0)) as rig:
        await ask(rig)
        await rig.until_state("speaking", 2)
        assert answers(rig)[0]["scheduling"] == "INTERRUPT"
        assert rig.turns_over()[0]["outcome"] == "cut"
        first = rig.standin.record.turns[0].reply
        assert first.interrupted_s is not None


async def test_of_a_silent_tool_nothing_is_awaited(settings: Settings) -> None:
    async with running_rig(settings, plan=calls('"note_down"'), voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        assert answers(rig)[0]["scheduling"] == "SILENT"
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert rig.states.count("speaking") == 1


async def test_after_a_stop_the_answer_is_still_given_and_nothing_is_heard(settings: Settings) -> None:
    plan = calls('"order", args = { seconds = 1.0 }')
    async with running_rig(settings, plan=plan, voice=Tone(2.0), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("speaking")
        await rig.command("stop")
        await rig.until(lambda: len(answers(rig)) == 1)
        assert answers(rig)[0]["scheduling"] == "SILENT"
        assert rig.states[-1] == "idle"


async def test_the_connection_is_not_rotated_under_a_call_even_if_nobody_waits(settings: Settings) -> None:
    plan = calls('"order", args = { seconds = 1.0 }')
    async with running_rig(settings, plan=plan, voice=Tone(2.0), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("speaking")
        await rig.command("stop")
        await rig.standin.send_go_away(60.0)
        await rig.until(lambda: len(rig.standin.record.connections) == 2)
        assert [event.connection for event in responses(rig)] == [1]


class TestBuiltIn:
    async def test_volume_is_set(self, settings: Settings) -> None:
        async with running_rig(
            settings, plan=calls('"volume", args = { percent = 30 }'), voice=Tone(0.3)
        ) as rig:
            await ask(rig)
            assert rig.conure.parts.volume.percent == 30
            assert answers(rig)[0]["response"]["result"] == {"before_percent": 70, "now_percent": 30}

    async def test_mute_closes_the_microphone_and_the_reply_is_heard(self, settings: Settings) -> None:
        async with running_rig(settings, plan=calls('"mute"'), voice=Tone(0.3), pace=PACE) as rig:
            await ask(rig)
            assert rig.conure.controller.state.mic.muted
            assert "conure unmute" in answers(rig)[0]["response"]["message"]
            assert rig.turns_over()[0]["outcome"] == "answered"

    @pytest.mark.parametrize("turn_taking", ["device", "server"])
    async def test_the_conversation_ends_with_the_reply(self, settings: Settings, turn_taking: str) -> None:
        settings = with_keys(settings, trigger={"follow_up_s": 30.0}, live={"turn_taking": turn_taking})
        async with running_rig(settings, plan=calls('"end_conversation"'), voice=Tone(0.3), pace=PACE) as rig:
            await ask(rig)
            await rig.until_state("idle")
            assert "follow_up" not in rig.states
            assert rig.reached("speaking")

    async def test_the_device_tells_why_it_was_offline(self, settings: Settings) -> None:
        async with running_rig(settings, plan=calls('"device_status"'), voice=Tone(0.3), jitter=0.0) as rig:
            await rig.until_online()
            rig.standin.abort()
            await rig.until(lambda: rig.conure.parts.connection.report()["state"] != "online")
            rig.say()
            rig.tap()
            await rig.until_turns_over(1)
            told = answers(rig)[0]["response"]["result"]
            assert told["connection"] == "online"
            assert told["last_connection_problem"] != "none"


async def test_with_server_turn_taking_the_window_stays_open_while_a_tool_runs(settings: Settings) -> None:
    settings = with_keys(settings, live={"turn_taking": "server"}, trigger={"follow_up_s": 1.0})
    plan = calls('"slow", args = { seconds = 3.0 }')
    policy = {"answer_timeout_s": 1.5}
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE, policy=policy) as rig:
        await ask(rig)
        assert rig.reached("speaking")
        assert rig.turns_over()[0]["outcome"] == "answered"


async def test_the_set_up_tells_of_tools_search_place_and_time(settings: Settings) -> None:
    settings = with_keys(settings, live={"google_search": True, "place": "Lyon"})
    async with running_rig(settings) as rig:
        await rig.until_online()
        setup = rig.standin.record.connections[0].setup
        assert setup is not None
        search, functions = setup["tools"]
        declared = {one["name"]: one for one in functions["functionDeclarations"]}
        assert "googleSearch" in search
        assert declared["slow"]["behavior"] == "BLOCKING"
        assert declared["order"]["behavior"] == "NON_BLOCKING"
        assert declared["slow"]["parameters"]["properties"]["seconds"]["type"] == "NUMBER"
        assert not any("parametersJsonSchema" in one for one in declared.values())
        instruction = setup["systemInstruction"]["parts"][0]["text"]
        assert "The device is in Lyon." in instruction
        assert "This conversation began on" in instruction


async def test_faults_in_the_owners_files_stop_nothing_and_are_told(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    async with running_rig(settings, plan=calls('"greet"'), voice=Tone(0.3), pace=PACE) as rig:
        await ask(rig)
        assert answers(rig)[0]["response"]["message"] == "hello you"
        problems = (await rig.command("status"))["tools"]["problems"]
        assert problems == [f"{tmp_path}/broken.py:1: invalid syntax; mend the line and restart"]
