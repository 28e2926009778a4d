"""The stand-in as a caller of tools: over the real SDK, strict about every answer."""

from __future__ import annotations

import asyncio

import pytest
from google.genai import errors, types
from google.genai.live import AsyncSession
from standin_support import (
    FAST,
    audio_of,
    closing_of,
    config,
    kinds,
    raw_client,
    resuming,
    say,
    session,
    setup_message,
    speech,
    take_turn,
    take_until,
    tell,
)

from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import Tone

CALL = '{ action = "call_tool", name = "find" }'


def plan(*do: str, at_call: str = "") -> Plan:
    """A plan that does this before the first reply, and then that."""
    text = f'[[rule]]\nwhen = "reply_start"\ndo = [{", ".join(do)}]\n'
    return Plan.from_toml(text + (f'[[rule]]\nwhen = "tool_call"\ndo = [{at_call}]\n' if at_call else ""))


def declared(behavior: types.Behavior | None) -> types.LiveConnectConfig:
    """A set-up with one function."""
    function = types.FunctionDeclaration(name="find", description="Find.", behavior=behavior)
    return config(tools=[types.Tool(function_declarations=[function])])


def calling() -> StandIn:
    """A stand-in that calls once."""
    return StandIn(Tone(0.2), plan(CALL), pace=FAST)


async def asked_for(live: AsyncSession) -> list[types.FunctionCall]:
    """The calls of the next message that has any."""
    call = (await take_until(live, "tool_call")).tool_call
    assert call is not None and call.function_calls is not None
    return call.function_calls


async def answer(live: AsyncSession, call_id: str | None, scheduling: str | None = None) -> None:
    """Answer one call."""
    response = types.FunctionResponse(
        id=call_id,
        name="find",
        response={"status": "ok"},
        scheduling=types.FunctionResponseScheduling(scheduling) if scheduling else None,
    )
    await live.send_tool_response(function_responses=response)


async def refused(live: AsyncSession) -> int | None:
    """Read to the end; the close code."""
    with pytest.raises(errors.APIError) as raised:
        while True:
            await take_turn(live)
    return raised.value.code


async def test_two_calls_come_in_one_message_and_the_reply_waits_for_both() -> None:
    async with StandIn(Tone(0.2), plan(CALL, CALL), pace=FAST) as standin, session(standin) as live:
        await say(live, speech(0.2))
        first, second = await asked_for(live)
        await answer(live, second.id)
        await asyncio.sleep(0.05)
        assert standin.record.turns[0].reply.audio_bytes == 0
        await answer(live, first.id)
        assert audio_of(await take_turn(live))


async def test_an_answer_may_be_given_once_only() -> None:
    async with StandIn(Tone(0.2), plan(CALL), pace=FAST) as standin, session(standin) as live:
        await say(live, speech(0.2))
        (call,) = await asked_for(live)
        await answer(live, call.id)
        await answer(live, call.id)
        assert await refused(live) == 1008


async def test_a_cancelled_call_may_not_be_answered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.standin.talk.calls.LATE_ANSWER_S", 0.05)
    fault = plan(CALL, at_call='"cancel_tools"')
    async with StandIn(Tone(0.2), fault, pace=FAST) as standin, session(standin) as live:
        await say(live, speech(0.2))
        (call,) = await asked_for(live)
        messages = await take_turn(live)
        assert "tool_call_cancellation" in kinds(messages)
        assert audio_of(messages)
        await asyncio.sleep(0.1)
        await answer(live, call.id)
        assert await refused(live) == 1008


async def test_after_a_resume_an_earlier_call_is_unknown() -> None:
    async with StandIn(Tone(0.2), plan(CALL), pace=FAST) as standin:
        async with session(standin) as live:
            update = (await take_until(live, "session_resumption_update")).session_resumption_update
            await say(live, speech(0.2))
            (call,) = await asked_for(live)
        assert update is not None and update.new_handle is not None
        async with session(standin, setup=resuming(update.new_handle)) as live:
            await answer(live, call.id)
            assert await refused(live) == 1008


class TestNonBlocking:
    async def test_the_reply_does_not_wait_and_another_follows_the_answer(self) -> None:
        setup = declared(types.Behavior.NON_BLOCKING)
        async with (
            StandIn(Tone(0.2), plan(CALL), pace=FAST) as standin,
            session(standin, setup=setup) as live,
        ):
            await say(live, speech(0.2))
            messages = await take_turn(live)
            assert audio_of(messages)
            (call,) = next(m.tool_call.function_calls or [] for m in messages if m.tool_call)
            await answer(live, call.id, "WHEN_IDLE")
            assert audio_of(await take_turn(live))
            assert standin.record.turns[-1].opened_by == "tool"

    async def test_a_silent_answer_brings_no_reply(self) -> None:
        setup = declared(types.Behavior.NON_BLOCKING)
        async with (
            StandIn(Tone(0.2), plan(CALL), pace=FAST) as standin,
            session(standin, setup=setup) as live,
        ):
            await say(live, speech(0.2))
            messages = await take_turn(live)
            (call,) = next(m.tool_call.function_calls or [] for m in messages if m.tool_call)
            await answer(live, call.id, "SILENT")
            await say(live, speech(0.2))
            await take_turn(live)
            assert [turn.opened_by for turn in standin.record.turns] == ["activity", "activity"]

    @pytest.mark.parametrize(("behavior", "waits"), [(None, False), (types.Behavior.BLOCKING, True)])
    async def test_is_the_way_of_the_newest_model_unless_it_is_told_otherwise(
        self, behavior: types.Behavior | None, waits: bool
    ) -> None:
        setup = declared(behavior)
        async with (
            StandIn(Tone(0.2), plan(CALL), pace=FAST) as standin,
            session(standin, setup=setup) as live,
        ):
            await say(live, speech(0.2))
            await asked_for(live)
            if waits:
                await asyncio.sleep(0.1)
                assert standin.record.turns[0].reply.audio_bytes == 0
            else:
                assert audio_of(await take_turn(live))


@pytest.mark.parametrize(
    "function",
    [
        {"name": "a b"},
        {"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": False}},
        {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"const": 1}}}},
        {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "enum": [1]}}}},
    ],
)
async def test_a_declaration_that_the_service_does_not_know_is_refused(function: dict[str, object]) -> None:
    async with StandIn() as standin, raw_client(standin) as websocket:
        await tell(websocket, setup_message(tools=[{"functionDeclarations": [function]}]))
        assert (await closing_of(websocket))[0] == 1007


async def test_a_name_may_be_declared_once() -> None:
    async with StandIn() as standin, raw_client(standin) as websocket:
        await tell(websocket, setup_message(tools=[{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]))
        assert (await closing_of(websocket))[0] == 1007
