"""A running stand-in under damaged messages in every phase: it refuses each, or passes over it."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from standin_damage import damaged, whole_messages
from standin_support import FAST, MODEL, closing_of, raw_client, setup_message, speech, tell
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from daemon.standin.plan import Plan
from daemon.standin.record import Record
from daemon.standin.server import StandIn
from daemon.standin.voices import Tone

START: dict[str, Any] = {"realtimeInput": {"activityStart": {}}}
END: dict[str, Any] = {"realtimeInput": {"activityEnd": {}}}
SAID = {
    "realtimeInput": {
        "audio": {"data": base64.b64encode(speech(0.1)).decode(), "mimeType": "audio/pcm;rate=16000"}
    }
}
CALL = Plan.from_toml('[[rule]]\nwhen="reply_start"\nnth="every"\ndo={action="call_tool", name="f"}')

Phase = Callable[[ClientConnection], Awaitable[None]]


async def before_the_setup(_: ClientConnection) -> None:
    """Nothing was said yet."""


async def after_the_setup(websocket: ClientConnection) -> None:
    """An idle session."""
    await tell(websocket, setup_message())


async def in_a_turn(websocket: ClientConnection) -> None:
    """The user speaks."""
    await tell(websocket, setup_message(), START, SAID)


async def in_a_reply(websocket: ClientConnection) -> None:
    """The model answers, or waits for a tool."""
    await tell(websocket, setup_message(), START, SAID, END)


async def with_detection(websocket: ClientConnection) -> None:
    """The service finds the turns itself."""
    await tell(websocket, {"setup": {"model": f"models/{MODEL}"}}, SAID, SAID)


PHASES = [before_the_setup, after_the_setup, in_a_turn, in_a_reply, with_detection]


@pytest.mark.parametrize("phase", PHASES, ids=[phase.__name__ for phase in PHASES])
async def test_a_damaged_message_is_no_failure(phase: Phase) -> None:
    chance = random.Random(phase.__name__)
    async with StandIn(Tone(0.4), CALL, pace=FAST) as standin:
        for _ in range(12):
            async with raw_client(standin) as websocket:
                with contextlib.suppress(ConnectionClosed):
                    await phase(websocket)
                    for _ in range(5):
                        await websocket.send(damaged(chance.choice(whole_messages(MODEL)), chance))
        await standin.wait_for(lambda record: not any(one.open for one in record.connections))
        assert standin.record.failures == 0
        reasons = {(one.close_code, one.close_reason) for one in standin.record.connections}
        assert (1011, "Internal error encountered.") not in reasons
        await is_well(standin)


async def is_well(standin: StandIn) -> None:
    """It serves the next client."""
    seen = standin.record.turns_seen
    async with raw_client(standin) as websocket:
        await tell(websocket, setup_message(), START, SAID, END)

        def answered(record: Record) -> bool:
            return record.turns_seen > seen and bool(record.turns[-1].reply.tool_calls)

        await standin.wait_for(answered)


async def test_sound_that_is_no_base64_closes_the_session_as_the_service_would() -> None:
    async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
        await tell(websocket, setup_message())
        await websocket.send(json.dumps({"realtimeInput": {"audio": {"data": "é", "mimeType": "audio/pcm"}}}))
        code, reason = await closing_of(websocket)
        assert (code, "Base64 decoding failed" in (reason or "")) == (1007, True)


async def test_half_a_sign_in_a_models_name_is_refused() -> None:
    async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
        await websocket.send('{"setup": {"model": "models/\\ud800"}}')
        assert (await closing_of(websocket))[0] == 1007
        assert standin.record.failures == 0


async def test_a_bug_of_its_own_is_told_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The one way to an internal error: else the tests above could not fail."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("daemon.standin.server.check_setup", broken)
    async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
        await tell(websocket, setup_message())
        assert await closing_of(websocket) == (1011, "Internal error encountered.")
        assert standin.record.failures == 1
        assert "the stand-in server itself failed" in caplog.text
